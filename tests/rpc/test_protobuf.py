"""Protobuf's wire format, held against protobuf's own library: both accept the same bytes.

The library reads them as an empty message, to which every field is unknown. Where acceptance differs on purpose, a
table at the end shows both sides.
"""

from __future__ import annotations

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import BytesValue, Int32Value, Int64Value, StringValue, UInt64Value
from hypothesis import example, given
from hypothesis import strategies as st

from probe.rpc import protobuf
from probe.rpc.protobuf import Reader, WireError, length_delimited, signed, varint
from tests.support.any_message import LONG_VARINT, damage, delimited, messages, number, parts, scalars, tag
from tests.support.wire import END_GROUP, GROUP, VARINT


def accepted(data: bytes) -> bool:
    """Whether we can pass over every field. Any exception but WireError fails the test."""
    reader = Reader(data)
    try:
        while found := reader.tag(len(data)):
            reader.skip(found, len(data))
    except WireError:
        return False
    return reader.at == len(data)


def accepted_by_protobuf(data: bytes) -> bool:
    try:
        Empty.FromString(data)
    except DecodeError:
        return False
    return True


valid = messages(scalars(1), parts(2, st.binary(max_size=20)))


@given(valid)
@example(b"")
def test_every_valid_message_is_accepted(data: bytes) -> None:
    assert accepted_by_protobuf(data), "the generator made something that is not a message"
    assert accepted(data)


@given(valid, st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=4), st.integers(0, 2**16))
def test_a_damaged_message_is_rejected_when_protobuf_rejects_it(
    data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    damaged = damage(data, changes, length)
    assert accepted(damaged) == accepted_by_protobuf(damaged) or LONG_VARINT.search(damaged)


@given(st.one_of(st.binary(max_size=60), st.lists(st.integers(0, 0x3A)).map(bytes)))
def test_any_bytes_are_accepted_when_protobuf_accepts_them(data: bytes) -> None:
    assert accepted(data) == accepted_by_protobuf(data) or LONG_VARINT.search(data)


REJECTED = {
    "a tag that ends early": b"\x88",
    "a number that ends early": b"\x08\xff",
    "no number": b"\x08",
    "a length that ends early": b"\x0a\x80",
    "content shorter than its length": b"\x0a\x05abcd",
    "field number 0": b"\x00\x00",
    "a field number above 2^29": number(1 << 32) + b"\x00",
    "wire type 6": b"\x0e",
    "wire type 7": b"\x0f",
    "four bytes that are three": b"\x25abc",
    "eight bytes that are seven": b"\x21abcdefg",
    "a group that does not end": b"\x23\x08\x01",
    "a group that ends as another": b"\x23\x2c",
    "the end of no group": b"\x24",
    "a number of 11 bytes": b"\x08" + b"\x80" * 10 + b"\x00",
    "a number of ten bytes that ask for more": b"\x08" + b"\x80" * 10 + b"\x08\x01",
}


@pytest.mark.parametrize("data", REJECTED.values(), ids=REJECTED)
def test_what_is_not_a_message_is_rejected_by_both(data: bytes) -> None:
    assert (accepted(data), accepted_by_protobuf(data)) == (False, False)


def nested(depth: int) -> bytes:
    return tag(7, GROUP) * depth + tag(7, END_GROUP) * depth


# What differs on purpose: (bytes, ours, protobuf's C library). Ours follows Go's library there, which the original
# used: a varint has at most ten bytes and 64 bits, that of a tag too, and groups nest 10,000 deep.
DIFFERENCES: dict[str, tuple[bytes, bool, bool]] = {
    "Go rejects a 65th bit, the C library drops it": (tag(1, VARINT) + b"\xff" * 9 + b"\x02", False, True),
    "Go reads a tag of six bytes, the C library takes at most five": (tag(1, VARINT, 6) + b"\x07", True, False),
    "Go reads groups in groups deeper than the C library does": (nested(101), True, False),
}


@pytest.mark.parametrize(("data", "we", "they"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_the_differences_from_protobuf_are_these(data: bytes, we: bool, they: bool) -> None:
    assert (accepted(data), accepted_by_protobuf(data)) == (we, they)


@pytest.mark.parametrize(("depth", "fits"), [(10_000, True), (10_001, False)])
def test_groups_nest_to_a_bounded_depth(depth: int, fits: bool) -> None:
    assert accepted(nested(depth)) == fits


@pytest.mark.parametrize("more", [delimited(1, b""), tag(9, VARINT) + b"\x00", tag(9, GROUP) + tag(9, END_GROUP)])
def test_more_fields_than_any_history_has_are_rejected(monkeypatch: pytest.MonkeyPatch, more: bytes) -> None:
    monkeypatch.setattr(protobuf, "MAX_FIELDS", 10)
    assert accepted(delimited(1, b"") * 10)
    assert not accepted(more * 11)


# Single fields, against the library's wrapper messages.


@given(st.integers(0, 2**64 - 1))
@example(0)
@example(127)
@example(128)
def test_a_number_is_written_and_read_as_protobuf_does(value: int) -> None:
    assert tag(1, VARINT) + varint(value) == (UInt64Value(value=value).SerializeToString() or b"\x08\x00")
    encoded = varint(value)
    reader = Reader(encoded)
    assert (reader.varint(len(encoded)), reader.at) == (value, len(encoded))


@given(st.integers(-(2**63), 2**63 - 1))
@example(-1)
def test_a_signed_number_is_read_as_protobuf_does(value: int) -> None:
    data = Int64Value(value=value).SerializeToString()
    assert signed(Reader(data, 1).varint(len(data)) if data else 0, 64) == value
    assert signed(value & (2**64 - 1), 32) == Int32Value.FromString(data).value


@given(st.binary(max_size=300))
def test_content_is_written_and_read_as_protobuf_does(content: bytes) -> None:
    data = length_delimited(1, content)
    assert data == (BytesValue(value=content).SerializeToString() or b"\x0a\x00")
    assert Reader(data, 1).bytes(len(data)) == content


@given(st.binary(max_size=10))
def test_a_text_is_utf_8_or_rejected(content: bytes) -> None:
    data = length_delimited(1, content)
    try:
        expected: str | None = StringValue.FromString(data).value
    except DecodeError:
        expected = None
    try:
        found: str | None = Reader(data, 1).string(len(data))
    except WireError:
        found = None
    assert found == expected
