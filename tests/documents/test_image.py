"""The documents' pieces of Dockerfiles: they say what is built in tests/images."""

from __future__ import annotations

import re

from build.platform import LINUX_AMD64
from tests.documents.known import commands_for
from tests.documents.reading import blocks
from tests.images.dockerfiles import PROBE, argument, in_one_stage, instructions
from tests.support.variants import ROOT, VERSION


def test_the_readmes_dockerfile_does_what_the_example_does() -> None:
    """On x86-64, in one stage, with the values where the example has arguments. tests/images/test_dockerfiles.py builds
    both."""
    (snippet,) = (block.text for block in blocks() if block.language == "dockerfile")
    assert instructions(snippet) == in_one_stage(LINUX_AMD64, **{argument(LINUX_AMD64): "SHA256"})
    assert snippet.count(f"_{VERSION}_") == 1


def test_the_line_that_copies_from_our_image_is_the_one_that_is_built() -> None:
    (command,) = commands_for("test_image.py")
    image = f"ghcr.io/OWNER/tfs-model-status-probe:{VERSION}"
    (built,) = re.findall(r"COPY --from=.*?(?=\\n)", (ROOT / "tests" / "images" / "test_dockerfiles.py").read_text())
    assert command.text == built.format(own=image, PROBE=PROBE)
