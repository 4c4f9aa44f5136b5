"""Makes a whole release without publishing it: `python -m release.prepare [--tag vX.Y.Z] [--repository OWNER/NAME]`.

    guard --> artefacts of this checkout, and of a fresh clone --> the same bytes? --> Dockerfile, checksums --> verify
          --> dist/release/, dist/release-notes.md

Both appear only if everything succeeds. A run that fails leaves neither, and removes those of an earlier run. The
workflow does the same and publishes the result.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from build.shared.checkout import ROOT, VERSION
from release import checksums, dockerfile, guard, notes, verify
from release.assets import Assets
from release.buildinfo import read
from release.changelog import newest
from release.changes import changes
from release.checkout import ReleaseError, clear_up_when_stopped, clone, run

RELEASE = ROOT / "dist" / "release"
NOTES = ROOT / "dist" / "release-notes.md"
# What may differ between two builders, and must not change the bytes.
ANOTHER = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "USER": "somebody", "LOGNAME": "somebody"}
UMASK = 0o077


def main() -> int:
    """Makes the release, or prints why it cannot."""
    parser = argparse.ArgumentParser(prog="python -m release.prepare", description="A release, not published.")
    parser.add_argument("--tag", help="vX.Y.Z; by default that of the version")
    parser.add_argument("--repository", help="OWNER/NAME, for the Dockerfile and the notes")
    given = parser.parse_args()
    clear_up_when_stopped()
    try:
        prepare(given.tag or None, given.repository or None)
    except (ReleaseError, ValueError) as error:
        print(f"No release.\n{error}", file=sys.stderr)
        return 1
    return 0


def prepare(tag: str | None, repository: str | None) -> None:
    """Fills dist/release and writes the notes. Raises ReleaseError, and ValueError from what describes the
    executable."""
    shutil.rmtree(RELEASE, ignore_errors=True)
    NOTES.unlink(missing_ok=True)
    if repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ReleaseError(f"{repository} is not a repository: write it as OWNER/NAME")
    faults = guard.faults(tag)
    if faults:
        raise ReleaseError(*faults)
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="release-", dir=cache) as folder:
        made = build(Path(folder))
        print("Dockerfile, checksums and notes", flush=True)
        text = finish(made, repository)
        print("verify", flush=True)
        faults = verify.faults(made.folder, repository)
        if faults:
            raise ReleaseError(*faults)
        RELEASE.parent.mkdir(exist_ok=True)
        (Path(folder) / NOTES.name).write_text(text)
        (Path(folder) / NOTES.name).replace(NOTES)
        made.folder.replace(RELEASE)
    print("\n".join(f"{file.stat().st_size:>10}  {file.relative_to(ROOT)}" for file in sorted(RELEASE.iterdir())))
    if not repository:
        print("The owner is unknown: Dockerfile and notes say OWNER. Name it: make release REPOSITORY=owner/name")


def build(folder: Path) -> Assets:
    """Makes the artefacts twice: here, and in a fresh clone as another user would, CPython included. Raises
    ReleaseError if the bytes differ."""
    one, other = Assets(folder / "release", VERSION), Assets(folder / "again", VERSION)
    print("build, in this checkout", flush=True)
    _build(ROOT, one.folder, {}, -1)
    refuse_outdated(one)
    print("build, in a fresh clone; CPython is compiled anew, which takes minutes", flush=True)
    checkout = clone(folder / "a-fresh-clone-in-a-folder-with-a-longer-name")
    _build(checkout, other.folder, ANOTHER, UMASK)
    faults = differences(one, other)
    if faults:
        raise ReleaseError(*faults)
    return one


def refuse_outdated(made: Assets) -> None:
    """Raises ReleaseError where the distribution offers a newer version of something that is linked in."""
    found: list[str] = []
    for one in made.platforms:
        command = [sys.executable, "-m", "build.outdated", str(one.buildinfo)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            found += (done.stdout or done.stderr).splitlines()
    if found:
        raise ReleaseError(*dict.fromkeys(found))


def _build(checkout: Path, to: Path, env: Mapping[str, str], umask: int) -> None:
    # Temporary files of the tools are in the scratch folder as well, and disappear with it however this ends.
    temporary = to.with_name(f"{to.name}-temporary")
    temporary.mkdir()
    command = (sys.executable, "-m", "release.artefacts", to)
    run(*command, cwd=checkout, env={**env, "TMPDIR": str(temporary)}, umask=umask, group=True)


def differences(one: Assets, other: Assets) -> list[str]:
    """Returns the differences between two builds of the same commit."""
    found = []
    for file, again in zip(one.built, other.built, strict=True):
        if file.read_bytes() != again.read_bytes():
            sums = f"{checksums.sha256(file)[:16]}… here, {checksums.sha256(again)[:16]}… in a fresh clone"
            found.append(f"{file.name} differs between two builds of this commit ({sums})")
    if not found:
        return []
    pairs = zip(one.platforms, other.platforms, strict=True)
    made = [(read(first.buildinfo), read(second.buildinfo)) for first, second in pairs]
    why = list(dict.fromkeys(str(change) for first, second in made for change in changes(first, second)))
    if why:
        remedy = "Remove .cache/python and .cache/sysroot, and start again"
        return [*found, f"another package was linked in: {'; '.join(why)}. {remedy}"]
    return [*found, "run `python -m release.artefacts FOLDER` in both and compare the folders with diffoscope"]


def finish(made: Assets, repository: str | None) -> str:
    """Adds the files that are not built, and returns the notes. Raises ReleaseError."""
    example = (ROOT / "Dockerfile.example").read_text()
    made.dockerfile.write_text(dockerfile.render(example, repository, made.version, checksums.of_executables(made)))
    checksums.write(made)
    section = newest((ROOT / "CHANGELOG.md").read_text())
    assert section, "the guard has checked this"
    return notes.render(section.text, [read(one.buildinfo) for one in made.platforms], repository)


if __name__ == "__main__":
    raise SystemExit(main())
