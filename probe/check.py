"""One round: connect, ask every query, judge."""

import time

from .model import CallTrace, Failure, Report, Result
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


def check(plan: "Plan", connect: "Connect" = connect) -> Report:
    """The report on all of the plan's queries, over one connection. A connection that fails is every query's
    outcome."""
    queries = plan.queries
    if not queries:
        return Report(())
    client, trace = connect(plan.client, queries[0], plan.deadline)
    outcomes: tuple[ModelStatus | Failure, ...]
    if isinstance(client, Failure):
        outcomes = (client,) * len(queries)
    else:
        begun = time.monotonic_ns()
        outcomes = client.status(queries, plan.deadline)
        call_ns = time.monotonic_ns() - begun
        client.close()
        trace = CallTrace(trace.peer, trace.security, trace.spiffe_id, trace.dial_ns, call_ns)
    return Report(
        tuple(
            Result(query, outcome, judge(outcome, query, plan.liveness), trace)
            for query, outcome in zip(queries, outcomes, strict=True)
        )
    )
