"""A connected byte stream whose every operation ends by a deadline."""

import _socket

from ..value import Value
from .errors import Transient, reason

READ_BYTES = 65536  # asked of the kernel at once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Protocol, TypeAlias

    from ..deadline import Deadline
    from ..model import Cause

    # What _socket takes: (host, port) for TCP, a path for a unix socket.
    SocketAddress: TypeAlias = "tuple[str | bytes, int] | tuple[str | bytes, int, int, int] | bytes"

    class Stream(Protocol):
        """A connection to `peer`. Operations raise TimeoutError when the deadline passes, StreamError when the peer
        ended the connection with a reason, and OSError when it broke."""

        @property
        def peer(self) -> str:
            """The address, for people."""

        def send(self, data: bytes, deadline: Deadline) -> None:
            """Sends all of the data. A broken connection is reported by `receive` instead: what the peer sent before
            is still there to be read, and may be the whole answer."""

        def receive(self, deadline: Deadline) -> bytes:
            """The next bytes; none when the peer has closed."""

        def try_send(self, data: bytes) -> None:
            """Sends what the connection accepts at once, and never waits."""

        def redial(self, deadline: Deadline) -> "Stream":
            """A second plain connection to the same address. Raises Transient."""

        def explain_close(self) -> "tuple[str, Cause] | None":
            """What it means if the peer closes the connection now without a reason, and the key of its hint."""

        def close(self) -> None:
            """Gives the descriptor back."""


class Address(Value):
    """One address of a target."""

    __slots__ = ("family", "sockaddr")

    def __init__(self, family: int, sockaddr: "SocketAddress") -> None:
        self.family: Final = family
        self.sockaddr: Final = sockaddr

    def __str__(self) -> str:
        """`127.0.0.1:8500`, `[::1]:8500`, `unix:/path` or `unix-abstract:name`."""
        sockaddr = self.sockaddr
        if isinstance(sockaddr, bytes):
            path = sockaddr.decode("utf-8", "surrogateescape")
            return "unix-abstract:" + path[1:] if path[0] == "\0" else "unix:" + path
        host = sockaddr[0] if isinstance(sockaddr[0], str) else sockaddr[0].decode()
        return f"[{host}]:{sockaddr[1]}" if ":" in host else f"{host}:{sockaddr[1]}"


class SocketStream:
    """A stream over a connected socket."""

    __slots__ = ("_address", "_socket", "peer")

    def __init__(self, socket: "_socket.socket", address: Address) -> None:
        self._socket = socket
        self._address = address
        self.peer = str(address)

    def send(self, data: bytes, deadline: "Deadline") -> None:
        while data:
            self._socket.settimeout(_time_left(deadline))
            try:
                data = data[self._socket.send(data) :]
            except (BrokenPipeError, ConnectionResetError):
                return

    def receive(self, deadline: "Deadline") -> bytes:
        self._socket.settimeout(_time_left(deadline))
        return self._socket.recv(READ_BYTES)

    def try_send(self, data: bytes) -> None:
        self._socket.setblocking(False)
        try:
            self._socket.send(data)
        except OSError:
            pass  # the peer may have left, or may not be reading

    def redial(self, deadline: "Deadline") -> "SocketStream":
        return connect(self._address, deadline)

    def explain_close(self) -> None:
        return None

    def close(self) -> None:
        self._socket.close()


def connect(address: Address, deadline: "Deadline") -> SocketStream:
    """A connection to one address. Raises Transient."""
    seconds = deadline.remaining()
    if seconds <= 0:
        # No attempt was made, so there is nothing to report that could replace the last attempt's error.
        raise Transient("", "no-time")
    try:
        socket = _socket.socket(address.family, _socket.SOCK_STREAM)
    except OSError as error:  # a kernel without IPv6, no descriptors left
        raise Transient(f"socket for {address}: {reason(error)}", "") from None
    try:
        socket.settimeout(seconds)
        socket.connect(address.sockaddr)
    except OSError as error:
        socket.close()
        raise Transient(f"connect {address}: {reason(error)}", _cause(error, address.family)) from None
    return SocketStream(socket, address)


def _time_left(deadline: "Deadline") -> float:
    """Seconds left; never 0, which `settimeout` would take for "do not wait"."""
    seconds = deadline.remaining()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _cause(error: OSError, family: int) -> "Cause":
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, FileNotFoundError):
        return "no-socket"
    if isinstance(error, PermissionError):
        return "permission"
    if isinstance(error, (TimeoutError, BlockingIOError)):
        return "dropped" if family != _socket.AF_UNIX else "mute"
    # A reset between TCP's handshake and our first look at the socket amounts to "accepted and closed".
    return "closed" if isinstance(error, ConnectionResetError) else "dropped"
