"""The text of -h, from the flag table, in the layout of Go's `flag.PrintDefaults`."""

from ..tfs import exit_codes
from . import duration
from .escape import escape
from .flag_table import FLAGS
from .go_syntax import quote

MAX_PROGRAM_BYTES = 100
MAX_SENTENCE_BYTES = 400
# Headers whose values are secrets.
MASKED_HEADERS, MASK = ("authorization", "proxy-authorization", "cookie"), " ***"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .flag_table import Flag, FlagValue
    from .flags import UsageError

EXAMPLES = (
    ("startup and readiness probes", "-addr=:8500 -model-name=half_plus_two -timeout=900ms"),
    ("the same for several models", "-addr=:8500 -model-name=half_plus_two -model-name=half_plus_three -timeout=900ms"),
    ("the same for all models of the server", "-addr=:8500 -model-config-file=/config/models.config -timeout=900ms"),
    ("a liveness probe", "-addr=:8500 -liveness -timeout=900ms"),
    ("a rollout gate", "-addr=:8500 -model-name=half_plus_two -min-version=124 -wait=15m"),
    ("a CI job, or an init container of a client", "-addr=tfs:8500 -model-name=half_plus_two -wait=10m"),
    ("before another program starts", "-addr=tfs:8500 -model-name=half_plus_two -wait=10m -- python app.py"),
    ("a sidecar that the kubelet and Prometheus ask over HTTP", "-addr=:8500 -model-name=half_plus_two -serve=:9808"),
    ("over REST", "-addr=http://localhost:8501 -model-name=half_plus_two -timeout=900ms"),
    ("over a unix socket", "-addr=unix:///run/tfs.sock -model-name=half_plus_two -timeout=900ms"),
)


def usage(program: str) -> str:
    """All flags with their defaults, and examples; `program` is the name under which this one was called."""
    program = escape(program, MAX_PROGRAM_BYTES)
    out = f"Usage of {program}:\n"
    group = ""
    for flag in FLAGS.values():
        if flag.group != group:
            group = flag.group
            out += f"\n{group}:\n"
        out += _flag(flag)
    repeatable = " and ".join(f"-{flag.name}" for flag in FLAGS.values() if flag.repeatable)
    out += f"\nA duration is a number with a unit: 900ms, 3s, 1m30s. {repeatable} can be repeated.\n"
    *some, last = (f"-{flag.name}" for flag in FLAGS.values() if not flag.from_environment)
    only_argv = f"{', '.join(some)} and {last}"
    variable = FLAGS["rpc-timeout"].variable
    out += f"Environment variables can set all flags except {only_argv}: {variable}=2s\n"
    out += "\nExit codes:\n"
    for code, _, meaning, _ in exit_codes.TABLE:
        if code < exit_codes.INTERRUPTED:
            out += f"  {code:3}  {meaning}\n"
    out += "\nExamples (the kubelet kills a probe after one second by default, and drops its output):\n"
    for what, arguments in EXAMPLES:
        out += f"  # {what}\n  {program} {arguments}\n"
    return out


def usage_error(program: str, error: "UsageError") -> str:
    """What is wrong with a command line: Go's sentence, the usage, and the sentence again with a suggestion, where it
    is not scrolled away."""
    from .suggest import suggest

    sentence = escape(str(error), MAX_SENTENCE_BYTES)
    suggestion = escape(suggest(error), MAX_SENTENCE_BYTES)
    return f"{sentence}\n{usage(program)}\nhint: {sentence}{'; ' if suggestion else ''}{suggestion}\n"


def _flag(flag: "Flag") -> str:
    head = f"  -{flag.name}" + (f" {flag.metavar}" if flag.metavar else "")
    default = f" (default {render_value(flag, flag.default)})" if flag.default else ""
    separator = "\t" if len(head) <= 4 else "\n    \t"
    return f"{head}{separator}{flag.help}{default}\n"


def render_value(flag: "Flag", value: "FlagValue") -> str:
    """A flag's value as Go prints it; secret headers are masked."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(quote(item) if isinstance(item, str) else _header(*item) for item in value)
    if flag.kind == "duration":
        return duration.render(int(value or 0))
    return quote(value) if isinstance(value, str) else str(value)


def _header(name: str, content: str) -> str:
    return quote(f"{name}:{MASK if name.lower() in MASKED_HEADERS else content}")
