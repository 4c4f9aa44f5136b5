"""What -v prints: the options that were set and where from, misspelt variables, and how long each phase took. Pure."""

from . import duration
from .escape import escape
from .flag_table import ENVIRONMENT_PREFIX, FLAGS
from .go_syntax import quote
from .suggest import explain_argument
from .usage import render_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import CallTrace
    from ..tfs.config_file import FileNote
    from .flags import ParsedFlags

MAX_OPTION_BYTES = 400
# What Kubernetes adds to a Service's name in the variables that it injects.
KUBERNETES_SUFFIXES = ("SERVICE_HOST", "SERVICE_PORT", "PORT")


def leftover_hint(flags: "ParsedFlags", now: str) -> str:
    """A hint about arguments that the parser did not reach, as in the original; empty if there are none."""
    if not flags.leftover:
        return ""
    first = escape(quote(flags.leftover[0]), MAX_OPTION_BYTES)
    reason = escape(explain_argument(flags.leftover[0]), MAX_OPTION_BYTES)
    return (
        f"{now}hint: {first} and what follows is ignored: flags end at the first argument that is not one; {reason}\n"
    )


def details(
    flags: "ParsedFlags",
    environment: "dict[bytes, bytes]",
    trace: "CallTrace | None",
    now: str,
    total_ns: int,
    room: int,
    notes: "tuple[FileNote, ...]" = (),
) -> str:
    """The lines before the answer, at most `room` bytes; each begins with `now`, a timestamp. `total_ns`: of the run so
    far, in nanoseconds; `notes`: about the configuration file."""
    lines = [
        *_options(flags),
        *_unknown_variables(environment),
        *(f"-model-config-file: {escape(note.text, MAX_OPTION_BYTES)}" for note in notes),
        *(_phases(trace, total_ns) if trace else ()),
    ]
    out = [f"{now}{line}\n" for line in lines]
    left_out = 0
    while out and sum(len(line.encode()) for line in out) > room - 100:
        out.pop(len(out) // 2)
        left_out += 1
    if left_out:
        out.insert(len(out) // 2, f"{now}... ({left_out} more lines left out)\n")
    return "".join(out)


def _options(flags: "ParsedFlags") -> "list[str]":
    lines = []
    for name, value in flags.values.items():
        if name in flags.sources:
            source = flags.sources[name]
            origin = f" (from {source})" if source else ""
            lines.append(f"option -{name}={escape(render_value(FLAGS[name], value), MAX_OPTION_BYTES)}{origin}")
    defaults = (
        f"-{flag.name}={render_value(flag, flag.default)}"
        for flag in FLAGS.values()
        if flag.name not in flags.sources and flag.default
    )
    return [*lines, f"defaults {' '.join(defaults)}"]


def _unknown_variables(environment: "dict[bytes, bytes]") -> "list[str]":
    """Variables with our prefix that match no flag, but for those that Kubernetes injects for a Service."""
    known = {flag.variable for flag in FLAGS.values() if flag.from_environment}
    lines = []
    for variable in environment:
        name = variable.decode("utf-8", "surrogateescape")
        rest = name[len(ENVIRONMENT_PREFIX) :]
        if not name.startswith(ENVIRONMENT_PREFIX) or name in known:
            continue
        if not rest.startswith(KUBERNETES_SUFFIXES):
            lines.append(f"ignored variable {escape(name, MAX_OPTION_BYTES)}: no flag has this name")
    return lines


def _phases(trace: "CallTrace", total_ns: int) -> "list[str]":
    """The phases' times, which add up to the whole run's."""
    lines = [f"SPIFFE ID {escape(trace.spiffe_id)}"] if trace.spiffe_id else []
    total, dial, call = duration.render(total_ns), duration.render(trace.dial_ns), duration.render(trace.call_ns)
    if not trace.dial_ns:
        return [*lines, f"no connection after {total}"]
    security = f" ({escape(trace.security)})" if trace.security else ""
    rest = duration.render(total_ns - trace.dial_ns - trace.call_ns)
    lines.append(f"connected to {escape(trace.peer)}{security}")
    lines.append(f"time {total}: {dial} to connect and send the request, {call} for the answer, {rest} for the rest")
    return lines
