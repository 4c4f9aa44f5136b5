"""One unary call: every sequence of events ends in one result, with the codes of Go's gRPC.

Of a failure the kind, the code and the cause are compared; its text only where it is a sentence of Go's gRPC, or where
the server said it.
"""

from __future__ import annotations

import base64
import gzip
import itertools
from typing import TYPE_CHECKING
from unittest.mock import ANY
from urllib.parse import unquote_to_bytes

import pytest
from grpc import StatusCode
from hypothesis import example, given
from hypothesis import strategies as st

from probe.deadline import MAX_WAIT_SECONDS
from probe.model import CALL, STATUS, Failure
from probe.rpc.events import Data, GoAway, Headers, Reset, Settings
from probe.rpc.frames import ERROR_NAMES
from probe.rpc.unary import (
    GRACE_SECONDS,
    MAX_INFORMATIONAL,
    MAX_MESSAGE_BYTES,
    UnaryCall,
    metadata_headers,
    percent_decode,
    request_headers,
    timeout_header,
    with_prefix,
)
from tests.support.hints import HINTS
from tests.support.wire import message

if TYPE_CHECKING:
    from probe.rpc.events import Event

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


def failed(code: StatusCode, cause: str, text: str = ANY) -> Result:
    return CALL, number(code), text, cause


def head(*more: tuple[bytes, bytes], end: bool = False, status: bytes = b"200") -> Headers:
    return Headers(1, ((b":status", status), (b"content-type", b"application/grpc"), *more), end)


def bare(*fields: tuple[bytes, bytes], end: bool = False) -> Headers:
    return Headers(1, fields, end)


def tail(status: bytes = b"0", *more: tuple[bytes, bytes]) -> Headers:
    return Headers(1, ((b"grpc-status", status), *more), True)


def data(content: bytes, end: bool = False) -> Data:
    return Data(1, content, end)


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
        failed(StatusCode.INTERNAL, UNREADABLE),
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
    "an HTTP status beside one of gRPC": (
        [head((b"grpc-status", b"5"), MISSING, end=True, status=b"404")],
        (STATUS, 5, "no such model", ""),
    ),
    "an unknown status": ([head(), tail(b"99")], (STATUS, 99, "", "")),
    "a status below 0": ([head(), tail(b"-1")], (STATUS, 2**32 - 1, "", "")),
    "the lowest status": ([head(), tail(b"-2147483648")], (STATUS, 2**31, "", "")),
    "a status below 32 bits": (
        [head(), tail(b"-2147483649")],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "a status with a sign": ([head(), tail(b"+5")], (STATUS, 5, "", "")),
    "the largest status": ([head(), tail(b"2147483647")], (STATUS, 2**31 - 1, "", "")),
    "a status of more than 32 bits": (
        [head(), tail(b"2147483648")],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "a status of too many digits": (
        [head(), tail(b"1" * 5000)],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "a status that is not a number": (
        [head(), tail(b"\xb2\xff")],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "a status that is empty": ([head(), tail(b"")], failed(StatusCode.INTERNAL, UNREADABLE)),
    "no status": (
        [head(), data(message(b"a")), bare((b"x", b"y"), end=True)],
        failed(StatusCode.UNKNOWN, UNREADABLE),
    ),
    "no status in headers that are all there is": (
        [head(end=True)],
        failed(StatusCode.UNKNOWN, UNREADABLE),
    ),
    "success without an answer": (
        [head(), tail()],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "success in headers that are all there is": (
        [head((b"grpc-status", b"0"), end=True)],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "success with part of an answer": (
        [head(), data(message(b"answer")[:-1]), tail()],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "success with part of a second answer": (
        [head(), data(message(b"answer") + b"\0\0"), tail()],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "two answers": (
        [head(), data(message(b"one") + message(b"two"))],
        failed(StatusCode.UNKNOWN, UNREADABLE),
    ),
    "two answers, one after the other": (
        [head(), data(message(b"one")), data(message(b""))],
        failed(StatusCode.UNKNOWN, UNREADABLE),
    ),
    "no trailers": (
        [head(), data(message(b"answer"), end=True)],
        failed(StatusCode.INTERNAL, UNREADABLE, "server closed the stream without sending trailers"),
    ),
    "an answer without headers": (
        [data(message(b"answer"))],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "an answer without headers that ends": (
        [data(b"", end=True)],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "headers in the middle": (
        [head(), data(message(b"answer")), bare((b"grpc-status", b"0"))],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "an informational answer that ends": (
        [bare((b":status", b"100"), end=True)],
        failed(StatusCode.UNKNOWN, "proxy", "unexpected HTTP status code received from server: 100; no content-type"),
    ),
    "the largest answer": ([head(), data(message(b"x" * MAX_MESSAGE_BYTES)), tail()], b"x" * MAX_MESSAGE_BYTES),
    "an answer that is too large": (
        [head(), data(message(b"x" * (MAX_MESSAGE_BYTES + 1))[:5])],
        failed(
            StatusCode.RESOURCE_EXHAUSTED, UNREADABLE, "grpc: received message larger than max (4194305 vs. 4194304)"
        ),
    ),
    "a compressed answer": (
        [head((b"grpc-encoding", b"gzip")), data(b"\x01\0\0\0\x01x")],
        failed(StatusCode.UNIMPLEMENTED, "compressed", 'grpc: Decompressor is not installed for grpc-encoding "gzip"'),
    ),
    "a compressed answer of no encoding": (
        [head(), data(b"\x01\0\0\0\x01x")],
        failed(StatusCode.INTERNAL, UNREADABLE, "grpc: compressed flag set with identity or empty encoding"),
    ),
    "a compressed answer of an empty encoding": (
        [head((b"grpc-encoding", b"")), data(b"\x01\0\0\0\x01x")],
        failed(StatusCode.INTERNAL, UNREADABLE, "grpc: compressed flag set with identity or empty encoding"),
    ),
    "an answer in an unknown form": (
        [head(), data(b"\x02\0\0\0\x01x")],
        failed(StatusCode.INTERNAL, UNREADABLE, "grpc: received unexpected payload format 2"),
    ),
    "another type of content": (
        [bare((b":status", b"200"), (b"content-type", b"text/html"))],
        failed(StatusCode.UNKNOWN, "proxy", 'unexpected content-type "text/html" received from server'),
    ),
    "a type that only begins like ours": (
        [bare((b":status", b"200"), (b"content-type", b"application/grpc-web"))],
        failed(StatusCode.UNKNOWN, "proxy", 'unexpected content-type "application/grpc-web" received from server'),
    ),
    "no type of content": (
        [bare((b":status", b"200"))],
        failed(StatusCode.UNKNOWN, "proxy"),
    ),
    "no HTTP status": (
        [bare((b"content-type", b"application/grpc"))],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "an HTTP status that is not a number": (
        [head(status=b"abc")],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "an HTTP status with four digits": (
        [head(status=b"2000")],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "a page of a proxy": (
        [bare((b":status", b"503"), (b"content-type", b"text/plain")), data(b"no healthy upstream", end=True)],
        failed(
            StatusCode.UNAVAILABLE,
            "proxy",
            'unexpected HTTP status code received from server: 503; unexpected content-type "text/plain"',
        ),
    ),
    "going away before our stream": (
        [GoAway(0, 0, b"")],
        failed(StatusCode.UNAVAILABLE, "broken"),
    ),
    "going away with an error": (
        [head(), GoAway(11, 1, b"too_many_pings\xff")],
        failed(StatusCode.UNAVAILABLE, "broken"),
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
        assert result(head(status=b"%d" % status, end=end)) == failed(code, "proxy", text)
    html = bare((b":status", b"%d" % status), (b"content-type", b"text/html"), end=end)
    odd = 'unexpected content-type "text/html"'
    words = f"{text}; {odd}" if status != 200 else f"{odd} received from server"
    assert result(html) == failed(code, "proxy", words)


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
    cause = "unprocessed" if name == "REFUSED_STREAM" else "broken"  # RFC 9113, 8.7
    expected = failed(RESETS.get(name, StatusCode.INTERNAL), cause, text)
    assert result(Reset(1, code)) == result(head(), data(message(b"a")), Reset(1, code)) == expected


def test_a_reset_with_an_unknown_code() -> None:
    text = "stream terminated by RST_STREAM with error code: unknown error code 0xe"
    assert result(Reset(1, 14)) == failed(StatusCode.UNKNOWN, "broken", text)


@pytest.mark.parametrize("code", list(StatusCode))
def test_every_status_of_a_server_is_its_own(code: StatusCode) -> None:
    trailers = tail(b"%d" % number(code), (b"grpc-message", b"words"))
    expected = b"a" if code is StatusCode.OK else (STATUS, number(code), "words", "")
    assert result(head(), data(message(b"a")), trailers) == expected


def test_what_a_peer_says_is_shown_and_bounded() -> None:
    for event, shown in (
        (GoAway(11, 0, b"too_many_pings\xff" + b"x" * 16384), "too_many_pings\ufffd"),
        (tail(b"1" * 5000), "1" * 10),
        (head(status=b"2" * 5000), "2" * 10),
        (bare((b":status", b"200"), (b"content-type", b"text/" + b"x" * 5000)), "text/xxx"),
    ):
        outcome = result(head(), event) if event == tail(b"1" * 5000) else result(event)
        assert isinstance(outcome, tuple)
        assert shown in outcome[2] and len(outcome[2]) < 1200


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
    st.builds(Data, st.just(1), some_bytes, st.booleans()),
    st.builds(Headers, st.just(1), some_headers.map(tuple), st.booleans()),
    st.builds(lambda more, end: head(*more, end=end), some_headers, st.booleans()),
    st.builds(Reset, st.just(1), st.integers(0, 2**32 - 1)),
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
    whole = result(head(), data(body), tail())
    assert result(head(), *cut(body, cuts), tail()) == whole
    if not twice:
        incomplete = failed(StatusCode.INTERNAL, UNREADABLE)
        assert whole == (incomplete if more else content)


# A sink instead of the answer's bytes.


def fed(*events: Event, enough: int | None = None, packed: bool = False, first: bool = False) -> tuple[bytes, Result]:
    """What a sink receives, and what becomes of the call. `enough`: the bytes after which the sink needs no more."""
    received = bytearray()

    def sink(piece: bytes) -> bool:
        assert piece
        received.extend(piece)
        return enough is not None and len(received) >= enough

    call = UnaryCall(packed, first, sink)
    for event in events:
        call.handle(event)
    outcome = call.result
    if isinstance(outcome, Failure):
        return bytes(received), (outcome.kind, outcome.code, outcome.text, outcome.cause)
    return bytes(received), outcome


def cut(body: bytes, cuts: list[int]) -> list[Event]:
    """A body in pieces of these sizes, and the rest."""
    places = [0, *sorted({min(place, len(body)) for place in itertools.accumulate(cuts)}), len(body)]
    return [data(body[begin:end]) for begin, end in itertools.pairwise(places)]


several = st.lists(st.integers(0, 40), max_size=30)


@given(st.binary(max_size=300), several, st.booleans())
def test_a_sink_receives_what_a_caller_would_however_it_is_cut(content: bytes, cuts: list[int], packed: bool) -> None:
    body = message(gzip.compress(content), 1) if packed else message(content)
    events = [head((b"grpc-encoding", b"gzip")), *cut(body, cuts), tail()]
    assert fed(*events, packed=packed) == (content, b"")


@given(st.binary(min_size=1, max_size=300), several, st.integers(1, 300), st.booleans())
def test_a_sink_may_have_enough(content: bytes, cuts: list[int], enough: int, packed: bool) -> None:
    """The call has ended then, whatever may follow."""
    body = message(gzip.compress(content), 1) if packed else message(content)
    received, outcome = fed(head((b"grpc-encoding", b"gzip")), *cut(body, cuts), enough=enough, packed=packed)
    assert content.startswith(received)
    assert outcome == (b"" if enough <= len(content) else None)
    assert outcome is None or len(received) >= enough


def test_a_sink_takes_messages_of_any_length() -> None:
    piece = bytes(1 << 20)
    length = 10 * len(piece)
    count = 0

    def sink(received: bytes) -> bool:
        nonlocal count
        count += len(received)
        return False

    call = UnaryCall(sink=sink)
    events: list[Event] = [head(), data(b"\0" + length.to_bytes(4, "big")), *[data(piece)] * 10, tail()]
    for event in events:
        call.handle(event)
    assert (count, call.result) == (length, b"")


# What a sink's caller must not mistake for an answer.
UNSINKABLE: dict[str, tuple[list[Event], Result]] = {
    "no message": ([head(), tail()], failed(StatusCode.INTERNAL, UNREADABLE)),
    "half a message": ([head(), data(message(b"answer")[:-1]), tail()], failed(StatusCode.INTERNAL, UNREADABLE)),
    "a second message": (
        [head(), data(message(b"one") + message(b"two"))],
        failed(StatusCode.UNKNOWN, UNREADABLE),
    ),
    "a second message in a piece of its own": (
        [head(), data(message(b"one")), data(message(b"two"))],
        failed(StatusCode.UNKNOWN, UNREADABLE),
    ),
    "part of a second message": (
        [head(), data(message(b"one") + b"\0"), tail()],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "a second message after an empty one": (
        [head(), data(message(b"") + message(b"two"))],
        failed(StatusCode.UNKNOWN, UNREADABLE),
    ),
    "a status": ([head(), data(message(b"one")[:7]), tail(b"8")], (STATUS, 8, "", "")),
    "damaged gzip": (
        [head((b"grpc-encoding", b"gzip")), data(message(b"x", 1)), tail()],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "gzip of no bytes": (
        [head((b"grpc-encoding", b"gzip")), data(message(b"", 1)), tail()],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "gzip that ends before the message does": (
        [head((b"grpc-encoding", b"gzip")), data(message(gzip.compress(b"x") + b"?", 1)), tail()],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
    "gzip without its end": (
        [head((b"grpc-encoding", b"gzip")), data(message(gzip.compress(b"x")[:-1], 1)), tail()],
        failed(StatusCode.INTERNAL, UNREADABLE),
    ),
}


@pytest.mark.parametrize("case", UNSINKABLE)
def test_a_sink_s_call_fails_as_any_other(case: str) -> None:
    events, expected = UNSINKABLE[case]
    assert fed(*events, packed=True)[1] == expected


# The first message of a server stream.


def test_the_first_message_of_a_stream_is_the_answer() -> None:
    first: list[Event] = [head(), data(message(b"first")[:3]), data(message(b"first")[3:] + message(b"second"))]
    call = UnaryCall(first_message=True)
    for event in first:
        call.handle(event)
    assert call.result == b"first"
    assert fed(*first, first=True) == (b"first", b"")
    assert fed(head(), data(message(b"")), first=True) == (b"", b"")


@pytest.mark.parametrize("end", [tail(), tail(b"5"), data(b"", end=True)])
def test_a_stream_that_ends_without_a_message_is_a_failure(end: Event) -> None:
    call = UnaryCall(first_message=True)
    call.handle(head())
    call.handle(end)
    assert isinstance(call.result, Failure)


# What is sent.


@given(st.binary(max_size=300))
def test_a_message_is_read_back(content: bytes) -> None:
    assert with_prefix(content) == message(content)
    assert with_prefix(content, compressed=True) == message(content, 1)
    assert result(head(), data(with_prefix(content)), tail()) == content


def test_the_headers_of_a_request() -> None:
    assert request_headers("/service/Method", "host\udcff", b"me/1") == [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/service/Method"),
        (b":authority", b"host\xff"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", b"me/1"),
    ]
    assert (b":scheme", b"https") in request_headers("/", "", b"", b"https")


@given(st.lists(st.tuples(st.sampled_from([b"token", b"trace-bin"]), st.binary(max_size=40))))
def test_binary_metadata_travels_in_base64(metadata: list[tuple[bytes, bytes]]) -> None:
    sent = metadata_headers(tuple(metadata))
    assert [name for name, _ in sent] == [name for name, _ in metadata]
    for (name, value), (_, as_sent) in zip(metadata, sent, strict=True):
        # PROTOCOL-HTTP2.md: without padding, which every implementation must accept.
        padded = as_sent + b"=" * (-len(as_sent) % 4)
        assert (base64.b64decode(padded, validate=True) if name == b"trace-bin" else as_sent) == value
        assert not as_sent.endswith(b"=") or name == b"token"


@given(st.floats(0, MAX_WAIT_SECONDS))
@example(0.0)
@example(99.9)
@example(MAX_WAIT_SECONDS)
def test_the_server_is_given_a_little_more_time_than_there_is(seconds: float) -> None:
    name, value = timeout_header(seconds)
    digits, unit = value[:-1], value[-1:]
    assert name == b"grpc-timeout"
    assert digits.isdigit() and len(digits) <= 8
    given_time = int(digits) * {b"u": 1e-6, b"S": 1.0}[unit]
    assert seconds + GRACE_SECONDS / 2 < given_time <= seconds + GRACE_SECONDS + 1


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
