"""Protobuf fields and gRPC messages written by hand, right and wrong ones alike.

An encoder that makes only valid messages cannot build the answers that matter here, and the program's own codec must
not judge itself.
"""

from __future__ import annotations

import struct

VARINT, FIXED64, LENGTH, GROUP, END_GROUP, FIXED32 = 0, 1, 2, 3, 4, 5

UNKNOWN, START, LOADING, AVAILABLE, UNLOADING, END = 0, 10, 20, 30, 40, 50


def varint(number: int) -> bytes:
    """A varint; a negative number takes ten bytes, as in protobuf."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def tag(field: int, wire_type: int) -> bytes:
    return varint(field << 3 | wire_type)


def scalar(field: int, number: int) -> bytes:
    return tag(field, VARINT) + varint(number)


def chunk(field: int, payload: bytes | str) -> bytes:
    """A length-delimited field."""
    raw = payload.encode() if isinstance(payload, str) else payload
    return tag(field, LENGTH) + varint(len(raw)) + raw


def status(code: int = 0, message: bytes | str = "") -> bytes:
    """The body of a StatusProto; as in protobuf, a field that has its default value is omitted."""
    return (scalar(1, code) if code else b"") + (chunk(2, message) if message else b"")


def entry(version: int, state: int, of: bytes = b"", *more: bytes) -> bytes:
    """One entry of a GetModelStatusResponse, with its status always present, as TensorFlow Serving sends it."""
    fields = (scalar(1, version) if version else b"") + (scalar(2, state) if state else b"")
    return chunk(1, fields + chunk(3, of) + b"".join(more))


def message(payload: bytes, compressed: int = 0, length: int | None = None) -> bytes:
    """A gRPC message with its prefix of five bytes; `length` may be wrong."""
    return struct.pack(">BI", compressed, len(payload) if length is None else length) + payload
