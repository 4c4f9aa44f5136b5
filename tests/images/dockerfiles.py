"""The Dockerfiles that are built, or whose steps are done by hand."""

from __future__ import annotations

import re
from string import Template

from build.platform import Platform
from tests.support.variants import ROOT, VERSION

REPOSITORY = "octo-org/tfs-model-status-probe"
EXAMPLE = (ROOT / "Dockerfile.example").read_text()
DEFAULT_TAG = EXAMPLE.split("ARG TFS_TAG=")[1].split()[0]
PROBE = "/bin/tfs_model_status_probe"

# The steps of the original's README, of which owner and version alone are others.
AS_THE_ORIGINAL = f"""
FROM tensorflow/serving

RUN apt-get update \\
    && apt-get -y install wget

RUN TFS_PROBE_VERSION={VERSION} \\
    && wget -qO {PROBE} https://github.com/{REPOSITORY}/releases/download/v${{TFS_PROBE_VERSION}}/tfs_model_status_probe_${{TFS_PROBE_VERSION}}_linux_amd64 \\
    && chmod +x {PROBE}
"""  # noqa: E501


def architecture(row: Platform) -> str:
    """Returns the platform's name as builders give it in TARGETARCH."""
    return row.oci.removeprefix("linux/")


def argument(row: Platform) -> str:
    """Returns the name of the argument with the checksum of a platform's executable."""
    return f"TFS_PROBE_SHA256_{architecture(row).upper()}"


def in_one_stage(row: Platform, **given: str) -> list[list[str]]:
    """Returns what the example does for a platform, as instructions of one stage: FROM, and ADD with the place that
    COPY names. Arguments have their values, those that are given or else the default ones."""
    stages = re.split(r"(?m)^(?=FROM )", EXAMPLE)
    before, values = instructions(stages[0]), dict[str, str]()
    (stage,) = (text for text in stages if text.startswith(f"FROM scratch AS probe-{architecture(row)}\n"))
    scratch, *arguments, add = instructions(stage)
    for _, declared in [*before, *arguments]:
        name, _, value = declared.partition("=")
        values[name] = given.get(name, value or values.get(name, ""))
    base, copy = instructions(stages[-1])
    assert (scratch[:2], add[0], copy[:2]) == (["FROM", "scratch"], "ADD", ["COPY", "--from=probe"])
    assert add[-1] == copy[-2]
    return [[Template(word).substitute(values) for word in words] for words in (base, [*add[:-1], copy[-1]])]


def instructions(dockerfile: str) -> list[list[str]]:
    """Its lines as words, continued ones joined, comments left out."""
    text = re.sub(r"(?m)^#.*\n", "", dockerfile).replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line]
