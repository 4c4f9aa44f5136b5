"""Linked packages that the distribution has updated: `make freeze` names them, and a release refuses them.

apt is the real one, with a mirror of the test's own on this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from build.outdated import outdated
from build.platform import LINUX_AMD64, LINUX_ARM64
from tests.frozen.mirror import make_mirror
from tests.support.variants import ROOT

LINKED: list[dict[str, Any]] = [
    {"source": "openssl", "version": "3.0.19-1~deb12u2", "packages": ["libssl-dev"]},
    {"source": "zlib", "version": "1:1.2.13.dfsg-1", "packages": ["zlib1g-dev"]},
    {"source": "python3.11", "version": "3.11.2-6+deb12u8", "packages": []},
    {"source": None, "version": "sha256:0123", "packages": []},
]
MADE = {"distribution": {"architecture": "amd64"}, "linked": LINKED}
Mirror = Callable[..., dict[str, str]]


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """Makes a mirror with these versions of packages, and returns the environment in which apt knows no other."""

    def make(**versions: str) -> dict[str, str]:
        return os.environ | {"APT_CONFIG": str(make_mirror(tmp_path, versions))}

    return make


def update(environment: dict[str, str]) -> None:
    done = subprocess.run(["apt-get", "update", "-qq"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_newer_versions_are_named(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the lists that apt has; the same version and an older one are no news."""
    environment = mirror(libssl_dev="3.0.22-1~deb12u2", zlib1g_dev="1:1.2.13.dfsg-1")
    update(environment)
    monkeypatch.setenv("APT_CONFIG", environment["APT_CONFIG"])
    assert list(map(str, outdated(LINKED, LINUX_AMD64))) == [
        "libssl-dev 3.0.19-1~deb12u2 is linked in; the distribution offers 3.0.22-1~deb12u2: "
        "apt-get install libssl-dev, and build again"
    ]


def test_what_a_sysroot_has_is_fetched_again(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = mirror(libssl_dev="3.0.22-1~deb12u2")
    update(environment)
    monkeypatch.setenv("APT_CONFIG", environment["APT_CONFIG"])
    (found,) = outdated(LINKED, LINUX_ARM64)
    assert found.remedy == "remove .cache/sysroot/linux_arm64, and build again"


def test_older_versions_are_not(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = mirror(libssl_dev="3.0.9-1", zlib1g_dev="1:1.2.11.dfsg-1")
    update(environment)
    monkeypatch.setenv("APT_CONFIG", environment["APT_CONFIG"])
    assert outdated(LINKED, LINUX_AMD64) == []


def test_without_lists_nothing_is_known(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APT_CONFIG", mirror()["APT_CONFIG"])
    assert outdated(LINKED, LINUX_AMD64) == []


@pytest.mark.parametrize(("offered", "exit_code"), [("3.0.22-1~deb12u2", 1), ("3.0.19-1~deb12u2", 0)])
def test_the_command_fetches_the_lists(mirror: Mirror, tmp_path: Path, offered: str, exit_code: int) -> None:
    """Nothing was updated before, and CPython's source is not on the mirror."""
    environment = mirror(libssl_dev=offered)
    (tmp_path / "made.buildinfo").write_text(json.dumps(MADE))
    command = [sys.executable, "-m", "build.outdated", str(tmp_path / "made.buildinfo")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (exit_code, "")
    assert done.stdout.startswith("libssl-dev 3.0.19-1~deb12u2 is linked in") == bool(exit_code)


def test_a_mirror_that_does_not_answer_is_a_failure(mirror: Mirror, tmp_path: Path) -> None:
    """A release is not made without knowing."""
    environment = mirror()
    (tmp_path / "mirror").rename(tmp_path / "gone")
    (tmp_path / "made.buildinfo").write_text(json.dumps(MADE))
    command = [sys.executable, "-m", "build.outdated", str(tmp_path / "made.buildinfo")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("apt-get ")
