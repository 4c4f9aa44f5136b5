"""From a target to a connected byte stream: names, addresses, unix sockets, and trying again.

A server that is still loading its first models refuses connections, so whatever can mend itself is tried again until
the time is up: refused, no socket yet, reset, no answer, an unknown name. What cannot is reported at once.
"""

import _socket
import time

from ..model import DIAL, Deadline, Failure
from ..target import Target

# Between two attempts, in seconds: quick at first, since a probe's budget may be a second.
FIRST_PAUSE, PAUSE_GROWTH, LONGEST_PAUSE = 0.02, 1.6, 1.0
READ = 65536  # bytes asked of the kernel at once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    # What _socket takes: (host, port) for TCP, a path for a unix socket.
    Address: TypeAlias = "tuple[str | bytes, int] | tuple[str | bytes, int, int, int] | bytes"


class Retriable(Exception):
    """This attempt failed, the next one may not: what it met, and the key of its hint."""

    def __init__(self, text: str, cause: str) -> None:
        self.text = text
        self.cause = cause


class Unmendable(Retriable):
    """Trying again cannot help."""


class Fault(OSError):
    """The connection ended, and the other side said why: the sentence, and the key of its hint."""

    def __init__(self, text: str, cause: str) -> None:
        self.text = text
        self.cause = cause


class Stream:
    """A connected socket whose every operation ends with a deadline.

    Operations raise TimeoutError when the deadline is over, and OSError when the connection broke."""

    __slots__ = ("address", "family", "peer", "socket")

    def __init__(self, socket: "_socket.socket", peer: str, family: int, address: "Address") -> None:
        """`peer`: the address for people."""
        self.socket = socket
        self.peer = peer
        self.family = family
        self.address = address

    @property
    def refusal(self) -> "tuple[str, str] | None":
        """What a close without a word would mean here: a sentence, and the key of its hint."""
        return None

    def again(self, deadline: Deadline) -> "Stream":
        """Another connection to the same address. Raises Retriable."""
        return _connect(self.family, self.address, deadline)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Sends all of the data. That the connection broke is for `receive` to tell: what the peer said before is still
        there to be read, and may be the whole answer."""
        while data:
            self.socket.settimeout(_left(deadline))
            try:
                data = data[self.socket.send(data) :]
            except (BrokenPipeError, ConnectionResetError):
                return

    def receive(self, deadline: Deadline) -> bytes:
        """The next bytes; none when the peer has closed."""
        self.socket.settimeout(_left(deadline))
        return self.socket.recv(READ)

    def send_or_not(self, data: bytes) -> None:
        """Sends what the socket takes at once."""
        self.socket.setblocking(False)
        try:
            self.socket.send(data)
        except OSError:
            pass  # the peer may be gone, or not reading

    def close(self) -> None:
        """Gives the descriptor back."""
        self.socket.close()


def _left(deadline: Deadline) -> float:
    """Seconds left; never 0, which would mean not to wait but to fail with another error."""
    seconds = deadline.remaining()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def dial(target: Target, deadline: Deadline, greet: "Callable[[Stream], Stream]") -> "Stream | Failure":
    """A stream on which `greet` was content: it speaks first, and raises Retriable or OSError where the other side is
    not what it should be. Tries again until the deadline."""
    last = Retriable("", "no-time")
    pause = FIRST_PAUSE
    while True:
        try:
            return _attempt(target, deadline, greet)
        except Unmendable as error:
            return Failure(DIAL, error.text, cause=error.cause)
        except Retriable as error:
            last = error if error.text or not last.text else last
        left = deadline.remaining()
        if left <= 0:
            detail = f" (last error: {last.text})" if last.text else ""
            return Failure(DIAL, "context deadline exceeded" + detail, cause=last.cause)
        time.sleep(min(pause, left))
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)


def _attempt(target: Target, deadline: Deadline, greet: "Callable[[Stream], Stream]") -> Stream:
    """One round through all addresses: the first that takes the connection and keeps it is the server."""
    if deadline.remaining() <= 0:
        raise Retriable("", "no-time")
    failed = Retriable("", "no-time")
    addresses = _addresses(target, deadline)
    for number, (family, address) in enumerate(addresses):
        # An address whose packets are dropped may not eat the time of the next one.
        share = deadline.sooner(int(deadline.remaining() * 1e9) // (len(addresses) - number), deadline.flag)
        try:
            return _greeted(_connect(family, address, share), greet)
        except Unmendable:
            raise
        except Retriable as error:
            # Of several refusals the first address's is told; of different faults the one that is not a refusal.
            failed = error if not failed.text or (error.text and error.cause != "refused") else failed
        if deadline.remaining() <= 0:
            break  # what the next address would meet is only that
    raise failed


def _greeted(stream: Stream, greet: "Callable[[Stream], Stream]") -> Stream:
    """The stream on which to go on, the greeting over."""
    try:
        return greet(stream)
    except OSError as error:
        stream.close()
        raise Retriable(f"connected to {stream.peer}: {_reason(error)}", "closed") from None
    except BaseException:
        stream.close()
        raise


def _connect(family: int, address: "Address", deadline: Deadline) -> Stream:
    peer = _name(address)
    seconds = deadline.remaining()
    if seconds <= 0:
        # No attempt at all: that is no news about this address, and must not hide what the last one met.
        raise Retriable("", "no-time")
    try:
        socket = _socket.socket(family, _socket.SOCK_STREAM)
    except OSError as error:  # a kernel without IPv6, no descriptors left
        raise Retriable(f"socket for {peer}: {_reason(error)}", "") from None
    try:
        socket.settimeout(seconds)
        socket.connect(address)
    except OSError as error:
        socket.close()
        raise Retriable(f"connect {peer}: {_reason(error)}", _cause(error, family)) from None
    return Stream(socket, peer, family, address)


def _addresses(target: Target, deadline: Deadline) -> "list[tuple[int, Address]]":
    """Family and address of everything that the target may mean, in the order in which to try them."""
    if target.path:
        return [(_socket.AF_UNIX, target.path)]
    if not (target.port.isascii() and target.port.isdigit()):
        from .resolve import port

        number = port(target.port)
    else:
        number = int(target.port)
    addresses: list[tuple[int, Address]] = []
    for host in target.hosts:
        family = literal(host)
        if family:
            addresses.append((family, (host, number)))
            continue
        from .resolve import resolve

        addresses += resolve(host, number, deadline)
    return addresses


def literal(host: str) -> int:
    """The family of an IP address, 0 for a name."""
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return family
    return 0


def _name(address: "Address") -> str:
    if isinstance(address, bytes):
        path = address.decode("utf-8", "surrogateescape")
        return "unix-abstract:" + path[1:] if path[0] == "\0" else "unix:" + path
    host = address[0] if isinstance(address[0], str) else address[0].decode()
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def _reason(error: OSError) -> str:
    """The error in the C library's words, which begin with a capital there."""
    if isinstance(error, TimeoutError):
        return "timed out"
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def _cause(error: OSError, family: int) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, FileNotFoundError):
        return "socket"
    if isinstance(error, PermissionError):
        return "permission"
    if isinstance(error, (TimeoutError, BlockingIOError)):
        return "dropped" if family != _socket.AF_UNIX else "mute"
    # Between the handshake of TCP and this side's first look at it: as good as taken and closed.
    return "closed" if isinstance(error, ConnectionResetError) else "dropped"
