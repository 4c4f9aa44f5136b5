"""Bytes by hand: protobuf fields and HTTP/2 frames, right and wrong ones alike.

An encoder that only makes valid messages cannot build the answers that matter here, and our own
codec must not be its own judge; so this is a third, tiny one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import hpack
import hyperframe.frame as h2frame

from tests.canned import Request

VARINT, FIXED64, LENGTH, GROUP, END_GROUP, FIXED32 = 0, 1, 2, 3, 4, 5

UNKNOWN, START, LOADING, AVAILABLE, UNLOADING, END = 0, 10, 20, 30, 40, 50

Part = Callable[[int], bytes]
"""A piece of an answer: from the number of the stream to the bytes."""


def varint(number: int) -> bytes:
    """A negative number takes ten bytes, as protobuf wants it."""
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
    raw = payload.encode() if isinstance(payload, str) else payload
    return tag(field, LENGTH) + varint(len(raw)) + raw


def status(code: int = 0, message: bytes | str = "") -> bytes:
    """The body of a StatusProto; as protobuf does, fields at their default are left out."""
    return (scalar(1, code) if code else b"") + (chunk(2, message) if message else b"")


def entry(version: int, state: int, of: bytes = b"", *more: bytes) -> bytes:
    """One entry of a GetModelStatusResponse, with its status always present, as TensorFlow Serving sends it."""
    fields = (scalar(1, version) if version else b"") + (scalar(2, state) if state else b"")
    return chunk(1, fields + chunk(3, of) + b"".join(more))


def message(payload: bytes, compressed: int = 0, length: int | None = None) -> bytes:
    """A gRPC message with its five bytes of prefix; `length` may lie."""
    return struct.pack(">BI", compressed, len(payload) if length is None else length) + payload


def answer(*parts: Part) -> Callable[[Request], bytes]:
    return lambda request: b"".join(part(request.stream) for part in parts)


def headers(*fields: tuple[str, str | bytes], end: bool = False) -> Part:
    flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
    encoded = [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in fields]
    return lambda stream: h2frame.HeadersFrame(stream, hpack.Encoder().encode(encoded), flags=flags).serialize()


def data(payload: bytes, end: bool = False, limit: int = 16384) -> Part:
    """DATA frames of at most `limit` bytes each."""

    def build(stream: int) -> bytes:
        pieces = [payload[start : start + limit] for start in range(0, len(payload), limit)] or [b""]
        frames = [h2frame.DataFrame(stream, piece) for piece in pieces]
        if end:
            frames[-1].flags.add("END_STREAM")
        return b"".join(frame.serialize() for frame in frames)

    return build


def reset(code: int) -> Part:
    return lambda stream: h2frame.RstStreamFrame(stream, error_code=code).serialize()


def goaway(last_stream: int, code: int, debug: bytes = b"") -> Part:
    return lambda _: h2frame.GoAwayFrame(
        0, last_stream_id=last_stream, error_code=code, additional_data=debug
    ).serialize()


def ping() -> Part:
    return lambda _: h2frame.PingFrame(0, b"12345678").serialize()


def raw(piece: bytes) -> Part:
    return lambda _: piece
