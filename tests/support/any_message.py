"""Protobuf messages in every shape that the encoding allows, for property tests."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from tests.support.wire import END_GROUP, FIXED32, FIXED64, GROUP, LENGTH, VARINT

LONG_VARINT = re.compile(rb"[\x80-\xff]{5}")
"""Five bytes that all say "more follows": libraries differ in what they make of longer varints."""


def number(value: int, width: int = 0) -> bytes:
    """A varint of at least `width` bytes: 1 in three bytes is 81 80 00."""
    out = bytearray()
    while value > 127 or len(out) + 1 < width:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes((value,))


def tag(field: int, kind: int, width: int = 0) -> bytes:
    return number(field << 3 | kind, width)


def delimited(field: int, content: bytes) -> bytes:
    return tag(field, LENGTH) + number(len(content)) + content


widths = st.integers(0, 5)
numbers_64 = st.one_of(
    st.integers(0, 200),
    st.sampled_from([2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
# Known to none of the messages in use, whatever the wire type.
unknown_numbers = st.one_of(st.integers(4, 20), st.sampled_from([2047, 2048, 2**28, 2**29 - 1]))


@st.composite
def scalars(draw: st.DrawFn, field: int) -> bytes:
    """An integer field; the tag and the value may be longer than necessary."""
    value = draw(numbers_64)
    return tag(field, VARINT, draw(widths)) + number(value, draw(st.integers(0, 10)))


@st.composite
def parts(draw: st.DrawFn, field: int, contents: st.SearchStrategy[bytes]) -> bytes:
    """A length-delimited field."""
    content = draw(contents)
    return tag(field, LENGTH, draw(widths)) + number(len(content), draw(widths)) + content


@st.composite
def plain_unknowns(draw: st.DrawFn) -> bytes:
    """An unknown field: by its number, or by another wire type than the known one."""
    field = draw(st.one_of(unknown_numbers, st.sampled_from([1, 2, 3])))
    if field > 3 and draw(st.booleans()):
        return draw(st.one_of(scalars(field), parts(field, st.binary(max_size=20))))
    if draw(st.booleans()):
        return tag(field, FIXED32) + draw(st.binary(min_size=4, max_size=4))
    return tag(field, FIXED64) + draw(st.binary(min_size=8, max_size=8))


@st.composite
def groups(draw: st.DrawFn, contents: st.SearchStrategy[list[bytes]]) -> bytes:
    field = draw(st.integers(1, 20))
    return tag(field, GROUP) + b"".join(draw(contents)) + tag(field, END_GROUP, draw(widths))


unknowns = st.recursive(
    plain_unknowns(),
    lambda inner: groups(st.lists(st.one_of(inner, scalars(1), parts(2, st.binary(max_size=5))), max_size=3)),
    max_leaves=6,
)


def messages(*fields: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Any number of the fields in any order, repeated or not, with unknown ones between them."""
    return st.lists(st.one_of(*fields, unknowns), max_size=6).map(b"".join)


def damage(data: bytes, changes: list[tuple[int, int]], length: int) -> bytes:
    """The data with some bytes changed, and cut short if `length` is odd."""
    damaged = bytearray(data)
    for at, byte in changes:
        if damaged:
            damaged[at % len(damaged)] = byte
    return bytes(damaged[: length % (len(damaged) + 1)]) if length % 2 else bytes(damaged)
