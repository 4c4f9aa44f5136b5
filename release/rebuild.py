"""Proposes a patch version if the distribution has updated linked packages: `python -m release.rebuild LAST [NOW]`.

LAST is a folder with the buildinfos of the last release, NOW one with those of today's executables. Without NOW,
executables are built in a fresh clone, so that nothing comes from a cache. If a linked package has changed on any
platform, the tree gets the next patch version and a section in the changelog. A maintainer commits and tags.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from build.platform import PLATFORMS, Platform
from build.shared.checkout import ROOT, VERSION
from build.shared.debian import is_older
from release import changelog
from release.assets import NAMING
from release.buildinfo import Buildinfo, read
from release.changes import Change, changes
from release.checkout import ReleaseError, clear_up_when_stopped, clone, run

BODY = "Rebuilt against the updates of {distribution}.\n\n### Changed\n\n{changes}\n"


def main() -> int:
    """Prints what changed, and writes it into the tree. The exit code is 1 on failure."""
    if not 2 <= len(sys.argv) <= 3 or not all(sys.argv[1:]):
        print("Name a folder with the last release's buildinfos: make rebuild LAST=folder", file=sys.stderr)
        return 1
    clear_up_when_stopped()
    try:
        last = _read(Path(sys.argv[1]))
        now = _read(Path(sys.argv[2])) if len(sys.argv) == 3 else _built(last)
        found = compare(last, now)
        one = next(iter(last.values()))
        if not found:
            print(f"No linked package has changed since {one.version}.")
            return 0
        texts = rewritten(one, found)
        for file, text in texts.items():
            new = file.with_name(f"{file.name}.new")
            new.write_text(text)
            new.chmod(file.stat().st_mode)
            new.replace(file)
    except ReleaseError as error:
        print(f"No rebuild: {error}", file=sys.stderr)
        return 1
    print(f"{next_patch(one.version)}, rebuilt:\n" + "\n".join(f"- {change}" for change in found))
    return 0


def _read(folder: Path) -> dict[Platform, Buildinfo]:
    """Returns the buildinfos in a folder by platform. Raises ReleaseError if there are none, or not of one version."""
    found: dict[Platform, Buildinfo] = {}
    try:
        for file in sorted(folder.glob("*.buildinfo")):
            made = read(file)
            found |= {row: made for row in PLATFORMS if row.name == made.platform}
    except ValueError as error:
        raise ReleaseError(str(error)) from error
    if not found:
        names = " or ".join(row.buildinfo("X.Y.Z") for row in PLATFORMS)
        raise ReleaseError(f"{folder} has no buildinfo of a release: name a folder with {names}")
    versions = sorted({made.version for made in found.values()})
    if len(versions) > 1:
        raise ReleaseError(
            f"{folder} has buildinfos of {' and '.join(versions)}: name a folder with those of one release"
        )
    return found


def _built(last: Iterable[Platform]) -> dict[Platform, Buildinfo]:
    """Builds the executables of these platforms from the distribution's current packages, and returns their
    buildinfos."""
    print("build, in a fresh clone; CPython is compiled anew, which takes minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
        checkout, out = clone(Path(folder, "checkout")), Path(folder, "out")
        for row in last:
            freeze = (sys.executable, "-m", "build.freeze", out, row.name)
            run(*freeze, cwd=checkout, env={"TMPDIR": folder}, group=True)
        return _read(out)


def compare(last: Mapping[Platform, Buildinfo], now: Mapping[Platform, Buildinfo]) -> list[str]:
    """Returns what changed in the linked packages, on the platforms that the last release had, as sentences; a change
    that not all of these have names those that do. Raises ReleaseError if one is older, a platform is missing, or the
    distribution differs."""
    found: dict[str, list[str]] = {}
    for row, old in last.items():
        if row not in now:
            raise ReleaseError(f"{old.version} has an executable for {row.name}, and there is none now: build it")
        for change in _compare(old, now[row]):
            found.setdefault(str(change), []).append(row.name)
    return [text if len(of) == len(last) else f"{text} ({', '.join(of)})" for text, of in found.items()]


def _compare(last: Buildinfo, now: Buildinfo) -> list[Change]:
    if (last.distribution, last.release) != (now.distribution, now.release):
        raise ReleaseError(
            f"{last.version} was built on {last.distribution} {last.release}, and this is {now.distribution} "
            f"{now.release}: build on the same, or release a new minor version"
        )
    found = changes(last, now)
    older = [change for change in found if change.old and change.new and is_older(change.new, change.old)]
    if older:
        named = "; ".join(str(change) for change in older)
        raise ReleaseError(f"what is linked in here is older than in {last.version}: {named}. Update this machine")
    return found


def rewritten(last: Buildinfo, found: list[str]) -> dict[Path, str]:
    """Returns the new texts of the files that change with the next patch version. Raises ReleaseError if this is
    another version, or has unreleased changes."""
    if last.version != VERSION:
        raise ReleaseError(
            f"the buildinfo is of {last.version}, and this checkout is {VERSION}: release that, or name its buildinfo"
        )
    log = ROOT / "CHANGELOG.md"
    if changelog.unreleased(log.read_text()):
        raise ReleaseError(
            f"linked packages have changed ({'; '.join(found)}), and CHANGELOG.md has entries under "
            "[Unreleased], which a patch version would include: release those, as release/README.md describes"
        )
    patch = next_patch(VERSION)
    body = BODY.format(
        distribution=f"{last.distribution.capitalize()} {last.release}",
        changes="\n".join(f"- {change}" for change in found),
    )
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    source = ROOT / "probe" / "__init__.py"
    texts = {
        source: source.read_text().replace(f'__version__ = "{VERSION}"', f'__version__ = "{patch}"'),
        log: changelog.with_release(log.read_text(), patch, today, body),
    }
    for file in sorted(file for pattern in NAMING for file in ROOT.glob(pattern) if file.is_file()):
        text = _naming(file.read_text(), VERSION, patch)
        if text != file.read_text():
            texts[file] = text
    return texts


def next_patch(version: str) -> str:
    """Returns the patch version that follows."""
    *numbers, last = version.split(".")
    return ".".join([*numbers, str(int(last) + 1)])


def _naming(text: str, old: str, new: str) -> str:
    """Returns a text with another version on the lines that name the program."""
    number = re.compile(rf"(?<![\d.]){re.escape(old)}(?!\.?\d)")
    lines = text.splitlines(keepends=True)
    return "".join(number.sub(new, line) if "probe" in line.lower() else line for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
