"""A run is one process. It opens only files to read, and leaves nothing behind, even when it is killed."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.frozen.expected import check
from tests.frozen.watched import Call, Watched, watch
from tests.support.http2_writer import GOOD, GREETING
from tests.support.namespaces import namespaces
from tests.support.runner import HANG_SECONDS
from tests.support.variants import Variant

# The system calls that a plain call may make.
OF_THE_START = """
    execve brk arch_prctl set_tid_address set_robust_list rseq prlimit64 readlink readlinkat getrandom mprotect gettid
    fcntl rt_sigaction rt_sigprocmask
"""
OF_THE_CALL = "mmap socket ioctl connect poll getsockopt setsockopt sendto recvfrom close"  # mmap: new objects
OF_THE_END = "openat newfstatat fstat read lseek setitimer write exit_group"
PLAIN = {*OF_THE_START.split(), *OF_THE_CALL.split(), *OF_THE_END.split()}

NEW_PROCESS = ("fork", "vfork", "clone", "clone3")
# System calls that change a file system.
CHANGES = """
    creat mkdir mkdirat mknod mknodat link linkat symlink symlinkat rename renameat renameat2 unlink unlinkat rmdir
    truncate ftruncate fallocate chmod fchmod fchmodat chown fchown lchown fchownat utime utimes utimensat futimesat
    setxattr lsetxattr fsetxattr removexattr mount umount2 pivot_root bind memfd_create shmget semget msgget
    mq_open mq_unlink io_uring_setup io_setup open_by_handle_at openat2
"""


def unchanged(watched: Watched) -> None:
    """Asserts that a run opens files only for reading, and changes none."""
    for arguments in watched.named("open", "openat"):
        flags = arguments.split(", ")[2].partition(")")[0] if arguments.startswith("AT_FDCWD") else arguments
        assert "O_RDONLY" in flags, arguments
        assert not re.search("O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)", flags), arguments
    assert watched.named(*CHANGES.split()) == []


def opened(watched: Watched) -> list[str]:
    return [arguments.split('"')[1] for arguments in watched.named("open", "openat")]


def test_plain_call(frozen: Variant, server: FakeServing) -> None:
    """The hot path starts no process or thread, opens only the time zone's file, and allocates little memory."""
    watched = watch(frozen, f"-addr={server.address}")
    assert watched.exit_code == 0
    unchanged(watched)
    assert {call.name for call in watched.calls} <= PLAIN
    assert opened(watched) == ["/etc/localtime"]
    assert watched.named(*NEW_PROCESS) == []
    # One connection, one packet with the whole request, one line.
    counts = Counter(call.name for call in watched.calls)
    assert (counts["socket"], counts["connect"], counts["write"]) == (1, 1, 1)
    first = next(call for call in watched.calls if call.name == "sendto")
    assert "PRI * HTTP/2.0" in first.arguments


@pytest.mark.parametrize(
    "argv",
    [
        ("-v",),
        ("-model-name=nope",),
        ("-model-name=slow", "-liveness"),
        ("-version",),
        ("-h",),
        ("-bogus",),
        ("-timeout=0s",),
    ],
    ids=" ".join,
)
def test_other_calls(frozen: Variant, server: FakeServing, argv: tuple[str, ...]) -> None:
    watched = watch(frozen, f"-addr={server.address}", *argv)
    assert watched.exit_code in (0, 2, 10)
    unchanged(watched)
    assert set(opened(watched)) <= {"/etc/localtime"}
    assert watched.named(*NEW_PROCESS) == []


def nameless(frozen: Variant) -> Variant:
    """The program without a network, and so without a resolver that knows the name."""
    return Variant("frozen", (*namespaces("--net"), *frozen.command))


def test_resolver_is_a_thread(frozen: Variant) -> None:
    watched = watch(nameless(frozen), "-addr=nosuch.invalid:8500", "-connect-timeout=100ms")
    assert watched.exit_code == 2
    own = after_exec(watched)
    unchanged(own)
    assert set(opened(own)) <= {
        *("/etc/localtime", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/host.conf", "/etc/hosts", "/etc/gai.conf"),
        *("/etc/ld.so.cache",),
    }
    assert own.named(*NEW_PROCESS)
    assert all("CLONE_THREAD" in arguments for arguments in own.named(*NEW_PROCESS))


def after_exec(watched: Watched) -> Watched:
    """Returns the calls after the last program was started, without those of the programs that start the probe."""
    last = max(at for at, call in enumerate(watched.calls) if call.name == "execve")
    return watched._replace(calls=watched.calls[last:])


def test_may_not_write_a_single_byte(frozen: Variant, server: FakeServing, empty: Path) -> None:
    check(Variant("frozen", ("prlimit", "--fsize=0", *frozen.command)), server.address)
    assert (
        frozen.run(f"-addr={server.address}", cwd=empty, env=dict.fromkeys(("HOME", "TMPDIR"), str(empty))).exit_code
        == 0
    )
    assert list(empty.iterdir()) == []


# Killed at any moment.


class Listener:
    """A server that never closes a connection; `ended` counts those that the client closed."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            if connection.recv(65536):
                connection.sendall(GREETING + GOOD)
                while connection.recv(65536):
                    pass

    def close(self) -> None:
        """Waits until the client has closed every connection."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._accepting.join(HANG_SECONDS)
        self._socket.close()
        for thread in self._threads:
            thread.join(HANG_SECONDS)
            assert not thread.is_alive(), "a connection of a dead process is still open"


@pytest.fixture
def listener() -> Iterator[Listener]:
    running = Listener()
    try:
        yield running
    finally:
        running.close()


def processes_of(executable: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "exe") == str(executable):
                found.append(process.name)
    return found


def moments(calls: list[Call]) -> list[str]:
    """Returns strace options that kill the run at each system call: nothing outside changes between two of them."""
    seen: Counter[str] = Counter()
    wanted = []
    for call in calls:
        seen[call.name] += 1
        wanted.append(f"{call.name}:signal=KILL:when={seen[call.name]}")
    return wanted


def test_killed_at_every_system_call(executable: Path, listener: Listener, empty: Path) -> None:
    copy = Variant("frozen", (str(executable),))
    before = sorted(os.listdir("/dev/shm"))
    argv = (f"-addr={listener.address}", "-v")
    whole = watch(copy, *argv, cwd=empty, TMPDIR=str(empty), HOME=str(empty))
    assert whole.exit_code == 0
    killed = 0
    for moment in moments(whole.calls)[1:]:  # the first is the execve of strace
        watched = watch(copy, *argv, cwd=empty, inject=moment, TMPDIR=str(empty), HOME=str(empty))
        # The last of several reads may not happen again.
        assert watched.exit_code in (-9, 0), moment
        killed += watched.exit_code == -9
        assert processes_of(executable) == []
    assert killed >= 40
    assert list(empty.iterdir()) == []
    assert sorted(os.listdir("/dev/shm")) == before


def test_killed_at_any_moment(executable: Path, listener: Listener, empty: Path) -> None:
    """Kills sixty runs at random moments."""
    draw = random.Random(60)
    command = [str(executable), f"-addr={listener.address}"]
    begun = time.monotonic()
    subprocess.run(command, cwd=empty, check=True, capture_output=True)
    length = time.monotonic() - begun
    ended = Counter[int]()
    for number in range(60):
        moment = length * (number + draw.random()) / 60
        with subprocess.Popen(command, cwd=empty, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            begun = time.monotonic()
            while time.monotonic() - begun < moment:
                pass
            process.kill()
            process.communicate(timeout=HANG_SECONDS)
        ended[process.returncode] += 1
        assert processes_of(executable) == []
    assert set(ended) <= {-9, 0}
    assert ended[-9], "nothing was killed"
    assert list(empty.iterdir()) == []


def test_nothing_is_left_of_a_copy(executable: Path, server: FakeServing) -> None:
    """The file is not locked after a run: it can be replaced and removed at once."""
    for _ in range(3):
        assert subprocess.run([executable, f"-addr={server.address}"], capture_output=True, check=False).returncode == 0
        with executable.open("r+b") as file:  # ETXTBSY while it runs
            file.write(b"\x7fELF")
    shutil.move(executable, executable.with_name("moved"))
