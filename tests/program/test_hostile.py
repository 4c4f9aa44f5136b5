"""Whatever a server does, the program ends by itself with a documented exit code and a one-line verdict.

The table in http2_rows.py is run on the module, line for line, and a handful of it on every variant.
What holds for every row is in `assert_promises`; the rest of this file is what needs more than one run.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from probe.check import check
from probe.deadline import RUN, Deadline
from probe.model import CALL, DIAL, ClientConfig, Failure, ModelStatus, Plan, Query
from tests.program.http2_rows import ROWS, Row
from tests.support.behaviours import answers
from tests.support.hints import HINTS
from tests.support.http2_writer import GOOD, GREETING
from tests.support.runner import Measured, Outcome, run_measured
from tests.support.scripted_server import Behaviour, Peer, scripted_server
from tests.support.variants import MODULE, Variant

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


def run(variant: Variant, folder: Path, *argv: str) -> Measured:
    return run_measured([*variant.command, *argv], variant.environment(), folder)


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
    assert not row.cause or outcome.hint == HINTS[row.cause]


@pytest.fixture(scope="module")
def plain_memory(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The most memory of a run against a good server, in KiB."""
    with scripted_server(answers(GOOD)) as server:
        plain = run(MODULE, tmp_path_factory.mktemp("plain"), f"-addr={server.address}")
    assert plain.outcome.exit_code == 0
    return plain.peak_kib


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, tmp_path: Path, plain_memory: int) -> None:
    with scripted_server(row.behaviour, row.receive_buffer) as server:
        done = run(MODULE, tmp_path, f"-addr={server.address}", *row.argv)
    assert_row(row, done.outcome)
    assert done.peak_kib < plain_memory + EXTRA_MEMORY, f"{done.peak_kib - plain_memory} KiB more than a plain run"


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
def test_handful_on_every_variant(variant: Variant, name: str, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.name == name)
    with scripted_server(row.behaviour, row.receive_buffer) as server:
        assert_row(row, run(variant, tmp_path, f"-addr={server.address}", *row.argv).outcome)


# What the second engine makes of a hostile server depends on its library; the lines, and that the run ends even where
# the library itself (grpcio 1.85) hangs, depend on us.
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
    with scripted_server(row.behaviour, row.receive_buffer) as server:
        argv = (f"-addr={server.address}", "-engine=grpcio", *(row.argv or ("-connect-timeout=1s", "-rpc-timeout=1s")))
        outcome = run(MODULE, tmp_path, *argv).outcome
    assert outcome.exit_code == row.exit_code, outcome
    assert_promises(outcome)


ANSWER = GREETING + GOOD


def ends_after(size: int, how: str) -> Behaviour:
    """Sends that many bytes of a good answer, then closes."""

    def behaviour(peer: Peer) -> None:
        peer.frame()
        peer.send(ANSWER[:size])
        {"close": peer.close, "reset": peer.reset}[how]()

    return behaviour


def asked(address: str) -> ModelStatus | Failure:
    config = ClientConfig(address, connect_timeout=50_000_000, rpc_timeout=20_000_000_000)
    (result,) = check(Plan(config, (Query("half"),), Deadline(None, RUN))).results
    return result.outcome


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("size", range(len(ANSWER) + 1))
def test_answer_that_ends_after_any_byte(size: int, how: str) -> None:
    with scripted_server(ends_after(size, how)) as server:
        outcome = asked(server.address)
    if size < len(GREETING):
        assert isinstance(outcome, Failure)
        assert outcome.kind == DIAL
    elif size < len(ANSWER):
        assert isinstance(outcome, Failure)
        assert outcome.kind == CALL
    else:
        assert isinstance(outcome, ModelStatus)
        assert [status.version for status in outcome] == [123]


def test_server_cannot_fake_a_line(tmp_path: Path) -> None:
    """The one that a log reader would be fooled by: a whole line of ours inside the server's words."""
    row = next(row for row in ROWS if row.name == "grpc-message-controls-not-found")
    with scripted_server(row.behaviour) as server:
        outcome = run(MODULE, tmp_path, f"-addr={server.address}").outcome
    assert "Servable state is AVAILABLE" in outcome.verdict
    assert "Servable state is AVAILABLE" not in outcome.lines


def test_table_names_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
