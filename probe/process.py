"""What the program wants of the operating system beside sockets and clocks, where an ordinary Python runs it.

The static executable has the same functions in C, in the module `_launcher` (build/launcher/launcher.c): it needs
some of them before Python starts, and spares importing `posix` and `_signal`.
"""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

# Seconds that writing may take even where no time is left: a process under a CPU limit may be stopped for as long
# between setting the alarm and the write itself.
LEAST = 0.05


def prepare() -> None:
    """Makes the standard descriptors safe, and ends the process at once on SIGTERM (143) and SIGINT (130)."""
    for descriptor in (0, 1, 2):
        try:
            posix.fstat(descriptor)
        except OSError:
            # The first socket would take the number, and a line for people would go to the server. The root directory
            # is there even where /dev/null is not; writing to it fails, which is all that is wanted.
            posix.open("/", posix.O_RDONLY)
    # As PID 1 of a container a process has no default action for signals, so the actions are spelled out; and a parent
    # may have blocked them.
    for number in (_signal.SIGTERM, _signal.SIGINT):
        _signal.signal(number, lambda number, _: posix._exit(128 + number))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGTERM, _signal.SIGINT, _signal.SIGALRM))
    # A reader of stderr who went away changes no verdict.
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)


def environment(prefix: bytes) -> "dict[bytes, bytes]":
    """The variables whose names begin so."""
    return {name: value for name, value in posix.environ.items() if name.startswith(prefix)}


def write(descriptor: int, data: bytes, seconds: float, exit_code: int) -> None:
    """Writes the data: all of it, or what goes in that time, after which the process ends with `exit_code`.

    A pipe that nobody reads blocks the writer, and making it non-blocking would change it for everybody who shares it;
    so an alarm bounds the wait. A stream that is closed, full or read by nobody any more is no reason to fail."""
    _signal.signal(_signal.SIGALRM, lambda *_: posix._exit(exit_code))
    _signal.setitimer(_signal.ITIMER_REAL, max(seconds, LEAST))
    try:
        while data:
            data = data[posix.write(descriptor, data) :]
    except OSError:
        pass
    _signal.setitimer(_signal.ITIMER_REAL, 0)


def complete() -> None:
    """Makes the standard library's modules in C ready for use, `_signal` among them. Here they are."""


def own_file() -> int:
    """A descriptor of the one file that holds the program, to read it: of the zipapp. -1 where the program is in a
    package's folder. Raises OSError."""
    archive = getattr(__spec__.loader, "archive", None)
    return -1 if archive is None else posix.open(archive, posix.O_RDONLY | posix.O_CLOEXEC)


def end(exit_code: int) -> None:
    """Ends the process, past the interpreter's own end: nothing is left to clean up, and a resolver that hangs in
    another thread must not be waited for."""
    posix._exit(exit_code)
