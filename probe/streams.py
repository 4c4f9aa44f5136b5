"""Standard output and error, as a container may hand them over: closed, full, or read by nobody.

None of that may change a verdict. So a descriptor that is closed is made safe before a socket could take its number,
and a line is written once, by someone who will not wait for ever.
"""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
else:
    import _signal


def guard() -> None:
    """Occupies each of the descriptors 0-2 that is closed. Writing to one then fails, and nothing else can take it."""
    for descriptor in (0, 1, 2):
        try:
            posix.fstat(descriptor)
        except OSError:
            # The root directory is always there, also where /dev/null is not; it takes the lowest free number.
            posix.open("/", posix.O_RDONLY)


def write(descriptor: int, text: str, seconds: float, give_up: "Callable[[], None]") -> None:
    """Writes the text, all of it or what goes; calls `give_up`, which must not return, after `seconds`.

    A pipe that nobody reads blocks the writer, and making it non-blocking would change it for everybody who shares it;
    so an alarm bounds the wait."""
    _signal.signal(_signal.SIGALRM, lambda *_: give_up())
    _signal.setitimer(_signal.ITIMER_REAL, max(seconds, 0.001))
    data = text.encode("utf-8", "surrogateescape")
    try:
        while data:
            data = data[posix.write(descriptor, data) :]
    except OSError:
        pass  # closed, full, or read by nobody any more: the exit code still tells
    _signal.setitimer(_signal.ITIMER_REAL, 0)
