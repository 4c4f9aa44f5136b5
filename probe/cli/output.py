"""Everything that a run prints: the report's lines, and what the command line adds to them."""

from ..model import STATUS, Failure
from ..rpc.status import NOT_FOUND
from .text import BUDGET, VERBOSE_BUDGET, render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Report
    from .options import Options


def compose(
    options: "Options", environment: "dict[bytes, bytes]", report: "Report", failed: bool, now: str, total_ns: int
) -> str:
    """All lines of a run, within one budget; `now`: the timestamp of each; `total_ns`: of the run, in nanoseconds."""
    flags = options.flags
    budget = VERBOSE_BUDGET if options.verbose else BUDGET
    text = render(report, now, budget, _advice(options, report) if failed else "")
    if flags.leftover:
        from .verbose import leftover_hint

        text = leftover_hint(flags, now) + text
    if "model-version" in flags.sources and not flags.values["model-version"]:
        text += f"{now}hint: -model-version=0 means any version, as in the original program\n"
    if options.verbose:
        from .verbose import details

        trace = report.results[0].trace if report.results else None
        text = details(flags, environment, trace, now, total_ns, budget.total - len(text.encode())) + text
    return text


def _advice(options: "Options", report: "Report") -> str:
    """A hint about the command line itself that explains a failure; empty if there is none."""
    from .suggest import suspicious_value

    advice = suspicious_value(options.flags.values)
    outcome = report.results[0].outcome if report.results else None
    if advice or "model-name" in options.flags.sources or not isinstance(outcome, Failure):
        return advice
    if outcome.kind == STATUS and outcome.code == NOT_FOUND:
        return 'give -model-name: none was given, so the server was asked for a model named "default"'
    return ""
