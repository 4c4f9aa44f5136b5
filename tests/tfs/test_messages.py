"""The messages in use, held against protobuf's own library: the same bytes are accepted, and they mean the same.

tests/rpc/test_protobuf.py has the wire format itself.
"""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from probe.model import ModelStatus, VersionStatus
from probe.rpc.protobuf import WireError
from probe.tfs.messages import MAX_KEPT, decode_response, encode_request
from probe.tfs.proto.serving_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelSpec
from tests.support.any_message import LONG_VARINT, damage, delimited, messages, parts, scalars, tag
from tests.support.wire import LENGTH, VARINT

Facts = list[tuple[int, int, bool, int, str]]


def facts(answer: ModelStatus) -> Facts:
    """What a decoded answer says, field by field."""
    return [
        (status.version, status.state, status.has_status, status.error_code, status.error_message) for status in answer
    ]


def ours(data: bytes) -> Facts | None:
    """How we read the bytes; None if we reject them. Any other exception fails the test."""
    try:
        answer = decode_response(data)
    except WireError:
        return None
    return facts(answer)


def theirs(data: bytes) -> Facts | None:
    """How protobuf reads the same bytes."""
    try:
        answer = GetModelStatusResponse.FromString(data)
    except DecodeError:
        return None
    return [
        (entry.version, entry.state, entry.HasField("status"), entry.status.error_code, entry.status.error_message)
        for entry in answer.model_version_status
    ]


texts = st.text(max_size=20).map(str.encode)
statuses = messages(scalars(1), parts(2, texts))
versions = messages(scalars(1), scalars(2), parts(3, statuses))
responses = messages(parts(1, versions))


@given(responses)
@example(b"")
def test_every_valid_message_means_what_protobuf_says(data: bytes) -> None:
    expected = theirs(data)
    assert expected is not None, "the generator made something that is not a message"
    assert ours(data) == expected


@given(responses, st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=4), st.integers(0, 2**16))
def test_a_damaged_message_is_rejected_when_protobuf_rejects_it(
    data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    damaged = damage(data, changes, length)
    assert ours(damaged) == theirs(damaged) or LONG_VARINT.search(damaged)


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
    assert facts(decode_response(answer.SerializeToString())) == [(value, 0, False, 0, "")]


@pytest.mark.parametrize("value", [0, 30, 77, -1, 2**31 - 1, -(2**31)])
def test_enumerations_have_32_bits_and_keep_numbers_without_a_name(value: int) -> None:
    answer = GetModelStatusResponse()
    entry = answer.model_version_status.add()
    entry.state = value  # type: ignore[assignment]
    entry.status.error_code = value  # type: ignore[assignment]
    assert facts(decode_response(answer.SerializeToString())) == [(0, value, True, value, "")]


def test_a_repeated_scalar_is_the_last_one_and_a_repeated_message_is_merged() -> None:
    first = delimited(3, tag(1, VARINT) + b"\x05" + delimited(2, b"old"))
    second = delimited(3, delimited(2, b"new"))
    data = delimited(1, tag(1, VARINT) + b"\x07" + first + second + tag(1, VARINT) + b"\x08")
    assert ours(data) == theirs(data) == [(8, 0, True, 5, "new")]


NOT_UTF_8 = {"a stray byte": b"\xff", "a surrogate": b"\xed\xa0\x80", "too many bytes": b"\xc0\xaf"}


@pytest.mark.parametrize("text", NOT_UTF_8.values(), ids=NOT_UTF_8)
def test_text_that_is_not_utf_8_is_rejected_by_both(text: bytes) -> None:
    data = delimited(1, delimited(3, delimited(2, text)))
    assert (ours(data), theirs(data)) == (None, None)


@pytest.mark.parametrize("data", [delimited(1, b"\x1a\x05") + b"abcdefgh", delimited(1, b"\x08\xff") + b"\x01"])
def test_a_nested_field_beyond_its_message_is_rejected_by_both(data: bytes) -> None:
    assert (ours(data), theirs(data)) == (None, None)


# Entries after the first ones are decoded again whenever they are looked at.

gaps = st.binary(min_size=2 * MAX_KEPT, max_size=2 * MAX_KEPT)


@given(gaps, st.integers(0, 2 * MAX_KEPT), st.integers(1, 5))
@example(bytes(2 * MAX_KEPT), MAX_KEPT + 1, 3)
def test_a_long_answer_can_be_read_any_number_of_times(gaps: bytes, count: int, width: int) -> None:
    data = b"".join(
        # An unknown field before every fourth entry, and tags that may be longer than necessary.
        (tag(9, VARINT) + b"\x00" if gap % 4 == 3 else b"")
        + tag(1, LENGTH, width)
        + delimited(1, tag(1, VARINT) + bytes((number,)))[1:]
        for number, gap in enumerate(gaps[:count])
    )
    answer = decode_response(data)
    assert facts(answer) == facts(answer) == theirs(data)
    assert len(answer.first) == min(len(facts(answer)), MAX_KEPT)


def test_an_error_in_a_late_entry_is_found_at_once() -> None:
    data = delimited(1, b"") * (MAX_KEPT + 5) + delimited(1, b"\x08")
    with pytest.raises(WireError):
        decode_response(data)


def test_answers_compare_by_what_they_say() -> None:
    data = delimited(1, tag(1, VARINT) + b"\x07") * (MAX_KEPT + 1)
    assert decode_response(data) == decode_response(data) != decode_response(data + data)
    assert decode_response(delimited(1, b"")) == ModelStatus((VersionStatus(0, 0, False),))


# The request.


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("")
@example("x" * 127)
@example("x" * 128)
@example("ä" * 8192)
def test_a_request_is_the_bytes_that_protobuf_makes(name: str) -> None:
    assert encode_request(name) == GetModelStatusRequest(model_spec=ModelSpec(name=name)).SerializeToString()


def test_a_name_that_is_not_unicode_cannot_be_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_request("\udcff")
