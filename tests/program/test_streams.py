"""Whatever state its standard streams are in, and whatever signals it was started with, the program's exit code is the
verdict's, and a signal ends it at once."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from tests.support.behaviours import answers, sends
from tests.support.canned import refused
from tests.support.http2_writer import GOOD, HEAD, TRAILERS, data, trailers
from tests.support.namespaces import namespaces, run_with_resolver
from tests.support.runner import wait_for
from tests.support.scripted_server import Behaviour, Peer, client_frames, scripted_server
from tests.support.variants import MODULE, Variant
from tests.support.wire import AVAILABLE, entry, message

NOT_FOUND = answers(HEAD + trailers(5, "no such model"))
REDIRECTED = "-timeout=20s"


def shell(
    variant: Variant, redirections: str, *argv: str, stderr: int | IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Starts the program by a shell that does the redirections, or other commands, first."""
    return subprocess.Popen(
        ["sh", "-c", redirections + ' exec "$@"', "sh", *variant.command, *argv],
        env=variant.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if stderr is None else stderr,
        start_new_session=True,
    )


# Closed, full and slow streams.


CLOSED = ["".join(some) for size in range(4) for some in itertools.combinations("012", size)]


@pytest.mark.parametrize("closed", CLOSED, ids=lambda closed: f"closed-{closed or 'none'}")
@pytest.mark.parametrize(
    ("behaviour", "exit_code"), [(answers(GOOD), 0), (NOT_FOUND, 10)], ids=["available", "not-found"]
)
def test_closed_streams_change_nothing(variant: Variant, behaviour: Behaviour, exit_code: int, closed: str) -> None:
    redirections = "exec " + " ".join({"0": "<&-", "1": ">&-", "2": "2>&-"}[one] for one in closed) + ";"
    with scripted_server(behaviour) as server:
        process = shell(variant, redirections if closed else "", f"-addr={server.address}", REDIRECTED)
        stdout, stderr = wait_for(process)
    assert process.returncode == exit_code, stderr
    assert stdout == b""
    assert bool(stderr) == ("2" not in closed)
    # Whole frames only, to the last byte: no line of output went to the server.
    (peer,) = server.peers
    assert sum(len(frame.serialize()) for frame in client_frames(bytes(peer.received))) + 24 == len(peer.received)


@pytest.mark.parametrize("closed", CLOSED, ids=lambda closed: f"closed-{closed or 'none'}")
def test_closed_streams_while_dialling(closed: str) -> None:
    redirections = "exec " + " ".join({"0": "<&-", "1": ">&-", "2": "2>&-"}[one] for one in closed) + ";"
    with refused() as place:
        process = shell(MODULE, redirections if closed else "", f"-addr=:{place.port}", "-timeout=100ms")
        _, stderr = wait_for(process)
    assert process.returncode == 2, stderr


def test_closed_streams_while_resolving(variant: Variant, tmp_path: Path) -> None:
    """The resolver's socket is still open when the line is written, and may not be where the line goes."""
    closed = Variant(variant.name, ("sh", "-c", 'exec "$@" 2>&-', "sh", *variant.command), variant.env)
    outcome = run_with_resolver(closed, "mute", tmp_path, "-addr=tfs.example:8500", "-timeout=300ms")
    assert outcome == (2, "", "")


@pytest.mark.parametrize(
    ("argv", "exit_code"), [("-version", 0), ("-h", 0), ("-help", 0), ("-bogus", 2), ("-timeout=x", 2)], ids=str
)
@pytest.mark.parametrize("redirections", ["exec >&- 2>&-;", "exec >/dev/full 2>/dev/full;", "exec <&- >&- 2>&-;"])
def test_words_without_a_reader(variant: Variant, argv: str, exit_code: int, redirections: str) -> None:
    process = shell(variant, redirections, argv)
    assert wait_for(process) == (b"", b"")
    assert process.returncode == exit_code


def test_full_device(variant: Variant) -> None:
    with scripted_server(answers(GOOD)) as server:
        process = shell(variant, "exec 2>/dev/full;", f"-addr={server.address}", REDIRECTED)
        wait_for(process)
    assert process.returncode == 0


def full_pipe() -> tuple[int, int]:
    """A pipe that takes nothing any more, and blocks."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (65536, 1):
        try:
            while True:
                os.write(writing, bytes(size))
        except BlockingIOError:
            pass
    os.set_blocking(writing, True)
    return reading, writing


@pytest.mark.parametrize(
    ("behaviour", "exit_code", "argv"),
    [(answers(GOOD), 0, ()), (NOT_FOUND, 10, ("-timeout=700ms",))],
    ids=["no-timeout", "timeout"],
)
def test_full_pipe_without_a_reader(
    variant: Variant, behaviour: Behaviour, exit_code: int, argv: tuple[str, ...]
) -> None:
    reading, writing = full_pipe()
    try:
        with scripted_server(behaviour) as server:
            process = shell(variant, "", f"-addr={server.address}", *argv, stderr=writing)
            wait_for(process)
        assert process.returncode == exit_code
        assert os.get_blocking(writing), "a mode that others share was changed"
    finally:
        os.close(reading)
        os.close(writing)


def test_full_pipe_when_the_time_is_up(variant: Variant) -> None:
    reading, writing = full_pipe()
    try:
        with scripted_server(lambda peer: peer.pause(60)) as server:
            process = shell(variant, "", f"-addr={server.address}", "-timeout=300ms", stderr=writing)
            wait_for(process)
        assert process.returncode == 2
    finally:
        os.close(reading)
        os.close(writing)


def test_usage_into_a_full_pipe(variant: Variant) -> None:
    reading, writing = full_pipe()
    try:
        process = shell(variant, "", "-h", stderr=writing)
        wait_for(process)
        assert process.returncode == 0
    finally:
        os.close(reading)
        os.close(writing)


def test_pipe_whose_reader_is_gone(variant: Variant) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with scripted_server(NOT_FOUND) as server:
            process = shell(variant, "", f"-addr={server.address}", stderr=writing)
            wait_for(process)
        assert process.returncode == 10, "SIGPIPE" if process.returncode == -signal.SIGPIPE else ""
    finally:
        os.close(writing)


def test_slow_reader_gets_every_byte(variant: Variant) -> None:
    """The pipe holds a page, the lines are longer, and the reader takes some bytes at a time."""
    versions = b"".join(entry(number, AVAILABLE) for number in range(60, 0, -1))
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writing, b"." * 4000)
    with scripted_server(answers(HEAD + data(message(versions)) + TRAILERS)) as server:
        process = shell(variant, "", f"-addr={server.address}", stderr=writing)
        os.close(writing)
        received = b""
        while more := os.read(reading, 100):
            received += more
        os.close(reading)
        wait_for(process)
    assert process.returncode == 0
    assert received.startswith(b"." * 4000) and len(received) > 4096 + 100
    assert received.count(b"model_version_status:{") == 60
    assert received.endswith(b" Servable state is AVAILABLE\n")


# Signals.

ENDS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
SIGNALS = pytest.mark.parametrize(("number", "exit_code"), ENDS, ids=["SIGTERM", "SIGINT"])

# How a parent may leave the signals to its children.
BLOCKED = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.valid_signals()))
os.execvp(sys.argv[1], sys.argv[1:])
"""
HANDED_DOWN: dict[str, tuple[str, ...]] = {
    "default": (),
    "ignored": ("sh", "-c", 'trap "" HUP INT QUIT PIPE ALRM TERM; exec "$@"', "sh"),
    "blocked": (sys.executable, "-I", "-S", "-c", BLOCKED),
}


def started(variant: Variant, before: tuple[str, ...], *argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*before, *variant.command, *argv],
        env=variant.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def while_answering() -> tuple[Behaviour, threading.Event]:
    """A behaviour that takes the request and never answers, and when it has it."""
    ready = threading.Event()

    def behaviour(peer: Peer) -> None:
        answers()(peer)
        ready.set()

    return behaviour, ready


def while_greeting() -> tuple[Behaviour, threading.Event]:
    ready = threading.Event()

    def behaviour(peer: Peer) -> None:
        peer.frame()
        ready.set()

    return behaviour, ready


def while_trying_again() -> tuple[Behaviour, threading.Event]:
    ready = threading.Event()
    turns = itertools.count(1)

    def behaviour(peer: Peer) -> None:
        peer.close()
        if next(turns) == 3:
            ready.set()

    return behaviour, ready


@SIGNALS
@pytest.mark.parametrize(
    ("phase", "handed_down"),
    [
        (while_trying_again, "default"),
        (while_greeting, "default"),
        *((while_answering, handed_down) for handed_down in HANDED_DOWN),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_signal_ends_the_process(
    variant: Variant,
    phase: Callable[[], tuple[Behaviour, threading.Event]],
    handed_down: str,
    number: signal.Signals,
    exit_code: int,
) -> None:
    behaviour, ready = phase()
    with scripted_server(behaviour) as server:
        process = started(
            variant,
            HANDED_DOWN[handed_down],
            f"-addr={server.address}",
            "-connect-timeout=60s",
            "-rpc-timeout=60s",
        )
        assert ready.wait(30)
        process.send_signal(number)
        assert wait_for(process) == (b"", b"")
    assert process.returncode == exit_code


@SIGNALS
def test_signal_while_resolving(variant: Variant, tmp_path: Path, number: signal.Signals, exit_code: int) -> None:
    outcome = run_with_resolver(variant, number.name, tmp_path, "-addr=tfs.example:8500", "-connect-timeout=60s")
    assert outcome == (exit_code, "", "")


@SIGNALS
@pytest.mark.parametrize("phase", [while_greeting, while_answering])
def test_signal_to_process_1(
    variant: Variant, phase: Callable[[], tuple[Behaviour, threading.Event]], number: signal.Signals, exit_code: int
) -> None:
    behaviour, ready = phase()
    with scripted_server(behaviour) as server:
        process = started(
            variant,
            tuple(namespaces("--pid", "--fork", "--kill-child")),
            f"-addr={server.address}",
            "-connect-timeout=60s",
            "-rpc-timeout=60s",
        )
        assert ready.wait(30)
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert re.search(r"^NSpid:\t\d+\t1$", Path(f"/proc/{child}/status").read_text(), re.MULTILINE)
        os.kill(int(child), number)
        assert wait_for(process) == (b"", b"")
    assert process.returncode == exit_code


def test_blocked_alarm_does_not_hold_the_end(variant: Variant) -> None:
    """The bound of a write to a full pipe must not depend on a signal that the parent has blocked."""
    reading, writing = full_pipe()
    try:
        with scripted_server(answers(GOOD)) as server:
            blocked = Variant(variant.name, (*HANDED_DOWN["blocked"], *variant.command), variant.env)
            process = shell(blocked, "", f"-addr={server.address}", "-timeout=700ms", stderr=writing)
            wait_for(process)
        assert process.returncode == 0
    finally:
        os.close(reading)
        os.close(writing)


# A fault of ours.

BREAKS = """
import sys
from probe import __main__ as program

def broken(*_, **__):
    raise {error}

program.check = broken
program.run()
"""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ('ZeroDivisionError("division by zero")', "internal error: ZeroDivisionError: division by zero"),
        ("AssertionError()", "internal error: AssertionError: "),
        ("SystemExit(0)", "internal error: SystemExit: 0"),
        (r'ValueError("two\nlines\x1b[2J\u2028")', r"internal error: ValueError: two\nlines\x1b[2J\u2028"),
        (r'ValueError("\ud800\udcff")', r"internal error: ValueError: \ud800\xff"),
    ],
    ids=lambda value: value.partition("(")[0] if "(" in value else "",
)
def test_internal_error_is_one_line(error: str, line: str) -> None:
    broken = Variant("broken", (sys.executable, "-c", BREAKS.format(error=error)), MODULE.env)
    with scripted_server(answers(GOOD)) as server:
        outcome = broken.run(f"-addr={server.address}", REDIRECTED)
    assert outcome.exit_code == 101
    assert outcome.stdout == ""
    assert [text.rstrip() for text in outcome.lines] == [line.rstrip()]


def test_no_memory_is_no_internal_error() -> None:
    broken = Variant("broken", (sys.executable, "-c", BREAKS.format(error="MemoryError()")), MODULE.env)
    outcome = broken.run("-addr=127.0.0.1:1", REDIRECTED)
    assert (outcome.exit_code, outcome.verdict) == (2, "error: out of memory")
    assert outcome.hint


def test_internal_error_with_closed_streams() -> None:
    broken = Variant("broken", (sys.executable, "-c", BREAKS.format(error="KeyError()")), MODULE.env)
    with scripted_server(sends()) as server:
        process = shell(broken, "exec 2>&-;", f"-addr={server.address}", "-timeout=300ms")
        wait_for(process)
    assert process.returncode == 101
