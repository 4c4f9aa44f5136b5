"""Whatever a server does, the program ends by itself with a documented exit code and a verdict in one line.

The table of tests/hostile.py is run on the module, line for line, and a handful of it on every form of the program.
What holds for every row is in `assert_promises`; the rest of this file is what needs more than one run.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from probe.engine import native
from probe.model import CALL, DIAL, Call, Deadline, Failure, ModelStatus, Timings
from tests.flavours import MODULE_FLAVOUR, PATIENCE, Flavour, Outcome
from tests.hostile import GOOD, GREETING, ROWS, Peer, Play, Row, answers, hostile

STAMP = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")
VERDICTS = {
    0: "Servable state is AVAILABLE",
    2: "Error dialing grpc service: .+",
    3: "Error calling tfs: rpc error: code = .+ desc = .*",
    10: "Model not found: rpc error: code = NotFound desc = .*",
    11: "Empty response",
    12: r"No matching response found for version: -?\d+",
    30: "Servable state is UNKNOWN",
    31: "Servable state is START",
    32: "Servable state is LOADING",
    33: "Servable state is UNLOADING",
    34: "Servable state is END",
    100: "Servable state is unexpected",
}
# What the kubelet keeps of a probe's output, in bytes.
KEPT = 10 * 1024
# What a server may make the program use beyond a plain run, in KiB.
EXTRA_MEMORY = 40 * 1024
# Right to left and back, the ends of lines and paragraphs: no Cc, but as good at faking a line.
TREACHEROUS = "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

# A program of its own between this big process and the measured one: what a process had in memory before it executed
# another program would count as the other's.
MEASURE = """
import os, sys
child = os.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as report:
    report.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}")
"""


class Run:
    """A finished run: how it ended, and the most memory that it had, in KiB."""

    def __init__(self, outcome: Outcome, memory: int) -> None:
        self.outcome = outcome
        self.memory = memory


def run(flavour: Flavour, folder: Path, *argv: str) -> Run:
    report = folder / "report"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", MEASURE, str(report), *flavour.command, *argv],
        env=flavour.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            stdout, stderr = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("the program did not end by itself")
    exit_code, memory = (int(word) for word in report.read_text().split())
    # No line's end is translated and no byte forgiven: the words are a server's.
    return Run(Outcome(exit_code, stdout.decode(), stderr.decode()), memory)


def assert_promises(outcome: Outcome) -> None:
    """What holds for every run against a server: shape, number and size of the lines, and that exit code and verdict
    belong together."""
    assert outcome.stdout == ""
    assert outcome.exit_code in VERDICTS, outcome
    assert outcome.stderr.endswith("\n")
    assert len(outcome.stderr.encode()) < KEPT, len(outcome.stderr.encode())
    lines = outcome.stderr[:-1].split("\n")
    for line in lines:
        assert STAMP.match(line), line
        odd = [one for one in line if unicodedata.category(one) in ("Cc", "Cs") or one in TREACHEROUS]
        assert not odd, f"{odd!r} in {line!r}"
    kinds = [line.partition(": ")[0] for line in outcome.lines]
    expected = [] if outcome.exit_code == 2 else ["ModelStatusResponse"]
    assert kinds[: len(expected)] == expected
    assert re.fullmatch(VERDICTS[outcome.exit_code], outcome.lines[len(expected)]), outcome.lines
    assert kinds[len(expected) + 1 :] in ([], ["hint"]), outcome.lines
    assert not re.search(r"\(-\d+ more|\(0 more", outcome.stderr), "what was left out is counted wrongly"


def assert_row(row: Row, outcome: Outcome) -> None:
    assert outcome.exit_code == row.exit_code, outcome
    assert_promises(outcome)
    assert row.verdict in outcome.verdict
    assert row.hint in outcome.hint


@pytest.fixture(scope="module")
def plain_memory(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The most memory of a run against a good server, in KiB."""
    with hostile(answers(GOOD)) as server:
        plain = run(MODULE_FLAVOUR, tmp_path_factory.mktemp("plain"), f"-addr={server.address}")
    assert plain.outcome.exit_code == 0
    return plain.memory


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, tmp_path: Path, plain_memory: int) -> None:
    with hostile(row.play, row.receive_buffer) as server:
        done = run(MODULE_FLAVOUR, tmp_path, f"-addr={server.address}", *row.argv)
    assert_row(row, done.outcome)
    assert done.memory < plain_memory + EXTRA_MEMORY, f"{done.memory - plain_memory} KiB more than a plain run"


# One row of each kind, for the forms of the program that are built: they differ in how they start, not in what they do.
HANDFUL = (
    "settings-in-bytes",
    "request-window-shrinks",
    "ping-flood",
    "data-4-mib",
    "headers-64-kib",
    "hpack-bomb",
    "hpack-table-across-blocks",
    "answer-then-gone",
    "grpc-message-60-kib-of-controls",
    "message-two-hundred-thousand-versions",
    "message-not-utf-8",
    "grpc-message-not-utf-8",
    "http-1.1",
    "random",
    "drip",
)


@pytest.mark.parametrize("name", HANDFUL)
def test_handful_on_every_flavour(flavour: Flavour, name: str, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.name == name)
    with hostile(row.play, row.receive_buffer) as server:
        assert_row(row, run(flavour, tmp_path, f"-addr={server.address}", *row.argv).outcome)


# What the second engine makes of a hostile server is its library's affair; ours are the lines, and that there is an
# end, also where the library itself (grpcio 1.85) hangs.
SECOND_ENGINE = (
    "continuation-endless",
    "ping-flood",
    "data-none",
    "data-4-gib",
    "goaway-reason",
    "goaway-reason-after-headers",
    "grpc-status-text",
    "grpc-message-controls",
    "grpc-message-60-kib-of-controls",
    "message-random",
    "message-two-hundred-thousand-versions",
    "http-1.1",
    "drip",
)


@pytest.mark.parametrize("name", SECOND_ENGINE)
def test_second_engine(name: str, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.name == name)
    with hostile(row.play, row.receive_buffer) as server:
        argv = (f"-addr={server.address}", "-engine=grpcio", *(row.argv or ("-connect-timeout=1s", "-rpc-timeout=1s")))
        outcome = run(MODULE_FLAVOUR, tmp_path, *argv).outcome
    assert outcome.exit_code == row.exit_code, outcome
    assert_promises(outcome)


ANSWER = GREETING + GOOD


def ends_after(size: int, how: str) -> Play:
    """Says so much of a good answer, then leaves."""

    def play(peer: Peer) -> None:
        peer.frame()
        peer.send(ANSWER[:size])
        {"close": peer.close, "reset": peer.reset}[how]()

    return play


def asked(address: str) -> ModelStatus | Failure:
    second = 1_000_000_000
    call = Call(address, "half", second // 20, 20 * second, Deadline(None, "-timeout"), b"test", "native")
    return native.ask(call, Timings())


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("size", range(len(ANSWER) + 1))
def test_answer_that_ends_after_any_byte(size: int, how: str) -> None:
    with hostile(ends_after(size, how)) as server:
        outcome = asked(server.address)
    if size < len(GREETING):
        assert isinstance(outcome, Failure)
        assert outcome.kind == DIAL
    elif size < len(ANSWER):
        assert isinstance(outcome, Failure)
        assert outcome.kind == CALL
    else:
        assert isinstance(outcome, ModelStatus)
        assert [status.version for status in outcome.versions] == [123]


def test_server_cannot_fake_a_line(tmp_path: Path) -> None:
    """The one that a log reader would be fooled by: a whole line of ours inside the server's words."""
    row = next(row for row in ROWS if row.name == "grpc-message-controls-not-found")
    with hostile(row.play) as server:
        outcome = run(MODULE_FLAVOUR, tmp_path, f"-addr={server.address}").outcome
    assert "Servable state is AVAILABLE" in outcome.verdict
    assert "Servable state is AVAILABLE" not in outcome.lines


def test_table_names_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
