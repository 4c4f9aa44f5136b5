"""The Dockerfiles that are built, or whose steps are done by hand."""

from __future__ import annotations

import re

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


def instructions(dockerfile: str) -> list[list[str]]:
    """Its lines as words, continued ones joined, comments left out."""
    text = re.sub(r"(?m)^#.*\n", "", dockerfile).replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line]
