"""Names of hosts and services, looked up in the C library within a deadline.

`getaddrinfo` has no timeout, and a hanging resolver would hold a probe until the kubelet kills it. So a lookup runs in
a thread of its own, which the process's end takes along. At most one such thread exists: while a lookup hangs, a
further one for the same name waits for the same answer, and one for another name waits for its turn.
"""

import _socket
import _thread

from .errors import Permanent, Transient
from .stream import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..deadline import Deadline


class _Lookup:
    """A running or finished `getaddrinfo`."""

    __slots__ = ("done", "error", "found", "question")

    def __init__(self, question: "tuple[str, int]") -> None:
        self.question = question
        self.found: list[Address] = []
        self.error = ""
        self.done = _thread.allocate_lock()
        self.done.acquire()

    def run(self) -> None:
        """The thread's body."""
        try:
            host, port = self.question
            # As bytes: a str would go through the idna codec, which the static executable does not have.
            name = host.encode("utf-8", "surrogateescape")
            for family, _, _, _, sockaddr in _socket.getaddrinfo(name, port, 0, _socket.SOCK_STREAM):
                if isinstance(sockaddr[0], str):  # families that the C library cannot print come as bytes
                    self.found.append(Address(family, sockaddr))
        except OSError as error:
            self.error = error.strerror or str(error)
        finally:
            self.done.release()

    def wait(self, seconds: float) -> bool:
        """Whether the lookup has ended within that time."""
        if not self.done.acquire(True, seconds):
            return False
        self.done.release()  # for whoever waits as well
        return True


_running: "_Lookup | None" = None


def resolve(host: str, port: int, deadline: "Deadline") -> "list[Address]":
    """The addresses of a name, in the resolver's order. Raises Transient: an unknown name may be known soon."""
    global _running
    lookup = _running
    if lookup is not None and lookup.question != (host, port):
        if not lookup.wait(deadline.remaining()):
            raise Transient(f"lookup {host}: the resolver is not answering", "resolver")
        lookup = None
    if lookup is None:
        lookup = _Lookup((host, port))
        try:
            _thread.start_new_thread(lookup.run, ())
        except RuntimeError:  # the container's limit of processes, which counts threads
            raise Transient(f"lookup {host}: cannot start a thread for the resolver", "no-thread") from None
        _running = lookup
    if not lookup.wait(deadline.remaining()):
        raise Transient(f"lookup {host}: the resolver is not answering", "resolver")
    _running = None
    if not lookup.found:
        error = lookup.error or "no addresses"
        raise Transient(f"lookup {host}: {error[:1].lower()}{error[1:]}", "unresolved")
    return lookup.found


def port_of_service(name: str) -> int:
    """The TCP port of a service such as `http`. Raises Permanent."""
    try:
        return _socket.getservbyname(name, "tcp")
    except (OSError, UnicodeEncodeError):
        raise Permanent(f"lookup tcp/{name}: unknown port", "address") from None
