"""Names of hosts and services, looked up in the C library within a deadline.

`getaddrinfo` has no timeout, so a lookup runs in a thread of its own, which the process's end takes along. The C
library also drops a good A answer whose AAAA twin is never answered (or the reverse), so where the lookup of both
families takes too long or fails for a reason that may concern one of them, each family is looked up by itself.

A lookup that hangs is never started a second time: a caller that asks again waits for the same answer. So at most three
threads exist for a name, and the C library ends each after its own timeout.
"""

import _socket
import _thread

from ..deadline import SHARE, Deadline
from .errors import Permanent, Transient, attempt_error
from .stream import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Question: TypeAlias = "tuple[str, int, int]"  # host, port, address family

# Of the time left, this part goes to the lookup of both families at once; seconds at most.
BOTH_SHARE, MAX_BOTH_SECONDS = 3, 2.0
# How long a lookup's end may go unnoticed where two threads wait for one.
MAX_SLEEP_SECONDS = 0.1
# What a lookup needs at most. Short of memory, the C library may end the process.
ROOM_BYTES = 2 << 20


class _Lookup:
    """A running or finished `getaddrinfo`."""

    __slots__ = ("error", "found", "is_running")

    def __init__(self) -> None:
        self.found: list[Address] = []
        self.error: OSError | None = None
        self.is_running = True

    def run(self, question: "Question") -> None:
        """The thread's body."""
        host, port, family = question
        found: list[Address] = []
        try:
            # As bytes: a str would go through the idna codec, which the static executable does not have.
            name = host.encode("utf-8", "surrogateescape")
            for kind, _, _, _, sockaddr in _socket.getaddrinfo(name, port, family, _socket.SOCK_STREAM):
                if isinstance(sockaddr[0], str):  # families that the C library cannot print come as bytes
                    found.append(Address(kind, sockaddr))
            self.found = found
        except OSError as error:
            self.error = error
        except MemoryError:
            self.error = OSError(_socket.EAI_MEMORY, "out of memory")
        finally:
            del _running[question]
            self.is_running = False
            try:
                _finished.release()
            except RuntimeError:
                pass  # another lookup has just finished, and nothing has waited since


_running: "dict[Question, _Lookup]" = {}
_finished = _thread.allocate_lock()  # released whenever a lookup has finished
_finished.acquire()


def resolve(host: str, port: int, deadline: "Deadline") -> "list[Address]":
    """The addresses of a name, in the resolver's order. Raises Transient (an unknown name may be known soon), or
    Permanent where no retry can help."""
    if "%" in host:
        return _with_zone(host, port)
    both = _start((host, port, _socket.AF_UNSPEC))
    _wait(lambda: not both.is_running, min(deadline.remaining() / BOTH_SHARE, MAX_BOTH_SECONDS))
    if not both.is_running:
        if both.found:
            return both.found
        if both.error is None or both.error.errno in (_socket.EAI_NONAME, _socket.EAI_NODATA):
            raise _unresolved(host, both.error)
    one, other = (_start((host, port, family)) for family in (_socket.AF_INET, _socket.AF_INET6))

    def is_settled() -> bool:
        """Whether IPv4 addresses are known, or are not to be had."""
        return bool(both.found or one.found) or not (one.is_running or (other.is_running and not other.found))

    _wait(is_settled, deadline.remaining() / 2)
    _wait(lambda: bool(other.found) or is_settled(), deadline.remaining())
    found = both.found or [*one.found, *other.found]
    if found:
        return found
    for lookup in (one, other, both):
        if not lookup.is_running and lookup.error is not None:
            raise _unresolved(host, lookup.error)
    raise Transient(f"lookup {host}: the resolver is not answering", "resolver")


def _wait(condition: "Callable[[], bool]", seconds: float) -> None:
    """Waits for a condition that holds at the latest when all lookups have finished; at most that long."""
    end = Deadline.after(int(seconds * 1e9), SHARE)
    while not condition() and (left := end.remaining()) > 0:
        _finished.acquire(True, min(left, MAX_SLEEP_SECONDS))


def _start(question: "Question") -> _Lookup:
    """The running lookup for a question, or a new one."""
    lookup = _running.get(question)
    if lookup is None:
        lookup = _running[question] = _Lookup()
        try:
            bytes(ROOM_BYTES)  # the memory itself is not touched
            _thread.start_new_thread(lookup.run, (question,))
        except MemoryError:
            del _running[question]
            raise _out_of_memory(question[0]) from None
        except RuntimeError:  # a limit of processes, which counts threads, or a policy
            del _running[question]
            raise Permanent(f"lookup {question[0]}: cannot start a thread for the resolver", "no-thread") from None
    return lookup


def _unresolved(host: str, error: "OSError | None") -> "Transient | Permanent":
    """A lookup that found nothing. The C library does not say when it lacked a descriptor or a call was forbidden, so
    what it does is tried."""
    if error is not None and error.errno == _socket.EAI_MEMORY:
        return _out_of_memory(host)
    try:
        _try_calls()
    except OSError as lacking:
        found = attempt_error(f"lookup {host}", lacking)
        if isinstance(found, Permanent):
            return found
    text = (error.strerror or str(error)) if error is not None else "no addresses"
    return Transient(f"lookup {host}: {text[:1].lower()}{text[1:]}", "unresolved")


def _out_of_memory(host: str) -> Permanent:
    return Permanent(f"lookup {host}: out of memory", "memory")


def _try_calls() -> None:
    """Makes the system calls of a lookup that may be forbidden or may lack something. Raises OSError."""
    socket = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        socket.connect(("127.0.0.1", 53))  # sends nothing
        for seconds in (0.0, 0.001):  # without poll, and with it
            socket.settimeout(seconds)
            try:
                socket.recv(1)
            except (BlockingIOError, TimeoutError):
                pass
    finally:
        _close(socket.detach())
    _try_file()


def _try_file() -> None:
    """Reads a file as a lookup does; a file that is missing, or that this user may not read, is not an error."""
    import errno
    import posix

    try:
        file = posix.open("/etc/hosts", posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES):
            return
        raise
    try:
        posix.fstat(file)
        posix.read(file, 1)
        posix.lseek(file, 0, 0)
    finally:
        _close(file)


def _close(descriptor: int) -> None:
    try:
        _socket.close(descriptor)
    except OSError:
        pass


def _with_zone(host: str, port: int) -> "list[Address]":
    """A link-local address with its zone, such as `fe80::1%eth0`; nothing is looked up."""
    try:
        name = host.encode("utf-8", "surrogateescape")
        found = _socket.getaddrinfo(name, port, 0, _socket.SOCK_STREAM, 0, _socket.AI_NUMERICHOST)
    except OSError:
        text = f"address {host}: this machine has no such zone, or the address is not link-local"
        raise Permanent(text, "zone") from None
    return [Address(family, (*sockaddr,)) for family, _, _, _, sockaddr in found if isinstance(sockaddr[0], str)]


def port_of_service(name: str) -> int:
    """The TCP port of a service such as `http`. Raises Permanent."""
    try:
        return _socket.getservbyname(name, "tcp")
    except (OSError, UnicodeEncodeError):
        raise Permanent(f"lookup tcp/{name}: unknown port", "address") from None
