"""The native engine: one unary call on a socket, written for the cost of one short call.

What can be sent goes out in one write together with the connection preface; the answer is read as it comes. The
connection counts as made when the server's SETTINGS have arrived, as in Go with `WithBlock`.
"""

import time

from ..codec import WireError, decode_response, encode_request
from ..model import CALL, Call, Deadline, Failure, ModelStatus, Timings
from ..target import Target, parse
from .connect import Retriable, Stream, Unmendable, dial
from .frames import Settings
from .hpack import encode
from .http2 import Connection, ConnectionBroken
from .unary import DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, UnaryCall, message, request_headers

# Bytes of the other side's first words that are kept, to tell who it is.
ENOUGH_TO_KNOW = 64
# The first bytes of a TLS alert or handshake record (RFC 8446, 5.1).
TLS_RECORDS, TLS_MAJOR = (b"\x15", b"\x16"), b"\x03"

METHOD = "/tensorflow.serving.ModelService/GetModelStatus"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .frames import Event


def ask(call: Call, timings: Timings) -> "ModelStatus | Failure":
    """GetModelStatus over plain HTTP/2."""
    target = parse(call.address)
    if isinstance(target, Failure):
        return target
    try:
        body = message(encode_request(call.model_name))
    except UnicodeEncodeError:
        return Failure(CALL, "grpc: error while marshaling: string field contains invalid UTF-8", INTERNAL)
    begun = time.monotonic_ns()
    deadline = call.deadline.sooner(call.connect_timeout, "-connect-timeout")
    exchange = _Exchange(call, target, body, deadline)
    stream = dial(target, deadline, exchange.greet)
    if isinstance(stream, Failure):
        return stream
    dialled = time.monotonic_ns()
    timings.dial, timings.peer = dialled - begun, stream.peer
    answer = exchange.finish(stream, call.deadline.sooner(call.rpc_timeout, "-rpc-timeout"))
    timings.call = time.monotonic_ns() - dialled
    exchange.part(stream)
    if isinstance(answer, Failure):
        return answer
    try:
        return decode_response(answer)
    except WireError as error:
        return Failure(CALL, f"grpc: failed to unmarshal the received message: {error}", INTERNAL, "unreadable")


class _Exchange:
    """The call on whatever connection is made last: a new attempt begins anew."""

    def __init__(self, call: Call, target: Target, body: bytes, deadline: Deadline) -> None:
        self._call = call
        self._target = target
        self._body = body
        self._deadline = deadline
        self._connection = Connection()
        self._unary = UnaryCall()

    def greet(self, stream: Stream) -> None:
        """Sends the request and waits for the server's SETTINGS."""
        connection = self._connection = Connection()
        self._unary = UnaryCall()
        # With no time for the call it is not made; the connection still is, as the original does it.
        seconds = min(self._call.rpc_timeout / 1e9, self._call.deadline.remaining())
        if seconds > 0:
            headers = request_headers(METHOD, self._target.authority, seconds, self._call.user_agent)
            connection.request(encode(headers), self._body)
        received = b""
        try:
            stream.send(connection.data_to_send(), self._deadline)
            while True:
                data = stream.receive(self._deadline)
                if not data:
                    raise _stranger(stream.peer, received) or _closed(stream.peer, received)
                received = (received + data)[:ENOUGH_TO_KNOW]
                if self._hear(connection.receive(data)):
                    return
        except TimeoutError:
            raise _stranger(stream.peer, received) or _silent(stream.peer, received) from None
        except ConnectionBroken as error:
            if self._hear(error.events):  # the connection stood: what broke is the call, unless it had ended
                self._unary.result = _broken(error) if self._unary.result is None else self._unary.result
                return
            text = f"connected to {stream.peer}: it does not speak HTTP/2: {error}"
            raise _stranger(stream.peer, received) or Unmendable(text, "not-http2") from None

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
            cause = "no-time" if self._call.rpc_timeout <= 0 else "call-timeout"
            cause = "whole-timeout" if deadline.flag == "-timeout" else cause
            return Failure(CALL, "context deadline exceeded", DEADLINE_EXCEEDED, cause)
        except ConnectionBroken as error:
            self._hear(error.events)
            return _broken(error) if unary.result is None else unary.result
        except OSError as error:
            return Failure(CALL, f"the connection broke: {error.strerror or error}", UNAVAILABLE, "broken")
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


def _closed(peer: str, received: bytes) -> Retriable:
    when = "within" if received else "before"
    return Retriable(f"connected to {peer}: closed by it {when} its HTTP/2 SETTINGS", "closed")


def _stranger(peer: str, received: bytes) -> "Unmendable | None":
    """Someone who is known by the first bytes, and is no gRPC server."""
    if received[:5] == b"HTTP/" or received[:1] == b"<":  # HTTP/0.9 is a page without a head
        line = received.partition(b"\n")[0].strip().decode("latin-1")
        return Unmendable(f'connected to {peer}: it speaks HTTP/1, not gRPC: "{line}"', "http1")
    if received[:1] in TLS_RECORDS and received[1:2] == TLS_MAJOR:
        return Unmendable(f"connected to {peer}: it speaks TLS", "tls")
    return None
