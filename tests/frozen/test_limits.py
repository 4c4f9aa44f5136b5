"""The executable runs with little memory, few descriptors, a small stack and no further processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.tfs import exit_codes
from tests.fake_tfs import FakeServing
from tests.frozen.expected import check
from tests.frozen.roots import inside, root_with
from tests.support.variants import Variant

MIB = 1 << 20
LIMITS = {
    "address space": (f"--as={64 * MIB}",),
    "less address space": (f"--as={24 * MIB}",),
    "data": (f"--data={16 * MIB}",),
    "descriptors": ("--nofile=4",),
    "stack": ("--stack=65536",),
    "large stack": (f"--stack={1024 * MIB}", f"--as={64 * MIB}"),
    "endless stack": ("--stack=unlimited", f"--as={64 * MIB}"),
    "file size": ("--fsize=0",),
    "locked memory": ("--memlock=0",),
    "pending signals": ("--sigpending=0",),
    "messages": ("--msgqueue=0",),
    "all": (f"--as={32 * MIB}", "--nofile=4", "--stack=131072", "--fsize=0", "--core=0", "--memlock=0"),
}
HOSTS = {"etc/hosts": "127.0.0.1 myserver\n"}


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "myserver"])
def test_limits(frozen: Variant, server: FakeServing, tmp_path: Path, limit: str, host: str) -> None:
    """A thread resolves `myserver`."""
    root = root_with(tmp_path, frozen.command[0], HOSTS)
    check(inside(root, limits=LIMITS[limit]), f"{host}:{server.port}")


def test_no_descriptors(frozen: Variant, server: FakeServing) -> None:
    outcome = Variant("frozen", ("prlimit", "--nofile=3", *frozen.command)).run(
        f"-addr={server.address}", "-connect-timeout=100ms"
    )
    assert outcome.exit_code == exit_codes.DIAL
    assert "too many open files" in outcome.verdict.lower()


def test_no_second_process(frozen: Variant, server: FakeServing, tmp_path: Path) -> None:
    program = inside(root_with(tmp_path, frozen.command[0], HOSTS), limits=("--nproc=1",))
    check(program, server.address)
    check(program, f"localhost:{server.port}")


def test_no_thread_for_the_resolver(frozen: Variant, server: FakeServing, tmp_path: Path) -> None:
    """A container's limit on processes also counts threads. The error is one line with a documented exit code."""
    root = root_with(tmp_path, frozen.command[0], HOSTS)
    outcome = inside(root, limits=("--nproc=1",)).run(f"-addr=myserver:{server.port}", "-connect-timeout=100ms")
    assert outcome.exit_code == exit_codes.DIAL
    assert outcome.stdout == ""
    assert outcome.verdict.endswith(": lookup myserver: cannot start a thread for the resolver")
    assert outcome.hint
