"""The Dockerfile of a release: Dockerfile.example with owner, version and checksum filled in."""

from __future__ import annotations

import re

from build.platform import PACKAGE
from release.checkout import ReleaseError

PLACEHOLDER = f"OWNER/{PACKAGE}"


def render(example: str, repository: str | None, version: str, sha256: str) -> str:
    """Returns the Dockerfile for a repository (owner/name; None keeps the placeholder). Raises ReleaseError."""
    marks = {
        re.escape(PLACEHOLDER): repository or PLACEHOLDER,
        r"^ARG TFS_PROBE_VERSION=.*$": f"ARG TFS_PROBE_VERSION={version}",
        r"^ARG TFS_PROBE_SHA256=.*$": f"ARG TFS_PROBE_SHA256={sha256}",
    }
    faults = []
    for mark, value in marks.items():
        found = len(re.findall(mark, example, re.MULTILINE))
        if found != 1:
            faults.append(f"Dockerfile.example must contain a line with `{mark}` once, and contains {found}")
        example = re.sub(mark, value.replace("\\", r"\\"), example, flags=re.MULTILINE)
    if faults:
        raise ReleaseError(*faults)
    return example


def faults(text: str, repository: str | None, version: str, sha256: str) -> list[str]:
    """Returns how a Dockerfile differs from the one for this release; without a repository, it accepts any."""
    wanted = {
        f"ARG TFS_PROBE_VERSION={version}": rf"^ARG TFS_PROBE_VERSION={re.escape(version)}$",
        f"ARG TFS_PROBE_SHA256={sha256}": rf"^ARG TFS_PROBE_SHA256={sha256}$",
        f"https://github.com/{repository or 'OWNER/NAME'}/": r"https://github\.com/"
        + (repository or "[^/]+/[^/]+")
        + "/",
    }
    return [f"it lacks {what}" for what, mark in wanted.items() if not re.search(mark, text, re.MULTILINE)]
