"""Pieces of an answer whose stream is known only when the request has come."""

from __future__ import annotations

from collections.abc import Callable

from tests.support import http2_writer
from tests.support.canned import Request

Part = Callable[[int], bytes]
"""From the number of the stream to the bytes."""


def answer(*parts: Part) -> Callable[[Request], bytes]:
    return lambda request: b"".join(part(request.stream) for part in parts)


def headers(*fields: tuple[str, str | bytes], end: bool = False) -> Part:
    return lambda stream: http2_writer.headers(fields, end, stream)


def data(payload: bytes, end: bool = False, limit: int = http2_writer.MAX_FRAME_BYTES) -> Part:
    return lambda stream: http2_writer.data(payload, limit, end, stream)


def reset(code: int) -> Part:
    return lambda stream: http2_writer.reset(code, stream)


def raw(piece: bytes) -> Part:
    """Bytes that name no stream."""
    return lambda _: piece


def ping() -> Part:
    return raw(http2_writer.ping(b"12345678"))


def goaway(last_stream: int, code: int, debug: bytes = b"") -> Part:
    return raw(http2_writer.goaway(last_stream, code, debug))
