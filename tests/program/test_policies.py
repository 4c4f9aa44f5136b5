"""System calls that a security policy forbids, one at a time, in each kind of run of the static executable.

strace shows which calls a run makes; under a seccomp filter each of them then fails, once with EPERM as in Docker's
default profile, once with ENOSYS as in newer ones. The run works without the call, or ends at once in one true line.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from probe.tfs import exit_codes
from tests.support import certificates, tls_server
from tests.support.canned import canned_grpc
from tests.support.hints import HINTS
from tests.support.nameserver import PORT, Network, run_in_network
from tests.support.runner import Outcome
from tests.support.seccomp import denying
from tests.support.variants import Variant, built
from tests.support.wire import AVAILABLE, entry

AT_ONCE_SECONDS = 2.0
TIMEOUT = "-timeout=10s"  # never to be used up
STRACE = ("strace", "-f", "-qq", "-o")

NOT_OURS = {"arch_prctl": 127, "futex": -6}
"""Calls for which the C library ends the process itself: before any code of ours, or in the middle of its own locks.
The exit codes; a negative one is a signal."""
ENDING = ("execve", "exit", "exit_group")
"""Calls that are not part of a run."""
TRUE_HINTS = {HINTS[cause] for cause in ("policy", "install-policy", "no-thread", "memory", "tls-random")}
FAILURES = (exit_codes.SETUP, exit_codes.DIAL, exit_codes.CALL)


class Run(NamedTuple):
    outcome: Outcome
    seconds: float


Start = Callable[[Sequence[str]], Run]
"""Starts one kind of run, behind a command to put before the program."""


@pytest.fixture
def frozen() -> Variant:
    return built("frozen")


def behind(wrapper: Sequence[str], program: Variant, *argv: str) -> Run:
    begun = time.monotonic()
    outcome = Variant("frozen", (*wrapper, *program.command), program.env).run(*argv)
    return Run(outcome, time.monotonic() - begun)


@pytest.fixture
def plain(frozen: Variant) -> Iterator[Start]:
    with canned_grpc(entry(1, AVAILABLE)) as place:
        yield lambda wrapper: behind(wrapper, frozen, f"-addr=127.0.0.1:{place.port}", TIMEOUT)


@pytest.fixture
def without_deadline(frozen: Variant) -> Iterator[Start]:
    """Without -timeout, and with -connect-timeout instead."""
    with canned_grpc(entry(1, AVAILABLE)) as place:
        yield lambda wrapper: behind(wrapper, frozen, f"-addr=127.0.0.1:{place.port}", "-connect-timeout=10s")


@pytest.fixture
def unix_socket(frozen: Variant) -> Iterator[Start]:
    with canned_grpc(entry(1, AVAILABLE), unix_socket=True) as place:
        yield lambda wrapper: behind(wrapper, frozen, f"-addr=unix://{place.socket}", TIMEOUT, "-gzip")


@pytest.fixture
def named(frozen: Variant, tmp_path: Path) -> Start:
    """A name that /etc/hosts has."""
    return in_network(Network(hosts="127.0.0.1 tfs.example\n"), frozen, tmp_path)


@pytest.fixture
def resolved(frozen: Variant, tmp_path: Path) -> Start:
    """A name that a nameserver has."""
    return in_network(Network({"tfs.example": {"A": ["127.0.0.1"], "AAAA": ["::1"]}}), frozen, tmp_path)


def in_network(network: Network, frozen: Variant, folder: Path) -> Start:
    def start(wrapper: Sequence[str]) -> Run:
        asked = run_in_network(network, frozen, folder, f"-addr=tfs.example:{PORT}", TIMEOUT, wrapper=wrapper)
        return Run(asked.outcome, asked.seconds)

    return start


@pytest.fixture
def tls(frozen: Variant) -> Iterator[Start]:
    """With a certificate of our own."""
    made = certificates.shared()
    files = [
        f"-tls-{flag}={made.file(name)}"
        for flag, name in (("ca-cert", "ca.pem"), ("client-cert", "client.pem"), ("client-key", "client.key"))
    ]
    with tls_server.serving(tls_server.context(made, client_ca="ca")) as address:
        yield lambda wrapper: behind(wrapper, frozen, f"-addr={address}", "-tls", *files, TIMEOUT)


@pytest.fixture
def installing(frozen: Variant, tmp_path: Path) -> Start:
    folder = tmp_path / "target"

    def start(wrapper: Sequence[str]) -> Run:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return behind(wrapper, frozen, f"-install={folder}")

    return start


KINDS = ("plain", "without_deadline", "unix_socket", "named", "resolved", "tls", "installing")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", ["EPERM", "ENOSYS"])
def test_forbidden_call(kind: str, error: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    start: Start = request.getfixturevalue(kind)
    faults = []
    for call in calls_of(start, tmp_path / "log"):
        run = start(denying(call, error))
        fault = judge(call, run)
        if fault:
            faults.append(f"{call}: {fault}: {run}")
    assert not faults, "\n".join(faults)


def calls_of(start: Start, log: Path) -> list[str]:
    """The system calls that such a run makes, but for those that are not part of it."""
    watched = start((shutil.which("strace") or "strace", *STRACE[1:], str(log)))
    assert watched.outcome.exit_code == 0, watched
    calls = sorted(set(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE)) - set(ENDING))
    assert len(calls) > 20
    return calls


def judge(call: str, run: Run) -> str:
    """What is wrong with a run that had to do without a call; empty if nothing is."""
    outcome = run.outcome
    if call in NOT_OURS:
        return "" if outcome.exit_code in (0, NOT_OURS[call]) else "not as listed"
    if run.seconds > AT_ONCE_SECONDS:
        return "not at once"
    if outcome.exit_code == 0:
        return ""
    if outcome.exit_code not in FAILURES:
        return "a wrong exit code"
    if call == "write":
        return "" if not outcome.stderr else "written all the same"
    if len(outcome.lines) != 2 or outcome.hint not in TRUE_HINTS:
        return "not a line and its own hint"
    return ""


def test_the_c_library_ends_nothing_else(frozen: Variant) -> None:
    """The list has no call that a plain run could do without."""
    with canned_grpc(entry(1, AVAILABLE)) as place:
        assert behind(denying("arch_prctl", "EPERM"), frozen, f"-addr=127.0.0.1:{place.port}").outcome.exit_code == 127


@pytest.mark.parametrize("call", ["close", "statfs"])
def test_a_copy_that_is_complete_counts(frozen: Variant, tmp_path: Path, call: str) -> None:
    """What fails after the copy is in its place does not make the installation fail."""
    run = behind(denying(call, "EPERM"), frozen, f"-install={tmp_path}")
    assert run.outcome.exit_code == exit_codes.OK
    copied = subprocess.run([tmp_path / "tfs_model_status_probe", "-version"], capture_output=True, check=True)
    assert copied.stdout


def test_no_clone3_as_in_an_old_runtime(frozen: Variant, tmp_path: Path) -> None:
    """F3: runc before 1.0.0-rc93 answers EPERM where glibc from 2.34 on would take ENOSYS for a reason to use clone."""
    network = Network({"tfs.example": {"A": ["127.0.0.1"]}})
    for error, expected in (("EPERM", exit_codes.DIAL), ("ENOSYS", exit_codes.OK)):
        start = in_network(network, frozen, tmp_path)
        run = start(denying("clone3", error))
        assert run.outcome.exit_code == expected
        assert run.seconds < AT_ONCE_SECONDS
        assert expected == exit_codes.OK or run.outcome.hint == HINTS["no-thread"]
