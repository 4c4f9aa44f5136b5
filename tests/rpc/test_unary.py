"""One unary call: every sequence of events ends in one result, with the codes of Go's gRPC."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import pytest
from grpc import StatusCode
from hypothesis import example, given
from hypothesis import strategies as st
from probe.engine.frames import ERROR_NAMES, Data, GoAway, Headers, Reset, Settings
from probe.engine.unary import (
    GRACE,
    MAX_INFORMATIONAL,
    MAX_MESSAGE,
    UnaryCall,
    message,
    percent_decode,
    request_headers,
)
from probe.hints import HINTS

from probe.model import CALL, LONGEST_WAIT, STATUS, Failure

if TYPE_CHECKING:
    from probe.engine.frames import Event

Result = bytes | tuple[str, int, str, str] | None


def number(code: StatusCode) -> int:
    return int(code.value[0])


def result(*events: Event) -> Result:
    """What becomes of a call: the answer, a failure's (kind, code, text, cause), or nothing yet."""
    call = UnaryCall()
    for event in events:
        call.handle(event)
    outcome = call.result
    return (outcome.kind, outcome.code, outcome.text, outcome.cause) if isinstance(outcome, Failure) else outcome


def failed(code: StatusCode, text: str, cause: str) -> Result:
    return CALL, number(code), text, cause


def head(*more: tuple[bytes, bytes], end: bool = False, status: bytes = b"200") -> Headers:
    return Headers([(b":status", status), (b"content-type", b"application/grpc"), *more], end)


def bare(*fields: tuple[bytes, bytes], end: bool = False) -> Headers:
    return Headers(list(fields), end)


def tail(status: bytes = b"0", *more: tuple[bytes, bytes]) -> Headers:
    return Headers([(b"grpc-status", status), *more], True)


def data(content: bytes, end: bool = False) -> Data:
    return Data(content, end)


UNREADABLE = "unreadable"
INTERIM = bare((b":status", b"100"))
MISSING = (b"grpc-message", b"no such model")

# What the server sends -> what becomes of the call.
CALLS: dict[str, tuple[list[Event], Result]] = {
    "an answer": ([head(), data(message(b"answer")), tail()], b"answer"),
    "an empty answer": ([head(), data(message(b"")), tail()], b""),
    "not yet headers": ([], None),
    "not yet an answer": ([head()], None),
    "not yet trailers": ([head(), data(message(b"answer"))], None),
    "settings change nothing": ([Settings(), head(), Settings(), data(message(b"a")), tail()], b"a"),
    "empty pieces": ([head(), data(b""), data(message(b"a")), data(b""), tail()], b"a"),
    "informational answers first": ([INTERIM, INTERIM, head(), data(message(b"a")), tail()], b"a"),
    "as many informational answers as may be": (
        [*[INTERIM] * MAX_INFORMATIONAL, head(), data(message(b"a")), tail()],
        b"a",
    ),
    "more informational answers than may be": (
        [INTERIM] * (MAX_INFORMATIONAL + 1),
        failed(StatusCode.INTERNAL, "more than 100 informational answers", UNREADABLE),
    ),
    "other types of content that are gRPC's": (
        [bare((b":status", b"200"), (b"content-type", b"Application/GRPC+proto")), data(message(b"a")), tail()],
        b"a",
    ),
    "parameters of the type": (
        [bare((b":status", b"200"), (b"content-type", b"application/grpc; x=y")), data(message(b"a")), tail()],
        b"a",
    ),
    "a status without headers": (
        [head((b"grpc-status", b"5"), MISSING, end=True)],
        (STATUS, 5, "no such model", ""),
    ),
    "a status after an answer": (
        [head(), data(message(b"answer")), tail(b"14", (b"grpc-message", b"bye"))],
        (STATUS, 14, "bye", ""),
    ),
    "a status after half an answer": ([head(), data(b"\0\0"), tail(b"14")], (STATUS, 14, "", "")),
    "a status with escapes": (
        [head(), tail(b"13", (b"grpc-message", b"n%C3%A4ive 100%25%0Afail"))],
        (STATUS, 13, "näive 100%\nfail", ""),
    ),
    "a status of HTTP with one of gRPC": (
        [head((b"grpc-status", b"5"), MISSING, end=True, status=b"404")],
        (STATUS, 5, "no such model", ""),
    ),
    "a status that nobody knows": ([head(), tail(b"99")], (STATUS, 99, "", "")),
    "a status below 0": ([head(), tail(b"-1")], (STATUS, 2**32 - 1, "", "")),
    "the lowest status": ([head(), tail(b"-2147483648")], (STATUS, 2**31, "", "")),
    "a status below 32 bits": (
        [head(), tail(b"-2147483649")],
        failed(StatusCode.INTERNAL, "malformed grpc-status: -2147483649", UNREADABLE),
    ),
    "a status with a sign": ([head(), tail(b"+5")], (STATUS, 5, "", "")),
    "the largest status": ([head(), tail(b"2147483647")], (STATUS, 2**31 - 1, "", "")),
    "a status of more than 32 bits": (
        [head(), tail(b"2147483648")],
        failed(StatusCode.INTERNAL, "malformed grpc-status: 2147483648", UNREADABLE),
    ),
    "a status of too many digits": (
        [head(), tail(b"1" * 5000)],
        failed(StatusCode.INTERNAL, "malformed grpc-status: " + "1" * 100, UNREADABLE),
    ),
    "a status that is no number": (
        [head(), tail(b"\xb2\xff")],
        failed(StatusCode.INTERNAL, "malformed grpc-status: \xb2\xff", UNREADABLE),
    ),
    "a status that is empty": ([head(), tail(b"")], failed(StatusCode.INTERNAL, "malformed grpc-status: ", UNREADABLE)),
    "no status": (
        [head(), data(message(b"a")), bare((b"x", b"y"), end=True)],
        failed(StatusCode.UNKNOWN, "the trailers have no grpc-status", UNREADABLE),
    ),
    "no status in headers that are all there is": (
        [head(end=True)],
        failed(StatusCode.UNKNOWN, "the trailers have no grpc-status", UNREADABLE),
    ),
    "success without an answer": (
        [head(), tail()],
        failed(StatusCode.INTERNAL, "the answer holds no message", UNREADABLE),
    ),
    "success in headers that are all there is": (
        [head((b"grpc-status", b"0"), end=True)],
        failed(StatusCode.INTERNAL, "the answer holds no message", UNREADABLE),
    ),
    "success with part of an answer": (
        [head(), data(message(b"answer")[:-1]), tail()],
        failed(StatusCode.INTERNAL, "the answer's message is incomplete", UNREADABLE),
    ),
    "success with part of a second answer": (
        [head(), data(message(b"answer") + b"\0\0"), tail()],
        failed(StatusCode.INTERNAL, "the answer's message is incomplete", UNREADABLE),
    ),
    "two answers": (
        [head(), data(message(b"one") + message(b"two"))],
        failed(StatusCode.UNKNOWN, "more than one message for a unary call", UNREADABLE),
    ),
    "two answers, one after the other": (
        [head(), data(message(b"one")), data(message(b""))],
        failed(StatusCode.UNKNOWN, "more than one message for a unary call", UNREADABLE),
    ),
    "no trailers": (
        [head(), data(message(b"answer"), end=True)],
        failed(StatusCode.INTERNAL, "server closed the stream without sending trailers", UNREADABLE),
    ),
    "an answer without headers": (
        [data(message(b"answer"))],
        failed(StatusCode.INTERNAL, "the answer begins without headers", UNREADABLE),
    ),
    "an answer without headers that ends": (
        [data(b"", end=True)],
        failed(StatusCode.INTERNAL, "the answer begins without headers", UNREADABLE),
    ),
    "headers in the middle": (
        [head(), data(message(b"answer")), bare((b"grpc-status", b"0"))],
        failed(StatusCode.INTERNAL, "a second block of headers in the middle of the answer", UNREADABLE),
    ),
    "an informational answer that ends": (
        [bare((b":status", b"100"), end=True)],
        failed(StatusCode.UNKNOWN, "unexpected HTTP status code received from server: 100; no content-type", "proxy"),
    ),
    "the largest answer": ([head(), data(message(b"x" * MAX_MESSAGE)), tail()], b"x" * MAX_MESSAGE),
    "an answer that is too large": (
        [head(), data(message(b"x" * (MAX_MESSAGE + 1))[:5])],
        failed(
            StatusCode.RESOURCE_EXHAUSTED, "grpc: received message larger than max (4194305 vs. 4194304)", UNREADABLE
        ),
    ),
    "a compressed answer": (
        [head((b"grpc-encoding", b"gzip")), data(b"\x01\0\0\0\x01x")],
        failed(StatusCode.UNIMPLEMENTED, 'grpc: Decompressor is not installed for grpc-encoding "gzip"', "compressed"),
    ),
    "a compressed answer of no encoding": (
        [head(), data(b"\x01\0\0\0\x01x")],
        failed(StatusCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding", UNREADABLE),
    ),
    "a compressed answer of an empty encoding": (
        [head((b"grpc-encoding", b"")), data(b"\x01\0\0\0\x01x")],
        failed(StatusCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding", UNREADABLE),
    ),
    "an answer in a form that nobody knows": (
        [head(), data(b"\x02\0\0\0\x01x")],
        failed(StatusCode.INTERNAL, "grpc: received unexpected payload format 2", UNREADABLE),
    ),
    "another type of content": (
        [bare((b":status", b"200"), (b"content-type", b"text/html"))],
        failed(StatusCode.UNKNOWN, 'unexpected content-type "text/html" received from server', "proxy"),
    ),
    "a type that only begins like ours": (
        [bare((b":status", b"200"), (b"content-type", b"application/grpc-web"))],
        failed(StatusCode.UNKNOWN, 'unexpected content-type "application/grpc-web" received from server', "proxy"),
    ),
    "no type of content": (
        [bare((b":status", b"200"))],
        failed(StatusCode.UNKNOWN, "no content-type received from server", "proxy"),
    ),
    "no status of HTTP": (
        [bare((b"content-type", b"application/grpc"))],
        failed(StatusCode.INTERNAL, "unexpected HTTP status code received from server: ", "proxy"),
    ),
    "a status of HTTP that is no number": (
        [head(status=b"abc")],
        failed(StatusCode.INTERNAL, "unexpected HTTP status code received from server: abc", "proxy"),
    ),
    "a status of HTTP with four digits": (
        [head(status=b"2000")],
        failed(StatusCode.INTERNAL, "unexpected HTTP status code received from server: 2000", "proxy"),
    ),
    "a page of a proxy": (
        [bare((b":status", b"503"), (b"content-type", b"text/plain")), data(b"no healthy upstream", end=True)],
        failed(
            StatusCode.UNAVAILABLE,
            'unexpected HTTP status code received from server: 503; unexpected content-type "text/plain"',
            "proxy",
        ),
    ),
    "going away before our stream": (
        [GoAway(0, 0, b"")],
        failed(StatusCode.UNAVAILABLE, "the server is going away (GOAWAY, error code: NO_ERROR)", "broken"),
    ),
    "going away with an error": (
        [head(), GoAway(11, 1, b"too_many_pings\xff")],
        failed(
            StatusCode.UNAVAILABLE,
            'the server is going away (GOAWAY, error code: ENHANCE_YOUR_CALM, debug data: "too_many_pings\ufffd")',
            "broken",
        ),
    ),
    "going away after our stream": ([GoAway(0, 1, b""), head(), data(message(b"a")), tail()], b"a"),
    "going away, as a first warning": (
        [GoAway(0, 2**31 - 1, b"graceful_stop"), head(), data(message(b"a")), tail()],
        b"a",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_calls(case: str) -> None:
    events, expected = CALLS[case]
    assert result(*events) == expected


# doc/http-grpc-status-mapping.md; what is not in it is UNKNOWN.
HTTP = {
    400: StatusCode.INTERNAL,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.UNIMPLEMENTED,
    429: StatusCode.UNAVAILABLE,
    502: StatusCode.UNAVAILABLE,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.UNAVAILABLE,
}


@pytest.mark.parametrize("status", [200, 204, 301, 302, 400, 401, 403, 404, 405, 429, 500, 501, 502, 503, 504, 999])
@pytest.mark.parametrize("end", [True, False])
def test_statuses_of_http(status: int, end: bool) -> None:
    text = f"unexpected HTTP status code received from server: {status}"
    code = HTTP.get(status, StatusCode.UNKNOWN)
    if status != 200:
        assert result(head(status=b"%d" % status, end=end)) == failed(code, text, "proxy")
    html = bare((b":status", b"%d" % status), (b"content-type", b"text/html"), end=end)
    odd = 'unexpected content-type "text/html"'
    words = f"{text}; {odd}" if status != 200 else f"{odd} received from server"
    assert result(html) == failed(code, words, "proxy")


# http2ErrConvTab of Go's gRPC; the others are INTERNAL.
RESETS = {
    "FLOW_CONTROL_ERROR": StatusCode.RESOURCE_EXHAUSTED,
    "REFUSED_STREAM": StatusCode.UNAVAILABLE,
    "CANCEL": StatusCode.CANCELLED,
    "ENHANCE_YOUR_CALM": StatusCode.RESOURCE_EXHAUSTED,
    "INADEQUATE_SECURITY": StatusCode.PERMISSION_DENIED,
}


@pytest.mark.parametrize(("code", "name"), list(enumerate(ERROR_NAMES)))
def test_resets(code: int, name: str) -> None:
    text = f"stream terminated by RST_STREAM with error code: {name}"
    expected = failed(RESETS.get(name, StatusCode.INTERNAL), text, "broken")
    assert result(Reset(code)) == result(head(), data(message(b"a")), Reset(code)) == expected


def test_a_reset_that_nobody_knows() -> None:
    text = "stream terminated by RST_STREAM with error code: unknown error code 0xe"
    assert result(Reset(14)) == failed(StatusCode.UNKNOWN, text, "broken")


@pytest.mark.parametrize("code", list(StatusCode))
def test_every_status_of_a_server_is_its_own(code: StatusCode) -> None:
    trailers = tail(b"%d" % number(code), (b"grpc-message", b"words"))
    expected = b"a" if code is StatusCode.OK else (STATUS, number(code), "words", "")
    assert result(head(), data(message(b"a")), trailers) == expected


def test_debug_data_of_any_length_is_bounded() -> None:
    outcome = result(GoAway(1, 0, b"x" * 16384))
    assert isinstance(outcome, tuple) and len(outcome[2]) < 1200


# Anything at all.

some_bytes = st.one_of(
    st.binary(max_size=12),
    st.builds(message, st.binary(max_size=5)),
    st.builds(lambda length: b"\0" + length.to_bytes(4, "big"), st.integers(0, 2**32 - 1)),
)
some_headers = st.lists(
    st.one_of(
        st.tuples(st.just(b":status"), st.sampled_from([b"200", b"100", b"404", b"", b"\xb2"])),
        st.just((b"content-type", b"application/grpc")),
        st.tuples(st.just(b"grpc-status"), st.sampled_from([b"0", b"5", b"-", b"9" * 10, b"\xff"])),
        st.tuples(st.sampled_from([b"grpc-message", b"content-type", b"grpc-encoding"]), st.binary(max_size=8)),
    ),
    max_size=5,
)
some_events = st.one_of(
    st.builds(Data, some_bytes, st.booleans()),
    st.builds(Headers, some_headers, st.booleans()),
    st.builds(lambda more, end: head(*more, end=end), some_headers, st.booleans()),
    st.builds(Reset, st.integers(0, 2**32 - 1)),
    st.builds(GoAway, st.sampled_from([0, 1, 2**32 - 1]), st.sampled_from([0, 1, 2**31 - 1]), st.binary(max_size=5)),
    st.builds(Settings),
)


@given(st.lists(some_events, max_size=8))
def test_any_events_have_one_result_that_nothing_changes_later(events: list[Event]) -> None:
    call = UnaryCall()
    first: bytes | Failure | None = None
    for event in events:
        call.handle(event)
        if first is None:
            first = call.result
        assert call.result is first
    if isinstance(first, Failure):
        assert first.kind in (CALL, STATUS) and 0 < first.code < 2**32
        assert (first.cause in HINTS) if first.kind == CALL else not first.cause


@given(st.binary(max_size=300), st.binary(max_size=3), st.lists(st.integers(0, 40), max_size=30), st.booleans())
@example(b"", b"", [0, 1, 2, 3, 4, 5], False)
def test_where_the_answer_is_cut_does_not_matter(content: bytes, more: bytes, cuts: list[int], twice: bool) -> None:
    body = message(content) + (message(b"again") if twice else more)
    places = [0, *sorted({min(place, len(body)) for place in itertools.accumulate(cuts)}), len(body)]
    pieces = [data(body[begin:end]) for begin, end in itertools.pairwise(places)]
    whole = result(head(), data(body), tail())
    assert result(head(), *pieces, tail()) == whole
    if not twice:
        incomplete = failed(StatusCode.INTERNAL, "the answer's message is incomplete", UNREADABLE)
        assert whole == (incomplete if more else content)


# What is sent.


@given(st.binary(max_size=300))
def test_a_message_is_read_back(content: bytes) -> None:
    assert message(content)[:1] == b"\0"
    assert result(head(), data(message(content)), tail()) == content


def test_the_headers_of_a_request() -> None:
    assert request_headers("/service/Method", "host\udcff", 0.9, b"me/1") == [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/service/Method"),
        (b":authority", b"host\xff"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", b"me/1"),
        (b"grpc-timeout", b"1000000u"),
    ]
    assert (b":scheme", b"https") in request_headers("/", "", 1, b"", b"https")


@given(st.floats(0, LONGEST_WAIT))
@example(0.0)
@example(99.9)
@example(LONGEST_WAIT)
def test_the_server_is_given_a_little_more_time_than_there_is(seconds: float) -> None:
    fields = dict(request_headers("/", "", seconds, b""))
    digits, unit = fields[b"grpc-timeout"][:-1], fields[b"grpc-timeout"][-1:]
    assert digits.isdigit() and len(digits) <= 8
    given_time = int(digits) * {b"u": 1e-6, b"S": 1.0}[unit]
    assert seconds + GRACE / 2 < given_time <= seconds + GRACE + 1


# The escapes of grpc-message.


@given(
    st.one_of(
        st.binary(), st.lists(st.sampled_from([b"%", b"2", b"5", b"g", b"F", b"%41", b"%c3%a4", b"\xff"])).map(b"".join)
    )
)
@example(b"%")
@example(b"%4")
@example(b"%%41")
@example(b"%+1%-1% 1%1_")
def test_escapes_are_read_as_urllib_reads_them(value: bytes) -> None:
    assert percent_decode(value) == unquote_to_bytes(value).decode("utf-8", "replace")


@given(st.text())
def test_escaped_text_is_read_back(text: str) -> None:
    # PROTOCOL-HTTP2.md, "Percent-Byte-Unencoded": all but %x20-24 and %x26-7E.
    escaped = b"".join(
        bytes((byte,)) if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte for byte in text.encode()
    )
    assert percent_decode(escaped) == text
