"""What -v prints: the effective options, and how long each phase took. Pure."""

from . import duration
from .flag_table import FLAGS
from .go_syntax import quote
from .text import escape
from .usage import render_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import CallTrace
    from .flags import ParsedFlags


def ignored_arguments(flags: "ParsedFlags", now: str) -> str:
    """A hint about arguments that the parser did not reach; empty if there are none."""
    if not flags.leftover:
        return ""
    first = escape(quote(flags.leftover[0]))
    return f"{now}hint: flags end at the first argument that is not a flag: {first} and what follows is ignored\n"


def details(flags: "ParsedFlags", trace: "CallTrace | None", now: str) -> str:
    """The lines before the answer; each begins with `now`, a timestamp."""
    out = ""
    for name, value in flags.values.items():
        out += f"{now}option -{name}={escape(render_value(FLAGS[name], value))}\n"
    if trace is None:
        return out
    if trace.spiffe_id:
        out += f"{now}SPIFFE ID {escape(trace.spiffe_id)}\n"
    if trace.dial_ns:
        security = f" ({escape(trace.security)})" if trace.security else ""
        out += f"{now}connected to {escape(trace.peer)}{security} in {duration.render(trace.dial_ns)}\n"
    if trace.call_ns:
        out += f"{now}call ended after {duration.render(trace.call_ns)}\n"
    return out
