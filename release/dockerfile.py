"""The Dockerfile of a release: Dockerfile.example with owner, version and checksums filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from build.platform import PACKAGE, Platform
from release.checkout import ReleaseError

PLACEHOLDER = f"OWNER/{PACKAGE}"
URL = r"https://github\.com/([\w.-]+/[\w.-]+)/releases/download/"


def render(example: str, repository: str | None, version: str, sums: Mapping[Platform, str]) -> str:
    """Returns the Dockerfile for a repository (owner/name; None keeps the placeholder), with the SHA-256 of each
    platform's executable. Raises ReleaseError."""
    # By what is replaced: the new text, and how often that must occur.
    marks = {
        re.escape(PLACEHOLDER): (repository or PLACEHOLDER, len(sums)),
        r"^ARG TFS_PROBE_VERSION=.*$": (f"ARG TFS_PROBE_VERSION={version}", 1),
    }
    for platform, sha256 in sums.items():
        argument = f"ARG TFS_PROBE_SHA256_{platform.oci.rpartition('/')[2].upper()}"
        marks[rf"^{argument}=.*$"] = (f"{argument}={sha256}", 1)
    faults = []
    for mark, (value, wanted) in marks.items():
        found = len(re.findall(mark, example, re.MULTILINE))
        if found != wanted:
            faults.append(f"Dockerfile.example must have `{mark}` in {wanted} of its lines, and has it in {found}")
        example = re.sub(mark, value.replace("\\", r"\\"), example, flags=re.MULTILINE)
    if faults:
        raise ReleaseError(*faults)
    return example


def faults(text: str, example: str, repository: str | None, version: str, sums: Mapping[Platform, str]) -> list[str]:
    """Returns how a Dockerfile differs from the one for this release; without a repository, it accepts any. Raises
    ReleaseError."""
    named = re.findall(URL, text)
    wanted = render(example, repository or (named[0] if named else None), version, sums)
    there, lines = set(text.splitlines()), set(wanted.splitlines())
    found = [f"it lacks `{line.strip()}`" for line in wanted.splitlines() if line not in there]
    found += [f"it has the unexpected line `{line.strip()}`" for line in text.splitlines() if line not in lines]
    return found or (["its lines are in another order"] if text != wanted else [])
