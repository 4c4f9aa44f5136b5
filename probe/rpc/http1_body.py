"""The three ways in which HTTP/1.1 marks the end of a body (RFC 9112, 6.3).

Each reader's `read` returns the next event, or None until more has arrived. It raises HttpError.
"""

from .http1 import MAX_LENGTH_DIGITS, Body, Buffer, End, HttpError, Lines, parse_fields

MAX_CHUNK_LINE_BYTES = 4096  # a chunk's size and its extensions
MAX_TRAILER_BYTES = 8192
# More framing than this, beyond 16 bytes a chunk and as much as the content, is an attack (as in Go's net/http).
MAX_EXCESS_BYTES = 16384
HEX_DIGITS = b"0123456789abcdefABCDEF"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    BodyReader: TypeAlias = "LengthBody | ChunkedBody | OpenBody"


class LengthBody:
    """A body of a known length; 0 for messages without a body."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def read(self, buffer: Buffer) -> "Body | End | None":
        if not self._left:
            return End()
        content = buffer.piece(self._left)
        self._left -= len(content)
        if content:
            return Body(content)
        if buffer.ended:
            raise HttpError(f"the connection was closed {self._left} bytes before the end of the body")
        return None


class OpenBody:
    """A body that ends with the connection."""

    __slots__ = ()

    def read(self, buffer: Buffer) -> "Body | End | None":
        if buffer:
            return Body(buffer.piece(len(buffer)))
        return End() if buffer.ended else None


class ChunkedBody:
    """A chunked body (RFC 9112, 7.1). Extensions and trailers are checked and dropped."""

    __slots__ = ("_excess", "_left", "_separator", "_trailers")

    def __init__(self) -> None:
        self._left = 0  # content of the current chunk
        self._separator = b""  # what must follow it
        self._excess = 0
        self._trailers: Lines | None = None

    def read(self, buffer: Buffer) -> "Body | End | None":
        if not self._left and self._trailers is None:
            self._begin_chunk(buffer)
        if self._trailers is not None:
            lines = self._trailers.read(buffer)
            if lines is not None:
                parse_fields(lines, unfold=True)
                return End()
        elif self._left and buffer:
            content = buffer.piece(self._left)
            self._left -= len(content)
            self._separator = b"" if self._left else b"\r\n"
            return Body(content)
        if buffer.ended:
            raise HttpError("the connection was closed in the middle of a chunked body")
        return None

    def _begin_chunk(self, buffer: Buffer) -> None:
        """Reads the line before a chunk, if it has arrived."""
        if not buffer.starts_like(self._separator):
            raise HttpError("a chunk is longer than its size")
        if len(buffer) < len(self._separator):
            return
        buffer.piece(len(self._separator))
        self._separator = b""
        line = buffer.line()
        if len(buffer if line is None else line) > MAX_CHUNK_LINE_BYTES:
            raise HttpError(f"a chunk's size line has more than {MAX_CHUNK_LINE_BYTES} bytes")
        if line is None:
            return
        size = line[:-2].partition(b";")[0].rstrip(b" \t")
        if line[-2:] != b"\r\n" or b"\r" in line[:-2] or not _is_size(size):
            raise HttpError("a malformed chunk size")
        self._left = int(size, 16)
        self._excess = max(self._excess + len(line) - 16 - 2 * self._left, 0)
        if self._excess > MAX_EXCESS_BYTES:
            raise HttpError("a chunked body with more framing than content")
        if not self._left:
            self._trailers = Lines(MAX_TRAILER_BYTES)


def _is_size(text: bytes) -> bool:
    return 0 < len(text) <= MAX_LENGTH_DIGITS and not text.translate(None, HEX_DIGITS)
