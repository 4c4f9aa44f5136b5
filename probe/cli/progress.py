"""The lines of -wait before the last ones: one for each change of state, or one that is rewritten on a terminal.
Pure."""

from . import duration
from .escape import escape
from .lines import verdict_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Report

MAX_LINE_BYTES = 200
MAX_TERMINAL_CHARACTERS = 76  # a line that wraps cannot be rewritten
REWRITE = "\r\x1b[K"  # to the line's beginning, and clear it


class Progress:
    """What is shown of a run's rounds."""

    __slots__ = ("_is_terminal", "_shown")

    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal
        self._shown = ""

    def update(self, report: "Report", elapsed_ns: int, now: str) -> str:
        """The text to write after a round that failed; empty if nothing changed. `elapsed_ns`: since the run began, in
        nanoseconds; `now`: a timestamp."""
        state = _state(report)
        seconds = duration.render(elapsed_ns // 1_000_000_000 * 1_000_000_000)
        if self._is_terminal:
            self._shown = state
            return f"{REWRITE}{f'waiting for {seconds}: {state}'[:MAX_TERMINAL_CHARACTERS]}"
        if state == self._shown:
            return ""
        self._shown = state
        return f"{now}waiting: {state} (after {seconds})\n"

    def end(self) -> str:
        """The text to write before the last lines."""
        return REWRITE if self._is_terminal and self._shown else ""


def _state(report: "Report") -> str:
    """The first model that is not ready."""
    failing = [result for result in report.results if result.verdict.exit_code]
    if not failing:
        return "no model is listed"
    line = escape(verdict_line(failing[0].verdict, failing[0].query, MAX_LINE_BYTES), MAX_LINE_BYTES)
    if len(report.results) == 1:
        return line
    ready = len(report.results) - len(failing)
    return f"{ready}/{len(report.results)} models ready; {escape(failing[0].query.model, 60)}: {line}"
