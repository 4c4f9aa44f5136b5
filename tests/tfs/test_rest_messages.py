"""TensorFlow Serving's REST answers, held against protobuf's JSON, and against what a real server sent."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.model import AVAILABLE, CALL, END, LOADING, STATUS, Failure, ModelStatus, VersionStatus
from probe.rpc import status as codes
from probe.rpc.http1 import Body, Head
from probe.rpc.http1_client import ResponseReader
from probe.rpc.json_tokens import JsonError
from probe.tfs.messages import decode_response
from probe.tfs.proto.serving_pb2 import GetModelStatusResponse
from probe.tfs.rest_errors import MAX_ERROR_BYTES, decode_error, decode_failure
from probe.tfs.rest_messages import (
    UNRECOGNIZED_STATE,
    LabelReader,
    StatusReader,
    label_target,
    status_target,
)
from tests.peak_memory import MAX_PEAK_KIBIBYTES, peak_of

EXAMPLES = settings(max_examples=200, derandomize=True, deadline=None, database=None)
CAPTURES = json.loads((Path(__file__).parents[1] / "data/rest_captures.json").read_text(encoding="utf-8"))["exchanges"]


def read_status(body: bytes, step: int = 1 << 20) -> ModelStatus:
    reader = StatusReader()
    for at in range(0, len(body), step):
        reader.feed(body[at : at + step])
    return reader.end()


def ours(text: str) -> list[VersionStatus] | None:
    """Our reading; None where the text is refused. Any other exception fails the test."""
    try:
        return list(read_status(text.encode()))
    except JsonError:
        return None


def theirs(text: str) -> list[VersionStatus] | None:
    """The reading of protobuf's own parser."""
    try:
        message = json_format.Parse(text, GetModelStatusResponse(), ignore_unknown_fields=True)
    except json_format.ParseError:
        return None
    return list(decode_response(message.SerializeToString()))


# The status.

entries = st.fixed_dictionaries(
    {},
    optional={
        "version": st.integers(-(1 << 63), (1 << 63) - 1),
        "state": st.sampled_from((0, 10, 20, 30, 40, 50)),
        "status": st.fixed_dictionaries(
            {}, optional={"error_code": st.integers(0, 16), "error_message": st.text(max_size=20)}
        ),
    },
)


@EXAMPLES
@given(st.lists(entries, max_size=40), st.booleans(), st.sampled_from((None, 1)), st.integers(1, 50))
def test_what_protobuf_prints_is_read(
    versions: list[dict[str, Any]], defaults: bool, indent: int | None, step: int
) -> None:
    message = GetModelStatusResponse(model_version_status=versions)
    text = json_format.MessageToJson(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=defaults,
        indent=indent,
        ensure_ascii=False,
    )
    expected = list(decode_response(message.SerializeToString()))
    assert list(read_status(text.encode(), step)) == expected


FIELDS = {
    "version": [
        *('"1"', '"-1"', '"007"', "1", "-9223372036854775808", '"9223372036854775807"', "0", "null", "true", "1.5"),
        *('"9223372036854775808"', "-9223372036854775809", '"1.5"', '""', '"-"', '" 1"', '"+1"', '"1_0"', '"²"'),
        *("[]", "{}", f'"{"9" * 5000}"'),
    ],
    "state": ['"AVAILABLE"', '"END"', "30", "99", "-1", "null", "2147483647", "2147483648", "1.5", "true", "[]", "{}"],
    "status": [
        *("{}", "null", '{"error_code": "NOT_FOUND"}', '{"error_code": 5}', '{"error_message": "é"}', "[]", '"x"', "1"),
        *('{"error_message": null}', '{"error_message": 1}', '{"error_code": []}', '{"error_message": {}}'),
    ],
    "other": ["1", '{"version": "2"}', "[[]]"],
}


@st.composite
def answers(draw: st.DrawFn) -> str:
    """Answers of which some fields may be wrong."""
    names = draw(st.lists(st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=4), max_size=3))
    shown = [
        "{" + ", ".join(f'"{name}": {draw(st.sampled_from(FIELDS[name]))}' for name in entry) + "}" for entry in names
    ]
    return '{"model_version_status": [' + ", ".join(shown) + "]}"


# Where acceptance differs on purpose: an example, what is meant, and a pattern that all its kind have.
DIFFERENCES = {
    '{"model_version_status": [{"version": "+1"}]}': (None, r'"\+1"'),
    '{"model_version_status": [{"version": "1_0"}]}': (None, '"1_0"'),
    '{"model_version_status": [{"version": 1.0}]}': (None, r"1\.0"),
    '{"model_version_status": [{"state": 1.5}]}': (None, r'"state": 1\.5'),
    '{"model_version_status": [{"state": true}]}': (None, '"state": true'),
    '{"model_version_status": [{"status": []}]}': (None, r'"status": \[\]'),
    '{"model_version_status": [{"status": "x"}]}': (None, '"status": "x"'),
    '{"model_version_status": [{"state": "NEW"}]}': ([VersionStatus(0, UNRECOGNIZED_STATE, False)], "NEW"),
    '{"model_version_status": [{"state": "30"}]}': ([VersionStatus(0, UNRECOGNIZED_STATE, False)], '"30"'),
    '{"model_version_status": [{"status": {"error_code": "NEW"}}]}': (
        [VersionStatus(0, 0, True, codes.UNKNOWN)],
        "NEW",
    ),
    '{"model_version_status": [{"version": 1, "version": 2}]}': ([VersionStatus(2, 0, False)], "never"),
}


@EXAMPLES
@given(answers())
def test_an_answer_is_read_as_protobuf_reads_it(text: str) -> None:
    if not any(re.search(pattern, text) for _, pattern in DIFFERENCES.values()):
        assert ours(text) == theirs(text)


@pytest.mark.parametrize("text", DIFFERENCES)
def test_differences_from_protobuf_are_those_listed(text: str) -> None:
    assert ours(text) == DIFFERENCES[text][0] != theirs(text)


def test_parts_of_a_repeated_status_are_merged_as_in_protobuf() -> None:
    text = '{"status": {"error_code": 5}, "status": {"error_message": "x"}, "status": null}'
    assert ours('{"model_version_status": [' + text + "]}") == [VersionStatus(0, 0, True, 5, "x")]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "the answer is not an object"),
        ('{"model_version_status": {}}', ".model_version_status is not an array"),
        ('{"model_version_status": [null]}', ".model_version_status[] is not an object"),
        ('{"model_version_status": [{"status": []}]}', ".model_version_status[].status is not an object"),
        ('{"model_version_status": [{"version": {}}]}', ".model_version_status[].version is not a 64-bit integer"),
        ('{"model_version_status": [{"state": 2147483648}]}', ".model_version_status[].state is not a 32-bit integer"),
        (
            '{"model_version_status": [{"status": {"error_message": 1}}]}',
            ".model_version_status[].status.error_message is not a string",
        ),
        ('{"model_version_status": [', "unexpected end of JSON"),
        ('{"model_version_status": [' + "{}," * 400_000 + "{}]}", "more than 400000 fields"),
    ],
)
def test_what_an_error_says(text: str, error: str) -> None:
    with pytest.raises(JsonError, match=f"^{re.escape(error)}$"):
        read_status(text.encode())


def test_a_long_history_is_decoded_lazily() -> None:
    entry = '{"version": "%d", "state": "END", "status": {"error_code": "OK", "error_message": ""}}'
    body = '{"model_version_status": [' + ", ".join(entry % number for number in range(10_000, 0, -1)) + "]}"
    status = read_status(body.encode())
    assert len(status.first) < 100
    assert [version.version for version in status] == list(range(10_000, 0, -1))
    assert [version.version for version in status] == list(range(10_000, 0, -1))


HOSTILE = {
    "empty arrays": (b"[", b"[],", b"[]]"),
    "empty entries": (b'{"model_version_status":[', b"{},", b"{}]}"),
    "a long history": (b'{"model_version_status":[', b'{"version":"1","state":"END","status":{}},', b"{}]}"),
    "long messages": (
        b'{"model_version_status":[',
        b'{"status":{"error_message":"%b"}},' % ("ü😀".encode() * 2600),
        b"{}]}",
    ),
    "one field again and again": (b'{"model_version_status":[{', b'"version":"-1",', b'"version":1}]}'),
    "one message": (b'{"model_version_status":[{"status":{"error_message":"', b"x", b'"}}]}'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_takes_bounded_memory_and_linear_time(name: str) -> None:
    started = time.monotonic()
    setup = "from probe.tfs.rest_messages import StatusReader\nreader = StatusReader()"
    assert peak_of(setup, *HOSTILE[name]) <= MAX_PEAK_KIBIBYTES
    assert time.monotonic() - started < 60


# Labels.

METADATA = b'{\n"model_spec":{\n "name": "half",\n "signature_name": "",\n "version": "123"\n}\n,\n"metadata": '


@pytest.mark.parametrize("step", [1, 1000])
def test_a_label_is_known_before_the_answer_has_ended(step: int) -> None:
    reader = LabelReader()
    for at in range(0, len(METADATA), step):
        reader.feed(METADATA[at : at + step])
    assert reader.version == reader.end() == 123


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"model_spec": {"version": "x"}}', ".model_spec.version is not a 64-bit integer"),
        (b'{"model_spec": {"version": null}}', ".model_spec.version is not a 64-bit integer"),
        (b'{"model_spec": {"name": "m"}, "version": "1"}', ".model_spec.version is missing"),
        (b'{"model_spec": ', "unexpected end of JSON"),
        (b"<html>", "unexpected character '<'"),
    ],
)
def test_an_answer_without_a_version_is_an_error(body: bytes, error: str) -> None:
    reader = LabelReader()
    with pytest.raises(JsonError, match=f"^{re.escape(error)}$"):
        reader.feed(body)
        reader.end()


# Errors.


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b'{\n    "error": "Could not find any versions of model \xff"\n}',
            "Could not find any versions of model \ufffd",
        ),
        (b'{ "error": "a \\"b\\" \\n" }', 'a "b" \n'),
        # Before 2.2: C's escapes.
        (b'{ "error": "it\\\'s \\303\\274 \\t\\r\\n \\\\ \\"x\\"" }', 'it\'s ü \t\r\n \\ "x"'),
        (b'{ "error": "\\377" }\n', "\ufffd"),
        (b'{ "error": "\\1" }', "1"),
        (b'{ "error": "\\1', None),
        (b'{ "error": "\\\'" } x', None),
        (b'{ "error": " }', None),
        (b'{ "error": "\\" }', ""),
        (b'{"error": 1}', None),
        (b'{"error": {"error": "x"}}', None),
        (b'{"other": "x"}', None),
        (b'["error"]', None),
        (b"", None),
        (b"<html>404</html>", None),
    ],
)
def test_errors_of_all_ages_are_read(body: bytes, message: str | None) -> None:
    assert decode_error(body) == message


@EXAMPLES
@given(st.one_of(st.binary(max_size=50), st.binary(max_size=20).map(lambda inner: b'{ "error": "' + inner + b'" }')))
def test_any_body_is_an_error_message_or_none(body: bytes) -> None:
    assert isinstance(decode_error(body), (str, type(None)))


@pytest.mark.parametrize(
    ("status", "headers", "body", "failure"),
    [
        (404, (), b'{"error": "x"}', Failure(STATUS, "x", codes.NOT_FOUND)),
        (400, (), b'{"error": ""}', Failure(STATUS, "", codes.INVALID_ARGUMENT)),
        (429, (), b'{"error": "x"}', Failure(STATUS, "x", codes.RESOURCE_EXHAUSTED)),
        (418, (), b'{"error": "x"}', Failure(STATUS, "x", codes.UNKNOWN)),
        (
            404,
            ((b"content-type", b"text/html; charset=utf-8"),),
            b"<html>",
            Failure(CALL, "unexpected HTTP status 404 (text/html)", codes.NOT_FOUND, "proxy"),
        ),
        (400, (), b"", Failure(CALL, "unexpected HTTP status 400 (no content type)", codes.INVALID_ARGUMENT, "proxy")),
        (
            302,
            ((b"location", b"https://x/"), (b"content-type", b"text/html")),
            b'{"error": "x"}',
            Failure(CALL, "unexpected HTTP status 302 (redirect to https://x/)", codes.UNKNOWN, "proxy"),
        ),
        (304, (), b"", Failure(CALL, "unexpected HTTP status 304 (redirect to nowhere)", codes.UNKNOWN, "proxy")),
        (201, (), b"{}", Failure(CALL, "unexpected HTTP status 201 (no content type)", codes.UNKNOWN, "proxy")),
    ],
)
def test_only_the_servers_own_error_is_a_status(
    status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes, failure: Failure
) -> None:
    assert decode_failure(Head(status, b"", headers), body) == failure


def test_a_cut_error_is_none() -> None:
    body = b'{"error": "' + b"x" * MAX_ERROR_BYTES
    assert decode_error(body[:MAX_ERROR_BYTES]) is None


# Targets.


def test_targets() -> None:
    assert status_target("", "a b") == b"/v1/models/a%20b"
    assert status_target("/gateway", "a/b") == b"/gateway/v1/models/a%2Fb"
    assert label_target("", "m", "it's") == b"/v1/models/m/labels/it%27s/metadata"


# What TensorFlow Serving sent.


def answer_of(capture: dict[str, Any]) -> tuple[Head, bytes]:
    reader = ResponseReader(capture["request"].split(" ")[0].encode())
    reader.feed(capture["answer"].encode("latin-1"))
    reader.end()
    head, body = None, b""
    while (event := reader.next_event()) is not None:
        if isinstance(event, Head):
            head = event
        elif isinstance(event, Body):
            body += event.content
    assert head is not None
    return head, body


GETS = [capture for capture in CAPTURES if re.fullmatch("GET [^ ]* HTTP/1.1", capture["request"])]


@pytest.mark.parametrize("number", range(len(GETS)))
def test_every_captured_answer_is_understood(number: int) -> None:
    path = GETS[number]["request"].split(" ")[1]
    head, body = answer_of(GETS[number])
    if head.status != 200:
        failure = decode_failure(head, body)
        is_own = dict(head.headers)[b"content-type"] == b"application/json" and body != b""
        assert failure.kind == (STATUS if is_own else CALL)
        assert failure.text == (json.loads(body.decode("utf-8", "replace"))["error"] if is_own else failure.text)
    elif path.endswith("/metadata"):
        reader = LabelReader()
        reader.feed(body)
        assert reader.end() == int(json.loads(body)["model_spec"]["version"])
    else:
        assert list(read_status(body, 7)) == theirs(body.decode())


def test_the_captures_hold_what_matters() -> None:
    """So that a change of the file cannot empty the test above."""
    paths = {capture["request"].split(" ")[1] for capture in GETS}
    assert {"/v1/models/half", "/v1/models/nope", "/v1/models/half/metadata", "/healthz", "/v1/models/%FF"} <= paths
    broken = [
        read_status(answer_of(capture)[1]) for capture in GETS if capture["request"].split(" ")[1] == "/v1/models/rl"
    ]
    assert [[version.state for version in status] for status in broken] == [
        [LOADING, AVAILABLE],
        [END, AVAILABLE, END],
        [END, END, END],
    ]
    assert broken[1].first[0].error_code == codes.DATA_LOSS
