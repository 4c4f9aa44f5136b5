"""gzip for gRPC messages: one message is one gzip member, and nothing follows it."""

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_BITS = 31  # zlib's number for gzip's header and trailer with the largest window
PIECE_BYTES = 65536


class TooLong(ValueError):
    """The decompressed message exceeds its bound."""


def compress(content: bytes) -> bytes:
    """A gzip member without a time stamp."""
    packer = zlib.compressobj(wbits=WINDOW_BITS)
    return packer.compress(content) + packer.flush()


def decompress(content: bytes, max_bytes: int) -> bytes:
    """The content of one gzip member. Raises TooLong, or ValueError if it is damaged or followed by anything."""
    unpacker = zlib.decompressobj(wbits=WINDOW_BITS)
    try:
        unpacked = unpacker.decompress(content, max_bytes + 1)
    except zlib.error:
        raise ValueError("damaged gzip data") from None
    if len(unpacked) > max_bytes:
        raise TooLong("gzip data longer than allowed")
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("damaged gzip data")
    return unpacked


class Decompressor:
    """Decompresses a gzip member piece by piece, within the memory of one piece."""

    __slots__ = ("_unpacker",)

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(wbits=WINDOW_BITS)

    def feed(self, data: bytes, sink: "Callable[[bytes], bool]", last: bool) -> bool:
        """Hands what `data` decompresses to, piece by piece, to the sink; returns whether it needs no more. Raises
        ValueError for damaged data, and if the member does not end with the `last` piece."""
        unpacker = self._unpacker
        while data and not unpacker.eof:
            try:
                piece = unpacker.decompress(data, PIECE_BYTES)
            except zlib.error:
                raise ValueError("damaged gzip data") from None
            if piece and sink(piece):
                return True
            data = unpacker.unconsumed_tail
        if data or unpacker.unused_data or (last and not unpacker.eof):
            raise ValueError("damaged gzip data")
        return False
