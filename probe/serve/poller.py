"""Makes rounds in the background, publishes their results, and logs what changed."""

import time

from ..cli.escape import escape
from ..cli.lines import BUDGET, verdict_line
from ..cli.many import MAX_NAME_BYTES
from ..deadline import ROUND, RUN, Deadline
from ..model import CALL, END, STATE_NAMES, Failure, Query, Report, Result
from ..rpc.status import INTERNAL, proto_name
from ..tfs.verdict import exit_code, is_alive, of_failure
from .board import MAX_CHANGES, Change, ModelView, Round, trimmed, with_series

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Plan
    from ..rounds import Session
    from .board import Board
    from .models import Models

MAX_LISTED_VERSIONS = 4  # in a line about a change
DEFAULT_QUERY = Query("default")  # asked if there is no model: an answer shows that the server is alive


class Poller:
    """Asks, and publishes on the board. `wall_ns`: the time since 1970; `stamp`: the timestamp of a line; `log`: writes
    a line."""

    __slots__ = ("_board", "_log", "_models", "_plan", "_session", "_stamp", "_wall_ns")

    def __init__(
        self,
        plan: "Plan",
        models: "Models",
        board: "Board",
        session: "Session",
        wall_ns: "Callable[[], int]",
        stamp: "Callable[[], str]",
        log: "Callable[[str], None]",
    ) -> None:
        self._plan = plan
        self._models = models
        self._board = board
        self._session = session
        self._wall_ns = wall_ns
        self._stamp = stamp
        self._log = log

    def run(self) -> None:
        """The thread's body: a round every interval. Never returns."""
        due = time.monotonic_ns()
        while True:
            try:
                self.round()
            except Exception as error:  # a bug, or no memory; the last answer becomes stale, the next may succeed
                self._log(f"internal error: {type(error).__name__}: {error}")
            now = time.monotonic_ns()
            due = max(due + self._plan.interval, now)
            time.sleep((due - now) / 1e9)

    def round(self) -> None:
        """One round."""
        begun = time.monotonic_ns()
        was_read = self._models.refresh()
        results = self._ask(self._models.queries)
        alive = results or self._ask((DEFAULT_QUERY,))
        changes = self._publish(results, any(is_alive(result.outcome) for result in alive), begun)
        if was_read:  # lines follow what they announce
            error = self._models.error
            self._log(f"{error}; its last usable content stays in use" if error else "the configuration file was read")
        for change in changes:
            self._log(f"{change.model}: {change.text}" if change.model else change.text)

    def _ask(self, queries: "tuple[Query, ...]") -> "tuple[Result, ...]":
        plan = self._plan
        deadline = Deadline.after(plan.interval, ROUND)
        if plan.round_limit > 0:
            deadline = deadline.with_timeout(plan.round_limit, RUN)
        try:
            report = self._session.round(plan.copy(queries=queries, deadline=deadline))
        except Exception as error:
            self._session.close()
            failure = Failure(CALL, f"internal error: {type(error).__name__}: {error}", INTERNAL)
            return tuple(Result(query, failure, of_failure(failure)) for query in queries)
        return tuple(trimmed(result) for result in report.results)

    def _publish(self, results: "tuple[Result, ...]", is_alive: bool, begun: int) -> "list[Change]":
        last = self._board.latest
        wall_ns = self._wall_ns()
        seconds = wall_ns // 1_000_000_000
        known = {model.name: model for model in last.models} if last.at_ns is not None else {}
        models = tuple(_view(result, known.get(result.query.model), seconds) for result in results)
        changed = [model for model in models if model.name not in known or known[model.name].state != model.state]
        changes = _changes(changed, models, seconds)
        is_success = exit_code(Report(results)) == 0
        at_ns = time.monotonic_ns()
        self._board.latest = Round(
            models,
            at_ns,
            seconds,
            self._stamp(),
            at_ns - begun,
            is_alive,
            last.successes + is_success,
            last.failures + (not is_success),
            wall_ns / 1e9 if is_success else last.last_success,
            (*reversed(changes), *last.changes)[:MAX_CHANGES],
            self._models.error,
            self._models.notes,
        )
        return changes


def _view(result: Result, before: "ModelView | None", seconds: int) -> ModelView:
    """A model after a round; `before`: after the last one."""
    versions = before.versions if before else ()
    if not isinstance(result.outcome, Failure):
        versions = with_series(result.outcome)
    state = _state(result, versions)
    return ModelView(result, versions, before.since if before and before.state == state else seconds, state)


def _state(result: Result, versions: "tuple[object, ...]") -> "tuple[object, ...]":
    """What counts as a change. The text of a failure does not: it may differ from round to round."""
    verdict = result.verdict
    failure = verdict.failure
    why = (failure.kind, failure.code, failure.cause) if failure else (verdict.wanted,)
    return (verdict.exit_code, *why, verdict.version, () if isinstance(result.outcome, Failure) else versions)


def _changes(changed: "list[ModelView]", models: "tuple[ModelView, ...]", seconds: int) -> "list[Change]":
    """One for each model, or a single one if the connection failed for all."""
    if len(changed) == len(models) > 1:
        failures = {model.result.outcome for model in changed if isinstance(model.result.outcome, Failure)}
        if len(failures) == 1 and not any(model.is_answered for model in changed):
            return [Change(seconds, "", f"0/{len(models)} models ready; {_line(changed[0])}", False)]
    return [
        Change(seconds, escape(model.name, MAX_NAME_BYTES), _line(model) + _listed(model), model.is_ready)
        for model in changed
    ]


def _line(model: ModelView) -> str:
    return verdict_line(model.result.verdict, model.result.query, BUDGET.text)


def _listed(model: ModelView) -> str:
    """The versions of an answer: ` (124 LOADING, 123 AVAILABLE)`."""
    if isinstance(model.result.outcome, Failure) or not model.versions:
        return ""
    shown = [
        f"{version.version} {STATE_NAMES.get(version.state, version.state)}"
        + (f" {proto_name(version.error_code)}" if version.state == END and version.error_code else "")
        for version in model.versions[:MAX_LISTED_VERSIONS]
    ]
    more = len(model.versions) - len(shown)
    return f" ({', '.join(shown)}{f' and {more} more' if more else ''})"
