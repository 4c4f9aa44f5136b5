"""A connected byte stream whose every operation ends by a deadline."""

import _socket

from ..value import Value
from .errors import Transient, attempt_error

READ_BYTES = 65536  # asked of the kernel at once
TIMEOUT_TOLERANCE = 0.001  # seconds; a socket's timeout is not set anew for less, because that takes a system call

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
            """A second plain connection to the same address. Raises Transient or Permanent."""

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

    __slots__ = ("_address", "_socket", "_timeout", "peer")

    def __init__(self, socket: "_socket.socket", address: Address) -> None:
        self._socket = socket
        self._timeout = -1.0  # the socket's, in seconds
        self._address = address
        self.peer = str(address)

    def connect(self, deadline: "Deadline") -> None:
        """Raises OSError."""
        self._limit(deadline)
        self._socket.connect(self._address.sockaddr)

    def send(self, data: bytes, deadline: "Deadline") -> None:
        rest: bytes | memoryview = data
        while rest:
            self._limit(deadline)
            try:
                rest = memoryview(rest)[self._socket.send(rest) :]
            except (BrokenPipeError, ConnectionResetError):
                return

    def receive(self, deadline: "Deadline") -> bytes:
        self._limit(deadline)
        return self._socket.recv(READ_BYTES)

    def _limit(self, deadline: "Deadline") -> None:
        """Lets the next operation of the socket take until the deadline."""
        seconds = deadline.remaining()
        if seconds <= 0:  # which `settimeout` would take for "do not wait"
            raise TimeoutError
        if not 0 <= self._timeout - seconds < TIMEOUT_TOLERANCE:
            self._socket.settimeout(seconds)
            self._timeout = seconds

    def try_send(self, data: bytes) -> None:
        try:
            self._socket.setblocking(False)
            self._socket.send(data)
        except OSError:
            pass  # the peer may have left, or may not be reading

    def redial(self, deadline: "Deadline") -> "SocketStream":
        return connect(self._address, deadline)

    def explain_close(self) -> None:
        return None

    def close(self) -> None:
        try:
            self._socket.close()
        except OSError:
            pass  # a policy may even forbid this; the answer is known, and the descriptor ends with the process


def connect(address: Address, deadline: "Deadline") -> SocketStream:
    """A connection to one address. Raises Transient or Permanent."""
    if deadline.remaining() <= 0:
        # No attempt was made, so there is nothing to report that could replace the last attempt's error.
        raise Transient("", "no-time")
    try:
        socket = _socket.socket(address.family, _socket.SOCK_STREAM)
    except OSError as error:
        raise attempt_error(f"socket for {address}", error) from None
    stream = SocketStream(socket, address)
    try:
        stream.connect(deadline)
    except OSError as error:
        stream.close()
        raise attempt_error(f"connect {address}", error, address.family == _socket.AF_UNIX) from None
    return stream
