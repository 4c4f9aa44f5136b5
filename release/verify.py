"""Verifies the files of a release in a folder: `python -m release.verify FOLDER [--repository OWNER/NAME]`.

The folder may be a download. What the release should be comes from this checkout, which must be of the same commit.
Sums are checked first, and a file with a wrong sum is not run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tarfile import TarError
from zlib import error as ZlibError

from build.platform import MANUAL, PACKAGE, PROGRAM
from build.shared.checkout import ROOT, commit
from release import checksums, contents, dockerfile, packages
from release.assets import Assets, PlatformAssets, assets_in
from release.buildinfo import Buildinfo, read
from release.checkout import ReleaseError, run

# Exceptions that readers raise for damaged files.
DAMAGE = (ReleaseError, ValueError, LookupError, TypeError, OSError, EOFError, TarError, ZlibError, zipfile.BadZipFile)


def faults(folder: Path, repository: str | None) -> list[str]:
    """Returns everything that is wrong with the files. Raises ReleaseError for a folder without an executable."""
    assets = assets_in(folder)
    wrong = checksums.faults(assets)
    if wrong:
        return wrong
    made = [read(one.buildinfo) for one in assets.platforms]
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        for file, check in _checks(assets, made, repository, Path(scratch)).items():
            try:
                wrong += [f"{file.name}: {fault}" for fault in check()]
            except (*DAMAGE, subprocess.CalledProcessError) as error:
                wrong.append(f"{file.name} cannot be read or run: {error}")
    return wrong


def _checks(
    assets: Assets, made: Sequence[Buildinfo], repository: str | None, scratch: Path
) -> dict[Path, Callable[[], list[str]]]:
    """Returns by file what tells what is wrong with it. `made`: the platforms' buildinfos."""
    checks: dict[Path, Callable[[], list[str]]] = {}
    for one, its in zip(assets.platforms, made, strict=True):
        checks |= {
            one.buildinfo: partial(_buildinfo, one, its),
            one.executable: partial(_executable, one, its, scratch),
            one.deb: partial(_deb, assets, one),
            one.rpm: partial(_rpm, assets, one),
            one.sbom: partial(_sbom, one, its),
        }
    return checks | {
        assets.zipapp: lambda: _zipapp(assets, made[0], scratch),
        assets.wheel: lambda: _wheel(assets, made[0], scratch / "installed"),
        assets.sdist: lambda: _sdist(assets, scratch / "wheel"),
        **{file: partial(_manual, file, made[0], scratch / "manual") for file in assets.manual},
        assets.notice: lambda: _notice(assets, made),
        assets.dockerfile: lambda: _dockerfile(assets, repository),
    }


def _buildinfo(assets: PlatformAssets, made: Buildinfo) -> list[str]:
    """Checks that it describes this executable and this checkout's commit."""
    wrong = []
    if made.version != assets.version:
        wrong.append(f"it is of version {made.version}")
    if (made.executable, made.sha256) != (assets.executable.name, checksums.sha256(assets.executable)):
        wrong.append(f"it is of another executable than {assets.executable.name}")
    if (ROOT / ".git").exists() and commit() != made.commit:
        wrong.append(
            f"it is of commit {made.commit}, and this checkout is {commit()}: verify with a checkout of "
            f"v{assets.version}"
        )
    return wrong


def _executable(assets: PlatformAssets, made: Buildinfo, scratch: Path) -> list[str]:
    """Checks the specification in build/inspect_artifact.py, and that the executable runs."""
    copy = contents.runnable(assets.executable, scratch)
    inspection = [sys.executable, "-m", "build.inspect_artifact", str(copy), assets.platform.name]
    done = subprocess.run(inspection, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stdout.strip() or done.stderr.strip().splitlines()[-1]).splitlines()
    return _version(contents.version_of(*contents.emulator(assets.platform), copy), made)


def _zipapp(assets: Assets, made: Buildinfo, scratch: Path) -> list[str]:
    copy = contents.runnable(assets.zipapp, scratch)
    return _version(contents.version_of(sys.executable, "-I", copy), made)


def _wheel(assets: Assets, made: Buildinfo, scratch: Path) -> list[str]:
    return _version(contents.version_of(contents.install(assets.wheel, scratch)), made)


def _sdist(assets: Assets, scratch: Path) -> list[str]:
    """Checks that it builds to the wheel's content."""
    again = contents.wheel(contents.wheel_from_sdist(assets, scratch))
    return [] if again == contents.wheel(assets.wheel) else [f"what it builds is not {assets.wheel.name}"]


def _version(printed: str, made: Buildinfo) -> list[str]:
    wanted = f"{PROGRAM} {made.version} (commit {made.commit},"
    return [] if printed.startswith(wanted) else [f"-version does not begin with `{wanted}`, but is: {printed}"]


def _manual(file: Path, made: Buildinfo, scratch: Path) -> list[str]:
    """Checks that it is what this checkout makes, dated as the executable's commit."""
    if not scratch.exists():
        env = {"SOURCE_DATE_EPOCH": str(int(made.date.timestamp()))}
        run(sys.executable, "-m", "build.manual", scratch, env=env)
    again = scratch / file.name
    return [] if file.read_bytes() == again.read_bytes() else ["it is not what this checkout makes"]


def _deb(assets: Assets, one: PlatformAssets) -> list[str]:
    return _package(assets, one, contents.deb(one.deb), "deb", one.platform.deb)


def _rpm(assets: Assets, one: PlatformAssets) -> list[str]:
    return _package(assets, one, contents.rpm(one.rpm), "rpm", one.platform.rpm)


def _package(
    assets: Assets, one: PlatformAssets, package: contents.Package, packager: str, architecture: str
) -> list[str]:
    """Checks that it contains the platform's executable, the man page and the completions, and its metadata."""
    wrong = []
    if package[:3] != (PACKAGE, assets.version, architecture):
        wrong.append(f"its metadata is {' '.join(package[:3])}")
    files = {f"/usr/bin/{PROGRAM}": one.executable, f"/usr/share/doc/{PACKAGE}/NOTICE": assets.notice}
    files |= {path: assets.folder / name for name, path in packages.completions(packager).items()}
    for path, file in files.items():
        found = package.files.get(path)
        if found != file.read_bytes():
            other = next((f"{it.name}, and not" for it in assets.built if it.read_bytes() == found), "not")
            wrong.append(f"its {path} is {other} {file.name}")
    page = gzip.decompress(package.files.get(f"/usr/share/man/man1/{MANUAL.page}.gz", b""))
    if page != (assets.folder / MANUAL.page).read_bytes():
        wrong.append(f"its man page is not {MANUAL.page}")
    return wrong


def _sbom(assets: PlatformAssets, made: Buildinfo) -> list[str]:
    """Checks that it describes this executable, and has the buildinfo's components."""
    found = json.loads(assets.sbom.read_text())
    wrong = []
    described = found["metadata"]["component"]
    if {"alg": "SHA-256", "content": made.sha256} not in described["hashes"] or described["version"] != made.version:
        wrong.append("it is of another executable")
    components = {(part["name"], part["version"]) for part in found["components"]}
    linked = {(part.source, part.version) for part in made.linked}
    wrong += [f"it lacks {name} {version}, which is linked in" for name, version in sorted(linked - components)]
    wrong += [f"it has {name} {version}, which is not linked in" for name, version in sorted(components - linked)]
    return wrong


def _notice(assets: Assets, made: Sequence[Buildinfo]) -> list[str]:
    text = assets.notice.read_text()
    wrong = [f"it is of another executable than {it.executable}" for it in made if it.sha256 not in text]
    linked = {f"{part.source} {part.version}" for it in made for part in it.linked}
    return wrong + [f"it lacks {part}, which is linked in" for part in sorted(linked) if part not in text]


def _dockerfile(assets: Assets, repository: str | None) -> list[str]:
    example, sums = (ROOT / "Dockerfile.example").read_text(), checksums.of_executables(assets)
    return dockerfile.faults(assets.dockerfile.read_text(), example, repository, assets.version, sums)


def main() -> int:
    """Prints what is wrong, or that nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m release.verify", description="Verifies the files of a release.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repository", help="OWNER/NAME that the Dockerfile has to name; by default any")
    given = parser.parse_args()
    try:
        found = faults(given.folder.resolve(), given.repository or None)
    except (ReleaseError, ValueError) as error:
        found = [str(error)]
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    assets = assets_in(given.folder.resolve())
    print(f"{len(assets.all)} files of release {assets.version} are valid")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
