"""HTTP/1.1 for a server that answers GET and HEAD, sans-IO: a reader of requests, and the bytes of answers.

Rule of this file: whatever a client sends, there is a request or an HttpError with the status to answer. Bodies are
dropped within a bound. A request that can be understood in two ways is an error (RFC 9112, 6.3 and 11.2).
"""

import time

from ..value import Value
from .http1 import (
    NOT_IMPLEMENTED,
    TOKEN,
    Buffer,
    End,
    HttpError,
    Lines,
    content_length,
    is_chunked,
    is_token,
    is_visible,
    keeps_alive,
    parse_fields,
    tokens,
)
from .http1_body import ChunkedBody, LengthBody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .http1 import Fields
    from .http1_body import BodyReader

MAX_HEAD_BYTES = 8192
MAX_BODY_BYTES = 65536  # of a request; nothing here needs a body
CONTENT_TOO_LARGE, EXPECTATION_FAILED, VERSION_NOT_SUPPORTED = 413, 417, 505
# A server knows these methods, whether or not a resource allows them (RFC 9110, 9.1; RFC 5789).
METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"))
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class RequestHead(Value):
    """A complete request; its body, if it had one, has been dropped."""

    __slots__ = ("headers", "method", "target", "version")

    def __init__(self, method: bytes, target: bytes, version: bytes, headers: "Fields") -> None:
        """`version`: such as `1.1`."""
        self.method: Final = method
        self.target: Final = target
        self.version: Final = version
        self.headers: Final = headers

    @property
    def keep_alive(self) -> bool:
        """Whether the client will send another request on the connection."""
        return keeps_alive(self.version, self.headers)


class RequestReader:
    """Turns a connection's bytes into requests, one at a time. After HttpError the connection must be closed.

    The caller reads from the network only when `next_request` has returned None, so that pipelined requests pile up in
    the kernel and not here."""

    __slots__ = ("_body", "_buffer", "_dropped", "_lines", "_request")

    def __init__(self) -> None:
        self._buffer = Buffer()
        self._lines = Lines(MAX_HEAD_BYTES, skip_blank=True)
        self._request: RequestHead | None = None
        self._body: BodyReader = LengthBody(0)
        self._dropped = 0

    @property
    def is_idle(self) -> bool:
        """Whether no byte of a further request has arrived."""
        return self._request is None and not self._lines.is_begun and not len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Takes bytes that have arrived."""
        self._buffer.feed(data)

    def next_request(self) -> "RequestHead | None":
        """The next request; None until it is complete. Raises HttpError."""
        if self._request is None:
            if not self._lines.is_begun and self._buffer.peek().translate(None, TOKEN + b"\r\n"):
                raise HttpError("the request is not HTTP/1")  # TLS, for example, whose hello has no line to wait for
            lines = self._lines.read(self._buffer)
            if lines is None:
                return None
            self._begin(lines)
        while (event := self._body.read(self._buffer)) is not None:
            if isinstance(event, End):
                request, self._request = self._request, None
                self._lines = Lines(MAX_HEAD_BYTES, skip_blank=True)
                return request
            self._dropped += len(event.content)
            if self._dropped > MAX_BODY_BYTES:
                raise _too_large()
        return None

    def _begin(self, lines: "list[bytes]") -> None:
        """Takes a complete head."""
        method, target, version = _parse_request_line(lines[0])
        headers = parse_fields(lines[1:])
        # RFC 9112, 3.2.
        hosts = sum(name == b"host" for name, _ in headers)
        if hosts > 1 or (not hosts and version > b"1.0"):
            raise HttpError("a request without exactly one Host")
        chunked, length = is_chunked(headers), content_length(headers)
        if chunked and (length is not None or version == b"1.0"):
            raise HttpError("a request with contradictory framing")  # 6.1
        # A client that waits for 100 gets a final answer instead, at once (RFC 9110, 10.1.1).
        expected = tokens(headers, b"expect") if version > b"1.0" else []
        if expected and (chunked or length or expected != [b"100-continue"]):
            raise HttpError("an expectation that is not met", EXPECTATION_FAILED)
        if length is not None and length > MAX_BODY_BYTES:
            raise _too_large()
        self._dropped = 0
        self._body = ChunkedBody() if chunked else LengthBody(length or 0)
        self._request = RequestHead(method, target, version, headers)


def _too_large() -> HttpError:
    return HttpError(f"a body of more than {MAX_BODY_BYTES} bytes", CONTENT_TOO_LARGE)


def _parse_request_line(line: bytes) -> "tuple[bytes, bytes, bytes]":
    """Method, target and version (RFC 9112, 3)."""
    parts = line.split(b" ")
    if len(parts) != 3 or not is_token(parts[0]) or not is_visible(parts[1]):
        raise HttpError("a malformed request line")
    method, target, protocol = parts
    if len(protocol) != 8 or protocol[:5] != b"HTTP/" or protocol[6:7] != b"." or not protocol[5::2].isdigit():
        raise HttpError("a malformed request line")
    if protocol[5:6] != b"1":
        raise HttpError("a version other than HTTP/1", VERSION_NOT_SUPPORTED)
    if method not in METHODS:
        raise HttpError("an unknown method", NOT_IMPLEMENTED)
    return method, target, protocol[5:]


def encode_response(
    status: int, headers: "Fields", body: bytes, request: "RequestHead | None" = None, close: bool = False
) -> bytes:
    """The bytes of an answer. `request`: what it answers; None after HttpError. `close`: end the connection anyway."""
    lines = [*headers, (b"Content-Length", b"%d" % len(body))]
    if request is None or close or not request.keep_alive:
        lines.append((b"Connection", b"close"))
    elif request.version == b"1.0":
        lines.append((b"Connection", b"keep-alive"))
    head = b"".join(b"%b: %b\r\n" % line for line in lines)
    content = b"" if request is not None and request.method == b"HEAD" else body
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, REASONS[status].encode(), head, content)


def http_date(seconds: int) -> bytes:
    """The value of `Date` (RFC 9110, 5.6.7) for seconds since 1970."""
    at = time.gmtime(seconds)
    text = f"{DAYS[at[6]]}, {at[2]:02} {MONTHS[at[1] - 1]} {at[0]:04} {at[3]:02}:{at[4]:02}:{at[5]:02} GMT"
    return text.encode()
