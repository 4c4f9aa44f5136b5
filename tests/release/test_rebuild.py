"""The next patch version: when the tree gets it, and what it then says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.release.clones import clone, commit, git, run
from tests.support.variants import VERSION

MAJOR, MINOR, PATCH = VERSION.split(".")
NEXT = f"{MAJOR}.{MINOR}.{int(PATCH) + 1}"
Linked = dict[str, dict[str, Any]]


@pytest.fixture
def last(buildinfo: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes the buildinfo of a last release, which differs from today's as a test says."""

    def make(edit: Callable[[Linked], object] = lambda linked: None, **fields: object) -> Path:
        found = json.loads(buildinfo.read_text()) | fields
        linked = {part["source"]: part for part in found["linked"]}
        edit(linked)
        file = tmp_path / "last.buildinfo"
        file.write_text(json.dumps(found | {"linked": list(linked.values())}))
        return file

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


def test_nothing_has_changed(checkout: Path, buildinfo: Path, last: Callable[..., Path]) -> None:
    """Another executable made of the same packages does not cause a rebuild."""
    done = run(checkout, "rebuild", last(commit="0123456789ab"), buildinfo)
    assert done == (0, f"No linked package has changed since {VERSION}.\n", "")
    assert not git(checkout, "status", "--porcelain")


def test_packages_have_changed(checkout: Path, buildinfo: Path, last: Callable[..., Path]) -> None:
    versions = {part["source"]: part["version"] for part in json.loads(buildinfo.read_text())["linked"]}
    before = (checkout / "CHANGELOG.md").read_text()
    (checkout / "deploy").mkdir(exist_ok=True)
    (checkout / "deploy" / "pod.yaml").write_text(f"image: tfs-model-status-probe:{VERSION} # and not a {VERSION}1\n")
    commit(checkout)

    done = run(checkout, "rebuild", last(older), buildinfo)

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


def test_entries_that_are_not_released(checkout: Path, buildinfo: Path, last: Callable[..., Path]) -> None:
    log = checkout / "CHANGELOG.md"
    log.write_text(log.read_text().replace("## [Unreleased]\n", "## [Unreleased]\n\n- A flag.\n", 1))
    commit(checkout)
    done = run(checkout, "rebuild", last(older), buildinfo)
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
    buildinfo: Path,
    last: Callable[..., Path],
    edit: Callable[[Linked], object],
    fields: dict[str, object],
    sentence: str,
) -> None:
    done = run(checkout, "rebuild", last(edit, **fields), buildinfo)
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.match(f"No rebuild: {sentence}", done.stderr), done.stderr
    assert not git(checkout, "status", "--porcelain")


def test_no_buildinfo(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("{}")
    assert run(checkout, "rebuild").stderr == "Name the last release's buildinfo: make rebuild BUILDINFO=file\n"
    assert run(checkout, "rebuild", "").exit_code == 1
    done = run(checkout, "rebuild", tmp_path / "none")
    assert done == (1, "", "No rebuild: none is not a buildinfo of this program: 'executable'\n")
    done = run(checkout, "rebuild", tmp_path / "missing")
    assert done == (1, "", f"No rebuild: {tmp_path}/missing cannot be read: No such file or directory\n")
