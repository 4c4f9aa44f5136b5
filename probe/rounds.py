"""Round after round over a connection that is kept while it lasts."""

import time

from .check import ask, dial, failed_report, ignore
from .model import CALL, CallTrace, Failure, Report
from .tfs import exit_codes
from .tfs.client import connect
from .tfs.verdict import exit_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .check import Connect, Enter, Sleep
    from .model import Plan
    from .tfs.client import Client

# Pauses between rounds: short at first, so that a start is noticed at once.
FIRST_PAUSE_SECONDS, PAUSE_GROWTH = 0.05, 1.6
# Failures of a kept connection: the server has gone away since, and a new connection may work.
STALE = ("broken", "unprocessed")


class Session:
    """Rounds with the same server. Not thread-safe."""

    __slots__ = ("_client", "_connect", "_sleep", "_trace")

    def __init__(self, connect: "Connect" = connect, sleep: "Sleep" = time.sleep) -> None:
        self._connect = connect
        self._sleep = sleep
        self._client: Client | None = None
        self._trace = CallTrace()

    def round(self, plan: "Plan", enter: "Enter" = ignore) -> Report:
        """The report on all of the plan's queries."""
        if not plan.queries:
            return Report(())
        report = None
        if self._client is not None:
            report = self._ask(self._client, plan, enter)
            if self._client is not None or not _is_stale(report):
                return report
            if plan.deadline.remaining() <= 0:
                return report  # the first attempt took all of the time, and says more
        client, self._trace = dial(plan, self._connect, enter)
        if isinstance(client, Failure):
            if report is not None and client.cause == "no-time":
                return report  # as above
            return failed_report(plan, client, self._trace)
        self._client = client
        return self._ask(client, plan, enter)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, client: "Client", plan: "Plan", enter: "Enter") -> Report:
        report = ask(client, plan, self._trace, self._sleep, enter)
        if not client.is_usable or _is_unanswered(report):
            self.close()
        return report


def _is_unanswered(report: Report) -> bool:
    """Whether the server answered nothing: it may be gone, and its name may have another address by now."""
    return all(isinstance(result.outcome, Failure) and result.outcome.kind == CALL for result in report.results)


def _is_stale(report: Report) -> bool:
    return all(isinstance(result.outcome, Failure) and result.outcome.cause in STALE for result in report.results)


def wait(
    plan: "Plan",
    session: Session,
    progress: "Callable[[Report], None]",
    sleep: "Sleep" = time.sleep,
    enter: "Enter" = ignore,
) -> Report:
    """Rounds until one succeeds, one fails permanently, or the plan's deadline passes: then the last complete round's
    report counts. `progress` is called after each round that failed."""
    pause = FIRST_PAUSE_SECONDS
    last = None
    while True:
        report = session.round(plan, enter)
        if exit_code(report) == exit_codes.OK:
            return report
        if plan.deadline.remaining() <= 0:  # the round was cut short
            return last or report
        last = report
        if is_permanent(report):
            return report
        progress(report)
        sleep(min(pause, plan.deadline.remaining()))
        if plan.deadline.remaining() <= 0:
            return last
        pause = min(pause * PAUSE_GROWTH, plan.interval / 1e9)


def is_permanent(report: Report) -> bool:
    """Whether waiting cannot help."""
    if exit_code(report) in (exit_codes.SETUP, exit_codes.INTERNAL, exit_codes.DAMAGED):
        return True
    failures = (result.verdict.failure for result in report.results)
    return any(failure is not None and failure.permanent for failure in failures)
