"""One unary gRPC call, sans-IO: HTTP/2 events in, the answer's bytes or a Failure out.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. Codes, and the client's own texts, are those of
Go's gRPC, which the original program's users know.
"""

from ..model import CALL, STATUS, Failure
from .events import Data, GoAway, Headers, Reset
from .frames import ERROR_NAMES, REFUSED_STREAM, error_name
from .protobuf import WireError
from .status import (
    CANCELLED,
    INTERNAL,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNIMPLEMENTED,
    UNKNOWN,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ..model import Cause
    from .events import Event
    from .gzip import Decompressor

    # Receives a message piece by piece, without its prefix; returns True once it needs no more.
    Sink: TypeAlias = Callable[[bytes], bool]

MAX_MESSAGE_BYTES = 4 * 1024 * 1024  # the default of every gRPC library
PREFIX_BYTES = 5  # before a message: whether it is compressed, and its length
MAX_INFORMATIONAL = 100  # 1xx answers
# The server gets this much more time than we have, so that the call ends by our clock and in our words.
GRACE_SECONDS = 0.1
GZIP_HEADERS = ((b"grpc-encoding", b"gzip"), (b"grpc-accept-encoding", b"gzip"))

# The gRPC code of an HTTP status without a gRPC status (doc/http-grpc-status-mapping.md).
HTTP_STATUSES = {
    400: INTERNAL,
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    404: UNIMPLEMENTED,
    429: UNAVAILABLE,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: UNAVAILABLE,
}
# The gRPC code of a reset stream, as in Go's gRPC (its http2ErrConvTab); the others are INTERNAL.
RESET_CODES = {3: RESOURCE_EXHAUSTED, 7: UNAVAILABLE, 8: CANCELLED, 11: RESOURCE_EXHAUSTED, 12: PERMISSION_DENIED}


def request_headers(
    method: str, authority: str, user_agent: bytes, scheme: bytes = b"http"
) -> "list[tuple[bytes, bytes]]":
    """The headers of a call that are the same in every call of the method."""
    return [
        (b":method", b"POST"),
        (b":scheme", scheme),
        (b":path", method.encode()),
        (b":authority", authority.encode("utf-8", "surrogateescape")),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", user_agent),
    ]


def metadata_headers(metadata: "tuple[tuple[bytes, bytes], ...]") -> "list[tuple[bytes, bytes]]":
    """Metadata as it is sent: binary values in base64, without padding."""
    if not any(name.endswith(b"-bin") for name, _ in metadata):
        return list(metadata)
    from binascii import b2a_base64

    return [
        (name, b2a_base64(value, newline=False).rstrip(b"=") if name.endswith(b"-bin") else value)
        for name, value in metadata
    ]


def timeout_header(seconds: float) -> "tuple[bytes, bytes]":
    """`grpc-timeout`: at most eight digits and a unit."""
    microseconds = int((seconds + GRACE_SECONDS) * 1e6)
    if microseconds < 100_000_000:
        return b"grpc-timeout", b"%du" % microseconds
    return b"grpc-timeout", b"%dS" % (microseconds // 1_000_000 + 1)


def with_prefix(message: bytes, compressed: bool = False) -> bytes:
    """A message with its five-byte prefix."""
    return (b"\1" if compressed else b"\0") + len(message).to_bytes(4, "big") + message


class UnaryCall:
    """The state of one call. `result` is None until the call has ended: then the message's bytes, or a Failure.

    With a sink the message goes there piece by piece, is not kept, and may have any length; `result` becomes empty
    bytes when the sink needs no more or the call has ended well."""

    __slots__ = (
        "_buffer",
        "_decompressor",
        "_encoding",
        "_first_message",
        "_gzip",
        "_headers_seen",
        "_informational",
        "_left",
        "_message",
        "_sink",
        "result",
    )

    def __init__(self, gzip: bool = False, first_message: bool = False, sink: "Sink | None" = None) -> None:
        """`gzip`: the answer may be compressed; `first_message`: the first message of a server stream is the result."""
        self.result: bytes | Failure | None = None
        self._gzip = gzip
        self._first_message = first_message
        self._sink = sink
        self._headers_seen = False
        self._informational = 0
        self._encoding = b""
        self._buffer = bytearray()
        self._message: bytes | None = None
        self._left = 0  # bytes of the message that the sink has not received yet
        self._decompressor: Decompressor | None = None

    def handle(self, event: "Event") -> None:
        """Takes the next event of the call's stream, or the connection's GoAway if it affects the stream. Events after
        the result change nothing."""
        if self.result is not None:
            return
        if isinstance(event, Data):
            self._data(event.content)
            if event.end_stream and self.result is None:
                self._fail(INTERNAL, "server closed the stream without sending trailers", "unreadable")
        elif isinstance(event, Headers):
            self._headers(dict(event.fields), event.end_stream)
        elif isinstance(event, Reset):
            text = f"stream terminated by RST_STREAM with error code: {error_name(event.code)}"
            code = INTERNAL if event.code < len(ERROR_NAMES) else UNKNOWN
            self._fail(
                RESET_CODES.get(event.code, code), text, "unprocessed" if event.code == REFUSED_STREAM else "broken"
            )
        elif isinstance(event, GoAway):
            self.result = going_away(event, "broken")

    def _headers(self, fields: "dict[bytes, bytes]", end_stream: bool) -> None:
        if self._headers_seen:
            if end_stream:
                return self._trailers(fields)
            return self._fail(INTERNAL, "a second block of headers in the middle of the answer", "unreadable")
        status = fields.get(b":status", b"")
        if not status.isdigit() or len(status) != 3:  # RFC 9113, 8.3.2
            return self._fail(INTERNAL, f"malformed HTTP status: {_shown(status) or 'none'}", "unreadable")
        if status[:1] == b"1" and not end_stream:
            self._informational += 1
            if self._informational > MAX_INFORMATIONAL:
                self._fail(INTERNAL, f"more than {MAX_INFORMATIONAL} informational answers", "unreadable")
            return None
        self._headers_seen = True
        self._encoding = fields.get(b"grpc-encoding", b"identity")
        content_type = fields.get(b"content-type", b"")
        if not _is_grpc(content_type) or (status != b"200" and b"grpc-status" not in fields):
            self._fail_without_grpc(status, content_type)
        elif end_stream:
            self._trailers(fields)
        return None

    def _fail_without_grpc(self, status: bytes, content_type: bytes) -> None:
        code = HTTP_STATUSES.get(int(status), UNKNOWN)
        text = f"unexpected HTTP status code received from server: {_shown(status)}" if status != b"200" else ""
        if not _is_grpc(content_type):
            odd = f'unexpected content-type "{_shown(content_type)}"' if content_type else "no content-type"
            text = f"{text}; {odd}" if text else f"{odd} received from server"
        self._fail(code, text, "proxy")

    def _data(self, content: bytes) -> None:
        if not self._headers_seen:
            return self._fail(INTERNAL, "the answer begins without headers", "unreadable")
        if self._left:
            return self._feed(content)
        buffer: bytes | bytearray = content
        if self._buffer:
            buffer = self._buffer
            buffer += content
        if len(buffer) < PREFIX_BYTES:
            return self._keep(buffer)
        if self._message is not None:
            return self._fail(UNKNOWN, "more than one message for a unary call", "unreadable")
        length = int.from_bytes(buffer[1:PREFIX_BYTES], "big")
        if self._sink is None and length > MAX_MESSAGE_BYTES:
            text = f"grpc: received message larger than max ({length} vs. {MAX_MESSAGE_BYTES})"
            return self._fail(RESOURCE_EXHAUSTED, text, "unreadable")
        if buffer[0] and not (buffer[0] == 1 and self._gzip and self._encoding == b"gzip"):
            return self._fail_compressed(buffer[0])
        if self._sink is not None:
            return self._begin_feeding(buffer, length)
        end = PREFIX_BYTES + length
        if len(buffer) < end:
            return self._keep(buffer)
        message = bytes(memoryview(buffer)[PREFIX_BYTES:end])  # one copy of up to 4 MiB, not two
        rest = bytes(buffer[end:])
        self._buffer = bytearray()
        self._message = self._decompress(message) if buffer[0] else message
        if self._first_message and self.result is None:
            self.result = self._message
        elif rest and self.result is None:
            self._data(rest)
        return None

    def _keep(self, buffer: "bytes | bytearray") -> None:
        """Waits for the rest of what has begun to arrive."""
        if buffer is not self._buffer:
            self._buffer = bytearray(buffer)

    def _begin_feeding(self, buffer: "bytes | bytearray", length: int) -> None:
        """The message's prefix has arrived: what follows goes to the sink."""
        if buffer[0]:
            from .gzip import Decompressor

            self._decompressor = Decompressor()
        rest = bytes(buffer[PREFIX_BYTES:])
        self._buffer = bytearray()
        self._message = b""
        self._left = length
        self._feed(rest)

    def _feed(self, content: bytes) -> None:
        """Hands the sink its next piece."""
        assert self._sink is not None
        piece, rest = content[: self._left], content[self._left :]
        self._left -= len(piece)
        try:
            if self._decompressor is None:
                done = bool(piece) and self._sink(piece)
            else:
                done = self._decompressor.feed(piece, self._sink, last=not self._left)
        except WireError as error:
            return self._fail(INTERNAL, f"grpc: failed to unmarshal the received message: {error}", "unreadable")
        except ValueError:
            return self._fail(INTERNAL, "grpc: failed to decompress the received message", "unreadable")
        if done or (self._first_message and not self._left):
            self.result = b""
        if rest and self.result is None:
            self._data(rest)
        return None

    def _decompress(self, content: bytes) -> "bytes | None":
        """The message in gzip's `content`; None after the call has failed over it."""
        from .gzip import TooLong, decompress

        try:
            return decompress(content, MAX_MESSAGE_BYTES)
        except TooLong:
            text = f"grpc: received message after decompression larger than max {MAX_MESSAGE_BYTES}"
            self._fail(RESOURCE_EXHAUSTED, text, "unreadable")
        except ValueError:
            self._fail(INTERNAL, "grpc: failed to decompress the received message", "unreadable")
        return None

    def _fail_compressed(self, flag: int) -> None:
        """The server compressed in a way that the request did not offer."""
        if flag > 1:
            return self._fail(INTERNAL, f"grpc: received unexpected payload format {flag}", "unreadable")
        if self._encoding in (b"", b"identity"):
            return self._fail(INTERNAL, "grpc: compressed flag set with identity or empty encoding", "unreadable")
        text = f'grpc: Decompressor is not installed for grpc-encoding "{_shown(self._encoding)}"'
        return self._fail(UNIMPLEMENTED, text, "compressed")

    def _trailers(self, fields: "dict[bytes, bytes]") -> None:
        status = fields.get(b"grpc-status")
        if status is None:
            return self._fail(UNKNOWN, "the trailers have no grpc-status", "unreadable")
        code = 0 if status == b"0" else _code(status)
        if code is None:
            return self._fail(INTERNAL, f"malformed grpc-status: {_shown(status)}", "unreadable")
        if code:
            self.result = Failure(STATUS, percent_decode(fields.get(b"grpc-message", b"")), code)
        elif self._buffer or self._left:
            self._fail(INTERNAL, "the answer's message is incomplete", "unreadable")
        elif self._message is None:
            self._fail(INTERNAL, "the answer holds no message", "unreadable")
        else:
            self.result = self._message
        return None

    def _fail(self, code: int, text: str, cause: "Cause") -> None:
        self.result = Failure(CALL, text, code, cause)


def going_away(event: GoAway, cause: "Cause") -> Failure:
    """The end of a call that the server will not answer because it is closing the connection. `cause`: whether it may
    have processed the call."""
    debug = f', debug data: "{event.debug[:1024].decode("utf-8", "replace")}"' if event.debug else ""
    text = f"the server is going away (GOAWAY, error code: {error_name(event.code)}{debug})"
    return Failure(CALL, text, UNAVAILABLE, cause)


def _code(status: bytes) -> "int | None":
    """The number of a grpc-status, which Go reads as a signed 32-bit number and shows as an unsigned one; None for
    anything else."""
    digits = status[1:] if status[:1] in (b"-", b"+") else status
    if not digits.isdigit() or len(digits) > 10:
        return None
    number = int(status)
    return number & 0xFFFFFFFF if -(1 << 31) <= number < 1 << 31 else None


def _is_grpc(content_type: bytes) -> bool:
    """`application/grpc`, alone or followed by `+proto` or `;parameters`."""
    if content_type == b"application/grpc":
        return True
    return content_type[:16].lower() == b"application/grpc" and content_type[16:17] in (b"", b"+", b";")


def _shown(value: bytes) -> str:
    return value[:100].decode("latin-1")


def percent_decode(value: bytes) -> str:
    """The text of a grpc-message. Malformed escapes stay as they are; bytes that are not UTF-8 become U+FFFD."""
    if b"%" not in value:
        return value.decode("utf-8", "replace")
    out = bytearray()
    at = 0
    while at < len(value):
        escape = value[at + 1 : at + 3]
        if value[at] == 0x25 and len(escape) == 2 and all(digit in b"0123456789abcdefABCDEF" for digit in escape):
            out.append(int(escape, 16))
            at += 3
        else:
            out.append(value[at])
            at += 1
    return out.decode("utf-8", "replace")
