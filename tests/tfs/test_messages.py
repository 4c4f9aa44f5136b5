"""The wire format, held against protobuf's own library: the same bytes are accepted, and they mean the same.

Strategy: one generator makes valid messages in every shape that the encoding allows, another damages them, a third
throws bytes. Where acceptance differs on purpose, a table at the end shows both sides.
"""

from __future__ import annotations

import re

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st
from probe.codec import END_GROUP, FIXED32, FIXED64, GROUP, LENGTH, VARINT, WireError
from probe.engine.proto.serving_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelSpec

from probe import codec
from probe.model import ModelStatus

Facts = list[tuple[int, int, bool, int, str]]

# Five bytes that all say "more follows": what libraries make of varints longer than that differs (DIFFERENCES below).
LONG_VARINT = re.compile(rb"[\x80-\xff]{5}")


def facts(answer: ModelStatus) -> Facts:
    """What a decoded answer says, field by field."""
    return [
        (status.version, status.state, status.has_status, status.error_code, status.error_message)
        for status in answer.versions
    ]


def ours(data: bytes) -> Facts | None:
    """Our reading of the bytes, None where they are refused. Any other exception fails the test."""
    try:
        return facts(codec.decode_response(data))
    except WireError:
        return None


def theirs(data: bytes) -> Facts | None:
    """protobuf's reading of the same bytes."""
    try:
        answer = GetModelStatusResponse.FromString(data)
    except DecodeError:
        return None
    return [
        (
            entry.version,
            entry.state,
            entry.HasField("status"),
            entry.status.error_code,
            entry.status.error_message,
        )
        for entry in answer.model_version_status
    ]


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
# None of them is known to any of the messages, with whatever wire type.
unknown_numbers = st.one_of(st.integers(4, 20), st.sampled_from([2047, 2048, 2**28, 2**29 - 1]))


@st.composite
def scalars(draw: st.DrawFn, field: int) -> bytes:
    """An integer field, the tag and the value longer than need be."""
    value = draw(numbers_64)
    return tag(field, VARINT, draw(widths)) + number(value, draw(st.integers(0, 10)))


@st.composite
def parts(draw: st.DrawFn, field: int, contents: st.SearchStrategy[bytes]) -> bytes:
    """A field behind its length."""
    content = draw(contents)
    return tag(field, LENGTH, draw(widths)) + number(len(content), draw(widths)) + content


@st.composite
def plain_unknowns(draw: st.DrawFn) -> bytes:
    """A field that nobody knows: by its number, or a known number with another type than the known one."""
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


texts = st.text(max_size=20).map(str.encode)
statuses = messages(scalars(1), parts(2, texts))
versions = messages(scalars(1), scalars(2), parts(3, statuses))
responses = messages(parts(1, versions))


@given(responses)
@example(b"")
def test_every_valid_message_means_what_protobuf_says(data: bytes) -> None:
    expected = theirs(data)
    assert expected is not None, "the generator made something that is no message"
    assert ours(data) == expected


@given(responses, st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=4), st.integers(0, 2**16))
def test_a_damaged_message_is_refused_when_protobuf_refuses_it(
    data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    damaged = bytearray(data)
    for at, byte in changes:
        if damaged:
            damaged[at % len(damaged)] = byte
    cut = bytes(damaged[: length % (len(damaged) + 1)]) if length % 2 else bytes(damaged)
    assert ours(cut) == theirs(cut) or LONG_VARINT.search(cut)


@given(st.one_of(st.binary(max_size=60), st.lists(st.integers(0, 0x3A)).map(bytes)))
def test_any_bytes_are_accepted_when_protobuf_accepts_them(data: bytes) -> None:
    for message in (data, delimited(1, data), delimited(1, delimited(3, data))):
        assert ours(message) == theirs(message) or LONG_VARINT.search(message)


@pytest.mark.parametrize(
    "value",
    [0, 1, -1, 123, 2**31 - 1, 2**31, -(2**31), 2**32, 2**63 - 1, -(2**63)],
)
def test_versions_have_64_bits(value: int) -> None:
    answer = GetModelStatusResponse()
    answer.model_version_status.add(version=value)
    assert facts(codec.decode_response(answer.SerializeToString())) == [(value, 0, False, 0, "")]


@pytest.mark.parametrize("value", [0, 30, 77, -1, 2**31 - 1, -(2**31)])
def test_enumerations_have_32_bits_and_keep_numbers_that_have_no_name(value: int) -> None:
    answer = GetModelStatusResponse()
    entry = answer.model_version_status.add()
    entry.state = value  # type: ignore[assignment]
    entry.status.error_code = value  # type: ignore[assignment]
    assert facts(codec.decode_response(answer.SerializeToString())) == [(0, value, True, value, "")]


def test_a_repeated_scalar_is_the_last_one_and_a_repeated_message_is_merged() -> None:
    first = delimited(3, tag(1, VARINT) + b"\x05" + delimited(2, b"old"))
    second = delimited(3, delimited(2, b"new"))
    data = delimited(1, tag(1, VARINT) + b"\x07" + first + second + tag(1, VARINT) + b"\x08")
    assert ours(data) == theirs(data) == [(8, 0, True, 5, "new")]


REFUSED = {
    "a tag that ends early": b"\x88",
    "a number that ends early": b"\x08\xff",
    "no number": b"\x08",
    "a length that ends early": b"\x0a\x80",
    "content shorter than its length": b"\x0a\x05abcd",
    "a nested length beyond its parent": delimited(1, b"\x1a\x05") + b"abcdefgh",
    "a nested number beyond its parent": delimited(1, b"\x08\xff") + b"\x01",
    "field number 0": b"\x00\x00",
    "a field number above 2^29": number(1 << 32) + b"\x00",
    "wire type 6": b"\x0e",
    "wire type 7": b"\x0f",
    "four bytes that are three": b"\x25abc",
    "eight bytes that are seven": b"\x21abcdefg",
    "a group that does not end": b"\x23\x08\x01",
    "a group that ends as another": b"\x23\x2c",
    "the end of no group": b"\x24",
    "text that is not UTF-8": delimited(1, delimited(3, b"\x12\x01\xff")),
    "text with a surrogate": delimited(1, delimited(3, b"\x12\x03\xed\xa0\x80")),
    "text in too many bytes": delimited(1, delimited(3, b"\x12\x02\xc0\xaf")),
    "a number of 11 bytes": b"\x08" + b"\x80" * 10 + b"\x00",
    "a number of ten bytes that ask for more": b"\x08" + b"\x80" * 10 + b"\x08\x01",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_message_is_refused_by_both(data: bytes) -> None:
    assert (ours(data), theirs(data)) == (None, None)


def nested(depth: int) -> bytes:
    return tag(7, GROUP) * depth + tag(7, END_GROUP) * depth


# What differs on purpose: (bytes, ours, protobuf's C library). Ours follows Go's library there, which the original
# used: a varint has at most ten bytes and 64 bits, that of a tag too, and groups nest 10,000 deep.
DIFFERENCES: dict[str, tuple[bytes, Facts | None, Facts | None]] = {
    "Go refuses a 65th bit, the C library drops it": (
        delimited(1, tag(1, VARINT) + b"\xff" * 9 + b"\x02"),
        None,
        [(2**63 - 1, 0, False, 0, "")],
    ),
    "Go reads a tag of six bytes, the C library takes at most five": (
        delimited(1, tag(1, VARINT, 6) + b"\x07"),
        [(7, 0, False, 0, "")],
        None,
    ),
    "Go reads groups in groups deeper than the C library does": (nested(101), [], None),
}


@pytest.mark.parametrize(("data", "we", "they"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_the_differences_from_protobuf_are_these(data: bytes, we: Facts | None, they: Facts | None) -> None:
    assert (ours(data), theirs(data)) == (we, they)


@pytest.mark.parametrize(("depth", "fits"), [(10_000, True), (10_001, False)])
def test_groups_nest_to_a_bounded_depth(depth: int, fits: bool) -> None:
    assert ours(nested(depth)) == ([] if fits else None)


@pytest.mark.parametrize(
    "more",
    [delimited(1, b""), tag(9, VARINT) + b"\x00", tag(9, GROUP) + tag(9, END_GROUP), delimited(1, b"\x08\x00")],
    ids=["versions", "unknown fields", "groups", "nested fields"],
)
def test_more_fields_than_any_history_has_are_refused(monkeypatch: pytest.MonkeyPatch, more: bytes) -> None:
    monkeypatch.setattr(codec, "MAX_FIELDS", 10)
    assert ours(delimited(1, b"") * 10) == theirs(delimited(1, b"") * 10)
    with pytest.raises(WireError, match="more than 10 fields"):
        codec.decode_response(more * 11)


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("")
@example("x" * 127)
@example("x" * 128)
@example("ä" * 8192)
def test_a_request_is_the_bytes_that_protobuf_makes(name: str) -> None:
    assert codec.encode_request(name) == GetModelStatusRequest(model_spec=ModelSpec(name=name)).SerializeToString()


def test_a_name_that_is_not_unicode_has_no_bytes() -> None:
    with pytest.raises(UnicodeEncodeError):
        codec.encode_request("\udcff")
