"""HTTP/1.1 for a client, sans-IO: one request's bytes, and a reader of its answer.

Rule of this file: an answer that can be understood in two ways is an error or closes the connection.
"""

from .http1 import (
    Buffer,
    End,
    Head,
    HttpError,
    Lines,
    content_length,
    is_chunked,
    is_text,
    is_token,
    is_visible,
    keeps_alive,
    parse_fields,
)
from .http1_body import ChunkedBody, LengthBody, OpenBody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .http1 import Event, Fields
    from .http1_body import BodyReader

MAX_HEAD_BYTES = 65536
MAX_INFORMATIONAL = 100  # 1xx answers before the final one
SWITCHING_PROTOCOLS, NO_CONTENT, NOT_MODIFIED = 101, 204, 304
START = b"HTTP/1."


def encode_request(
    method: bytes, target: bytes, host: bytes, headers: "Fields" = (), body: "bytes | None" = None
) -> bytes:
    """The bytes of a request. Raises ValueError for parts that would break its framing."""
    lines = [(b"Host", host), *headers]
    if body is not None:
        lines.append((b"Content-Length", b"%d" % len(body)))
    if not is_token(method) or not is_visible(target):
        raise ValueError("a method or target that HTTP/1.1 cannot carry")
    for name, value in lines:
        if not is_token(name) or not is_text(value):
            raise ValueError("a header that HTTP/1.1 cannot carry")
    head = b"".join(b"%b: %b\r\n" % line for line in lines)
    return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, target, head, body or b"")


class ResponseReader:
    """Turns the answer's bytes into events. The caller bounds the body. After HttpError the reader is unusable."""

    __slots__ = ("_body", "_buffer", "_done", "_informational", "_lines", "_method", "_persistent", "began")

    def __init__(self, method: bytes = b"GET") -> None:
        """`method`: the request's; an answer to HEAD has no body."""
        self.began = False  # some of the answer has arrived
        self._method = method
        self._buffer = Buffer()
        self._lines = Lines(MAX_HEAD_BYTES)
        self._body: BodyReader | None = None
        self._informational = 0
        self._persistent = False
        self._done = False

    @property
    def can_reuse(self) -> bool:
        """Whether the connection may carry another request: not before the answer has ended."""
        return self._done and self._persistent and not self._buffer and not self._buffer.ended

    def feed(self, data: bytes) -> None:
        """Takes bytes that have arrived."""
        self.began = self.began or bool(data)
        self._buffer.feed(data)

    def end(self) -> None:
        """The server has closed the connection."""
        self._buffer.ended = True

    def next_event(self) -> "Event | None":
        """The next event; None until more has arrived, and after End. Raises HttpError."""
        if self._done:
            return None
        if self._body is None:
            return self._head()
        event = self._body.read(self._buffer)
        self._done = isinstance(event, End)
        return event

    def _head(self) -> "Head | None":
        while True:
            if not self._lines.is_begun and not self._buffer.starts_like(START):
                raise HttpError("the answer is not HTTP/1")
            lines = self._lines.read(self._buffer)
            if lines is None:
                if self._buffer.ended:
                    where = "in the middle of the answer's head" if self.began else "before the answer"
                    raise HttpError(f"the connection was closed {where}")
                return None
            version, status, reason = _parse_status_line(lines[0] if lines else b"")
            headers = parse_fields(lines[1:], unfold=True)
            chunked, length = is_chunked(headers), content_length(headers)
            if status >= 200:
                break
            self._skip_informational(status)
        if self._method == b"HEAD" or status in (NO_CONTENT, NOT_MODIFIED):
            self._body = LengthBody(0)
        elif chunked:
            self._body = ChunkedBody()
        else:
            self._body = OpenBody() if length is None else LengthBody(length)
        # 6.1: contradictory framing, or a coding that HTTP/1.0 does not have. TensorFlow Serving sends a body after
        # HEAD, which may still be on its way.
        doubtful = (chunked and (length is not None or version == b"1.0")) or self._method == b"HEAD"
        self._persistent = keeps_alive(version, headers) and not doubtful and not isinstance(self._body, OpenBody)
        return Head(status, reason, headers)

    def _skip_informational(self, status: int) -> None:
        if status == SWITCHING_PROTOCOLS:
            raise HttpError("the server switches protocols although it was not asked to")
        self._informational += 1
        if self._informational > MAX_INFORMATIONAL:
            raise HttpError(f"more than {MAX_INFORMATIONAL} informational answers")
        self._lines = Lines(MAX_HEAD_BYTES)


def _parse_status_line(line: bytes) -> "tuple[bytes, int, bytes]":
    """Version, status and reason (RFC 9112, 4). The space before an empty reason may be missing."""
    if line[:7] != START or not line[7:8].isdigit() or line[8:9] != b" ":
        raise HttpError("a malformed status line")
    code, _, reason = line[9:].partition(b" ")
    if len(code) != 3 or not code.isdigit() or code < b"100" or not is_text(reason):
        raise HttpError("a malformed status line")
    return line[5:8], int(code), reason
