"""Shortages of memory, descriptors, threads and disk space. Each ends in one line that names the cause, never with exit
code 101, and each error of a system call has a hint of its own."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from probe.tfs import exit_codes
from tests.support import certificates, tls_server
from tests.support.canned import canned_grpc
from tests.support.hints import HINTS
from tests.support.nameserver import PORT, Network, run_in_network
from tests.support.namespaces import namespaces
from tests.support.runner import Outcome
from tests.support.seccomp import denying
from tests.support.variants import Variant, built, on_each_interpreter
from tests.support.wire import AVAILABLE, entry

# Memory: limits of address space and of data, for the static executable.

PAGE = 4  # KiB
FINE_KIB, COARSE_KIB, TOP_KIB = 1536, 256, 26 * 1024
SHORT_OF_MEMORY = {"error: out of memory"}
BEFORE_MAIN = re.compile(r"Fatal glibc error: [Cc]annot allocate .*")
"""What the C library itself ends a process with: 127, and nothing of ours has run."""
KILLED_BY_THE_KERNEL = -11
"""execve could not map the executable, and there is no way back to what was there before."""


def behind(wrapper: Sequence[str], program: Variant, *argv: str) -> Outcome:
    return Variant(program.name, (*wrapper, *program.command), program.env).run(*argv)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The command line of each kind of run."""
    made = certificates.shared()
    folder = tmp_path_factory.mktemp("to")
    with canned_grpc(entry(1, AVAILABLE)) as place, tls_server.serving(tls_server.context(made)) as secure:
        yield {
            "plain": [f"-addr=127.0.0.1:{place.port}", "-timeout=5s"],
            "name": [f"-addr=tfs.example:{place.port}", "-timeout=5s"],
            "tls": [f"-addr={secure}", "-tls", f"-tls-ca-cert={made.file('ca.pem')}", "-timeout=5s"],
            "install": [f"-install={folder}"],
            "version": ["-version"],
        }


@pytest.mark.parametrize("kind", ["plain", "name", "tls", "install", "version"])
@pytest.mark.parametrize("limit", ["as", "data"])
def test_little_memory(commands: dict[str, list[str]], limit: str, kind: str, tmp_path: Path) -> None:
    """From a limit at which the kernel cannot even start the program to one that is enough: page by page where memory
    is short, in larger steps above."""
    frozen = built("frozen")
    with_hosts = knowing(tmp_path, "tfs.example") if kind == "name" else []

    def run(kib: int) -> Outcome:
        wrapper = [*with_hosts, "prlimit", f"--{limit}={kib << 10}", "--core=0"]
        return behind(wrapper, frozen, *commands[kind])

    start = next(kib for kib in range(COARSE_KIB, TOP_KIB, COARSE_KIB) if run(kib).exit_code != KILLED_BY_THE_KERNEL)
    limits = [*range(start - COARSE_KIB, start + FINE_KIB, PAGE), *range(start + FINE_KIB, TOP_KIB, COARSE_KIB)]
    faults, begun = [], False
    for kib in limits:
        outcome = run(kib)
        begun = begun or outcome.exit_code != KILLED_BY_THE_KERNEL
        if not is_true(outcome, begun):
            faults.append(f"{kib} KiB: {outcome}")
    assert not faults, "\n".join(faults[:20])


def knowing(folder: Path, name: str) -> list[str]:
    """A command to put before another, for which that name is this machine's."""
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 {name}\n")
    script = f'mount --bind {shlex.quote(str(hosts))} /etc/hosts && exec "$@"'
    return [*namespaces("--mount"), "sh", "-euc", script, "sh"]


def is_true(outcome: Outcome, begun: bool) -> bool:
    """Whether an end is one that lack of memory may have. `begun`: the kernel could start the program with less."""
    code, lines = outcome.exit_code, outcome.stderr.splitlines()
    if code == exit_codes.OK:
        return True
    if code == KILLED_BY_THE_KERNEL:
        return not begun
    if code == 127:
        return len(lines) == 1 and bool(BEFORE_MAIN.fullmatch(lines[0]))
    return code in (exit_codes.SETUP, exit_codes.DIAL, exit_codes.CALL) and len(lines) == 2 and bool(outcome.hint)


@on_each_interpreter
def test_limit_of_file_size(variant: Variant, tmp_path: Path) -> None:
    """A1: text that cannot be written changes no exit code, and the signal ends nothing."""
    limited = Variant(variant.name, ("prlimit", "--fsize=0", *variant.command))
    with canned_grpc(entry(1, AVAILABLE)) as place:
        for argv in ([f"-addr=127.0.0.1:{place.port}"], ["-version"], ["-help"]):
            with open(tmp_path / "out", "w") as out:
                process = limited.start(*argv, stdout=out.fileno(), stderr=out.fileno())
                assert process.wait(30) == exit_codes.OK


def test_no_room_to_install(tmp_path: Path) -> None:
    outcome = behind(("prlimit", "--fsize=1000000"), built("frozen"), f"-install={tmp_path}")
    assert outcome.exit_code == exit_codes.SETUP
    assert outcome.hint == HINTS["install-space"]
    assert not list(tmp_path.iterdir())


# Errors of system calls, by a filter that gives them: each with its own hint, at once where no retry can help.

CONNECTING = {
    "ECONNREFUSED": "refused",
    "ECONNRESET": "closed",
    "ETIMEDOUT": "dropped",
    "ENETUNREACH": "no-route",
    "EHOSTUNREACH": "no-route",
    "ENETDOWN": "no-route",
    "EHOSTDOWN": "no-route",
    "EADDRNOTAVAIL": "no-local-address",
    "EAFNOSUPPORT": "no-family",
    "EACCES": "policy",
    "EPERM": "policy",
    "ENOSYS": "policy",
    "EINVAL": "invalid",
    "ENOBUFS": "kernel-memory",
    "ENOMEM": "kernel-memory",
    "EREMOTEIO": "socket-error",
}
OPENING = {
    "EMFILE": "descriptors",
    "ENFILE": "descriptors",
    "ENOBUFS": "kernel-memory",
    "ENOMEM": "kernel-memory",
    "EAFNOSUPPORT": "no-family",
    "EPROTONOSUPPORT": "no-family",
    "EACCES": "policy",
    "EPERM": "policy",
    "ENOSYS": "policy",
}
ON_UNIX_SOCKETS = {
    "EACCES": "permission",
    "EAGAIN": "mute",
    "ENOENT": "no-socket",
    "ENOTDIR": "no-socket",
    "ECONNREFUSED": "refused",
    "EPROTOTYPE": "not-a-socket",
    "EPERM": "policy",
}
TRANSIENT = ("refused", "closed", "dropped", "no-route", "no-local-address", "no-family", "socket-error", "no-socket",
             "permission", "mute", "not-a-socket")  # fmt: skip
ERRORS = [
    *(("connect", error, "127.0.0.1:1", cause) for error, cause in CONNECTING.items()),
    *(("socket", error, "127.0.0.1:1", cause) for error, cause in OPENING.items()),
    *(("connect", error, "unix:///nowhere", cause) for error, cause in ON_UNIX_SOCKETS.items()),
    *(("recvfrom", error, "", cause) for error, cause in (("EPERM", "policy"), ("ENOMEM", "kernel-memory"))),
]


@on_each_interpreter
@pytest.mark.parametrize(("call", "error", "address", "cause"), ERRORS)
def test_own_hint(variant: Variant, call: str, error: str, address: str, cause: str) -> None:
    with canned_grpc(entry(1, AVAILABLE)) as place:
        where = address or f"127.0.0.1:{place.port}"
        outcome = behind(denying(call, error), variant, f"-addr={where}", "-connect-timeout=400ms")
    assert outcome.exit_code == exit_codes.DIAL
    assert outcome.hint == HINTS[cause]
    assert ("context deadline exceeded" in outcome.verdict) == (cause in TRANSIENT)


@on_each_interpreter
@pytest.mark.parametrize("error", ["EAGAIN", "EPERM"])
def test_no_thread(variant: Variant, error: str, tmp_path: Path) -> None:
    """EAGAIN is what a limit of processes gives, and a pids cgroup as well."""
    network = Network({"tfs.example": {"A": ["127.0.0.1"]}})
    argv = (f"-addr=tfs.example:{PORT}", "-timeout=20s")
    asked = run_in_network(network, variant, tmp_path, *argv, wrapper=denying("clone3", error))
    assert asked.outcome.exit_code == exit_codes.DIAL
    assert asked.outcome.hint == HINTS["no-thread"]
    assert asked.seconds < 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "tfs.example"])
def test_no_descriptor(host: str, tmp_path: Path) -> None:
    """F10: all descriptors that the process may have are the standard ones."""
    network = Network({"tfs.example": {"A": ["127.0.0.1"]}})
    argv = (f"-addr={host}:{PORT}", "-timeout=20s")
    asked = run_in_network(network, built("frozen"), tmp_path, *argv, wrapper=("prlimit", "--nofile=3"))
    assert asked.outcome.exit_code == exit_codes.DIAL
    assert "too many open files" in asked.outcome.verdict
    assert asked.outcome.hint == HINTS["descriptors"]
    assert asked.seconds < 2


def test_no_descriptor_for_a_file(tmp_path: Path) -> None:
    outcome = behind(
        ("prlimit", "--nofile=3"),
        built("frozen"),
        "-addr=:1",
        "-tls",
        f"-tls-ca-cert={certificates.shared().file('ca.pem')}",
    )
    assert outcome.exit_code == exit_codes.SETUP
    assert outcome.hint == HINTS["descriptors"]
    outcome = behind(("prlimit", "--nofile=3"), built("frozen"), f"-install={tmp_path}")
    assert outcome.exit_code == exit_codes.SETUP
    assert outcome.hint == HINTS["descriptors"]


def test_a_known_answer_stays() -> None:
    """A7: closing fails after the answer has come."""
    variant = built("frozen")
    made = certificates.shared()
    with canned_grpc(entry(1, AVAILABLE)) as place, tls_server.serving(tls_server.context(made)) as secure:
        for argv in (
            [f"-addr=127.0.0.1:{place.port}"],
            [f"-addr={secure}", "-tls", f"-tls-ca-cert={made.file('ca.pem')}"],
        ):
            assert behind(denying("close", "EIO"), variant, *argv).exit_code == exit_codes.OK


# Root file systems in which the C library would give up.


@pytest.mark.parametrize("target", ["../../probe", "probe", "nowhere", ""])
def test_proc_self_exe_that_leads_nowhere(tmp_path: Path, target: str) -> None:
    """A9: after a chroot /proc may be a folder of files, whose link to the executable is relative."""
    frozen = built("frozen")
    root = tmp_path / "root"
    (root / "proc" / "self").mkdir(parents=True)
    if target:
        (root / "proc" / "self" / "exe").symlink_to(target)
    (root / "probe").write_bytes(Path(frozen.command[0]).read_bytes())
    (root / "probe").chmod(0o755)
    enter = ("unshare", "--map-root-user", f"--root={root}")
    for argv, code in (["-version"], exit_codes.OK), (["-install=/copy"], exit_codes.OK):
        done = subprocess.run([*enter, "/probe", *argv], capture_output=True, check=False)
        assert done.returncode == code, done
    assert (root / "copy").read_bytes() == (root / "probe").read_bytes()
