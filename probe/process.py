"""What is asked of the operating system besides sockets and clocks, where an ordinary Python runs the program.

The static executable has the same functions in C, in the module `_launcher` (build/launcher/launcher_module.c): it
needs some of them before Python starts, and saves importing `posix` and `_signal`."""

import posix
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

# How long writing may take even when no time is left: under a CPU limit a process may be stopped for that long between
# arming the alarm and the write itself.
MIN_WRITE_SECONDS = 0.05
# How much longer than the static executable an ordinary Python may take to end by itself: it still has to import what
# its last lines need, and those say more than the alarm's.
START_SECONDS = 0.2
STDERR = 2


class _Received:
    """What the process was started with, for a command that replaces it."""

    def __init__(self) -> None:
        self.ignored: set[int] = set()
        self.mask: set[int] = set()
        self.closed: list[int] = []


_received = _Received()


def prepare() -> None:
    """Makes the standard descriptors safe, and ends the process at once on SIGTERM (143) and SIGINT (130)."""
    for descriptor in (0, 1, 2):
        try:
            posix.fstat(descriptor)
        except OSError:
            # The first socket would take the number, and the lines would go to the server. The root directory exists
            # even where /dev/null does not; writing to it fails, which is enough.
            posix.open("/", posix.O_RDONLY)
            _received.closed.append(descriptor)
    # As PID 1 of a container a process has no default actions for signals, so they are explicit; and the parent may
    # have blocked them.
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGALRM):
        if _signal.getsignal(number) == _signal.SIG_IGN:
            _received.ignored.add(number)
    for number in (_signal.SIGTERM, _signal.SIGINT):
        _signal.signal(number, lambda number, _: posix._exit(128 + number))
    _received.mask = _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGTERM, _signal.SIGINT, _signal.SIGALRM))
    # Neither a closed stderr nor a limit of file size changes the exit code.
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_IGN)


def exit_on_signal(exit_code: int) -> "int | None":
    """Makes SIGTERM and SIGINT end the process with that code: they are the usual way to stop a server.

    Returns a descriptor that becomes readable when one arrives: a loop must poll it too, since Python ends the process
    only after the system call, which a signal that comes just before it does not interrupt. The static executable ends
    at once, and returns None."""
    waking, wake = posix.pipe()
    posix.set_blocking(wake, False)
    _signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (_signal.SIGTERM, _signal.SIGINT):
        _signal.signal(number, lambda *_: posix._exit(exit_code))
    return waking


def environment(prefix: bytes) -> "dict[bytes, bytes]":
    """The variables whose names begin with the prefix."""
    return {name: value for name, value in posix.environ.items() if name.startswith(prefix)}


class _Phase:
    """What the alarm does when it rings."""

    exit_code = 0
    lines = b""


def enter(exit_code: int, lines: bytes) -> None:
    """What the alarm does from now on: it writes the lines to stderr, each with a timestamp in UTC, and ends the
    process with that code."""
    _Phase.exit_code, _Phase.lines = exit_code, lines


def arm(seconds: float) -> None:
    """Lets the alarm ring after that time: a backstop against code that looks at no clock. Here, unlike in the static
    executable, it can end only what returns to the interpreter."""
    _ring_after(seconds + START_SECONDS)


def _ring_after(seconds: float) -> None:
    _signal.signal(_signal.SIGALRM, _end_late)
    _signal.setitimer(_signal.ITIMER_REAL, seconds)


def _end_late(*_: object) -> None:
    exit_code, lines = _Phase.exit_code, _Phase.lines
    _signal.signal(_signal.SIGALRM, lambda *_: posix._exit(exit_code))
    _signal.setitimer(_signal.ITIMER_REAL, MIN_WRITE_SECONDS)  # stderr may be a pipe that nothing reads
    now = time.strftime("%Y/%m/%d %H:%M:%S ", time.gmtime()).encode()
    try:
        posix.write(STDERR, b"".join(now + line for line in lines.splitlines(keepends=True)))
    except OSError:
        pass
    posix._exit(exit_code)


def write(descriptor: int, data: bytes, seconds: float, exit_code: int) -> None:
    """Writes the data: all of it, or as much as possible within that time; then the process ends with `exit_code`.

    A pipe that nothing reads blocks the writer, and making it non-blocking would change it for every process that
    shares it; so an alarm bounds the wait. A stream that is closed, full or no longer read does not fail the run."""
    enter(exit_code, b"")
    _ring_after(max(seconds, MIN_WRITE_SECONDS))
    try:
        while data:
            data = data[posix.write(descriptor, data) :]
    except OSError:
        pass
    _signal.setitimer(_signal.ITIMER_REAL, 0)


def execute(command: "list[bytes]") -> int:
    """Replaces the process by a command, found through PATH, with the signals and descriptors as they were received.
    Returns the errno if that is impossible."""
    import errno

    _signal.setitimer(_signal.ITIMER_REAL, 0)
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGALRM, _signal.SIGPIPE, _signal.SIGXFSZ):
        # What was ignored stays ignored; an ordinary Python has ignored SIGPIPE and SIGXFSZ itself.
        _signal.signal(number, _signal.SIG_IGN if number in _received.ignored else _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, _received.mask)
    for descriptor in _received.closed:
        posix.close(descriptor)
    name = command[0]
    if not name:
        return errno.ENOENT
    if b"/" in name:
        return _execute_file(name, command)
    problem = errno.ENOENT
    for folder in posix.environ.get(b"PATH", b"/usr/local/bin:/bin:/usr/bin").split(b":"):
        reason = _execute_file((folder + b"/" if folder else b"") + name, command)
        if reason not in (errno.ENOENT, errno.ENOTDIR):
            problem = reason
    return problem


def _execute_file(file: bytes, command: "list[bytes]") -> int:
    try:
        posix.execve(file, command, posix.environ)
    except OSError as error:
        assert error.errno is not None
        return error.errno


def complete() -> None:
    """Makes the standard library's modules in C usable, `_signal` among them. In an ordinary Python they are."""


def own_file() -> int:
    """A descriptor of the one file that holds the program, the zipapp, for reading. -1 if the program is a package of
    many files. Raises OSError."""
    archive = getattr(__spec__.loader, "archive", None)
    return -1 if archive is None else posix.open(archive, posix.O_RDONLY | posix.O_CLOEXEC)


def end(exit_code: int) -> None:
    """Ends the process without the interpreter's own shutdown, which would wait for a thread with a hanging
    resolver."""
    posix._exit(exit_code)
