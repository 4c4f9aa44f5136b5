"""-serve's address -> sockets that listen there."""

import _socket
import errno

from ..deadline import ROUND, Deadline
from ..model import SETUP, Failure
from ..net.dial import literal_family
from ..net.errors import AttemptError, reason
from ..net.resolve import resolve
from ..net.stream import Address
from ..net.target import LOOPBACK, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Cause

BACKLOG = 4096  # the kernel takes less where its own limit is lower; a flood must not make it drop a kubelet's SYN
LOOKUP_NANOSECONDS = 5_000_000_000
ANY_V4, ANY_V6 = "0.0.0.0", "::"
# Errors of a place that does not exist here.
MISSING = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)
CAUSES: "dict[int, Cause]" = {
    errno.EADDRINUSE: "serve-in-use",
    errno.EACCES: "serve-permission",
    errno.EPERM: "serve-permission",
    errno.EADDRNOTAVAIL: "serve-no-address",
}


def listen(address: str) -> "tuple[_socket.socket, ...] | Failure":
    """Non-blocking sockets that listen on an address; `:PORT` means all addresses, IPv6 and IPv4."""
    target = parse(address)
    if isinstance(target, Failure):
        return _unusable(f"-serve: {target.text}", "serve-address")
    if target.path or not target.port.isdigit():
        return _unusable(f"-serve: address {address}: it must be HOST:PORT with a number", "serve-address")
    host = address.rpartition(":")[0].strip("[]").lower().rstrip(".")
    port = int(target.port)
    if host in ("", ANY_V6):
        sockets = _open(((ANY_V6, port), (ANY_V4, port)), 1, address)
    elif host == ANY_V4:
        sockets = _open(((ANY_V4, port),), 1, address)
    elif target.hosts == LOOPBACK:
        sockets = _open(tuple((local, port) for local in LOOPBACK), 2, address)
    elif literal_family(target.hosts[0]):
        sockets = _open(((target.hosts[0], port),), 1, address)
    else:
        try:
            found = resolve(target.hosts[0], port, Deadline.after(LOOKUP_NANOSECONDS, ROUND))
        except AttemptError as error:
            return _unusable(f"cannot listen on {address}: {error.text}", "serve-no-address")
        sockets = _open(tuple(place.sockaddr for place in found if isinstance(place.sockaddr, tuple)), 1, address)
    return sockets


def shown_address(socket: "_socket.socket") -> str:
    """A socket's address in readable form: `[::]:9808`."""
    return str(Address(socket.family, socket.getsockname()))


def _open(
    places: "tuple[tuple[str | bytes, int] | tuple[str | bytes, int, int, int], ...]", wanted: int, address: str
) -> "tuple[_socket.socket, ...] | Failure":
    """Sockets on the first `wanted` of these places that exist here; a place that is taken is an error."""
    sockets: list[_socket.socket] = []
    last: OSError | None = None
    for place in places:
        if len(sockets) == wanted:
            break
        if sockets and place[1] == 0:
            place = (place[0], sockets[0].getsockname()[1])  # the port that the kernel chose
        try:
            sockets.append(_bound(place))
        except OSError as error:
            last = error
            if error.errno not in MISSING:
                break
    if sockets and (last is None or last.errno in MISSING):
        return tuple(sockets)
    for socket in sockets:
        socket.close()
    why = reason(last) if last else "the name has no address"
    return _unusable(f"cannot listen on {address}: {why}", CAUSES.get((last and last.errno) or 0, "serve-socket"))


def _bound(place: "tuple[str | bytes, int] | tuple[str | bytes, int, int, int]") -> "_socket.socket":
    host = place[0] if isinstance(place[0], str) else place[0].decode()
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    socket = _socket.socket(family, _socket.SOCK_STREAM)
    try:
        socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == _socket.AF_INET6:
            socket.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0 if host == ANY_V6 else 1)
        socket.bind(place)
        socket.listen(BACKLOG)
        socket.setblocking(False)
    except BaseException:
        socket.close()
        raise
    return socket


def _unusable(text: str, cause: "Cause") -> Failure:
    return Failure(SETUP, text, cause=cause, permanent=True)
