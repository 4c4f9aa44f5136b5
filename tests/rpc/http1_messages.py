"""HTTP/1.1 messages for properties: well-formed ones in every shape, damaged ones, and where to cut them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st

EXAMPLES = settings(max_examples=300, derandomize=True, deadline=None, database=None)

NAMES = (b"X-A", b"content-type", b"Connection", b"Date", b"!#$%&'*+-.^_`|~9")
VALUES = (b"", b"a", b"a b", b"\x80\xff", b"\x01", b"close", b"Keep-Alive", b"close, x", b"a\t \tb", b"a\r\n b\r\n\tc")
FRAMING = (
    b"Content-Length: 5", b"content-length: 5", b"Content-Length: 0", b"Content-Length: 5, 5", b"Content-Length: 6",
    b"Content-Length: 05", b"Content-Length: +5", b"Content-Length: ", b"Content-Length: 5,", b"Content-Length: 5 5",
    b"Content-Length: 123456789012345678901", b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: ",
)  # fmt: skip
ends = st.sampled_from((b"\r\n", b"\r\n", b"\r\n", b"\n"))
white = st.sampled_from((b" ", b"", b" \t ", b"  "))


@st.composite
def field_lines(draw: st.DrawFn, first: bytes = b"") -> bytes:
    """Header lines with their ends, without the empty one."""
    lines = [first] if first else []
    for _ in range(draw(st.integers(0, 3))):
        name, value = draw(st.sampled_from(NAMES)), draw(st.sampled_from(VALUES))
        lines.append(name + b":" + draw(white) + value + draw(white))
    lines += draw(st.lists(st.sampled_from(FRAMING), max_size=2))
    return b"".join(line + draw(ends) for line in draw(st.permutations(lines)))


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    """A chunked body."""
    body = b""
    for content in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=3)):
        extension = draw(st.sampled_from((b"", b"", b";a", b';a="b"; c', b" ", b";\x80")))
        body += draw(st.sampled_from((b"%x", b"%X", b"00%x"))) % len(content) + extension + b"\r\n" + content + b"\r\n"
    trailers = draw(st.sampled_from((b"", b"", b"A: b\r\n", b"A: b\n\tc\r\nD:\r\n")))
    return body + draw(st.sampled_from((b"0", b"000", b"0;x"))) + b"\r\n" + trailers + draw(ends)


bodies = st.one_of(st.just(b"hello"), st.just(b""), st.binary(max_size=30), chunked(), chunked())


@st.composite
def damaged(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> bytes:
    """A message with a few bytes changed, inserted or removed."""
    message = bytearray(draw(messages))
    odd = st.one_of(st.sampled_from(b"\r\n\0 \t:;,\x0b\x0c"), st.integers(0, 255))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(message)))
        message[at : at + draw(st.integers(0, 1))] = bytes(draw(st.lists(odd, max_size=1)))
    return bytes(message)


cuts = st.lists(st.integers(0, 400), max_size=6)


def pieces(data: bytes, at: list[int]) -> Iterator[bytes]:
    """The bytes, cut at these positions."""
    positions = sorted({0, len(data), *(min(position, len(data)) for position in at)})
    for start, stop in pairwise(positions):
        yield data[start:stop]
