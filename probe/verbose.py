"""What `-v` tells: one option a line, then the time that each phase took. No interface: word it as well as you can."""

from . import duration
from .flags import Options
from .model import Timings
from .report import plain
from .usage import quote, value


def details(options: Options, timings: Timings, time: str) -> str:
    """The lines before the answer; `time` is the stamp that each begins with."""
    out = ""
    if options.ignored:
        first = quote(options.ignored[0])
        out += (
            f"{time}hint: flags end at the first argument that is none: {plain(first)} and what follows it is ignored\n"
        )
    if not options.verbose:
        return out
    for name, what in options.values.items():
        out += f"{time}option -{name}={plain(value(name, what))}\n"
    if timings.identity:
        out += f"{time}SPIFFE ID {plain(timings.identity)}\n"
    if timings.dial:
        secured = f" ({plain(timings.security)})" if timings.security else ""
        out += f"{time}connected to {plain(timings.peer)}{secured} in {duration.text(timings.dial)}\n"
    if timings.call:
        out += f"{time}call ended after {duration.text(timings.call)}\n"
    return out
