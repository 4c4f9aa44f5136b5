"""One round: connect, ask every query, judge."""

import time

from .deadline import RPC
from .model import CALL, DIAL, STATUS, CallTrace, Failure, Report, Result
from .rpc.status import RESOURCE_EXHAUSTED
from .tfs.client import connect
from .tfs.verdict import judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from .deadline import Deadline
    from .model import ClientConfig, ModelStatus, Plan, Query
    from .tfs.client import Client

    Connect: TypeAlias = Callable[[ClientConfig, Query, Deadline], "tuple[Client | Failure, CallTrace]"]
    Sleep: TypeAlias = Callable[[float], None]

# Pauses before a busy server is asked again.
FIRST_PAUSE_SECONDS, PAUSE_GROWTH, MAX_PAUSE_SECONDS = 0.1, 1.6, 1.0


def check(plan: "Plan", connect: "Connect" = connect, sleep: "Sleep" = time.sleep) -> Report:
    """The report on all of the plan's queries, over one connection. A failed connection is every query's outcome."""
    queries = plan.queries
    if not queries:
        return Report(())
    try:
        client, trace = connect(plan.client, queries[0], plan.deadline)
    except MemoryError:
        client, trace = Failure(DIAL, "out of memory", cause="memory", permanent=True), CallTrace()
    if isinstance(client, Failure):
        outcomes: tuple[ModelStatus | Failure, ...] = (client,) * len(queries)
    else:
        begun = time.monotonic_ns()
        try:
            outcomes = _ask(client, plan, sleep)
        except MemoryError:
            outcomes = (Failure(CALL, "out of memory", RESOURCE_EXHAUSTED, "memory", permanent=True),) * len(queries)
        call_ns = time.monotonic_ns() - begun
        client.close()
        trace = CallTrace(trace.peer, trace.security, trace.spiffe_id, trace.dial_ns, call_ns)
    return Report(
        tuple(
            Result(query, outcome, judge(outcome, query, plan.liveness), trace)
            for query, outcome in zip(queries, outcomes, strict=True)
        )
    )


def _ask(client: "Client", plan: "Plan", sleep: "Sleep") -> "tuple[ModelStatus | Failure, ...]":
    """The outcomes of all queries. Where the run has a deadline, a busy server is asked again for as long as one call
    may take: it is healthy, and taking it out of service would move its load to the next one. Liveness counts it as
    alive."""
    deadline = plan.deadline
    if deadline.at is None or plan.liveness:
        return client.status(plan.queries, deadline)
    until = deadline.with_timeout(plan.client.rpc_timeout, RPC)
    outcomes = client.status(plan.queries, deadline)
    pause = FIRST_PAUSE_SECONDS
    while until.remaining() > pause:
        busy = [place for place, outcome in enumerate(outcomes) if _is_busy(outcome)]
        if not busy:
            break
        sleep(pause)
        pause = min(pause * PAUSE_GROWTH, MAX_PAUSE_SECONDS)
        found = list(outcomes)
        answers = client.status(tuple(plan.queries[place] for place in busy), until)
        for place, answer in zip(busy, answers, strict=True):
            # When the time ends, what the server said stays.
            found[place] = found[place] if isinstance(answer, Failure) and answer.limit else answer
        outcomes = tuple(found)
    return outcomes


def _is_busy(outcome: "ModelStatus | Failure") -> bool:
    """Whether the server had no free thread for the call."""
    return isinstance(outcome, Failure) and outcome.kind == STATUS and outcome.code == RESOURCE_EXHAUSTED
