"""What must hold before a release is made: `python -m release.guard [TAG]` names every fault.

The tag, the version in probe/__init__.py, the newest released heading of CHANGELOG.md and the version that users are
told to install must agree, and the tree must not differ from its commit. TAG is vX.Y.Z, by default that of the version.
"""

from __future__ import annotations

import re
import sys
from datetime import date

from build.shared.checkout import ROOT, VERSION
from release.assets import NAMING
from release.changelog import newest, unreleased
from release.checkout import ReleaseError, git

NAMED = re.compile(r"(?:tfs[-_]model[-_]status[-_]probe[:_]|TFS_PROBE_VERSION=)(\d+\.\d+\.\d+)")
SHOWN = 5
"""How many files a fault names at most."""


def faults(tag: str | None = None) -> list[str]:
    """Returns all reasons against a release. Raises ReleaseError outside of a checkout."""
    if not (ROOT / ".git").exists():
        raise ReleaseError(f"{ROOT} is not a git checkout: make the release from a clone of the repository")
    tag = tag or f"v{VERSION}"
    return [*_version(tag, VERSION), *_named(VERSION), *_changelog(VERSION), *_tree(), *_tag(tag)]


def _version(tag: str, wanted: str) -> list[str]:
    if not re.fullmatch(r"\d+\.\d+\.\d+", wanted):
        return [f"the version in probe/__init__.py is {wanted}: a release's has three numbers, X.Y.Z"]
    if tag != f"v{wanted}":
        return [
            f"the tag is {tag}, and probe/__init__.py says {wanted}: tag the commit whose version is meant, "
            f"or release this one as v{wanted}"
        ]
    return []


def _named(wanted: str) -> list[str]:
    """Checks that users are told to install this version."""
    found = []
    for file in sorted(file for pattern in NAMING for file in ROOT.glob(pattern) if file.is_file()):
        named = set(NAMED.findall(file.read_text())) - {wanted}
        if named:
            found.append(f"{file.relative_to(ROOT)} names version {', '.join(sorted(named))}: write {wanted}")
    return found


def _changelog(wanted: str) -> list[str]:
    text = (ROOT / "CHANGELOG.md").read_text()
    section = newest(text)
    heading = f"## [{wanted}] - {date.today():%Y-%m-%d}"
    if not section or section.version != wanted:
        state = f"the newest release in CHANGELOG.md is {section.version}" if section else "CHANGELOG.md has no release"
        return [f"{state}, and probe/__init__.py says {wanted}: write what changed under `{heading}`"]
    found = []
    if section.yanked:
        found.append(f"CHANGELOG.md has {wanted} as yanked: release the next patch version")
    try:
        date.fromisoformat(section.date)
    except ValueError:
        found.append(f"the heading of {wanted} in CHANGELOG.md has no date: write it as `{heading}`")
    if not section.text:
        found.append(f"CHANGELOG.md says nothing about {wanted}: write what changed")
    if unreleased(text):
        found.append(f"CHANGELOG.md has entries under [Unreleased], which are in this tree: move them to {wanted}")
    return found


def _tree() -> list[str]:
    changed = [line[3:] for line in git("status", "--porcelain").splitlines()]
    if not changed:
        return []
    named = ", ".join(changed[:SHOWN]) + (f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else "")
    return [f"the tree differs from its commit in {named}: commit or remove it"]


def _tag(tag: str) -> list[str]:
    """Checks that the tag, if it exists, is on this commit."""
    tagged = git("for-each-ref", "--format=%(objectname) %(*objectname)", f"refs/tags/{tag}").split()
    head = git("rev-parse", "HEAD")
    if not tagged or tagged[-1] == head:
        return []
    return [
        f"the tag {tag} is on {tagged[-1][:12]}, and this is {head[:12]}: check out the tag, or release the next "
        "version (a tag is never moved)"
    ]


def main() -> int:
    """Prints the faults, one a line. The exit code is 1 where there are any."""
    try:
        found = faults(sys.argv[1] if len(sys.argv) > 1 else None)
    except ReleaseError as error:
        found = [str(error)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
