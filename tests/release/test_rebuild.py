"""The next patch version: when the tree gets it, and what it then says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from build.platform import LINUX_AMD64, LINUX_ARM64, PLATFORMS, Platform
from tests.release.clones import clone, commit, git, run
from tests.support.variants import VERSION

MAJOR, MINOR, PATCH = VERSION.split(".")
NEXT = f"{MAJOR}.{MINOR}.{int(PATCH) + 1}"
Linked = dict[str, dict[str, Any]]


@pytest.fixture
def now(buildinfos: list[Path], tmp_path: Path) -> Path:
    """A folder with the buildinfos of today's executables."""
    (tmp_path / "now").mkdir()
    for file in buildinfos:
        shutil.copy(file, tmp_path / "now")
    return tmp_path / "now"


@pytest.fixture
def last(buildinfos: list[Path], tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with the buildinfos of a last release, which differ from today's as a test says, on the platforms
    that it names."""

    def make(
        edit: Callable[[Linked], object] = lambda linked: None, only: Sequence[Platform] = PLATFORMS, **fields: object
    ) -> Path:
        folder = tmp_path / "last"
        folder.mkdir()
        for file in buildinfos:
            found = json.loads(file.read_text())
            if found["executable"]["name"] in [row.executable(VERSION) for row in only]:
                found |= fields
                linked = {part["source"]: part for part in found["linked"]}
                edit(linked)
                found["linked"] = list(linked.values())
            if "version" in fields:
                found["executable"]["name"] = found["executable"]["name"].replace(VERSION, str(fields["version"]))
            (folder / file.name).write_text(json.dumps(found))
        return folder

    return make


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone that was released."""
    return clone(tmp_path / "checkout")


def older(linked: Linked) -> None:
    """OpenSSL and zlib as they were, and without glibc."""
    linked["openssl"]["version"] = "1.1.1-1"
    linked["zlib"]["version"] = "1:1.2.0-1"
    del linked["glibc"]


def test_nothing_has_changed(checkout: Path, now: Path, last: Callable[..., Path]) -> None:
    """Another executable made of the same packages does not cause a rebuild."""
    done = run(checkout, "rebuild", last(commit="0123456789ab"), now)
    assert done == (0, f"No linked package has changed since {VERSION}.\n", "")
    assert not git(checkout, "status", "--porcelain")


def test_packages_have_changed(checkout: Path, buildinfo: Path, now: Path, last: Callable[..., Path]) -> None:
    versions = {part["source"]: part["version"] for part in json.loads(buildinfo.read_text())["linked"]}
    before = (checkout / "CHANGELOG.md").read_text()
    (checkout / "deploy").mkdir(exist_ok=True)
    (checkout / "deploy" / "pod.yaml").write_text(f"image: tfs-model-status-probe:{VERSION} # and not a {VERSION}1\n")
    commit(checkout)

    done = run(checkout, "rebuild", last(older), now)

    lines = [
        f"- glibc (`glibc`) {versions['glibc']} is linked in now",
        f"- OpenSSL (`openssl`) 1.1.1-1 → {versions['openssl']}",
        f"- zlib (`zlib`) 1:1.2.0-1 → {versions['zlib']}",
    ]
    assert done == (0, "\n".join([f"{NEXT}, rebuilt:", *lines, ""]), "")
    assert f'__version__ = "{NEXT}"\n' in (checkout / "probe" / "__init__.py").read_text()
    after = (checkout / "CHANGELOG.md").read_text()
    text = re.sub(r"\d{4}-\d\d-\d\d", "DATE", after.replace(before[before.index(f"## [{VERSION}]") :], ""), count=1)
    assert text == before[: before.index(f"## [{VERSION}]")] + "\n".join(
        [f"## [{NEXT}] - DATE", "", "Rebuilt against the updates of Debian 12.", "", "### Changed", "", *lines, "", ""]
    ).replace("Debian 12", distribution(buildinfo))
    named = set(re.findall(r"tfs_model_status_probe_(\d+\.\d+\.\d+)", (checkout / "README.md").read_text()))
    assert named == {NEXT}
    pod = (checkout / "deploy" / "pod.yaml").read_text()
    assert pod == f"image: tfs-model-status-probe:{NEXT} # and not a {VERSION}1\n"
    assert f"ARG TFS_PROBE_VERSION={NEXT}\n" in (checkout / "Dockerfile.example").read_text()

    commit(checkout)
    assert run(checkout, "guard", f"v{NEXT}") == (0, "", "")


def distribution(buildinfo: Path) -> str:
    found = json.loads(buildinfo.read_text())["distribution"]
    return f"{found['id'].capitalize()} {found['version']}"


def older_zlib(linked: Linked) -> None:
    linked["zlib"]["version"] = "1:1.2.0-1"


def test_a_package_of_one_platform_has_changed(
    checkout: Path, buildinfo: Path, now: Path, last: Callable[..., Path]
) -> None:
    """That is enough, and the platform is named."""
    version = {part["source"]: part["version"] for part in json.loads(buildinfo.read_text())["linked"]}["zlib"]
    done = run(checkout, "rebuild", last(older_zlib, only=[LINUX_ARM64]), now)
    line = f"- zlib (`zlib`) 1:1.2.0-1 → {version} (linux_arm64)"
    assert done == (0, f"{NEXT}, rebuilt:\n{line}\n", "")
    assert f"\n{line}\n" in (checkout / "CHANGELOG.md").read_text()


def test_the_last_release_had_fewer_platforms(checkout: Path, now: Path, last: Callable[..., Path]) -> None:
    """A new platform is no reason for a patch version; a change on one that the release had is, with nothing more."""
    folder = last(older_zlib)
    (folder / LINUX_ARM64.buildinfo(VERSION)).unlink()
    # Releases before the second platform named the file without one.
    (folder / LINUX_AMD64.buildinfo(VERSION)).rename(folder / f"tfs_model_status_probe_{VERSION}.buildinfo")
    done = run(checkout, "rebuild", folder, now)
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert "linux_" not in done.stdout
    assert run(checkout, "rebuild", folder, folder).stdout == f"No linked package has changed since {VERSION}.\n"


def test_a_platform_is_no_longer_built(checkout: Path, now: Path, last: Callable[..., Path]) -> None:
    (now / LINUX_ARM64.buildinfo(VERSION)).unlink()
    done = run(checkout, "rebuild", last(), now)
    wanted = f"No rebuild: {VERSION} has an executable for linux_arm64, and there is none now: build it\n"
    assert done == (1, "", wanted)


def test_entries_that_are_not_released(checkout: Path, now: Path, last: Callable[..., Path]) -> None:
    log = checkout / "CHANGELOG.md"
    log.write_text(log.read_text().replace("## [Unreleased]\n", "## [Unreleased]\n\n- A flag.\n", 1))
    commit(checkout)
    done = run(checkout, "rebuild", last(older), now)
    assert done.exit_code == 1
    assert "OpenSSL (`openssl`) 1.1.1-1 → " in done.stderr
    assert "CHANGELOG.md has entries under [Unreleased], which a patch version would include" in done.stderr
    assert not git(checkout, "status", "--porcelain")


def newer(linked: Linked) -> None:
    linked["openssl"]["version"] = "99:1-1"


@pytest.mark.parametrize(
    ("edit", "fields", "sentence"),
    [
        (
            newer,
            {},
            rf"what is linked in here is older than in {VERSION}: OpenSSL \(`openssl`\) 99:1-1 → .*Update this",
        ),
        (
            older,
            {"version": "1.9.9"},
            f"the buildinfo is of 1.9.9, and this checkout is {VERSION}: release that, or name",
        ),
        (
            older,
            {"distribution": {"id": "debian", "version": "99", "codename": "x", "architecture": "amd64"}},
            rf"{VERSION} was built on debian 99, and this is debian \d+: build on the same",
        ),
    ],
)
def test_what_cannot_be_compared(
    checkout: Path,
    now: Path,
    last: Callable[..., Path],
    edit: Callable[[Linked], object],
    fields: dict[str, object],
    sentence: str,
) -> None:
    done = run(checkout, "rebuild", last(edit, **fields), now)
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.match(f"No rebuild: {sentence}", done.stderr), done.stderr
    assert not git(checkout, "status", "--porcelain")


def test_no_buildinfo(checkout: Path, tmp_path: Path, last: Callable[..., Path]) -> None:
    sentence = "Name a folder with the last release's buildinfos: make rebuild LAST=folder\n"
    assert run(checkout, "rebuild") == (1, "", sentence)
    assert run(checkout, "rebuild", "") == (1, "", sentence)
    folder = tmp_path / "folder"
    names = " or ".join(row.buildinfo("X.Y.Z") for row in PLATFORMS)
    sentence = f"No rebuild: {folder} has no buildinfo of a release: name a folder with {names}\n"
    assert run(checkout, "rebuild", folder) == (1, "", sentence)
    folder.mkdir()
    assert run(checkout, "rebuild", folder) == (1, "", sentence)
    (folder / "none.buildinfo").write_text("{}")
    done = run(checkout, "rebuild", folder)
    assert done == (1, "", "No rebuild: none.buildinfo is not a buildinfo of this program: 'executable'\n")


def test_buildinfos_of_two_releases(checkout: Path, now: Path, last: Callable[..., Path]) -> None:
    folder = last(version="1.9.9")
    shutil.copy(now / LINUX_ARM64.buildinfo(VERSION), folder)
    versions = " and ".join(sorted(["1.9.9", VERSION]))
    sentence = f"No rebuild: {folder} has buildinfos of {versions}: name a folder with those of one release\n"
    assert run(checkout, "rebuild", folder, now) == (1, "", sentence)
