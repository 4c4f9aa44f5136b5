"""GetModelMetadata and Predict on the wire, against protobuf's own library."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.rpc.protobuf import WireError
from probe.tfs.messages import MAX_SPEC_BYTES, VersionSink, complete_predict_request, encode_metadata_request
from probe.tfs.proto import serving_pb2
from tests.fake_tfs.prediction import GetModelMetadataRequest, PredictRequest
from tests.peak_memory import MAX_PEAK_KIBIBYTES, peak_of
from tests.support.wire import FIXED32, chunk, scalar, tag

CALLS = json.loads((Path(__file__).parents[1] / "data" / "metadata_captures.json").read_text("utf-8"))["calls"]
ANSWERS = [bytes.fromhex(call["answer"]) for call in CALLS if "answer" in call]

names = st.text(max_size=20)
int64 = st.integers(-(2**63), 2**63 - 1)


@given(names, names)
def test_the_request_for_metadata(model: str, label: str) -> None:
    request: Any = GetModelMetadataRequest.FromString(encode_metadata_request(model, label))
    assert request.model_spec == serving_pb2.ModelSpec(name=model, version_label=label)
    assert request.model_spec.HasField("version_label"), "an empty label is a label"
    assert list(request.metadata_field) == ["signature_def"]


def test_the_captured_request() -> None:
    two = next(call for call in CALLS if call["name"] == 'two, label "stable" (=1)')
    assert encode_metadata_request("two", "stable") == bytes.fromhex(two["request"])


# What a user's file may hold: any fields in any order, the model_spec several times or not at all.
specs = st.builds(
    lambda name, which, signature: serving_pb2.ModelSpec(name=name, signature_name=signature, **which),
    names,
    st.one_of(
        st.just({}),
        st.builds(lambda text: {"version_label": text}, names),
    ),
    names,
)
fields = st.one_of(
    specs.map(lambda spec: chunk(1, spec.SerializeToString())),
    int64.map(lambda version: chunk(1, chunk(2, scalar(1, version)))),
    st.binary(max_size=10).map(lambda content: chunk(2, content)),
    names.map(lambda name: chunk(3, name)),
    st.integers(0, 99).map(lambda number: scalar(99, number)),
)


@given(st.lists(fields, max_size=5).map(b"".join), names, st.one_of(st.none(), int64))
def test_the_request_for_a_prediction(file: bytes, model: str, version: int | None) -> None:
    """protobuf merges what is appended: our name and version win, everything else of the file stays."""
    before: Any = PredictRequest.FromString(file)
    after: Any = PredictRequest.FromString(complete_predict_request(file, model, version))
    expected = before.model_spec
    if model:
        expected.name = model
    if version is not None:
        expected.version.value = version
    elif not before.HasField("model_spec"):
        before.model_spec.SetInParent()
    # An empty name is sent too, as it was asked for.
    expected.name = model
    assert after == before


def versions(message: bytes, at: list[int]) -> int | None:
    """What a sink makes of a message in pieces."""
    sink = VersionSink()
    borders = [0, *sorted(place % (len(message) + 1) for place in at), len(message)]
    for begin, end in itertools.pairwise(borders):
        done = sink(message[begin:end])
        assert done == (sink.version is not None)
        if done:
            break
    return sink.version


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 300), max_size=6))
def test_a_captured_answer_in_any_pieces(answer: bytes, at: list[int]) -> None:
    assert versions(answer, at) == answer[answer.index(b"\x12\x02\x08") + 3]


metadata_fields = st.one_of(
    st.binary(max_size=40).map(lambda content: chunk(2, content)),
    st.builds(lambda number, content: chunk(number, content), st.integers(3, 3000), st.binary(max_size=9)),
)
spec_fields = st.one_of(
    names.map(lambda name: chunk(1, name)),
    names.map(lambda name: chunk(3, name)),
    names.map(lambda name: chunk(4, name)),
    int64.map(lambda version: chunk(2, scalar(1, version))),
    st.integers(0, 9).map(lambda number: scalar(9, number)),
)


@given(
    st.lists(metadata_fields, max_size=3).map(b"".join),
    st.lists(spec_fields, max_size=5).map(b"".join),
    st.lists(metadata_fields, max_size=2).map(b"".join),
    st.lists(st.integers(0, 400), max_size=8),
)
@settings(max_examples=300)
def test_any_answer_in_any_pieces(before: bytes, spec: bytes, after: bytes, at: list[int]) -> None:
    oracle = serving_pb2.ModelSpec.FromString(spec)
    # protobuf clears a version when a label follows; the server sends either.
    label_last = oracle.HasField("version_label")
    found = versions(before + chunk(1, spec) + after, at)
    if oracle.HasField("version"):
        assert found == oracle.version.value
    elif not label_last:
        assert found is None


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4))
@example(b"\xff" * 20, [])
@example(tag(2, FIXED32) + b"abcd", [])
@settings(max_examples=500)
def test_any_bytes_give_a_version_nothing_or_one_error(content: bytes, at: list[int]) -> None:
    try:
        whole: int | str | None = versions(content, [])
    except WireError:
        whole = "error"
    try:
        pieces: int | str | None = versions(content, at)
    except WireError:
        pieces = "error"
    assert whole == pieces, "how the bytes were cut does not matter"


@pytest.mark.parametrize(
    "content",
    [
        chunk(1, b"x" * (MAX_SPEC_BYTES + 1)),
        tag(1, 2) + b"\xff\xff\xff\xff\x0f",
        scalar(1, 7),
        b"\xff" * 16,
    ],
)
def test_what_is_no_answer(content: bytes) -> None:
    sink = VersionSink()
    with pytest.raises(WireError):
        sink(content)


def test_nothing_of_a_large_answer_is_kept() -> None:
    setup = "from probe.tfs.messages import VersionSink\nclass reader:\n feed = staticmethod(VersionSink())"
    peak = peak_of(setup, chunk(2, b"")[:1] + b"\xff\xff\xff\x7f", b"x", mebibytes=64)
    assert peak < MAX_PEAK_KIBIBYTES
