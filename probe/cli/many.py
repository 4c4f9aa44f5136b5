"""The lines of a run that asked for several models, within one budget. Pure.

Models that are not ready come first, in the order asked. When space is short, the lines of ready models are left out
first, then response lines, then hints, then verdicts; what is left out is counted.
"""

from ..model import CALL, STATUS, Failure
from .escape import escape
from .lines import may_have_hint, response, verdict_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Report, Result
    from .lines import Budget

MAX_NAME_BYTES = 100
RESERVED_BYTES = 300  # for the lines that count


class _Line:
    """A line, and whether there is room for it."""

    __slots__ = ("shown", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.shown = False


def render_many(report: "Report", now: str, budget: "Budget", advice: str, quiet: bool) -> str:
    """All lines of a run; each begins with `now`, a timestamp."""
    failing = [result for result in report.results if result.verdict.exit_code]
    ready = [result for result in report.results if not result.verdict.exit_code]
    summary = f"{now}{len(ready)}/{len(report.results)} models ready\n"
    first = report.results[0].outcome
    if isinstance(first, Failure) and first.kind not in (CALL, STATUS):
        lines = f"{now}{verdict_line(report.results[0].verdict, report.results[0].query, budget.text)}\n"
        hint = "" if quiet else _hint(report.results[0], advice)
        return lines + (f"{now}hint: {escape(hint, budget.hint)}\n" if hint else "") + summary
    texts = [_block(result, now, budget, advice, quiet) for result in (*failing, *ready)]
    whole = "".join(["".join(lines) for lines in texts]) + summary
    if _size(whole) <= budget.total:
        return whole
    return _fitting(texts, len(failing), now, budget.total - len(summary)) + summary


def _fitting(texts: "list[tuple[str, str, str]]", failing: int, now: str, limit: int) -> str:
    """As many of the models' lines as fit; the first models are those that are not ready."""
    blocks = [tuple(_Line(text) for text in lines) for lines in texts]
    bad, good = blocks[:failing], blocks[failing:]
    left = limit - RESERVED_BYTES
    left = _show((block[1] for block in bad), left)
    left = _show((block[2] for block in bad), left)
    left = _show((block[0] for block in bad), left)
    left = _show((block[1] for block in good), left) if all(block[1].shown for block in bad) else 0
    left = _show((block[2] for block in good), left)
    _show((block[0] for block in good), left)
    out = "".join(line.text for block in blocks for line in block if line.shown)
    hidden_bad = sum(not block[1].shown for block in bad)
    hidden_good = sum(not block[1].shown for block in good)
    if hidden_bad:
        out += f"{now}... {hidden_bad} more {_models(hidden_bad)} not ready, not listed\n"
    if hidden_good:
        out += f"{now}... {hidden_good} ready {_models(hidden_good)} not listed\n"
    return out


def _models(count: int) -> str:
    return "model" if count == 1 else "models"


def _block(result: "Result", now: str, budget: "Budget", advice: str, quiet: bool) -> "tuple[str, str, str]":
    """A model's response, verdict and hint lines; empty ones for what it does not have."""
    outcome, verdict = result.outcome, result.verdict
    prefix = f"{now}{escape(result.query.model, MAX_NAME_BYTES)}: "
    shown = "<nil>" if isinstance(outcome, Failure) else response(outcome, verdict.version, budget.failed_response)
    hint = _hint(result, advice) if not quiet and may_have_hint(result) else ""
    return (
        f"{prefix}ModelStatusResponse: {shown}\n",
        f"{prefix}{verdict_line(verdict, result.query, budget.text)}\n",
        f"{prefix}hint: {escape(hint, budget.hint)}\n" if hint else "",
    )


def _hint(result: "Result", advice: str) -> str:
    from .hints import hint_on

    return hint_on(result, advice)


def _show(lines: "Iterable[_Line]", left: int) -> int:
    """Shows lines while they fit; returns the bytes that are left."""
    for line in lines:
        size = _size(line.text)
        if size > left:
            break
        line.shown = True
        left -= size
    return left


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))
