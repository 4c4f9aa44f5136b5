"""Header compression for HTTP/2 (RFC 7541), sans-IO.

The encoder compresses nothing: every field is a literal without indexing or Huffman code. A peer that shrinks its table
still has to hear that ours is empty (4.2). The decoder implements all of the RFC; most answers of TensorFlow Serving do
without the Huffman code, which has a module of its own.

Fields are pairs of bytes (name, value).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    Fields: TypeAlias = Iterable[tuple[bytes, bytes]]

# RFC 7541, appendix A; index 1 is its first entry.
STATIC = (
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
)

TABLE_BYTES = 4096  # the dynamic table's initial size, which our SETTINGS never change
KNOWN_BLOCKS, KNOWN_BYTES = 16, 64  # how many decoded blocks are remembered, and of which length at most
ENTRY_OVERHEAD_BYTES = 32  # what an entry counts beyond its bytes (RFC 7541, 4.1)


class HpackError(ValueError):
    """A header block that cannot be decoded."""


# A dynamic table size update to 0 (6.3). It begins the first block after the peer has shrunk its table (4.2).
EMPTY_TABLE = b"\x20"


def encode(fields: "Fields") -> bytes:
    """A header block of literals without indexing (RFC 7541, 6.2.2)."""
    return b"".join([literal(name, value) for name, value in fields])


def literal(name: bytes, value: bytes) -> bytes:
    """One field of a block. Blocks of literals can be joined."""
    if len(name) < 127 and len(value) < 127:  # as nearly always: each length is one byte
        return b"\0%c%b%c%b" % (len(name), name, len(value), value)
    return b"\0" + integer(len(name), 7) + name + integer(len(value), 7) + value


def integer(number: int, prefix: int) -> bytes:
    """An integer with a prefix of that many bits, whose higher bits are zero (RFC 7541, 5.1)."""
    most = (1 << prefix) - 1
    if number < most:
        return bytes((number,))
    out = bytearray((most,))
    number -= most
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


class Decoder:
    """Decodes the header blocks of one connection, in their order."""

    __slots__ = ("_block", "_entries", "_known", "_limit", "_max_bytes", "_size")

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes`: the most that the fields of one block may add up to, counted as the table counts them."""
        self._max_bytes = max_bytes
        self._limit = TABLE_BYTES
        self._size = 0
        self._entries: list[tuple[bytes, bytes]] = []  # the newest last
        self._block = b""
        # The fields of short blocks, for as long as the table stays the same: a server repeats them with every call. A
        # block that changes the table begins a new dictionary.
        self._known: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {}

    def decode(self, block: bytes) -> "tuple[tuple[bytes, bytes], ...]":
        """The fields of a block. On any bytes, raises HpackError or nothing."""
        known = self._known
        fields = known.get(block)
        if fields is None:
            fields = self._decode(block)
            if self._known is known and len(block) <= KNOWN_BYTES and len(known) < KNOWN_BLOCKS:
                known[block] = fields
        return fields

    def _decode(self, block: bytes) -> "tuple[tuple[bytes, bytes], ...]":
        self._block = block
        fields: list[tuple[bytes, bytes]] = []
        at = total = 0
        while at < len(block):
            first = block[at]
            if first & 0xE0 == 0x20:  # 6.3: a size update, allowed before the first field only (4.2)
                size, at = self._integer(at, 5)
                if fields or size > TABLE_BYTES:
                    raise HpackError("table size update out of place" if fields else f"table size {size} is too large")
                self._limit = size
                self._evict(0)
                self._known = {}
                continue
            if first & 0x80:  # 6.1: an indexed field
                index, at = self._integer(at, 7)
                field = self._entry(index)
            else:  # 6.2: a literal; bit 6 adds it to the table
                index, at = self._integer(at, 6 if first & 0x40 else 4)
                if index:
                    name = self._entry(index)[0]
                else:
                    name, at = self._string(at)
                value, at = self._string(at)
                field = (name, value)
                if first & 0x40:
                    self._add(field)
                    self._known = {}
            total += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD_BYTES
            if total > self._max_bytes:
                raise HpackError(f"header list larger than {self._max_bytes} bytes")
            fields.append(field)
        return tuple(fields)

    def _integer(self, at: int, prefix: int) -> "tuple[int, int]":
        """The integer at a position, and the position after it."""
        block = self._block
        most = (1 << prefix) - 1
        number = block[at] & most
        at += 1
        if number < most:
            return number, at
        shift = 0
        while at < len(block):
            byte = block[at]
            at += 1
            number += (byte & 127) << shift
            if byte < 128:
                return number, at
            shift += 7
            if shift > 28:
                raise HpackError("integer is too large")
        raise HpackError("truncated integer")

    def _string(self, at: int) -> "tuple[bytes, int]":
        """The string at a position, and the position after it (5.2)."""
        block = self._block
        if at >= len(block):
            raise HpackError("truncated string")
        huffman = block[at] & 0x80
        length, at = self._integer(at, 7)
        end = at + length
        if end > len(block):
            raise HpackError("truncated string")
        if not huffman:
            return block[at:end], end
        from . import huffman as code

        try:
            return code.decode(block[at:end]), end
        except ValueError as error:
            raise HpackError(str(error)) from None

    def _entry(self, index: int) -> "tuple[bytes, bytes]":
        """The field at an index: the static table first, then the dynamic one from its newest entry (2.3.3)."""
        if 0 < index <= len(STATIC):
            return STATIC[index - 1]
        place = len(self._entries) - (index - len(STATIC))
        if index == 0 or place < 0:
            raise HpackError(f"index {index} is not in the table")
        return self._entries[place]

    def _add(self, field: "tuple[bytes, bytes]") -> None:
        """Makes room first; a field larger than the table leaves it empty (4.4)."""
        size = len(field[0]) + len(field[1]) + ENTRY_OVERHEAD_BYTES
        self._evict(size)
        if size <= self._limit:
            self._entries.append(field)
            self._size += size

    def _evict(self, room: int) -> None:
        while self._entries and self._size + room > self._limit:
            name, value = self._entries.pop(0)
            self._size -= len(name) + len(value) + ENTRY_OVERHEAD_BYTES
