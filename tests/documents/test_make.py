"""The documents' `make` commands: each target is there, and is run, here or where TARGETS says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bench.programs import MODEL
from tests.documents.known import commands_for
from tests.documents.reading import Command
from tests.frozen.checkout import copy_checkout
from tests.support.variants import FROZEN, ROOT, ZIPAPP, built

# Where each target is run. These files are looked into; `here` are the tests below.
HERE = "here"
TARGETS = {
    "demo": ".ci/run",
    "test": ".ci/run",
    "test-release": ".ci/run",
    "cases": ".ci/run",
    "debian-13": ".ci/run",
    "platform": ".ci/run",
    "freeze": ".github/workflows/ci.yml",
    "release": ".github/workflows/release.yml",
    "verify-release": ".github/workflows/release.yml",
    "rebuild": ".github/workflows/rebuild.yml",
    "unit": HERE,
    "format": HERE,
    "bench": HERE,
    "soak": "tests/program/test_serve_costs.py",  # with fewer rounds
}
COMMANDS = commands_for("test_make.py")


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As somebody at a prompt would run it: a make that runs the tests hands its own options down."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=checkout, env=kept, capture_output=True, text=True, check=False)


def target(command: Command) -> str:
    _, name, *variables = shlex.split(command.text)
    assert all(re.fullmatch(r"[A-Z_]+=\S+", variable) for variable in variables), command
    return name


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_the_target_is_there_and_takes_the_variables(command: Command) -> None:
    _, *arguments = shlex.split(command.text)
    done = make(ROOT, "--dry-run", "--always-make", *arguments)  # also where everything is made
    assert done.returncode == 0, done.stderr
    for variable in arguments[1:]:
        name, _, value = variable.partition("=")
        # What make does not hand down itself, the environment does.
        assert value in done.stdout or f'os.environ.get("{name}")' in (ROOT / "build" / "freeze.py").read_text()


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_the_target_is_run(command: Command) -> None:
    where = TARGETS[target(command)]
    if where.endswith(".py"):
        assert f"import {target(command)}\n" in (ROOT / where).read_text()
    elif where != HERE:
        assert re.search(rf"(?m)^(\s*run: )?make {target(command)}\b", (ROOT / where).read_text())


def test_no_other_target_is_named() -> None:
    assert {target(command) for command in COMMANDS} == set(TARGETS)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this one, with its tools."""
    copy = copy_checkout(tmp_path / "checkout")
    (copy / ".venv").symlink_to(ROOT / ".venv")
    return copy


# Neither may be made anew in the copy: its sources are as old as the files there.
AS_BUILT = tuple(f"--old-file={file.relative_to(ROOT)}" for file in (FROZEN, ZIPAPP))


def test_unit_runs_in_this_process_alone() -> None:
    """The folders that mirror the packages, and no folder that runs processes or wants root."""
    done = make(ROOT, "--dry-run", "unit")
    assert done.returncode == 0, done.stderr
    tests = {Path(word).name for word in done.stdout.split() if word.startswith("tests/")}
    assert tests >= {"cli", "tfs", "rpc", "tls", "net", "spiffe", "test_architecture.py"}
    assert not tests & {"program", "frozen", "release", "images", "deploy", "original", "interop", "documents", "bench"}


def test_format(checkout: Path) -> None:
    file = checkout / "tests" / "demo.py"
    good = file.read_text()
    for right, wrong in (
        ("import subprocess\nimport sys\n", "import sys\nimport subprocess\n"),
        ("def main()", "def main( )"),
    ):
        assert right in file.read_text()
        file.write_text(file.read_text().replace(right, wrong))
    done = make(checkout, "--old-file=.venv/ready", "format")
    assert done.returncode == 0, done.stderr
    assert file.read_text() == good


def test_bench(checkout: Path, tmp_path: Path) -> None:
    """Quickly, which writes nothing. In the peers' place, which are not here, stand our own programs."""
    frozen = Path(built("frozen").command[0])
    built("zipapp")
    (checkout / "dist").symlink_to(ROOT / "dist")
    peers = {"PEER": tmp_path / "peer", "TLS_PEER": tmp_path / "tls_peer"}
    (command,) = (command for command in COMMANDS if target(command) == "bench" and "PEER" in command.text)
    assert set(re.findall(r"(\w+)=", command.text)) == set(peers)
    shutil.copy(frozen, peers["PEER"])  # it also runs in a pod, where nothing else is
    peers["TLS_PEER"].write_text(f'#!/bin/sh\nexec {frozen} -model-name={MODEL} "$@"\n')
    peers["TLS_PEER"].chmod(0o755)
    before = {file: file.read_bytes() for file in (checkout / "docs").iterdir()}
    given = [f"{name}={peer}" for name, peer in peers.items()]
    done = make(checkout, "--old-file=.venv/ready", *AS_BUILT, "bench", "QUICK=1", *given)
    assert done.returncode == 0, done.stderr
    heads = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert {"floor", "tfs_model_status_probe", "peer", "tfs_model_status_probe -tls", "tls_peer -tls"} <= set(heads)
    if os.geteuid() == 0:
        assert {"sidecar, every 5s", "exec probe, every 10s", "peer, every 10s"} <= set(heads)
    assert {file: file.read_bytes() for file in (checkout / "docs").iterdir()} == before
