"""HTTP/2 frames and header blocks, right and wrong ones alike; the only place in the tests that packs them.

Frames are packed by hand, since libraries refuse to build most of what the tests send. `stream` is 1 unless it is
given: that is the stream of the first request on a connection.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import hpack

from tests.support.wire import AVAILABLE, entry, message, varint

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20
INITIAL_WINDOW_BYTES = 65535
MAX_FRAME_BYTES = 16384
FRAME_HEADER_BYTES = 9

Fields = Iterable[tuple[str, "str | bytes"]]


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame (RFC 9113, 4.1), whatever it holds."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def settings_ack() -> bytes:
    return frame(SETTINGS, ACK)


def ping(payload: bytes = b"question") -> bytes:
    return frame(PING, payload=payload)


def header_block(fields: Fields) -> bytes:
    """A header block by another maker's encoder, with Huffman code and entries for the dynamic table."""
    encoded = [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in fields]
    return hpack.Encoder().encode(encoded)


def hpack_literal(name: bytes, value: bytes) -> bytes:
    """A field that enters no table, without Huffman code (RFC 7541, 6.2.2)."""
    return b"\0" + hpack_integer(len(name), 7) + name + hpack_integer(len(value), 7) + value


def hpack_integer(number: int, prefix_bits: int, first: int = 0) -> bytes:
    """An integer with that prefix (RFC 7541, 5.1); `first` holds the bits before it."""
    most = (1 << prefix_bits) - 1
    return bytes([first | number]) if number < most else bytes([first | most]) + varint(number - most)


def headers(fields: Fields, end: bool = False, stream: int = 1) -> bytes:
    """One HEADERS frame."""
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, header_block(fields))


def split_headers(block: bytes, end: bool = False, stream: int = 1) -> bytes:
    """HEADERS and CONTINUATION frames of a block that may be long."""
    pieces = [block[at : at + MAX_FRAME_BYTES] for at in range(0, len(block), MAX_FRAME_BYTES)]
    flags = END_STREAM if end else 0
    out = frame(HEADERS, flags | (0 if pieces[1:] else END_HEADERS), stream, pieces[0])
    for number, piece in enumerate(pieces[1:], 2):
        out += frame(CONTINUATION, END_HEADERS if number == len(pieces) else 0, stream, piece)
    return out


def data(payload: bytes, limit: int = MAX_FRAME_BYTES, end: bool = False, stream: int = 1) -> bytes:
    """DATA frames of at most `limit` bytes each, one of them at least."""
    pieces = [payload[at : at + limit] for at in range(0, len(payload), limit)] or [b""]
    flags = [0] * (len(pieces) - 1) + [END_STREAM if end else 0]
    return b"".join(frame(DATA, flag, stream, piece) for flag, piece in zip(flags, pieces, strict=True))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(code: int, stream: int = 1) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last_stream: int, code: int, debug: bytes = b"") -> bytes:
    return frame(GOAWAY, 0, 0, struct.pack(">II", last_stream, code) + debug)


def trailers(code: int | str, text: str | bytes = "", stream: int = 1) -> bytes:
    """The status at the end of a call."""
    fields = [("grpc-status", str(code)), *([("grpc-message", text)] if text else [])]
    return headers(fields, end=True, stream=stream)


# A good answer.

HEAD_FIELDS = ((":status", "200"), ("content-type", "application/grpc"))
GREETING = settings()
HEAD = headers(HEAD_FIELDS)
READY = message(entry(123, AVAILABLE))
TRAILERS = trailers(0)
GOOD = HEAD + data(READY) + TRAILERS
"""The answer of a server whose version 123 is AVAILABLE."""
