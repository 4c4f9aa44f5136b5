"""Everything that a run prints: the report's lines, and what the command line adds to them."""

from ..model import STATUS, Failure
from ..rpc.status import NOT_FOUND
from .escape import escape
from .lines import BUDGET, VERBOSE_BUDGET
from .text import render

MAX_NOTE_BYTES = 200

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Report
    from ..tfs.config_file import FileNote
    from .options import Options


def compose(
    options: "Options",
    environment: "dict[bytes, bytes]",
    report: "Report",
    exit_code: int,
    now: str,
    total_ns: int,
    notes: "tuple[FileNote, ...]" = (),
) -> str:
    """All lines of a run, within one budget. `now`: the timestamp of each; `total_ns`: of the run, in nanoseconds;
    `notes`: about the configuration file."""
    flags = options.flags
    if flags.values["quiet"] and not exit_code and not options.verbose:
        return ""
    quiet = flags.values["quiet"] and not options.verbose
    budget = VERBOSE_BUDGET if options.verbose else BUDGET
    before = "" if quiet else _before(options, now, () if options.verbose else notes)
    if before:
        budget = budget.copy(total=budget.total - len(before.encode("utf-8", "surrogateescape")))
    text = before + render(report, now, budget, advice(options, report) if exit_code else "", quiet)
    if options.verbose:
        from .verbose import details

        trace = report.results[0].trace if report.results else None
        room = budget.total - len(text.encode("utf-8", "surrogateescape"))
        text = details(flags, environment, trace, now, total_ns, room, notes) + text
    return text


def compose_json(
    options: "Options", report: "Report", exit_code: int, total_ns: int, notes: "tuple[FileNote, ...]" = ()
) -> str:
    """The object for programs; empty on success with -quiet."""
    if options.flags.values["quiet"] and not exit_code:
        return ""
    from .json_lines import render_json

    text = advice(options, report) if exit_code else ""
    return render_json(report, exit_code, options.flags.values["addr"], total_ns, text, notes)


def options_lines(
    options: "Options", environment: "dict[bytes, bytes]", now: str, notes: "tuple[FileNote, ...]"
) -> str:
    """The lines of -v for a run that does not end by itself: the effective options."""
    from .verbose import details

    return details(options.flags, environment, None, now, 0, BUDGET.total, notes)


def _before(options: "Options", now: str, notes: "tuple[FileNote, ...]") -> str:
    """Hints about the command line and the configuration file that hold whatever the answer."""
    text = ""
    if options.flags.leftover:
        from .verbose import leftover_hint

        text = leftover_hint(options.flags, now)
    if "model-version" in options.flags.sources and not options.flags.values["model-version"]:
        text += f"{now}hint: -model-version=0 means any version, as in the original program\n"
    hints = [note.text for note in notes if note.is_hint]
    if hints:
        more = f" (and {len(hints) - 1} more, listed by -v)" if len(hints) > 1 else ""
        text += f"{now}hint: -model-config-file, {escape(hints[0], MAX_NOTE_BYTES)}{more}\n"
    return text


def advice(options: "Options", report: "Report") -> str:
    """A hint about the command line itself that explains a failure; empty if there is none."""
    from .suggest import suspicious_value

    text = suspicious_value(options.flags.values)
    outcome = report.results[0].outcome if report.results else None
    wait, timeout = options.flags.values["wait"], options.flags.values["timeout"]
    if not text and 0 < timeout < wait and not (isinstance(outcome, Failure) and outcome.permanent):
        from .duration import render as duration

        flag = options.flags.sources["timeout"] or "-timeout"
        text = f"raise or unset {flag}: it ended the run after {duration(timeout)}, before -wait={duration(wait)}"
    is_named = "model-name" in options.flags.sources or "model-config-file" in options.flags.sources
    if text or is_named or not isinstance(outcome, Failure):
        return text
    if outcome.kind == STATUS and outcome.code == NOT_FOUND:
        return 'give -model-name: none was given, so the server was asked for a model named "default"'
    return ""
