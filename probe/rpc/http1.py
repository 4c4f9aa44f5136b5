"""HTTP/1.1 (RFC 9112): the grammar that clients and servers share, and the events.

Rule of this file: any bytes give a value or HttpError, in linear time and bounded memory, however they are cut into
pieces. Lines may end with a bare LF (RFC 9112, 2.2). A bare CR is an error everywhere (2.2). Of the other control
characters in a value, NUL and those that some parsers take for white space are errors (RFC 9110, 5.5), as in h11.
"""

from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

    Fields: TypeAlias = tuple[tuple[bytes, bytes], ...]  # names in lower case
    Event: TypeAlias = "Head | Body | End"

MAX_LENGTH_DIGITS = 20  # of a Content-Length or a chunk's size, as in h11
TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # RFC 9110, 5.6.2
VISIBLE = bytes(range(0x21, 0x7F))
FORBIDDEN = b"\0\r\n\v\f"  # in values and reason phrases
BAD_REQUEST, URI_TOO_LONG, HEADERS_TOO_LARGE, NOT_IMPLEMENTED = 400, 414, 431, 501


class HttpError(Exception):
    """The peer violated HTTP/1.1 or one of our bounds. `status`: what a server answers to such a request."""

    def __init__(self, what: str, status: int = BAD_REQUEST) -> None:
        super().__init__(what)
        self.status: Final = status


class Head(Value):
    """The status and the headers of a final answer."""

    __slots__ = ("headers", "reason", "status")

    def __init__(self, status: int, reason: bytes, headers: "Fields") -> None:
        self.status: Final = status
        self.reason: Final = reason
        self.headers: Final = headers


class Body(Value):
    """A piece of a body, without its framing; never empty."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content: Final = content


class End(Value):
    """The message is complete."""

    __slots__ = ()


class Buffer:
    """Received bytes that wait to be read. Lines and pieces are taken from its front, in linear time."""

    __slots__ = ("_data", "_searched", "ended")

    def __init__(self) -> None:
        self.ended = False  # the peer will send nothing more
        self._data = bytearray()
        self._searched = 0  # no LF among this many bytes

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        self._data += data

    def starts_like(self, prefix: bytes) -> bool:
        """Whether the bytes begin with `prefix`, or with a part of it if there are fewer."""
        return prefix.startswith(bytes(self._data[: len(prefix)]))

    def peek(self) -> bytes:
        """The first byte, if there is one."""
        return bytes(self._data[:1])

    def line(self) -> "bytes | None":
        """The next line with its end; None until it is complete."""
        end = self._data.find(b"\n", self._searched) + 1
        if not end:
            self._searched = len(self._data)
            return None
        return self.piece(end)

    def piece(self, max_bytes: int) -> bytes:
        """What has arrived, up to `max_bytes`."""
        piece = bytes(self._data[:max_bytes])
        del self._data[:max_bytes]
        self._searched = 0
        return piece


class Lines:
    """Collects the lines of a head or of trailers, up to the empty one, within a bound."""

    __slots__ = ("_lines", "_max_bytes", "_skip_blank", "_used")

    def __init__(self, max_bytes: int, skip_blank: bool = False) -> None:
        """`skip_blank`: pass over empty lines before the first (2.2, for servers)."""
        self._lines: list[bytes] = []
        self._max_bytes = max_bytes
        self._skip_blank = skip_blank
        self._used = 0

    @property
    def is_begun(self) -> bool:
        """Whether a line has been read."""
        return self._used > 0

    def read(self, buffer: Buffer) -> "list[bytes] | None":
        """The lines, without their ends; None until the empty one has arrived."""
        while (line := buffer.line()) is not None:
            self._used += len(line)
            self._check(self._used)
            line = line[:-2] if line[-2:] == b"\r\n" else line[:-1]
            if line:
                self._lines.append(line)
            elif self._lines or not self._skip_blank:
                return self._lines
        self._check(self._used + len(buffer))
        return None

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            status = HEADERS_TOO_LARGE if self._lines else URI_TOO_LONG
            raise HttpError(f"a head of more than {self._max_bytes} bytes", status)


def is_token(text: bytes) -> bool:
    return bool(text) and not text.translate(None, TOKEN)


def is_visible(text: bytes) -> bool:
    """Whether the text is not empty and holds only printable ASCII, without spaces."""
    return bool(text) and not text.translate(None, VISIBLE)


def is_text(text: bytes) -> bool:
    """Whether a field's value or a reason phrase may be used as it is."""
    return len(text.translate(None, FORBIDDEN)) == len(text)


def parse_fields(lines: "list[bytes]", unfold: bool = False) -> "Fields":
    """Header fields (RFC 9112, 5). `unfold`: join continued lines with a space (5.2); otherwise they are errors."""
    fields: list[tuple[bytes, list[bytes]]] = []
    for line in lines:
        if line[0] in b" \t":
            if not unfold or not fields:
                raise HttpError("a continued header line")
            fields[-1][1].append(line.strip(b" \t"))
            continue
        name, colon, value = line.partition(b":")
        if not colon or not is_token(name):
            raise HttpError("a malformed header line")
        fields.append((name.lower(), [value.strip(b" \t")]))
    joined = tuple((name, b" ".join(values).strip(b" \t")) for name, values in fields)
    if not all(is_text(value) for _, value in joined):
        raise HttpError("a header with a control character")
    return joined


def tokens(fields: "Fields", name: bytes) -> "list[bytes]":
    """The elements of a comma-separated field, in lower case."""
    listed = b",".join(value for field, value in fields if field == name).lower().split(b",")
    return [element for element in (part.strip(b" \t") for part in listed) if element]


def content_length(fields: "Fields") -> "int | None":
    """The length of the body. The same length twice counts once (RFC 9110, 8.6); a contradiction is an error."""
    values = [value for field, value in fields if field == b"content-length"]
    if not values:
        return None
    lengths = {part.strip(b" \t") for value in values for part in value.split(b",")}
    length = lengths.pop()
    if lengths or not length.isdigit() or len(length) > MAX_LENGTH_DIGITS:
        raise HttpError("a malformed or contradictory Content-Length")
    return int(length)


def is_chunked(fields: "Fields") -> bool:
    """Whether the body is chunked. We announce no other transfer coding, so there is no other (RFC 9112, 6.1)."""
    codings = [value.lower() for field, value in fields if field == b"transfer-encoding"]
    if codings and codings != [b"chunked"]:
        raise HttpError("a transfer coding other than chunked", NOT_IMPLEMENTED)
    return bool(codings)


def keeps_alive(version: bytes, fields: "Fields") -> bool:
    """Whether the sender of this head keeps the connection open (RFC 9112, 9.3)."""
    options = tokens(fields, b"connection")
    return b"close" not in options and (version > b"1.0" or b"keep-alive" in options)
