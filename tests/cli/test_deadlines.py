"""A run ends by itself within its budget, and its line says what it was waiting for.

No test looks at a clock: whoever does not end is killed by the tests' patience, and the budgets are far below it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from probe.engine import connect
from probe.model import Deadline
from tests.canned import EMPTY_SETTINGS, PREFACE, Request, Script, canned_grpc, canned_http2, mute, refused
from tests.fake_tfs import FakeServing
from tests.flavours import MODULE_FLAVOUR, PATIENCE, ROOT, Flavour, Outcome
from tests.hostile import GOOD, GREETING, Peer, answers, hostile, says
from tests.original.wire import AVAILABLE, entry

BUDGET = "-timeout=500ms"
READY = entry(123, AVAILABLE)

# Runs a program in a network and a mount namespace of its own, whose only resolver is a socket of this script. It says
# nothing (`mute`), knows no name (`unknown`), or sends the program a signal at its first question (`SIGTERM`).
# How the program ended, how often the resolver was asked, and how much of that was no question, go to a file.
RESOLVER = r"""
import fcntl, os, select, signal, socket, struct, subprocess, sys
folder, conduct, *command = sys.argv[1:]
with socket.socket() as any_socket:  # SIOCSIFFLAGS: a new namespace's loopback interface is down
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x41))
resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
resolver.bind(("127.0.0.1", 53))
files = {"resolv.conf": "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n", "nsswitch.conf": "hosts: files dns\n"}
for name, content in files.items():
    with open(os.path.join(folder, name), "w") as file:
        file.write(content)
    if os.path.exists("/etc/" + name):
        subprocess.run(["mount", "--bind", file.name, "/etc/" + name], check=True)
process = subprocess.Popen(command)
ended = os.pidfd_open(process.pid)
questions = strange = 0
while resolver in select.select([resolver, ended], [], [])[0]:
    question, client = resolver.recvfrom(512)
    questions += 1
    strange += b"\3tfs\7example" not in question
    if conduct == "unknown":  # the question itself, as an answer, with NXDOMAIN
        resolver.sendto(question[:2] + b"\x81\x83" + question[4:], client)
    if conduct.startswith("SIG"):
        process.send_signal(getattr(signal, conduct))
with open(os.path.join(folder, "report"), "w") as report:
    report.write(f"{process.wait()} {questions} {strange}")
"""


def namespaces(*kinds: str) -> list[str]:
    """The command that opens namespaces; for who is not root, in one of users too."""
    return ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), *kinds]


def run_with_resolver(flavour: Flavour, conduct: str, folder: Path, *argv: str) -> Outcome:
    """Runs the program where no name is known but through a resolver that behaves so. It must have been asked, and for
    `tfs.example` alone."""
    with_resolver = [*namespaces("--net", "--mount"), sys.executable, "-I", "-S", "-c", RESOLVER, str(folder), conduct]
    process = subprocess.Popen(
        [*with_resolver, *flavour.command, *argv],
        env=flavour.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    stdout, stderr = wait_for(process)
    assert process.returncode == 0, stderr
    exit_code, questions, strange = (int(word) for word in (folder / "report").read_text().split())
    assert questions, "the resolver was never asked"
    assert not strange, "the resolver was sent what is no question"
    return Outcome(exit_code, stdout.decode(), stderr.decode())


def wait_for(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What a process that leads its own session writes until it ends. Kills it, and all it started, if it does not."""
    with process:
        try:
            return process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("the program did not end by itself")


@contextlib.contextmanager
def full_backlog() -> Iterator[str]:
    """A port whose queue is full: the kernel drops what would be one connection more."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        while True:
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def full_unix_backlog() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path = f"{folder}/tfs.sock"
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        while True:
            filler = stack.enter_context(socket.socket(socket.AF_UNIX))
            filler.setblocking(False)
            try:
                filler.connect(path)
            except BlockingIOError:
                break
        yield f"unix:{path}"


@contextlib.contextmanager
def address_of_mute() -> Iterator[str]:
    with mute() as place:
        yield f"127.0.0.1:{place.port}"


@contextlib.contextmanager
def byte_a_second() -> Iterator[str]:
    def play(peer: Peer) -> None:
        while True:
            peer.send(b"\0")
            peer.pause(1)

    with hostile(play) as server:
        yield server.address


@contextlib.contextmanager
def stopped() -> Iterator[str]:
    """A real server in a process that was stopped after it had opened its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_tfs", "--no-rest"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout
            ports = (re.fullmatch(r"gRPC port (\d+)\n", line) for line in process.stdout)
            port = next(found[1] for found in ports if found)
            process.send_signal(signal.SIGSTOP)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


@contextlib.contextmanager
def never_answers() -> Iterator[str]:
    """A real server that takes the call and keeps it."""
    with FakeServing({"default": {1: "AVAILABLE"}}, delay=60, rest=False) as server:
        yield server.address


class Hang(NamedTuple):
    """Something to wait for, and what is said about it when the time is up."""

    where: Callable[[], AbstractContextManager[str]]
    exit_code: int
    verdict: str
    hint: str


HANGS = {
    "full backlog": Hang(full_backlog, 2, "(last error: connect ADDRESS: timed out)", "was not answered"),
    "full unix backlog": Hang(full_unix_backlog, 2, "resource temporarily unavailable", ""),
    "mute": Hang(address_of_mute, 2, "connected to ADDRESS: no HTTP/2 SETTINGS from it", "says nothing"),
    "stopped": Hang(stopped, 2, "connected to ADDRESS: no HTTP/2 SETTINGS from it", "its process is stopped"),
    "byte a second": Hang(byte_a_second, 2, "connected to ADDRESS: its HTTP/2 SETTINGS are incomplete", "too slowly"),
    "never answers": Hang(never_answers, 3, "code = DeadlineExceeded desc = context deadline exceeded", "-timeout"),
}


@pytest.mark.parametrize("name", HANGS)
def test_hang_ends_with_its_own_line(name: str) -> None:
    assert_hang(MODULE_FLAVOUR, HANGS[name])


@pytest.mark.parametrize("name", ["full backlog", "mute", "never answers"])
def test_hang_on_every_flavour(flavour: Flavour, name: str) -> None:
    assert_hang(flavour, HANGS[name])


def assert_hang(flavour: Flavour, hang: Hang) -> None:
    with hang.where() as address:
        outcome = flavour.run(f"-addr={address}", BUDGET)
    assert outcome.exit_code == hang.exit_code, outcome
    assert hang.verdict.replace("ADDRESS", address) in outcome.verdict
    assert hang.hint in outcome.hint


@pytest.mark.parametrize("name", HANGS)
def test_hang_ends_with_the_grpcio_engine(name: str) -> None:
    hang = HANGS[name]
    with hang.where() as address:
        outcome = MODULE_FLAVOUR.run(f"-addr={address}", BUDGET, "-engine=grpcio")
    assert outcome.exit_code == hang.exit_code, outcome


def test_resolver_that_hangs(flavour: Flavour, tmp_path: Path) -> None:
    outcome = run_with_resolver(flavour, "mute", tmp_path, "-addr=tfs.example:8500", BUDGET)
    assert outcome.exit_code == 2, outcome
    assert outcome.verdict == (
        "Error dialing grpc service: context deadline exceeded "
        "(last error: lookup tfs.example: the resolver does not answer)"
    )
    assert "resolver does not answer" in outcome.hint


def test_resolver_that_hangs_with_the_grpcio_engine(tmp_path: Path) -> None:
    outcome = run_with_resolver(MODULE_FLAVOUR, "mute", tmp_path, "-addr=tfs.example:8500", BUDGET, "-engine=grpcio")
    assert outcome.exit_code == 2, outcome


def test_name_that_nobody_knows(flavour: Flavour, tmp_path: Path) -> None:
    outcome = run_with_resolver(flavour, "unknown", tmp_path, "-addr=tfs.example:8500", BUDGET)
    assert outcome.exit_code == 2, outcome
    assert re.search(r"\(last error: lookup tfs\.example: .*(not known|no address|does not).*\)$", outcome.verdict)
    assert "the name is not known here" in outcome.hint


# The budgets one by one: flags, exit code, words of the verdict line. The server is good, but for the last two.
OVER_AT_ONCE = "context deadline exceeded"
BUDGETS = [
    (("-connect-timeout=0",), 2, "Error dialing grpc service: " + OVER_AT_ONCE),
    (("-connect-timeout=-1s",), 2, "Error dialing grpc service: " + OVER_AT_ONCE),
    (("-connect-timeout=1ns",), 2, "Error dialing grpc service: " + OVER_AT_ONCE),
    (("-rpc-timeout=0",), 3, OVER_AT_ONCE),
    (("-rpc-timeout=-1h",), 3, OVER_AT_ONCE),
    (("-rpc-timeout=1ns",), 3, OVER_AT_ONCE),
    (("-timeout=-1s",), 2, "Error dialing grpc service: " + OVER_AT_ONCE),
    (("-timeout=1ns",), 2, "Error dialing grpc service: " + OVER_AT_ONCE),
    (("-timeout=-2562047h47m16.854775808s",), 2, "Error dialing grpc service: " + OVER_AT_ONCE),
    (("-timeout=0",), 0, "Servable state is AVAILABLE"),
    (("-timeout=2562047h47m16.854775807s",), 0, "Servable state is AVAILABLE"),
    (("-rpc-timeout=2562047h47m16.854775807s",), 0, "Servable state is AVAILABLE"),
    (("-connect-timeout=2562047h47m16.854775807s",), 0, "Servable state is AVAILABLE"),
]


@pytest.mark.parametrize(("argv", "exit_code", "verdict"), BUDGETS, ids=lambda value: str(value)[:40])
def test_budgets(flavour: Flavour, argv: tuple[str, ...], exit_code: int, verdict: str) -> None:
    with hostile(answers(GOOD)) as server:
        outcome = flavour.run(f"-addr={server.address}", *argv)
    assert outcome.exit_code == exit_code, outcome
    assert verdict in outcome.verdict


def test_call_without_time_is_not_made(flavour: Flavour) -> None:
    """As in the original, which connects first."""
    with hostile(says(GREETING)) as server:
        outcome = flavour.run(f"-addr={server.address}", "-rpc-timeout=0")
        assert outcome.exit_code == 3
    received = bytes(server.peers[0].received)
    assert received.startswith(PREFACE)
    assert b"GetModelStatus" not in received


def test_each_timeout_says_whose_it_was() -> None:
    with address_of_mute() as address:
        dialling = MODULE_FLAVOUR.run(f"-addr={address}", "-connect-timeout=300ms")
    with never_answers() as address:
        calling = MODULE_FLAVOUR.run(f"-addr={address}", "-rpc-timeout=300ms")
        both = MODULE_FLAVOUR.run(f"-addr={address}", "-rpc-timeout=20s", "-timeout=300ms")
    assert [outcome.exit_code for outcome in (dialling, calling, both)] == [2, 3, 3]
    assert len({outcome.hint for outcome in (dialling, calling, both)}) == 3
    assert "-timeout" in both.hint
    assert "-timeout" not in calling.hint


# Trying again.


def test_server_that_comes_up_while_dialling(flavour: Flavour) -> None:
    def answer(request: Request) -> bytes:
        return GOOD

    with canned_http2(Script(answer, EMPTY_SETTINGS, listens_after=0.3)) as place:
        outcome = flavour.run(f"-addr=127.0.0.1:{place.port}", "-connect-timeout=20s")
    assert outcome.exit_code == 0, outcome


def test_server_that_closes_at_first(flavour: Flavour) -> None:
    """Its third connection is the good one."""
    turns = iter((Peer.close, Peer.reset))

    def play(peer: Peer) -> None:
        turn = next(turns, None)
        if turn:
            turn(peer)
        else:
            answers(GOOD)(peer)

    with hostile(play) as server:
        outcome = flavour.run(f"-addr={server.address}", "-connect-timeout=20s")
    assert outcome.exit_code == 0, outcome
    assert len(server.peers) == 3


def test_unix_socket_that_appears_while_dialling(flavour: Flavour) -> None:
    with canned_grpc(READY, unix_socket=True) as place:
        later = place.folder / "later.sock"
        appears = threading.Timer(0.3, os.rename, (place.socket, later))
        appears.start()
        outcome = flavour.run(f"-addr=unix://{later}", "-connect-timeout=20s")
        appears.join()
    assert outcome.exit_code == 0, outcome


def test_unix_socket_that_does_not_appear(flavour: Flavour, tmp_path: Path) -> None:
    outcome = flavour.run(f"-addr=unix://{tmp_path}/tfs.sock", "-timeout=200ms")
    assert outcome.exit_code == 2
    assert f"(last error: connect unix:{tmp_path}/tfs.sock: no such file or directory)" in outcome.verdict
    assert "there is no such socket" in outcome.hint


@contextlib.contextmanager
def on_one_family(serving: str, other: str, listens: bool = False) -> Iterator[int]:
    """A good server on one address of this machine; on the other, the same port refuses, or takes and closes."""
    with contextlib.ExitStack() as stack:
        while True:
            occupied = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in other else socket.AF_INET))
            occupied.bind((other, 0))
            port: int = occupied.getsockname()[1]
            try:
                stack.enter_context(hostile(answers(GOOD), place=(serving, port)))
            except OSError:
                continue  # taken by somebody else: another one, then
            break
        if listens:
            occupied.close()
            stack.enter_context(hostile(Peer.close, place=(other, port)))
        yield port


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "", "0.0.0.0", "[::]"])
@pytest.mark.parametrize(("serving", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_server_on_one_family_alone(serving: str, other: str, host: str) -> None:
    with on_one_family(serving, other) as port:
        outcome = MODULE_FLAVOUR.run(f"-addr={host}:{port}", "-connect-timeout=20s")
    assert outcome.exit_code == 0, outcome


def test_server_on_ipv6_alone_for_every_flavour(flavour: Flavour) -> None:
    with on_one_family("::1", "127.0.0.1") as port:
        outcome = flavour.run(f"-addr=localhost:{port}", "-connect-timeout=20s")
    assert outcome.exit_code == 0, outcome


def test_next_address_is_tried_when_the_first_takes_the_connection_and_closes(flavour: Flavour) -> None:
    with on_one_family("::1", "127.0.0.1", listens=True) as port:
        outcome = flavour.run(f"-addr=localhost:{port}", "-connect-timeout=5s")
    assert outcome.exit_code == 0, outcome


def test_refused_names_the_first_address(flavour: Flavour) -> None:
    with refused() as place:
        outcome = flavour.run(f"-addr=:{place.port}", "-timeout=200ms")
    assert outcome.exit_code == 2
    assert f"(last error: connect 127.0.0.1:{place.port}: connection refused)" in outcome.verdict
    assert "nobody listens there" in outcome.hint


def test_attempt_without_time_tells_nothing() -> None:
    """Else the last attempt, begun when the time was up, would say "timed out" of a port that refuses."""
    with refused() as place, pytest.raises(connect.Retriable) as caught:
        connect._connect(socket.AF_INET, ("127.0.0.1", place.port), Deadline.after(0, "-timeout"))
    assert caught.value.text == ""
