"""A report -> the lines that people read. Pure; the only place that lays out lines."""

from ..model import CALL, STATUS, Failure
from .escape import escape
from .lines import BUDGET, Budget, may_have_hint, response, verdict_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Report


def render(report: "Report", now: str, budget: Budget = BUDGET, advice: str = "", quiet: bool = False) -> str:
    """All lines of a run; each begins with `now`, a timestamp. `advice` replaces the hint about a failure; `quiet`
    leaves hints out."""
    if len(report.results) != 1:
        return _render_other(report, now, budget, advice, quiet)
    (result,) = report.results
    outcome, verdict = result.outcome, result.verdict
    failed = verdict.exit_code != 0
    out = ""
    if not isinstance(outcome, Failure):
        limit = budget.failed_response if failed else budget.response
        out = f"{now}ModelStatusResponse: {response(outcome, verdict.version, limit)}\n"
    elif outcome.kind in (CALL, STATUS):
        out = f"{now}ModelStatusResponse: <nil>\n"
    out += f"{now}{verdict_line(verdict, result.query, budget.text)}\n"
    if not quiet and may_have_hint(result):
        from .hints import hint_on

        text = hint_on(result, advice)
        if text:
            out += f"{now}hint: {escape(text, budget.hint)}\n"
    return out


def _render_other(report: "Report", now: str, budget: Budget, advice: str, quiet: bool) -> str:
    """The lines of a run over no model, or several."""
    if report.results:
        from .many import render_many

        return render_many(report, now, budget, advice, quiet)
    from .hints import HINTS

    return f"{now}Empty response\n" + ("" if quiet else f"{now}hint: {HINTS['no-models']}\n")
