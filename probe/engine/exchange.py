"""One gRPC call on a connection of its own: the bytes of http2.py and unary.py, sent and received.

What can be sent goes out in one write together with the connection preface; the answer is read as it comes. The
connection counts as made when the server's SETTINGS have arrived, as in Go with `WithBlock`.
"""

from ..model import CALL, Deadline, Failure
from .connect import Fault, Retriable, Stream, Unmendable
from .frames import Settings
from .hpack import encode
from .http2 import Connection, ConnectionBroken
from .strangers import ENOUGH, http1, is_tls
from .unary import (
    DEADLINE_EXCEEDED,
    GZIP_HEADERS,
    UNAVAILABLE,
    UnaryCall,
    compressed,
    message,
    metadata_headers,
    request_headers,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from .frames import Event

    # Puts something between a connection and the call: raises what `greet` may raise.
    Layer: TypeAlias = "Callable[[Stream, Deadline], Stream]"


class Request:
    """What is sent."""

    __slots__ = ("authority", "content", "gzip", "metadata", "method", "scheme", "streamed", "user_agent")

    def __init__(
        self,
        method: str,
        authority: str,
        content: bytes,
        user_agent: bytes,
        metadata: "tuple[tuple[bytes, bytes], ...]" = (),
        gzip: bool = False,
        streamed: bool = False,
    ) -> None:
        """`content`: the message; `metadata`: further headers; `gzip`: it goes compressed, and the answer may come so;
        `streamed`: of the answer's messages the first one is all that is wanted."""
        self.method = method
        self.authority = authority
        self.scheme = b"http"
        self.content = content
        self.user_agent = user_agent
        self.metadata = metadata
        self.gzip = gzip
        self.streamed = streamed


class Exchange:
    """The call on whatever connection is made last: a new attempt begins anew."""

    def __init__(
        self, request: Request, dialling: Deadline, rpc_timeout: int, whole: Deadline, layer: "Layer | None" = None
    ) -> None:
        """`dialling` ends what comes before the server's SETTINGS; `rpc_timeout` (nanoseconds) and `whole` end the
        call."""
        self._request = request
        self._dialling = dialling
        self._rpc_timeout = rpc_timeout
        self._whole = whole
        self._layer = layer
        self._looked = False
        self._connection = Connection()
        self._unary = UnaryCall()

    def greet(self, stream: Stream) -> Stream:
        """Sends the request and waits for the server's SETTINGS. Gives the stream on which to go on."""
        if self._layer:
            stream = self._layer(stream, self._dialling)
        connection = self._connection = Connection()
        request = self._request
        self._unary = UnaryCall(request.gzip, request.streamed)
        # With no time for the call it is not made; the connection still is, as the original does it.
        seconds = min(self._rpc_timeout / 1e9, self._whole.remaining())
        if seconds > 0:
            headers = request_headers(request.method, request.authority, seconds, request.user_agent, request.scheme)
            body = compressed(request.content) if request.gzip else message(request.content)
            connection.request(
                encode([*headers, *(GZIP_HEADERS if request.gzip else ()), *metadata_headers(request.metadata)]), body
            )
        received = b""
        try:
            stream.send(connection.data_to_send(), self._dialling)
            while True:
                data = stream.receive(self._dialling)
                if not data:
                    raise self._stranger(stream, received) or self._closed(stream, received)
                received = (received + data)[:ENOUGH]
                if self._hear(connection.receive(data)):
                    return stream
        except ConnectionResetError:
            raise self._stranger(stream, received) or self._closed(stream, received) from None
        except Fault as error:
            raise Unmendable(f"connected to {stream.peer}: {error.text}", error.cause) from None
        except TimeoutError:
            raise self._stranger(stream, received) or _silent(stream.peer, received) from None
        except ConnectionBroken as error:
            if self._hear(error.events):  # the connection stood: what broke is the call, unless it had ended
                self._unary.result = _broken(error) if self._unary.result is None else self._unary.result
                return stream
            text = f"connected to {stream.peer}: it does not speak HTTP/2: {error}"
            raise self._stranger(stream, received) or Unmendable(text, "not-http2") from None

    def _stranger(self, stream: Stream, received: bytes) -> "Unmendable | None":
        """Someone who is known by the first bytes, and is no gRPC server."""
        begun = f"connected to {stream.peer}: "
        line = http1(received)
        if is_tls(received) or (" 400 " in line and self._wants_tls(stream)):
            return Unmendable(f"{begun}it speaks TLS", "tls")
        return Unmendable(f'{begun}it speaks HTTP/1, not gRPC: "{line}"', "http1") if line else None

    def _wants_tls(self, stream: Stream) -> bool:
        """Looks, once, whether the server speaks TLS. Asked in plain text, gRPC's C core says nothing of it and closes
        the connection; nginx answers with HTTP/1 and status 400."""
        if self._layer or self._looked:
            return False
        from .tls import speaks_tls

        self._looked = True
        half = int(self._dialling.remaining() * 1e9) // 2  # the other one is for the next address, or attempt
        return speaks_tls(stream, self._dialling.sooner(half, self._dialling.flag))

    def _closed(self, stream: Stream, received: bytes) -> Retriable:
        """A connection that was closed before it stood."""
        if not received and self._wants_tls(stream):
            return Unmendable(f"connected to {stream.peer}: it closed the connection, and speaks TLS", "tls")
        if not received and stream.refusal:
            return Unmendable(f"connected to {stream.peer}: {stream.refusal[0]}", stream.refusal[1])
        when = "within" if received else "before"
        return Retriable(f"connected to {stream.peer}: closed by it {when} its HTTP/2 SETTINGS", "closed")

    def finish(self, stream: Stream, deadline: Deadline) -> "bytes | Failure":
        """Reads on until the call has ended."""
        connection, unary = self._connection, self._unary
        try:
            while unary.result is None:
                stream.send(connection.data_to_send(), deadline)
                data = stream.receive(deadline)
                if not data:
                    return Failure(
                        CALL, "the server closed the connection before it had answered", UNAVAILABLE, "broken"
                    )
                self._hear(connection.receive(data))
        except TimeoutError:
            cause = "no-time" if self._rpc_timeout <= 0 else "call-timeout"
            cause = "whole-timeout" if deadline.flag == "-timeout" else cause
            return Failure(CALL, "context deadline exceeded", DEADLINE_EXCEEDED, cause)
        except ConnectionBroken as error:
            self._hear(error.events)
            return _broken(error) if unary.result is None else unary.result
        except Fault as error:
            return Failure(CALL, f"the connection broke: {error.text}", UNAVAILABLE, error.cause)
        except OSError as error:
            return Failure(CALL, f"the connection broke: {error.strerror or error}", UNAVAILABLE, "broken")
        if isinstance(unary.result, Failure) and unary.result.cause == "proxy" and stream.refusal:
            unary.result.cause = stream.refusal[1]  # nginx refuses a client certificate with status 400
        return unary.result

    def _hear(self, events: "list[Event]") -> bool:
        """Hands the events to the call; whether the server's SETTINGS are among them."""
        settled = False
        for event in events:
            settled = settled or isinstance(event, Settings)
            self._unary.handle(event)
        return settled

    def part(self, stream: Stream) -> None:
        """Says goodbye, so that a server's log need not wonder, and closes. Nobody waits for it to be heard."""
        self._connection.goodbye()
        stream.send_or_not(self._connection.data_to_send())
        stream.close()


def _broken(error: ConnectionBroken) -> Failure:
    return Failure(CALL, f"the server broke HTTP/2: {error}", UNAVAILABLE, "unreadable")


def _silent(peer: str, received: bytes) -> Retriable:
    if received:
        return Retriable(f"connected to {peer}: its HTTP/2 SETTINGS are incomplete", "slow")
    return Retriable(f"connected to {peer}: no HTTP/2 SETTINGS from it", "mute")
