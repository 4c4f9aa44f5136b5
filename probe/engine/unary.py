"""One unary gRPC call, sans-IO: HTTP/2 events in, the answer's bytes or a Failure out.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. Codes, and words where they are the client's
own, are those of Go's gRPC, since the original program's users know them.
"""

from ..model import CALL, STATUS, Failure
from .frames import ERROR_NAMES, NO_ERROR, STREAM, Data, GoAway, Headers, Reset, error_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .frames import Event

MAX_MESSAGE = 4 * 1024 * 1024  # bytes, the default of every gRPC library
PREFIX = 5  # bytes before a message: whether it is compressed, and its length
MAX_INFORMATIONAL = 100
GRACE = 0.1  # seconds
# What is sent compressed and understood when it comes so; zlib's number for gzip's largest window, header and trailer.
GZIP_HEADERS = ((b"grpc-encoding", b"gzip"), (b"grpc-accept-encoding", b"gzip"))
GZIP_WINDOW = 31

CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 1, 2, 4, 7, 8
UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 12, 13, 14, 16

# What a status other than 200 means that came without a gRPC status (doc/http-grpc-status-mapping.md).
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
# What it means that the stream was reset, as Go's gRPC reads it (its http2ErrConvTab); the others are INTERNAL.
RESET_CODES = {3: RESOURCE_EXHAUSTED, 7: UNAVAILABLE, 8: CANCELLED, 11: RESOURCE_EXHAUSTED, 12: PERMISSION_DENIED}


def request_headers(
    method: str, authority: str, timeout: float, user_agent: bytes, scheme: bytes = b"http"
) -> "list[tuple[bytes, bytes]]":
    """The headers of a call; `timeout` in seconds."""
    return [
        (b":method", b"POST"),
        (b":scheme", scheme),
        (b":path", method.encode()),
        (b":authority", authority.encode("utf-8", "surrogateescape")),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", user_agent),
        (b"grpc-timeout", _timeout(timeout)),
    ]


def metadata_headers(metadata: "tuple[tuple[bytes, bytes], ...]") -> "list[tuple[bytes, bytes]]":
    """Metadata as it goes over the wire: binary values in base64, without padding."""
    if not any(name.endswith(b"-bin") for name, _ in metadata):
        return list(metadata)
    from binascii import b2a_base64

    return [
        (name, b2a_base64(value, newline=False).rstrip(b"=") if name.endswith(b"-bin") else value)
        for name, value in metadata
    ]


def _timeout(seconds: float) -> bytes:
    """At most eight digits and a unit. The server is given a little more than there is, so that the call ends by our
    clock and in our words, not by whatever its library sends at the same moment."""
    microseconds = int((seconds + GRACE) * 1e6)
    if microseconds < 100_000_000:
        return b"%du" % microseconds
    return b"%dS" % (microseconds // 1_000_000 + 1)


def message(content: bytes) -> bytes:
    """A message with its prefix: not compressed, and its length."""
    return b"\0" + len(content).to_bytes(4, "big") + content


def compressed(content: bytes) -> bytes:
    """A message with its prefix, by gzip, without a time in it."""
    import zlib

    packer = zlib.compressobj(wbits=GZIP_WINDOW)
    packed = packer.compress(content) + packer.flush()
    return b"\1" + len(packed).to_bytes(4, "big") + packed


class UnaryCall:
    """What is known of the call so far. `result` is None until it has ended."""

    __slots__ = ("_body", "_encoding", "_gzip", "_headers_seen", "_informational", "_message", "_streamed", "result")

    def __init__(self, gzip: bool = False, streamed: bool = False) -> None:
        """`gzip`: whether the answer may be compressed so; `streamed`: the first of several messages is the result."""
        self._gzip = gzip
        self._streamed = streamed
        self.result: bytes | Failure | None = None
        self._headers_seen = False
        self._informational = 0
        self._encoding = b""
        self._body = bytearray()
        self._message: bytes | None = None

    def handle(self, event: "Event") -> None:
        """Takes the next event of the connection; those after the result change nothing."""
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
            self._fail(RESET_CODES.get(event.code, code), text, "broken")
        elif isinstance(event, GoAway) and (event.last_stream < STREAM or event.code != NO_ERROR):
            debug = f', debug data: "{event.debug[:1024].decode("utf-8", "replace")}"' if event.debug else ""
            text = f"the server is going away (GOAWAY, error code: {error_name(event.code)}{debug})"
            self._fail(UNAVAILABLE, text, "broken")

    def _headers(self, fields: "dict[bytes, bytes]", end_stream: bool) -> None:
        if self._headers_seen:
            if end_stream:
                self._trailers(fields)
            else:
                self._fail(INTERNAL, "a second block of headers in the middle of the answer", "unreadable")
            return
        status = fields.get(b":status", b"")
        if len(status) == 3 and status[:1] == b"1" and not end_stream:
            self._informational += 1
            if self._informational > MAX_INFORMATIONAL:
                self._fail(INTERNAL, f"more than {MAX_INFORMATIONAL} informational answers", "unreadable")
            return
        self._headers_seen = True
        self._encoding = fields.get(b"grpc-encoding", b"identity")
        content_type = fields.get(b"content-type", b"")
        if not _is_grpc(content_type) or (status != b"200" and b"grpc-status" not in fields):
            self._no_grpc(status, content_type)
        elif end_stream:
            self._trailers(fields)

    def _no_grpc(self, status: bytes, content_type: bytes) -> None:
        number = int(status) if status.isdigit() and len(status) == 3 else 0
        code = UNKNOWN if number == 200 else HTTP_STATUSES.get(number, UNKNOWN) if number else INTERNAL
        text = f"unexpected HTTP status code received from server: {_shown(status)}" if number != 200 else ""
        if not _is_grpc(content_type):
            odd = f'unexpected content-type "{_shown(content_type)}"' if content_type else "no content-type"
            text = f"{text}; {odd}" if text else f"{odd} received from server"
        self._fail(code, text, "proxy")

    def _data(self, content: bytes) -> None:
        if not self._headers_seen:
            return self._fail(INTERNAL, "the answer begins without headers", "unreadable")
        body = self._body
        body += content
        if len(body) < PREFIX:
            return None
        if self._message is not None:
            return self._fail(UNKNOWN, "more than one message for a unary call", "unreadable")
        length = int.from_bytes(body[1:PREFIX], "big")
        if length > MAX_MESSAGE:
            text = f"grpc: received message larger than max ({length} vs. {MAX_MESSAGE})"
            return self._fail(RESOURCE_EXHAUSTED, text, "unreadable")
        if body[0] and not (body[0] == 1 and self._gzip and self._encoding == b"gzip"):
            return self._compressed(body[0])
        if len(body) >= PREFIX + length:
            content = bytes(body[PREFIX : PREFIX + length])
            self._message = self._unpacked(content) if body[0] else content
            self._body = body[PREFIX + length :]
            if self._streamed and self.result is None:
                self.result = self._message
            elif self.result is None:
                self._data(b"")
        return None

    def _unpacked(self, content: bytes) -> "bytes | None":
        """What a message holds that is compressed by gzip, unless that is too much: then, or if it is damaged or has
        anything behind it, the call has failed."""
        import zlib

        unpacker = zlib.decompressobj(wbits=GZIP_WINDOW)
        try:
            unpacked = unpacker.decompress(content, MAX_MESSAGE + 1)
        except zlib.error:
            unpacked = b""
        if len(unpacked) > MAX_MESSAGE:
            text = f"grpc: received message after decompression larger than max {MAX_MESSAGE}"
            self._fail(RESOURCE_EXHAUSTED, text, "unreadable")
        elif not unpacker.eof or unpacker.unused_data:
            self._fail(INTERNAL, "grpc: failed to decompress the received message", "unreadable")
        else:
            return unpacked
        return None

    def _compressed(self, flag: int) -> None:
        """What was not announced to be understood, a server may not send."""
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
        code = _code(status)
        if code is None:
            return self._fail(INTERNAL, f"malformed grpc-status: {_shown(status)}", "unreadable")
        if code:
            self.result = Failure(STATUS, percent_decode(fields.get(b"grpc-message", b"")), code)
        elif self._body:
            self._fail(INTERNAL, "the answer's message is incomplete", "unreadable")
        elif self._message is None:
            self._fail(INTERNAL, "the answer holds no message", "unreadable")
        else:
            self.result = self._message
        return None

    def _fail(self, code: int, text: str, cause: str) -> None:
        self.result = Failure(CALL, text, code, cause)


def _code(status: bytes) -> "int | None":
    """The number of a grpc-status, which Go reads as 32 bits with a sign and shows without; None for what is none."""
    digits = status[1:] if status[:1] in (b"-", b"+") else status
    if not digits.isdigit() or len(digits) > 10:
        return None
    number = int(status)
    return number & 0xFFFFFFFF if -(1 << 31) <= number < 1 << 31 else None


def _is_grpc(content_type: bytes) -> bool:
    """`application/grpc`, also with `+proto` or `;parameters` behind it."""
    return content_type[:16].lower() == b"application/grpc" and content_type[16:17] in (b"", b"+", b";")


def _shown(value: bytes) -> str:
    return value[:100].decode("latin-1")


def percent_decode(value: bytes) -> str:
    """The text of a grpc-message. What is no escape stays as it is, and what is no UTF-8 is replaced."""
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
