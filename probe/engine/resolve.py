"""Names of hosts and ports, asked of the C library within the time there is.

`getaddrinfo` knows no timeout, and a resolver that hangs would hold the probe until the kubelet kills it: so it is
asked in a thread of its own, which the end of the process takes with it.
"""

import _socket
import _thread

from ..model import Deadline
from .connect import Retriable, Unmendable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .connect import Address


def resolve(host: str, port: int, deadline: Deadline) -> "list[tuple[int, Address]]":
    """Family and address of each of a name's addresses, in the resolver's order. Raises Retriable, since a resolver
    that does not know a name yet may know it soon."""
    found: list[tuple[int, Address]] = []
    failed: list[str] = []
    done = _thread.allocate_lock()
    done.acquire()

    def ask() -> None:
        try:
            # As bytes: a str would be put through the idna codec, which is not there.
            name = host.encode("utf-8", "surrogateescape")
            for family, _, _, _, address in _socket.getaddrinfo(name, port, 0, _socket.SOCK_STREAM):
                if isinstance(address[0], str):  # an address family that this C library cannot print gives bytes
                    found.append((family, address))
        except OSError as error:
            failed.append(error.strerror or str(error))
        finally:
            done.release()

    try:
        _thread.start_new_thread(ask, ())
    except RuntimeError:  # the container's limit of processes, which counts threads
        raise Retriable(f"lookup {host}: no thread can be started for the resolver", "no-thread") from None
    if not done.acquire(True, deadline.remaining()):
        raise Retriable(f"lookup {host}: the resolver does not answer", "resolver")
    if not found:
        reason = failed[0] if failed else "no addresses"
        raise Retriable(f"lookup {host}: {reason[:1].lower()}{reason[1:]}", "unresolved")
    return found


def port(service: str) -> int:
    """The number of a port that is given by name, such as `http`."""
    try:
        return _socket.getservbyname(service, "tcp")
    except (OSError, UnicodeEncodeError):
        raise Unmendable(f"lookup tcp/{service}: unknown port", "address") from None
