"""The documents' pieces of Dockerfiles: they say what is built in tests/images."""

from __future__ import annotations

import re
from string import Template

from tests.documents.known import commands_for
from tests.documents.reading import blocks
from tests.images.dockerfiles import EXAMPLE, PROBE, instructions
from tests.support.variants import ROOT, VERSION


def test_the_readmes_dockerfile_is_the_example() -> None:
    """Which tests/images/test_dockerfiles.py builds. The README's has the values where the example has arguments."""
    (snippet,) = (block.text for block in blocks() if block.language == "dockerfile")
    steps = instructions(EXAMPLE)
    values = dict(words[1].split("=") for words in steps if words[0] == "ARG")
    assert values["TFS_PROBE_VERSION"] == VERSION
    values["TFS_PROBE_SHA256"] = "SHA256"
    filled = [[Template(word).substitute(values) for word in words] for words in steps if words[0] != "ARG"]
    assert instructions(snippet) == filled


def test_the_line_that_copies_from_our_image_is_the_one_that_is_built() -> None:
    (command,) = commands_for("test_image.py")
    image = f"ghcr.io/OWNER/tfs-model-status-probe:{VERSION}"
    (built,) = re.findall(r"COPY --from=.*?(?=\\n)", (ROOT / "tests" / "images" / "test_dockerfiles.py").read_text())
    assert command.text == built.format(own=image, PROBE=PROBE)
