"""A run ends by itself within its budget, and its line names what it was waiting for.

No test reads a clock: a run that does not end is killed after HANG_SECONDS, and the budgets are far below that.
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

from probe.deadline import CONNECT, Deadline
from probe.net.errors import Transient
from probe.net.stream import Address, connect
from tests.fake_tfs import FakeServing
from tests.support.behaviours import answers, sends
from tests.support.canned import Request, Script, canned_grpc, canned_http2, mute, refused
from tests.support.hints import HINTS
from tests.support.http2_writer import GOOD, GREETING, PREFACE
from tests.support.namespaces import run_with_resolver
from tests.support.scripted_server import Peer, scripted_server
from tests.support.variants import MODULE, ROOT, Variant, on_each_interpreter
from tests.support.wire import AVAILABLE, entry

BUDGET = "-timeout=500ms"
READY = entry(123, AVAILABLE)


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
    def behaviour(peer: Peer) -> None:
        while True:
            peer.send(b"\0")
            peer.pause(1)

    with scripted_server(behaviour) as server:
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
    cause: str


HANGS = {
    "full backlog": Hang(full_backlog, 2, "(last error: connect ADDRESS: timed out)", "dropped"),
    "full unix backlog": Hang(full_unix_backlog, 2, "resource temporarily unavailable", ""),
    "mute": Hang(address_of_mute, 2, "connected to ADDRESS: no HTTP/2 SETTINGS from it", "mute"),
    "stopped": Hang(stopped, 2, "connected to ADDRESS: no HTTP/2 SETTINGS from it", "mute"),
    "byte a second": Hang(byte_a_second, 2, "connected to ADDRESS: its HTTP/2 SETTINGS are incomplete", "slow"),
    "never answers": Hang(never_answers, 3, "code = DeadlineExceeded desc = context deadline exceeded", "run-timeout"),
}


@pytest.mark.parametrize("name", HANGS)
def test_hang_ends_with_its_own_line(name: str) -> None:
    assert_hang(MODULE, HANGS[name])


@pytest.mark.parametrize("name", ["full backlog", "mute", "never answers"])
def test_hang_on_every_variant(variant: Variant, name: str) -> None:
    assert_hang(variant, HANGS[name])


def assert_hang(variant: Variant, hang: Hang) -> None:
    with hang.where() as address:
        outcome = variant.run(f"-addr={address}", BUDGET)
    assert outcome.exit_code == hang.exit_code, outcome
    assert hang.verdict.replace("ADDRESS", address) in outcome.verdict
    assert not hang.cause or outcome.hint == HINTS[hang.cause]


@pytest.mark.parametrize("name", HANGS)
def test_hang_ends_with_the_grpcio_engine(name: str) -> None:
    hang = HANGS[name]
    with hang.where() as address:
        outcome = MODULE.run(f"-addr={address}", BUDGET, "-engine=grpcio")
    assert outcome.exit_code == hang.exit_code, outcome


def test_resolver_that_hangs(variant: Variant, tmp_path: Path) -> None:
    outcome = run_with_resolver(variant, "mute", tmp_path, "-addr=tfs.example:8500", BUDGET)
    assert outcome.exit_code == 2, outcome
    assert outcome.verdict == (
        "Error dialing grpc service: context deadline exceeded "
        "(last error: lookup tfs.example: the resolver is not answering)"
    )
    assert outcome.hint == HINTS["resolver"]


def test_resolver_that_hangs_with_the_grpcio_engine(tmp_path: Path) -> None:
    outcome = run_with_resolver(MODULE, "mute", tmp_path, "-addr=tfs.example:8500", BUDGET, "-engine=grpcio")
    assert outcome.exit_code == 2, outcome


def test_unknown_name(variant: Variant, tmp_path: Path) -> None:
    outcome = run_with_resolver(variant, "unknown", tmp_path, "-addr=tfs.example:8500", BUDGET)
    assert outcome.exit_code == 2, outcome
    assert re.search(r"\(last error: lookup tfs\.example: .*(not known|no address|does not).*\)$", outcome.verdict)
    assert outcome.hint == HINTS["unresolved"]


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


@on_each_interpreter
@pytest.mark.parametrize(("argv", "exit_code", "verdict"), BUDGETS, ids=lambda value: str(value)[:40])
def test_budgets(variant: Variant, argv: tuple[str, ...], exit_code: int, verdict: str) -> None:
    with scripted_server(answers(GOOD)) as server:
        outcome = variant.run(f"-addr={server.address}", *argv)
    assert outcome.exit_code == exit_code, outcome
    assert verdict in outcome.verdict


def test_call_without_time_is_not_made(variant: Variant) -> None:
    """As in the original, which connects first."""
    with scripted_server(sends(GREETING)) as server:
        outcome = variant.run(f"-addr={server.address}", "-rpc-timeout=0")
        assert outcome.exit_code == 3
    received = bytes(server.peers[0].received)
    assert received.startswith(PREFACE)
    assert b"GetModelStatus" not in received


def test_each_timeout_has_its_hint() -> None:
    with address_of_mute() as address:
        dialling = MODULE.run(f"-addr={address}", "-connect-timeout=300ms")
    with never_answers() as address:
        calling = MODULE.run(f"-addr={address}", "-rpc-timeout=300ms")
        both = MODULE.run(f"-addr={address}", "-rpc-timeout=20s", "-timeout=300ms")
    assert [outcome.exit_code for outcome in (dialling, calling, both)] == [2, 3, 3]
    assert [outcome.hint for outcome in (dialling, calling, both)] == [
        HINTS[cause] for cause in ("mute", "call-timeout", "run-timeout")
    ]


# Trying again.


def test_server_that_comes_up_while_dialling(variant: Variant) -> None:
    def answer(request: Request) -> bytes:
        return GOOD

    with canned_http2(Script(answer, GREETING, listens_after=0.3)) as place:
        outcome = variant.run(f"-addr=127.0.0.1:{place.port}", "-connect-timeout=20s")
    assert outcome.exit_code == 0, outcome


def test_server_that_closes_at_first(variant: Variant) -> None:
    """Its third connection is the good one."""
    turns = iter((Peer.close, Peer.reset))

    def behaviour(peer: Peer) -> None:
        turn = next(turns, None)
        if turn:
            turn(peer)
        else:
            answers(GOOD)(peer)

    with scripted_server(behaviour) as server:
        outcome = variant.run(f"-addr={server.address}", "-connect-timeout=20s")
    assert outcome.exit_code == 0, outcome
    assert len(server.peers) == 3


def test_unix_socket_that_appears_while_dialling(variant: Variant) -> None:
    with canned_grpc(READY, unix_socket=True) as place:
        later = place.folder / "later.sock"
        appears = threading.Timer(0.3, os.rename, (place.socket, later))
        appears.start()
        outcome = variant.run(f"-addr=unix://{later}", "-connect-timeout=20s")
        appears.join()
    assert outcome.exit_code == 0, outcome


def test_unix_socket_that_does_not_appear(variant: Variant, tmp_path: Path) -> None:
    outcome = variant.run(f"-addr=unix://{tmp_path}/tfs.sock", "-timeout=200ms")
    assert outcome.exit_code == 2
    assert f"(last error: connect unix:{tmp_path}/tfs.sock: no such file or directory)" in outcome.verdict
    assert outcome.hint == HINTS["no-socket"]


@contextlib.contextmanager
def on_one_family(serving: str, other: str, listens: bool = False) -> Iterator[int]:
    """A good server on one address of this machine; on the other, the same port refuses, or takes and closes."""
    with contextlib.ExitStack() as stack:
        while True:
            occupied = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in other else socket.AF_INET))
            occupied.bind((other, 0))
            port: int = occupied.getsockname()[1]
            try:
                stack.enter_context(scripted_server(answers(GOOD), place=(serving, port)))
            except OSError:
                continue  # another process has it: try another port
            break
        if listens:
            occupied.close()
            stack.enter_context(scripted_server(Peer.close, place=(other, port)))
        yield port


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "", "0.0.0.0", "[::]"])
@pytest.mark.parametrize(("serving", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_server_on_one_family_alone(serving: str, other: str, host: str) -> None:
    with on_one_family(serving, other) as port:
        outcome = MODULE.run(f"-addr={host}:{port}", "-connect-timeout=20s")
    assert outcome.exit_code == 0, outcome


def test_server_on_ipv6_alone_for_every_variant(variant: Variant) -> None:
    with on_one_family("::1", "127.0.0.1") as port:
        outcome = variant.run(f"-addr=localhost:{port}", "-connect-timeout=20s")
    assert outcome.exit_code == 0, outcome


def test_next_address_is_tried_when_the_first_takes_the_connection_and_closes(variant: Variant) -> None:
    with on_one_family("::1", "127.0.0.1", listens=True) as port:
        outcome = variant.run(f"-addr=localhost:{port}", "-connect-timeout=5s")
    assert outcome.exit_code == 0, outcome


def test_refused_names_the_first_address(variant: Variant) -> None:
    with refused() as place:
        outcome = variant.run(f"-addr=:{place.port}", "-timeout=200ms")
    assert outcome.exit_code == 2
    assert f"(last error: connect 127.0.0.1:{place.port}: connection refused)" in outcome.verdict
    assert outcome.hint == HINTS["refused"]


def test_attempt_without_time_tells_nothing() -> None:
    """Else the last attempt, begun when the time was up, would say "timed out" of a port that refuses."""
    with refused() as place, pytest.raises(Transient) as caught:
        connect(Address(socket.AF_INET, ("127.0.0.1", place.port)), Deadline.after(0, CONNECT))
    assert caught.value.text == ""
