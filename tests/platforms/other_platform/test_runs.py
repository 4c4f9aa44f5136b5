"""Runs of an executable for another platform, by its emulator, on pages of each size."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from build.platform import LINUX_AMD64
from build.shared.elf import sections
from tests.fake_tfs import FakeServing
from tests.frozen.expected import check
from tests.frozen.roots import PROGRAM, inside, listing, root_with
from tests.support.behaviours import answers
from tests.support.certificates import shared
from tests.support.http2_writer import GOOD
from tests.support.scripted_server import scripted_server
from tests.support.sidecar import sidecar
from tests.support.tls_server import context, serving
from tests.support.variants import ROOT, VERSION, Variant

EMULATOR = "emulator"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServing]:
    """`default` has version 1, AVAILABLE; `slow` has version 7, LOADING."""
    with FakeServing({"default": {1: "AVAILABLE"}, "slow": {7: "LOADING"}}, rest=True) as running:
        yield running


@pytest.fixture
def root(executable: Path, emulator: tuple[str, ...], tmp_path: Path) -> Path:
    """A root that contains only the executable, and the emulator."""
    return root_with(tmp_path, executable, {EMULATOR: Path(emulator[0])})


@pytest.fixture
def command(emulator: tuple[str, ...], page_size: int) -> tuple[str, ...]:
    """The command that emulates in that root."""
    return (f"/{EMULATOR}", *emulator[1:], "-p", str(page_size))


def test_three_answers(program: Variant, server: FakeServing) -> None:
    check(program, server.address)


def test_empty_root(root: Path, command: tuple[str, ...], server: FakeServing) -> None:
    before = listing(root)
    check(inside(root, *command, f"/{PROGRAM}"), server.address)
    assert listing(root) == before


def test_tls_in_an_empty_root(root: Path, command: tuple[str, ...]) -> None:
    """OpenSSL finds out what the processor can do without /proc."""
    certificates = shared()
    shutil.copy(certificates.file("ca.pem"), root / "ca.pem")
    (root / "ca.pem").chmod(0o644)
    with serving(context(certificates)) as address:
        argv = (f"-addr={address}", "-tls", "-tls-ca-cert=/ca.pem", "-timeout=20s")
        outcome = inside(root, *command, f"/{PROGRAM}").run(*argv)
    assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE"), outcome


@pytest.mark.parametrize("variables", [{}, {"OPENSSL_armcap": "0"}, {"QEMU_CPU": "max"}], ids=str)
def test_tls_on_other_processors(executable: Path, emulator: tuple[str, ...], variables: dict[str, str]) -> None:
    """One without instructions for cryptography, and one with all that there are."""
    certificates = shared()
    program = Variant("frozen", (emulator[0], str(executable)))
    with serving(context(certificates)) as address:
        argv = (f"-addr={address}", *certificates.trusting(), "-timeout=20s")
        outcome = program.run(*argv, env=variables)
    assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE"), outcome


def test_many_models(program: Variant, server: FakeServing) -> None:
    outcome = program.run(f"-addr={server.address}", "-model-name=default", "-model-name=slow", "-timeout=20s")
    assert outcome.exit_code == 32
    assert outcome.lines[-1] == "1/2 models ready"


def test_rest(program: Variant, server: FakeServing) -> None:
    outcome = program.run(f"-addr=http://127.0.0.1:{server.rest_port}", "-model-name=default", "-timeout=20s")
    assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE")


def test_json(program: Variant, server: FakeServing) -> None:
    """It loads modules from the archive, whose sums are compared."""
    outcome = program.run(f"-addr={server.address}", "-model-name=slow", "-format=json", "-timeout=20s")
    assert (outcome.exit_code, outcome.stderr) == (32, "")
    assert json.loads(outcome.stdout)["exit_code"] == 32


def test_serve(program: Variant, server: FakeServing) -> None:
    argv = (f"-addr={server.address}", "-model-name=default", "-serve=127.0.0.1:0", "-serve-interval=2s")
    with sidecar(program, *argv) as running:
        assert running.wait_until(lambda reply: reply.status == 200).body.endswith("Servable state is AVAILABLE\n")
        assert running.get("/livez").status == running.get("/healthz").status == 200
        assert 'tfs_model_ready{model="default"} 1\n' in running.get("/metrics").body
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0


def test_install(root: Path, command: tuple[str, ...], executable: Path, server: FakeServing, tmp_path: Path) -> None:
    """As an init container does, from an empty root. What is installed is the same file, and runs."""
    volume = tmp_path / "volume"
    for folder in (volume, root / "probe"):
        folder.mkdir()
    volume.chmod(0o777)
    binds = {"probe": volume}
    outcome = inside(root, *command, f"/{PROGRAM}", binds=binds).run("-install", "/probe")
    assert outcome == (0, f"installed /probe/{PROGRAM}\n", "")
    assert (volume / PROGRAM).read_bytes() == executable.read_bytes()
    check(inside(root, *command, f"/probe/{PROGRAM}", binds=binds), server.address)


@pytest.mark.parametrize("section", [".text", "pydata", "py_heap"])
def test_damage_is_found(executable: Path, emulator: tuple[str, ...], section: str, tmp_path: Path) -> None:
    """The sums are those of the platform's own code."""
    content = bytearray(executable.read_bytes())
    content[sections(executable)[section].end - 1] ^= 1
    damaged = tmp_path / PROGRAM
    damaged.write_bytes(content)
    damaged.chmod(0o755)
    outcome = Variant("frozen", (*emulator, str(damaged))).run("-version")
    assert (outcome.exit_code, outcome.stdout) == (102, "")


SAME = {"poll": "ppoll", "time": "clock_gettime"}
"""Calls that a platform lacks, and those that it has instead."""


def system_calls(emulator: str, executable: Path) -> list[str]:
    """Returns the names of a plain call's system calls from main() on, without the clock's."""
    with scripted_server(answers(GOOD)) as server:
        command = [emulator, "-strace", str(executable), f"-addr=127.0.0.1:{server.port}", "-model-name=m"]
        done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    called = [SAME.get(name, name) for name in re.findall(r"^\d+ (\w+)\(", done.stderr, re.MULTILINE)]
    begun = called[called.index("fcntl") :]  # main() looks at the standard streams first
    return [name for name in begun if name != "clock_gettime"]


def test_system_calls_are_those_of_this_machine(executable: Path, emulator: tuple[str, ...]) -> None:
    own = ROOT / "dist" / LINUX_AMD64.executable(VERSION)
    here = shutil.which("qemu-x86_64-static")
    assert here
    assert system_calls(emulator[0], executable) == system_calls(here, own)
