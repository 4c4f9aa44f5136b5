"""One round over all queries, through the native engine and scripted streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import hyperframe.frame as h2frame
import pytest

from probe.check import FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, check
from probe.deadline import RPC, RUN, Deadline
from probe.model import AVAILABLE, CALL, DIAL, STATUS, CallTrace, ClientConfig, Failure, Plan, Query, Report
from probe.net.errors import Transient
from probe.net.stream import Address
from probe.tfs import exit_codes, native
from tests.support.http2_writer import GREETING, HEAD_FIELDS, headers
from tests.support.scripted_stream import ScriptedStream, Step, good, is_request
from tests.support.wire import entry

if TYPE_CHECKING:
    from probe.model import Phase
    from probe.tfs.client import Client

SECOND = 1_000_000_000
ONE, TWO, THREE = (Query(name) for name in ("one", "two", "three"))
READY = entry(1, AVAILABLE)
RESOURCE_EXHAUSTED = 8


def status(code: int, stream: int, text: str = "") -> bytes:
    return headers((*HEAD_FIELDS, ("grpc-status", str(code)), ("grpc-message", text)), end=True, stream=stream)


def busy(stream: int) -> bytes:
    return status(RESOURCE_EXHAUSTED, stream, "Threadpool is full")


class Run:
    """One round against a server whose answers are a function of the stream."""

    def __init__(self, answer: Callable[[int], bytes | list[Step]]) -> None:
        self.pauses: list[float] = []
        self.phases: list[str] = []
        self.stream = ScriptedStream(GREETING, react=self._react)
        self._answer = answer

    def _react(self, frame: h2frame.Frame) -> bytes | list[Step]:
        return self._answer(frame.stream_id) if is_request(frame) else b""

    def connect(
        self, config: ClientConfig, first: Query, deadline: Deadline, enter: Callable[[Phase], None]
    ) -> tuple[Client | Failure, CallTrace]:
        def dial(_: Address, __: Deadline) -> ScriptedStream:
            return self.stream

        return native.connect(config, first, deadline, enter, connect=dial)

    def check(
        self, *queries: Query, seconds: float | None = 10, liveness: bool = False, rpc_timeout: int = 10 * SECOND
    ) -> Report:
        config = ClientConfig("10.0.0.1:8500", rpc_timeout=rpc_timeout)
        deadline = Deadline(None, RUN) if seconds is None else Deadline.after(int(seconds * SECOND), RUN)
        plan = Plan(config, queries or (ONE,), deadline, liveness)
        return check(plan, self.connect, self.pauses.append, self.phases.append)


def codes(report: Report) -> list[int]:
    return [result.verdict.exit_code for result in report.results]


def test_all_queries_over_one_connection() -> None:
    run = Run(lambda stream: good(stream, READY) if stream != 3 else status(5, stream, "not found"))
    report = run.check(ONE, TWO, THREE)
    assert [result.query for result in report.results] == [ONE, TWO, THREE]
    assert codes(report) == [exit_codes.OK, exit_codes.NOT_FOUND, exit_codes.OK]
    assert run.phases == ["dial", "call"]
    assert run.stream.closed == 1
    for result in report.results:
        assert result.trace is not None
        assert result.trace.peer == "scripted:1"
        assert result.trace.call_ns > 0 and result.trace.dial_ns > 0


def test_a_failed_connection_is_every_query_s_outcome() -> None:
    refused = Failure(DIAL, "connection refused", cause="refused")
    plan = Plan(ClientConfig("10.0.0.1:8500"), (ONE, TWO), Deadline(None, RUN))
    report = check(plan, lambda *_: (refused, CallTrace()))
    assert [result.outcome for result in report.results] == [refused, refused]
    assert [result.query for result in report.results] == [ONE, TWO]
    assert set(codes(report)) == {exit_codes.DIAL}


def test_phases_need_no_watcher() -> None:
    run = Run(lambda stream: good(stream, READY))
    plan = Plan(ClientConfig("10.0.0.1:8500"), (ONE,), Deadline(None, RUN))
    assert codes(check(plan, run.connect)) == [exit_codes.OK]


# A busy server.


def test_a_busy_server_is_asked_again() -> None:
    run = Run(lambda stream: busy(stream) if stream < 7 else good(stream, READY))
    assert codes(run.check()) == [exit_codes.OK]
    assert run.pauses == sorted(run.pauses) and len(run.pauses) == 3
    assert run.pauses[0] == FIRST_PAUSE_SECONDS


def test_only_what_was_refused_is_asked_again() -> None:
    asked: list[int] = []

    def answer(stream: int) -> bytes:
        asked.append(stream)
        return busy(stream) if stream in (3, 7) else good(stream, entry(stream, AVAILABLE))

    report = Run(answer).check(ONE, TWO, THREE)
    versions = [result.verdict.version.version for result in report.results if result.verdict.version]
    assert versions == [1, 9, 5]
    assert asked == [1, 3, 5, 7, 9]


def test_pauses_grow_to_a_limit() -> None:
    run = Run(lambda stream: busy(stream) if stream < 40 else good(stream, READY))
    assert codes(run.check()) == [exit_codes.OK]
    assert run.pauses[-1] == MAX_PAUSE_SECONDS


@pytest.mark.parametrize("seconds", [0.05, 10])
def test_the_server_s_answer_stays_when_the_time_ends(seconds: float) -> None:
    """A pause that does not fit into the time that is left is not made."""
    run = Run(busy)
    report = run.check(seconds=seconds, rpc_timeout=SECOND // 20)
    (result,) = report.results
    assert isinstance(result.outcome, Failure)
    assert (result.outcome.kind, result.outcome.code) == (STATUS, RESOURCE_EXHAUSTED)
    assert run.pauses == []


def test_silence_after_the_server_was_busy_does_not_hide_that_it_was() -> None:
    run = Run(lambda stream: busy(stream) if stream == 1 else b"")
    (result,) = run.check(rpc_timeout=SECOND // 5).results
    assert isinstance(result.outcome, Failure)
    assert (result.outcome.kind, result.outcome.code) == (STATUS, RESOURCE_EXHAUSTED)


def test_a_connection_that_breaks_meanwhile_is_what_counts() -> None:
    run = Run(lambda stream: busy(stream) if stream == 1 else [ConnectionResetError(104, "Connection reset by peer")])
    (result,) = run.check().results
    assert isinstance(result.outcome, Failure)
    assert (result.outcome.kind, result.outcome.cause) == (CALL, "broken")


def test_without_a_deadline_there_is_no_waiting() -> None:
    """As in the original program."""
    run = Run(busy)
    assert codes(run.check(seconds=None)) == [exit_codes.CALL]
    assert run.pauses == []


def test_a_busy_server_is_alive() -> None:
    run = Run(busy)
    report = run.check(liveness=True)
    assert codes(report) == [exit_codes.OK]
    assert report.results[0].verdict.alive
    assert run.pauses == []


@pytest.mark.parametrize("code", [2, 4, 14])
def test_other_statuses_are_answers(code: int) -> None:
    run = Run(lambda stream: status(code, stream))
    (result,) = run.check().results
    assert isinstance(result.outcome, Failure) and result.outcome.code == code
    assert run.pauses == []


# A machine without memory.


def test_no_memory_for_a_connection() -> None:
    def connect(*_: object) -> tuple[Failure, CallTrace]:
        raise MemoryError

    plan = Plan(ClientConfig("10.0.0.1:8500"), (ONE, TWO), Deadline(None, RUN))
    report = check(plan, connect)
    for result in report.results:
        assert isinstance(result.outcome, Failure)
        assert (result.outcome.kind, result.outcome.cause, result.outcome.permanent) == (DIAL, "memory", True)
    assert len(report.results) == 2


def test_no_memory_for_an_answer() -> None:
    run = Run(lambda _: [MemoryError()])
    report = run.check(ONE, TWO)
    for result in report.results:
        assert isinstance(result.outcome, Failure)
        assert (result.outcome.kind, result.outcome.cause, result.outcome.permanent) == (CALL, "memory", True)
    assert run.stream.closed == 1


def test_errors_of_an_attempt_are_the_dial_s() -> None:
    def connect(
        config: ClientConfig, first: Query, deadline: Deadline, enter: Callable[[Phase], None]
    ) -> tuple[Client | Failure, CallTrace]:
        def dial(*_: object) -> ScriptedStream:
            raise Transient("connect 10.0.0.1:8500: connection refused", "refused")

        return native.connect(config, first, deadline, enter, connect=dial)

    plan = Plan(ClientConfig("10.0.0.1:8500"), (ONE,), Deadline.after(SECOND // 50, RPC))
    (result,) = check(plan, connect).results
    assert isinstance(result.outcome, Failure) and result.outcome.cause == "refused"
