"""Releases that are begun and do not come to their end: nothing half-made stays."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from build.platform import LINUX_AMD64
from tests.frozen.mirror import make_mirror
from tests.release.clones import clone, commit, equipped, git, only_amd64, run
from tests.support.variants import ROOT, VERSION, Variant, built


@pytest.fixture
def frozen() -> Variant:
    """Here for the CPython that was compiled for it."""
    return built("frozen")


def left(checkout: Path) -> list[str]:
    """What a run left of a release."""
    return [str(file) for file in (*checkout.glob("dist/*"), *checkout.glob(".cache/release-*"))]


def test_two_builds_that_differ(frozen: Variant, tmp_path: Path) -> None:
    """One byte of CPython is another one in this checkout's cache. The second build makes it anew, and so finds out:
    everything that has the executable in it is named, and nothing else."""
    checkout = only_amd64(clone(tmp_path / "checkout"))
    cache = checkout / ".cache" / "python"
    cache.mkdir(parents=True)
    for part in (ROOT / ".cache" / "python").iterdir():
        if (part / "python.o").exists():
            shutil.copytree(part, cache / part.name)
            python = cache / part.name / "python.o"
            content = python.read_bytes()
            assert b"Python Software Foundation" in content
            python.write_bytes(content.replace(b"Python Software Foundation", b"Python Software Foundatiom"))
        else:
            (cache / part.name).symlink_to(part)
    done = run(checkout, "prepare")
    assert done.exit_code == 1
    assert left(checkout) == []
    first, *lines = done.stderr.splitlines()
    assert first == "No release."
    named = [line.partition(" differs between two builds of this commit (")[0].removeprefix("- ") for line in lines]
    assert named == [
        LINUX_AMD64.executable(VERSION),
        LINUX_AMD64.deb_file(VERSION),
        LINUX_AMD64.rpm_file(VERSION),
        f"{LINUX_AMD64.executable(VERSION)}.cdx.json",
        LINUX_AMD64.buildinfo(VERSION),
        "NOTICE",
        "run `python -m release.artefacts FOLDER` in both and compare the folders with diffoscope",
    ]


def test_an_executable_that_is_not_as_specified(frozen: Variant, tmp_path: Path) -> None:
    checkout = only_amd64(equipped(tmp_path / "checkout"))
    inspection = checkout / "build" / "inspect_artifact.py"
    inspection.write_text(re.sub(r"^LARGEST = .*$", "LARGEST = 1_000_000", inspection.read_text(), flags=re.MULTILINE))
    commit(checkout)
    done = run(checkout, "prepare")
    assert done.exit_code == 1
    assert done.stderr.startswith("No release.\n")
    assert re.search(r"^- it has \d+ bytes, and may have 1000000$", done.stderr, re.MULTILINE)
    assert left(checkout) == []


def test_a_package_that_the_distribution_has_updated(
    frozen: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused after the first build, which tells what is linked in."""
    monkeypatch.setenv("APT_CONFIG", str(make_mirror(tmp_path, {"libssl_dev": "9.0-1"})))
    checkout = only_amd64(equipped(tmp_path / "checkout"))
    done = run(checkout, "prepare")
    assert (done.exit_code, left(checkout)) == (1, [])
    assert re.fullmatch(
        r"No release\.\nlibssl-dev \S+ is linked in; the distribution offers 9\.0-1: "
        r"apt-get install libssl-dev, and build again\n",
        done.stderr,
    )


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal(frozen: Variant, tmp_path: Path, name: str) -> None:
    """What was begun is cleared away, and what was started is ended with it."""
    checkout = equipped(tmp_path / "checkout")
    command = [sys.executable, "-m", "release.prepare"]
    with subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stdout.readline() == "build, in this checkout\n"
        while not list(checkout.glob(".cache/release-*/release-temporary/*")):
            assert running.poll() is None
        running.send_signal(signal.Signals[name])
        _, said = running.communicate()
    assert (running.returncode, said) == (128 + signal.Signals[name], "")
    assert left(checkout) == []
    assert git(checkout, "status", "--porcelain") == ""
    assert [line for line in command_lines() if str(tmp_path) in line] == []


def command_lines() -> list[str]:
    """Those of all other processes. One that was killed may take a moment to go, and does not count."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            pending = re.search(r"^ShdPnd:\s*(\w+)$", (process / "status").read_text(), re.MULTILINE)
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        killed = pending and int(pending[1], 16) >> (signal.SIGKILL - 1) & 1
        if not killed and process.name != str(os.getpid()):
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found
