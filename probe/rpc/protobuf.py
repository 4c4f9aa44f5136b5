"""Protobuf's wire format: a writer of two functions, and a bounded reader.

Rule of this file: any bytes are read or raise WireError, in bounded time and memory. Unknown fields are skipped, as
every protobuf library does. Source: https://protobuf.dev/programming-guides/encoding/.
"""

# An answer with more fields than this is not a history of versions (a version takes four; 4 MiB can hold two million).
MAX_FIELDS = 400_000
LARGE_BYTES = 65536
MAX_GROUP_DEPTH = 10_000  # as in Go's protobuf; nothing here recurses

# Wire types.
VARINT, FIXED64, LENGTH, GROUP, END_GROUP, FIXED32 = 0, 1, 2, 3, 4, 5


class WireError(ValueError):
    """The bytes are not the expected message."""


def tag(field: int, kind: int) -> int:
    """What precedes a field: its number, and its wire type in the lowest three bits."""
    return field << 3 | kind


def varint(number: int) -> bytes:
    """A number >= 0 in seven-bit groups, least significant first."""
    out = b""
    while number > 127:
        out += bytes((number & 127 | 128,))
        number >>= 7
    return out + bytes((number,))


def length_delimited(field: int, content: bytes) -> bytes:
    """A string, bytes or message field with its tag and length."""
    if field < 16 and len(content) < 128:  # as nearly always: both are one byte
        return b"%c%c%b" % (tag(field, LENGTH), len(content), content)
    return varint(tag(field, LENGTH)) + varint(len(content)) + content


def signed(number: int, bits: int) -> int:
    """The low `bits` of a number, read as two's complement."""
    if number < 1 << 31:  # as nearly always: the same in 32 and in 64 bits
        return number
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


class Reader:
    """A position in a message that moves forward. `end` arguments are positions too: those of enclosing messages."""

    __slots__ = ("at", "data", "fields_left")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at
        self.fields_left = MAX_FIELDS

    def tag(self, end: int) -> int:
        """The next field's tag; 0, which is none, at the end of the message."""
        at = self.at
        if at >= end:
            return 0
        self.fields_left -= 1
        if self.fields_left < 0:
            raise WireError(f"more than {MAX_FIELDS} fields")
        tag = self.data[at]
        if tag < 128:  # as nearly always
            self.at = at + 1
        else:
            tag = self.varint(end)
        if not 0 < tag >> 3 < 1 << 29:
            raise WireError(f"invalid field number {tag >> 3}")
        return tag

    def varint(self, end: int) -> int:
        """An unsigned number of at most 64 bits."""
        at = self.at
        if at < end and (byte := self.data[at]) < 128:  # as nearly always
            self.at = at + 1
            return byte
        number = shift = 0
        while self.at < end:
            byte = self.data[self.at]
            self.at += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift == 70:
                if number >> 64 or byte > 127:
                    raise WireError("number of more than 64 bits")
                return number
        raise WireError("truncated message")

    def length(self, end: int) -> int:
        """Reads a length; returns the position at which the measured content ends."""
        length = self.varint(end)
        if length > end - self.at:
            raise WireError("truncated message")
        return self.at + length

    def bytes(self, end: int) -> bytes:
        """A field's content after its length."""
        stop = self.length(end)
        start, self.at = self.at, stop
        return self.data[start:stop]

    def string(self, end: int) -> str:
        """A text after its length."""
        stop = self.length(end)
        start, self.at = self.at, stop
        data = self.data if stop - start < LARGE_BYTES else memoryview(self.data)  # slicing it copies nothing
        try:
            return str(data[start:stop], "utf-8")
        except UnicodeDecodeError:
            raise WireError("string field contains invalid UTF-8") from None

    def skip(self, tag: int, end: int) -> None:
        """Passes over the field whose tag was just read; a group (proto2) with everything in it."""
        open_groups: list[int] = []
        while True:
            number, kind = tag >> 3, tag & 7
            if kind == VARINT:
                self.varint(end)
            elif kind == LENGTH:
                self.at = self.length(end)
            elif kind in (FIXED32, FIXED64):
                self.at += 4 if kind == FIXED32 else 8
                if self.at > end:
                    raise WireError("truncated message")
            elif kind == GROUP and len(open_groups) < MAX_GROUP_DEPTH:
                open_groups.append(number)
            elif kind == END_GROUP and open_groups and open_groups[-1] == number:
                open_groups.pop()
            else:
                raise WireError(f"invalid wire type {kind} of field {number}")
            if not open_groups:
                return
            tag = self.tag(end)
            if not tag:
                raise WireError("truncated message")
