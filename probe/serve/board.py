"""The results of rounds: immutable values, and the board that publishes the latest."""

from ..model import AVAILABLE, CALL, END, Failure, ModelStatus, Report, Result
from ..rpc.status import DEADLINE_EXCEEDED, UNAVAILABLE
from ..tfs.verdict import of_failure
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import Query, VersionStatus
    from ..tfs.config_file import FileNote

STALE_INTERVALS = 3  # an older answer does not count
# Of a model's versions these many are kept: TensorFlow Serving's history grows without end.
MAX_PENDING, MAX_ENDED = 100, 50
MAX_CHANGES = 30


class Change(Value):
    """A change of a model's state."""

    __slots__ = ("is_ready", "model", "seconds", "text")

    def __init__(self, seconds: int, model: str, text: str, is_ready: bool) -> None:
        """`seconds`: since 1970; `model`: empty for all of them."""
        self.seconds: Final = seconds
        self.model: Final = model
        self.text: Final = text
        self.is_ready: Final = is_ready


class ModelView(Value):
    """A model's last result, and what is kept of earlier ones."""

    __slots__ = ("result", "since", "state", "versions")

    def __init__(
        self,
        result: Result,
        versions: "tuple[VersionStatus, ...]" = (),
        since: int = 0,
        state: "tuple[object, ...]" = (),
    ) -> None:
        """`versions`: those with a series, of the last answer that had any. `since`: seconds since 1970 of the last
        change of state; `state`: what counts as one."""
        self.result: Final = result
        self.versions: Final = versions
        self.since: Final = since
        self.state: Final = state

    @property
    def name(self) -> str:
        return self.result.query.model

    @property
    def is_ready(self) -> bool:
        return self.result.verdict.exit_code == 0

    @property
    def is_answered(self) -> bool:
        """Whether the last result lists versions."""
        return not isinstance(self.result.outcome, Failure)


class Round(Value):
    """The results of the last round, and counts over all rounds."""

    __slots__ = (
        "at_ns", "changes", "config_error", "duration_ns", "failures", "is_alive", "last_success", "models", "notes",
        "now", "seconds", "successes",
    )  # fmt: skip

    def __init__(
        self,
        models: "tuple[ModelView, ...]",
        at_ns: "int | None" = None,
        seconds: int = 0,
        now: str = "",
        duration_ns: int = 0,
        is_alive: bool = False,
        successes: int = 0,
        failures: int = 0,
        last_success: float = 0.0,
        changes: "tuple[Change, ...]" = (),
        config_error: str = "",
        notes: "tuple[FileNote, ...]" = (),
    ) -> None:
        """`at_ns`: when it ended, by the monotonic clock; None before the first. `seconds`: the same since 1970; `now`:
        the timestamp of its lines. `is_alive`: TensorFlow Serving answered. `last_success`: seconds since 1970, 0 for
        never. `changes`: the newest first. `config_error`: why the configuration file's older content is in use."""
        self.models: Final = models
        self.at_ns: Final = at_ns
        self.seconds: Final = seconds
        self.now: Final = now
        self.duration_ns: Final = duration_ns
        self.is_alive: Final = is_alive
        self.successes: Final = successes
        self.failures: Final = failures
        self.last_success: Final = last_success
        self.changes: Final = changes
        self.config_error: Final = config_error
        self.notes: Final = notes

    @property
    def report(self) -> Report:
        """The round's report, as a run without -serve would make it."""
        return Report(tuple(model.result for model in self.models))


class Board:
    """The polling thread publishes here, and the serving thread reads."""

    __slots__ = ("_interval_ns", "latest")

    def __init__(self, queries: "tuple[Query, ...]", interval_ns: int) -> None:
        failure = Failure(CALL, "no answer yet", UNAVAILABLE, "no-answer-yet")
        self._interval_ns = interval_ns
        self.latest = Round(tuple(ModelView(Result(query, failure, of_failure(failure))) for query in queries))

    def current(self, now_ns: int) -> "tuple[Round, bool]":
        """The last round, and whether its answer counts. If it is too old, every model's result says so."""
        latest = self.latest
        if latest.at_ns is None:
            return latest, False
        age_ns = now_ns - latest.at_ns
        if age_ns <= STALE_INTERVALS * self._interval_ns:
            return latest, True
        text = f"the last answer is {age_ns // 1_000_000_000}s old"
        failure = Failure(CALL, text, DEADLINE_EXCEEDED, "stale")
        verdict = of_failure(failure)
        models = tuple(model.copy(result=Result(model.result.query, failure, verdict)) for model in latest.models)
        return latest.copy(models=models, is_alive=False), False


def trimmed(result: Result) -> Result:
    """The result with a bounded number of versions; those that were unloaded cleanly have a lower bound."""
    status = result.outcome
    if isinstance(status, Failure):
        return result
    kept: list[VersionStatus] = []
    pending = ended = omitted = 0
    for version in status:
        if version == result.verdict.version:
            kept.append(version)
        elif version.state == END and not version.error_code and ended < MAX_ENDED:
            ended += 1
            kept.append(version)
        elif (version.state != END or version.error_code) and pending < MAX_PENDING:
            pending += 1
            kept.append(version)
        else:
            omitted += 1
    return result.copy(outcome=ModelStatus(tuple(kept), (), omitted))


def with_series(status: ModelStatus) -> "tuple[VersionStatus, ...]":
    """The versions that have series: of those that ENDed only the newest of all, and those with an error while no newer
    version is AVAILABLE. So a series that says END beside one that says AVAILABLE means a failed upgrade."""
    newest = max((version.version for version in status), default=0)
    serving = max((version.version for version in status if version.state == AVAILABLE), default=-1)
    return tuple(
        version
        for version in {version.version: version for version in status}.values()
        if version.version == newest or version.state != END or (version.error_code != 0 and version.version > serving)
    )
