"""One round: connect, ask every query, judge."""

import time

from .deadline import RPC
from .model import CALL, DIAL, PREDICT, SETUP, STATUS, CallTrace, Failure, Report, Result, Verdict
from .rpc.status import RESOURCE_EXHAUSTED
from .tfs import exit_codes
from .tfs.client import connect
from .tfs.verdict import judge, of_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias, TypeVar

    from .deadline import Deadline
    from .model import ClientConfig, ModelStatus, NamedFile, Phase, Plan, Query
    from .tfs.client import Client

    T = TypeVar("T")
    R = TypeVar("R")
    Enter: TypeAlias = Callable[[Phase], None]
    Connect: TypeAlias = Callable[[ClientConfig, Query, Deadline, Enter], "tuple[Client | Failure, CallTrace]"]
    Sleep: TypeAlias = Callable[[float], None]

# Pauses before a busy server is asked again.
FIRST_PAUSE_SECONDS, PAUSE_GROWTH, MAX_PAUSE_SECONDS = 0.1, 1.6, 1.0
MAX_PREDICT_BYTES = 4 << 20


def ignore(_: "Phase") -> None:
    """Nothing watches the phases."""


def check(plan: "Plan", connect: "Connect" = connect, sleep: "Sleep" = time.sleep, enter: "Enter" = ignore) -> Report:
    """The report on all of the plan's queries, over one connection. A failed connection is every query's outcome.
    `enter` is called at the start of each phase. Without a query nothing is connected."""
    if not plan.queries:
        return Report(())
    client, trace = dial(plan, connect, enter)
    if isinstance(client, Failure):
        return failed_report(plan, client, trace)
    report = ask(client, plan, trace, sleep, enter)
    client.close()
    return report


def dial(plan: "Plan", connect: "Connect", enter: "Enter" = ignore) -> "tuple[Client | Failure, CallTrace]":
    """A client that is connected, or why there is none. The plan must have a query. A request file that cannot be used
    is found before anything is asked."""
    if plan.predict is not None and not plan.liveness:
        enter("files")
        request = _read_request(plan.predict)
        if isinstance(request, Failure):
            return request, CallTrace()
    try:
        return connect(plan.client, plan.queries[0], plan.deadline, enter)
    except MemoryError:
        return Failure(DIAL, "out of memory", cause="memory", permanent=True), CallTrace()


def failed_report(plan: "Plan", failure: Failure, trace: "CallTrace | None" = None) -> Report:
    """The report on a round that asked nothing."""
    return Report(tuple(Result(query, failure, judge(failure, query, plan.liveness), trace) for query in plan.queries))


def ask(
    client: "Client", plan: "Plan", trace: CallTrace, sleep: "Sleep" = time.sleep, enter: "Enter" = ignore
) -> Report:
    """The report on all queries, by a client that is connected. `trace`: of its connection."""
    enter("call")
    begun = time.monotonic_ns()
    try:
        outcomes = _until_not_busy(lambda queries, until: client.status(queries, until), plan, plan.queries, sleep)
        verdicts = [
            _judge(client, plan, query, outcome, sleep, enter)
            for query, outcome in zip(plan.queries, outcomes, strict=True)
        ]
    except MemoryError:
        failure = Failure(CALL, "out of memory", RESOURCE_EXHAUSTED, "memory", permanent=True)
        outcomes = (failure,) * len(plan.queries)
        verdicts = [judge(failure, query, plan.liveness) for query in plan.queries]
    call_ns = time.monotonic_ns() - begun
    trace = CallTrace(trace.peer, trace.security, trace.spiffe_id, trace.dial_ns, call_ns)
    return Report(
        tuple(
            Result(query, outcome, verdict, trace)
            for query, outcome, verdict in zip(plan.queries, outcomes, verdicts, strict=True)
        )
    )


def _judge(
    client: "Client", plan: "Plan", query: "Query", outcome: "ModelStatus | Failure", sleep: "Sleep", enter: "Enter"
) -> Verdict:
    """The verdict on one query, after the calls that its labels and its prediction need."""
    names = (query.label,) if query.label is not None else query.labels
    if not names and plan.predict is None:
        return judge(outcome, query, plan.liveness)
    labels: tuple[tuple[str, int | Failure], ...] = ()
    if names and not isinstance(outcome, Failure) and outcome.first and not plan.liveness:
        answers = _until_not_busy(
            lambda wanted, until: tuple(client.version_of_label(query.model, label, until) for label in wanted),
            plan,
            names,
            sleep,
        )
        labels = tuple(zip(names, answers, strict=True))
    verdict = judge(outcome, query, plan.liveness, labels)
    if plan.predict is None or plan.liveness or verdict.exit_code:
        return verdict
    enter("predict")
    version = query.version or None
    if query.label is not None and isinstance(labels[0][1], int):
        version = labels[0][1]
    failure = _predict(client, plan, query, version, sleep)
    if failure is None:
        return verdict
    if failure.kind == SETUP:
        return of_failure(failure)
    return Verdict(exit_codes.PREDICT, verdict.version, failure, failure.cause)


def _predict(client: "Client", plan: "Plan", query: "Query", version: "int | None", sleep: "Sleep") -> "Failure | None":
    """Why the model does not answer the plan's request; None if it does."""
    assert plan.predict is not None
    request = _read_request(plan.predict)
    if isinstance(request, Failure):
        return request
    (failure,) = _until_not_busy(
        lambda _, until: (client.predict(query.model, version, request, until),), plan, (query,), sleep
    )
    if failure is None:
        return None
    return failure.copy(kind=PREDICT)


def _read_request(file: "NamedFile") -> "bytes | Failure":
    from .files import UnusableFile, read_file

    try:
        return read_file(file, MAX_PREDICT_BYTES)
    except UnusableFile as error:
        return Failure(SETUP, error.text, cause=error.cause, permanent=True)


def _until_not_busy(
    call: "Callable[[tuple[T, ...], Deadline], tuple[R, ...]]",
    plan: "Plan",
    questions: "tuple[T, ...]",
    sleep: "Sleep",
) -> "tuple[R, ...]":
    """The answers to all questions. Where the run has a deadline, a busy server is asked again for as long as one call
    may take: it is healthy, and taking it out of service would move its load to the next one. Liveness counts it as
    alive."""
    if plan.deadline.at is None or plan.liveness:
        return call(questions, plan.deadline)
    until = plan.deadline.with_timeout(plan.client.rpc_timeout, RPC)
    answers = call(questions, plan.deadline)
    pause = FIRST_PAUSE_SECONDS
    while until.remaining() > pause:
        busy = [place for place, answer in enumerate(answers) if _is_busy(answer)]
        if not busy:
            break
        sleep(pause)
        pause = min(pause * PAUSE_GROWTH, MAX_PAUSE_SECONDS)
        found = list(answers)
        again = call(tuple(questions[place] for place in busy), until)
        for place, answer in zip(busy, again, strict=True):
            # When the time ends, what the server said stays.
            found[place] = found[place] if isinstance(answer, Failure) and answer.limit else answer
        answers = tuple(found)
    return answers


def _is_busy(answer: object) -> bool:
    """Whether the server had no free thread for the call."""
    return isinstance(answer, Failure) and answer.kind == STATUS and answer.code == RESOURCE_EXHAUSTED
