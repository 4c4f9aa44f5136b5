"""Calls on one connection, over a scripted stream: how a connection is established, and what becomes of each call."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable

import grpc
import hpack
import hyperframe.frame as h2frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.deadline import RPC, RUN, Deadline
from probe.model import CALL, STATUS, Failure
from probe.net.errors import Permanent, StreamError, Transient
from probe.rpc.channel import Channel, ChannelOptions, Request, call_with_retry
from tests.support.http2_writer import (
    GREETING,
    HEAD_FIELDS,
    data,
    frame,
    goaway,
    headers,
    ping,
    reset,
    settings,
    settings_ack,
    trailers,
    window_update,
)
from tests.support.scripted_stream import React, ScriptedStream, Step, answering, good, is_request
from tests.support.wire import message

SECOND = 1_000_000_000
OPTIONS = ChannelOptions("host:1")
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 7, 8, 11
MAX_STREAMS = 3

# Each fails on a connection that has ended.
ONE, TWO, THREE = requests = tuple(Request("/service/Method", name) for name in (b"one", b"two", b"three"))


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(int(seconds * SECOND), RUN)


def established(
    *script: Step, react: React | None = None, first: Request | None = None, options: ChannelOptions = OPTIONS
) -> tuple[Channel, ScriptedStream]:
    """A channel after the server's SETTINGS, and its stream. Without `first`, no call was made yet."""
    stream = ScriptedStream(*(script or (GREETING,)), react=react)
    channel = Channel(stream, options)
    channel.establish(first or ONE, 10 if first else 0, soon())
    return channel, stream


def call(channel: Channel, *requests: Request, seconds: float = 10, in_flight: int = 2) -> tuple[bytes | Failure, ...]:
    return channel.call(requests, soon(), int(seconds * SECOND), in_flight)


def causes(answers: tuple[bytes | Failure, ...]) -> list[bytes | str]:
    """The answers, and the causes of those that failed."""
    return [answer.cause if isinstance(answer, Failure) else answer for answer in answers]


def opened(stream: ScriptedStream) -> list[int]:
    """The streams that were opened."""
    return [one.stream_id for one in stream.frames if isinstance(one, h2frame.HeadersFrame)]


def bodies(stream: ScriptedStream) -> dict[int, bytes]:
    """What was asked on each stream."""
    return {
        one.stream_id: one.data[5:] for one in stream.frames if isinstance(one, h2frame.DataFrame) and len(one.data) > 5
    }


def asked(one: h2frame.Frame) -> bytes:
    """The message of a request that fits into one frame."""
    assert isinstance(one, h2frame.DataFrame)
    return one.data[5:]


def echo(one: h2frame.Frame) -> bytes:
    """Answers each call with its own message."""
    return good(one.stream_id, asked(one)) if is_request(one) else b""


# One call after another, and side by side.


def test_the_first_call_rides_with_the_preface() -> None:
    channel, stream = established(GREETING + good(1), first=ONE)
    assert [type(one) for one in stream.frames] == [h2frame.SettingsFrame, h2frame.HeadersFrame, h2frame.DataFrame]
    assert call(channel, ONE) == (b"answer",)
    assert opened(stream) == [1]


def test_a_first_call_that_is_not_asked_for_is_dropped() -> None:
    channel, stream = established(GREETING, good(1, b"first"), react=None, first=ONE)
    stream.script.append(good(3, b"second"))
    assert call(channel, TWO) == (b"second",)


def test_calls_after_one_another() -> None:
    channel, stream = established(react=echo)
    for request in requests * 3:
        assert call(channel, request) == (request.message,)
    assert opened(stream) == list(range(1, 19, 2))
    assert channel.is_usable


def test_no_calls() -> None:
    channel, _ = established()
    assert call(channel) == ()


@pytest.mark.parametrize("in_flight", [1, 2, 3, 10])
def test_the_answers_are_in_the_order_of_the_requests(in_flight: int) -> None:
    """Whatever the order in which they arrive."""
    waiting: list[int] = []
    answered = most = 0

    def react(one: h2frame.Frame) -> bytes:
        nonlocal answered, most
        if not is_request(one):
            return b""
        waiting.append(one.stream_id)
        most = max(most, len(waiting))
        if len(waiting) < min(in_flight, 3 - answered):
            return b""
        answers = b"".join(good(number, b"%d" % number) for number in reversed(waiting))
        answered += len(waiting)
        waiting.clear()
        return answers

    channel, _ = established(react=react)
    assert call(channel, ONE, TWO, THREE, in_flight=in_flight) == (b"1", b"3", b"5")
    assert most == min(in_flight, 3)


@given(st.integers(1, 8), st.integers(1, 8), st.randoms(use_true_random=False))
def test_interleaved_answers(count: int, in_flight: int, random: object) -> None:
    """Each call's frames arrive in order; those of different calls in any."""
    queues: dict[int, list[bytes]] = {}
    begun = 0

    def react(one: h2frame.Frame) -> list[Step]:
        nonlocal begun
        if is_request(one):
            begun += 1
            whole, number = message(asked(one)), one.stream_id
            queues[number] = [
                headers(HEAD_FIELDS, stream=number),
                data(whole[:3], stream=number),
                data(whole[3:], stream=number),
                trailers(0, stream=number),
            ]
        steps: list[Step] = []
        if len(queues) == min(in_flight, count - begun + len(queues)):
            while queues:
                number = random.choice(sorted(queues))  # type: ignore[attr-defined]
                steps.append(queues[number].pop(0))
                if not queues[number]:
                    del queues[number]
        return steps

    channel, _ = established(react=react)
    asking = tuple(Request("/service/Method", b"%d" % number) for number in range(count))
    assert call(channel, *asking, in_flight=in_flight) == tuple(request.message for request in asking)


def test_one_failure_leaves_the_other_calls() -> None:
    def react(one: h2frame.Frame) -> bytes:
        if not is_request(one):
            return b""
        answers = {
            1: trailers_only(5, "no such model"),
            3: good(3),
            5: reset(2, 5),
        }
        return answers[one.stream_id]

    channel, _ = established(react=react)
    first, second, third = call(channel, ONE, TWO, THREE)
    assert first == Failure(STATUS, "no such model", 5)
    assert second == b"answer"
    assert isinstance(third, Failure) and third.cause == "broken"
    assert channel.is_usable


def trailers_only(code: int, text: str, stream: int = 1) -> bytes:
    fields = (*HEAD_FIELDS, ("grpc-status", str(code)), ("grpc-message", text))
    return headers(fields, end=True, stream=stream)


# What is sent.


def request_fields(stream: ScriptedStream) -> list[dict[bytes, bytes]]:
    """The headers of each request."""
    decoder = hpack.Decoder()
    return [
        {bytes(name): bytes(value) for name, value in decoder.decode(one.data, raw=True)}
        for one in stream.frames
        if isinstance(one, h2frame.HeadersFrame)
    ]


def test_the_options_are_sent_with_each_call() -> None:
    options = ChannelOptions("host:1", b"agent/1", ((b"token", b"secret"), (b"id-bin", b"\xff")), scheme=b"https")
    channel, stream = established(react=answering(), options=options)
    call(channel, ONE, TWO)
    for fields in request_fields(stream):
        assert fields[b":path"] == b"/service/Method"
        assert fields[b":authority"] == b"host:1"
        assert fields[b":scheme"] == b"https"
        assert fields[b"user-agent"] == b"agent/1"
        assert fields[b"token"] == b"secret"
        assert fields[b"id-bin"] == b"/w"
    assert len(request_fields(stream)) == 2
    assert bodies(stream) == {1: b"one", 3: b"two"}


def test_gzip_both_ways() -> None:
    packed = headers((*HEAD_FIELDS, ("grpc-encoding", "gzip")))
    answer = packed + data(message(gzip.compress(b"answer"), 1)) + trailers(0)
    options = ChannelOptions("host:1", gzip=True)
    channel, stream = established(react=lambda one: answer if is_request(one) else b"", options=options)
    assert call(channel, ONE) == (b"answer",)
    (fields,) = request_fields(stream)
    assert fields[b"grpc-encoding"] == fields[b"grpc-accept-encoding"] == b"gzip"
    assert gzip.decompress(bodies(stream)[1]) == b"one"


def test_a_sink_reads_an_answer_of_any_size() -> None:
    pieces: list[bytes] = []

    def sink(piece: bytes) -> bool:
        pieces.append(piece)
        return False

    big = bytes(5 << 20)  # more than a message may have otherwise
    channel, _ = established(react=answering(big))
    assert call(channel, Request("/service/Method", b"", sink=sink)) == (b"",)
    assert b"".join(pieces) == big
    (failed,) = call(channel, ONE)
    assert isinstance(failed, Failure) and failed.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


def test_a_sink_that_has_enough_cancels_the_call() -> None:
    def react(one: h2frame.Frame) -> bytes:
        return headers(HEAD_FIELDS) + data(message(b"answer", length=1000)) if is_request(one) else b""

    channel, stream = established(react=react)
    assert call(channel, Request("/service/Method", b"", sink=lambda _: True)) == (b"",)
    channel.close()
    assert cancelled(stream) == [(1, CANCEL)]


def cancelled(stream: ScriptedStream) -> list[tuple[int, int]]:
    return [(one.stream_id, one.error_code) for one in stream.frames if isinstance(one, h2frame.RstStreamFrame)]


def test_the_first_message_of_a_stream_cancels_the_rest() -> None:
    def react(one: h2frame.Frame) -> bytes:
        return headers(HEAD_FIELDS) + data(message(b"first")) if is_request(one) else b""

    channel, stream = established(react=react)
    assert call(channel, Request("/service/Stream", b"", first_message=True)) == (b"first",)
    channel.close()
    assert cancelled(stream) == [(1, CANCEL)]


def test_closing_says_goodbye() -> None:
    channel, stream = established()
    channel.close()
    last = stream.frames[-1]
    assert isinstance(last, h2frame.GoAwayFrame)
    assert last.error_code == 0
    assert stream.closed == 1


# How many at a time: the peer's limit.


def test_the_server_s_limit_holds_from_its_settings_on() -> None:
    alive: set[int] = set()

    def react(one: h2frame.Frame) -> bytes:
        if not is_request(one):
            return b""
        alive.add(one.stream_id)
        assert len(alive) == 1
        alive.clear()
        return good(one.stream_id)

    channel, _ = established(settings((MAX_STREAMS, 1)), react=react)
    assert call(channel, ONE, TWO, THREE, in_flight=3) == (b"answer",) * 3


def test_a_limit_of_no_streams_that_is_raised_later() -> None:
    channel, stream = established(settings((MAX_STREAMS, 0)), ping(), settings((MAX_STREAMS, 2)), react=answering())
    assert call(channel, ONE, TWO, THREE, in_flight=3) == (b"answer",) * 3
    assert opened(stream) == [1, 3, 5]


def test_a_limit_that_falls_while_calls_are_in_flight() -> None:
    def react(one: h2frame.Frame) -> bytes:
        if not is_request(one):
            return b""
        # The second request: now only one stream may be open, and the first two answers come together.
        return settings((MAX_STREAMS, 1)) + good(1) + good(3) if one.stream_id == 3 else good(5) * (one.stream_id == 5)

    channel, _ = established(react=react)
    assert call(channel, ONE, TWO, THREE, in_flight=2) == (b"answer",) * 3


@pytest.mark.parametrize("limit", [RPC, RUN])
def test_a_limit_of_no_streams_that_stays(limit: str) -> None:
    """A call's timeout counts while the server keeps it waiting, even without a deadline of the whole run."""
    channel, stream = established(settings((MAX_STREAMS, 0)))
    never = Deadline(None, RUN)
    if limit == RPC:
        answers = channel.call(requests, never, SECOND // 50, in_flight=2)
    else:
        answers = channel.call(requests, soon(0.02), 10 * SECOND, in_flight=2)
    assert causes(answers) == ["call-timeout" if limit == RPC else "run-timeout"] * 3
    assert all(isinstance(answer, Failure) and answer.limit == limit for answer in answers)
    assert opened(stream) == []


def test_a_call_s_time_begins_when_it_may_be_made() -> None:
    """With a limit of one stream the second call has its whole timeout after a first one that used up its own."""
    channel, stream = established(settings((MAX_STREAMS, 1)), react=lambda one: echo(one) if one.stream_id > 1 else b"")
    answers = call(channel, ONE, TWO, seconds=0.05)
    assert causes(answers) == ["call-timeout", b"two"]
    assert opened(stream) == [1, 3]


# Time.


def test_a_call_ends_by_its_timeout_and_is_cancelled() -> None:
    channel, stream = established()
    (answer,) = call(channel, ONE, seconds=0.02)
    assert isinstance(answer, Failure)
    assert (answer.kind, answer.code, answer.cause, answer.limit) == (CALL, 4, "call-timeout", RPC)
    assert channel.is_usable
    # The next call goes on the same connection, and what still arrives for the first one does not matter.
    stream.script.extend([good(1, b"late") + good(3, b"in time")])
    assert call(channel, TWO) == (b"in time",)
    assert cancelled(stream) == [(1, CANCEL)]


def test_a_call_ends_by_the_run_s_deadline() -> None:
    channel, _ = established()
    (answer,) = channel.call((ONE,), soon(0.02), 10 * SECOND)
    assert isinstance(answer, Failure)
    assert (answer.code, answer.cause, answer.limit) == (4, "run-timeout", RUN)


@pytest.mark.parametrize(("deadline", "timeout", "cause"), [(None, 0, "no-time"), (0, SECOND, "run-timeout")])
def test_without_time_nothing_is_sent(deadline: int | None, timeout: int, cause: str) -> None:
    channel, stream = established()
    answers = channel.call((ONE, TWO), Deadline(deadline, RUN), timeout)
    assert causes(answers) == [cause] * 2
    assert opened(stream) == []


def test_each_call_has_its_own_timeout() -> None:
    """A first one that hangs does not end the others."""

    def react(one: h2frame.Frame) -> bytes:
        return echo(one) if one.stream_id != 1 else b""

    channel, _ = established(react=react)
    assert causes(call(channel, ONE, TWO, THREE, seconds=0.05)) == ["call-timeout", b"two", b"three"]


# A server that goes away.


def test_goaway_after_the_call_s_stream_lets_the_call_end() -> None:
    for last in (1, 2**31 - 1):
        channel, _ = established(GREETING + goaway(last, 0), good(1), first=ONE)
        assert not channel.is_usable
        assert call(channel, ONE) == (b"answer",)


def test_goaway_before_the_call_s_stream_says_that_it_was_not_processed() -> None:
    for code in (0, ENHANCE_YOUR_CALM):
        channel, _ = established(GREETING + goaway(0, code, b"too_many_pings"), first=ONE)
        (answer,) = call(channel, ONE)
        assert isinstance(answer, Failure)
        assert (answer.kind, answer.code, answer.cause) == (CALL, 14, "unprocessed")
        assert "too_many_pings" in answer.text


def test_goaway_with_an_error_ends_calls_that_may_have_been_processed() -> None:
    channel, _ = established(GREETING + goaway(1, ENHANCE_YOUR_CALM), first=ONE)
    assert causes(call(channel, ONE)) == ["broken"]


def test_goaway_between_streams() -> None:
    """The first call is answered, the second and third were not processed."""

    def react(one: h2frame.Frame) -> list[Step]:
        return [goaway(1, 0), good(1)] if is_request(one) and one.stream_id == 3 else []

    channel, stream = established(react=react)
    assert causes(call(channel, ONE, TWO, THREE)) == [b"answer", "unprocessed", "unprocessed"]
    assert opened(stream) == [1, 3]
    assert not channel.is_usable


def test_calls_that_were_not_made_before_the_end_were_not_processed() -> None:
    def react(one: h2frame.Frame) -> list[Step]:
        return [b""] if is_request(one) and one.stream_id == 3 else []

    channel, _ = established(react=react)
    assert causes(call(channel, ONE, TWO, THREE)) == ["broken", "broken", "unprocessed"]
    assert not channel.is_usable
    assert causes(call(channel, ONE)) == ["unprocessed"]


def test_goaway_and_then_the_end() -> None:
    """As at max_connection_age: calls in flight that were not answered may have been processed."""

    def react(one: h2frame.Frame) -> list[Step]:
        return [goaway(3, 0), b""] if is_request(one) and one.stream_id == 3 else []

    channel, _ = established(react=react)
    assert causes(call(channel, ONE, TWO, THREE)) == ["broken", "broken", "unprocessed"]


# Connections that break.

BREAKS: dict[str, tuple[Step, str]] = {
    "closed": (b"", "broken"),
    "reset": (ConnectionResetError(104, "Connection reset by peer"), "broken"),
    "no descriptor": (OSError(24, "Too many open files"), "descriptors"),
    "TLS": (StreamError("it rejects our certificate", "tls-refused"), "tls-refused"),
    "HTTP/2": (frame(9, 0, 1, b""), "unreadable"),
}


@pytest.mark.parametrize(("step", "cause"), BREAKS.values(), ids=BREAKS)
def test_a_connection_that_breaks_ends_all_calls(step: Step, cause: str) -> None:
    channel, _ = established(GREETING, step, first=ONE)
    answers = call(channel, ONE, TWO)
    assert causes(answers) == [cause, cause]
    assert all(isinstance(answer, Failure) and (answer.kind, answer.code) == (CALL, 14) for answer in answers)
    assert not channel.is_usable


def test_what_came_before_the_break_counts() -> None:
    channel, stream = established(GREETING, good(1) + frame(9, 0, 1, b""), first=ONE)
    assert causes(call(channel, ONE, TWO)) == [b"answer", "unreadable"]
    channel.close()
    last = stream.frames[-1]
    assert isinstance(last, h2frame.GoAwayFrame) and last.error_code == 1  # PROTOCOL_ERROR


def test_frames_of_unknown_streams_break_the_connection() -> None:
    channel, _ = established(GREETING, headers(HEAD_FIELDS, stream=7), first=ONE)
    assert causes(call(channel, ONE)) == ["unreadable"]


def test_what_a_proxy_says_is_explained_by_tls() -> None:
    """nginx refuses a client certificate with status 400."""
    page = headers(((":status", "400"), ("content-type", "text/html")), end=True)
    for explanation, cause in ((None, "proxy"), (("it requested a client certificate", "tls-client"), "tls-client")):
        stream = ScriptedStream(GREETING, page, explanation=explanation)  # type: ignore[arg-type]
        channel = Channel(stream, OPTIONS)
        channel.establish(ONE, 10, soon())
        assert causes(call(channel, ONE)) == [cause]


def test_pings_settings_and_windows_between_the_frames_of_an_answer() -> None:
    noise = ping() + settings((4, 100)) + settings_ack() + window_update(0, 1) + window_update(1, 1)
    answer = noise.join([headers(HEAD_FIELDS), data(message(b"answer"), limit=3), trailers(0)])
    channel, stream = established(GREETING, noise, answer, noise, first=ONE)
    assert call(channel, ONE) == (b"answer",)
    channel.close()
    kinds = [type(one) for one in stream.frames]
    assert kinds.count(h2frame.PingFrame) == 3 and kinds.count(h2frame.SettingsFrame) == 2 + 3


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_where_the_bytes_are_cut_does_not_matter(sizes: list[int]) -> None:
    whole = GREETING + good(1)
    pieces: list[Step] = []
    at = 0
    for size in itertools.cycle(sizes):
        pieces.append(whole[at : at + size])
        at += size
        if at >= len(whole):
            break
    channel, _ = established(*pieces, first=ONE)
    assert call(channel, ONE) == (b"answer",)


# Establishing.


def refusal(
    *script: Step,
    speaks_tls: Callable[[object], bool] | None = None,
    seconds: float = 10,
    explanation: tuple[str, str] | None = None,
) -> Transient | Permanent:
    channel = Channel(ScriptedStream(*script, explanation=explanation), OPTIONS)  # type: ignore[arg-type]
    with pytest.raises((Transient, Permanent)) as caught:
        channel.establish(ONE, 10, soon(seconds), speaks_tls)
    assert isinstance(caught.value, (Transient, Permanent))
    assert caught.value.text.startswith("connected to scripted:1: ")
    return caught.value


RESET = ConnectionResetError(104, "Connection reset by peer")
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\n\r\n"
ESTABLISHING: dict[str, tuple[tuple[Step, ...], type[Exception], str]] = {
    "closed at once": ((b"",), Transient, "closed"),
    "reset at once": ((RESET,), Transient, "closed"),
    "closed within SETTINGS": ((GREETING[:5], b""), Transient, "closed"),
    "HTTP/1": ((b"HTTP/1.1 200 OK\r\n\r\n",), Permanent, "http1"),
    "HTTP/1, piece by piece": ((b"HTT", b"P/1.0 200 OK\r\n", b"\r\n", b""), Permanent, "http1"),
    "HTTP/1, then a reset": ((b"HTTP/1", RESET), Permanent, "http1"),
    "HTTP/1, then silence": ((b"HTTP/1",), Permanent, "http1"),
    "a request that was bad": ((BAD_REQUEST,), Permanent, "http1"),
    "a TLS alert": ((b"\x15\x03\x01\x00\x02\x02\x46",), Permanent, "speaks-tls"),
    "a TLS alert, then the end": ((b"\x15\x03\x01", b""), Permanent, "speaks-tls"),
    "neither": ((b"220 mail.example ESMTP\r\n",), Permanent, "not-http2"),
    "HTTP/2 that begins wrongly": ((ping(),), Permanent, "not-http2"),
    "silence": ((), Transient, "mute"),
    "silence within SETTINGS": ((GREETING[:5],), Transient, "slow"),
    "TLS that objects": ((StreamError("it rejects our certificate", "tls-refused"),), Permanent, "tls-refused"),
}


@pytest.mark.parametrize(("script", "kind", "cause"), ESTABLISHING.values(), ids=ESTABLISHING)
def test_a_connection_that_is_not_established(script: tuple[Step, ...], kind: type[Exception], cause: str) -> None:
    refused = refusal(*script, seconds=0.02)
    assert (type(refused), refused.cause) == (kind, cause)


@pytest.mark.parametrize("script", [(b"",), (RESET,), (BAD_REQUEST,)])
def test_a_peer_that_speaks_tls_instead(script: tuple[Step, ...]) -> None:
    """It closes the connection, as gRPC's C core does, or calls the request bad, as nginx does."""
    refused = refusal(*script, speaks_tls=lambda _: True)
    assert (type(refused), refused.cause) == (Permanent, "speaks-tls")
    assert refusal(*script, speaks_tls=lambda _: False).cause in ("closed", "http1")


def test_only_what_may_be_tls_is_looked_at() -> None:
    def look(_: object) -> bool:
        raise AssertionError("no second connection is needed")

    for script in ((b"HTTP/1.1 200 OK\r\n\r\n",), (GREETING[:5], b""), (ping(),)):
        refusal(*script, speaks_tls=look)


def test_what_closing_means_after_a_handshake() -> None:
    refused = refusal(b"", explanation=("it requested a client certificate", "tls-client"))
    assert (type(refused), refused.cause) == (Permanent, "tls-client")
    # Not once it has begun to answer.
    assert refusal(GREETING[:5], b"", explanation=("it requested a certificate", "tls-client")).cause == "closed"


def test_other_errors_are_left_to_the_dialing() -> None:
    for stream in (ScriptedStream(OSError(113, "No route to host")), ScriptedStream(send_error=OSError(113, ""))):
        with pytest.raises(OSError, match=r"."):
            Channel(stream, OPTIONS).establish(ONE, 10, soon())


def test_a_server_that_breaks_http2_after_its_settings_was_there() -> None:
    """The connection is established; the call is broken."""
    channel, _ = established(GREETING + frame(9, 0, 1, b""), first=ONE)
    assert not channel.is_usable
    assert causes(call(channel, ONE)) == ["unreadable"]


# Calls that were not processed are made once more.


def retry(
    channel: Channel, *others: ScriptedStream | Exception, asking: tuple[Request, ...] = (ONE, TWO), seconds: float = 10
) -> tuple[Channel, tuple[bytes | Failure, ...]]:
    left = list(others)

    def reopen(first: Request) -> Channel:
        other = left.pop(0)
        if isinstance(other, Exception):
            raise other
        opened = Channel(other, OPTIONS)
        opened.establish(first, 10, soon())
        return opened

    result = call_with_retry(channel, reopen, asking, soon(), int(seconds * SECOND))
    assert not left
    return result


def test_answers_need_no_retry() -> None:
    channel, _ = established(react=echo)
    assert retry(channel) == (channel, (b"one", b"two"))


def test_refused_streams_are_tried_again_on_the_same_connection() -> None:
    def react(one: h2frame.Frame) -> bytes:
        if not is_request(one):
            return b""
        return reset(REFUSED_STREAM, 3) if one.stream_id == 3 else echo(one)

    channel, stream = established(react=react)
    assert retry(channel) == (channel, (b"one", b"two"))
    assert bodies(stream) == {1: b"one", 3: b"two", 5: b"two"}


def test_a_call_is_tried_again_once() -> None:
    channel, stream = established(react=lambda one: reset(REFUSED_STREAM, one.stream_id) if is_request(one) else b"")
    assert causes(retry(channel)[1]) == ["unprocessed"] * 2
    assert len(opened(stream)) == 4


def test_goaway_before_the_calls_leads_to_another_connection() -> None:
    channel, stream = established(GREETING + goaway(0, 0), first=ONE)
    other = ScriptedStream(GREETING, react=echo)
    reopened, answers = retry(channel, other)
    assert reopened is not channel
    assert answers == (b"one", b"two")
    assert (stream.closed, other.closed) == (1, 0)
    assert opened(other) == [1, 3]


def test_calls_that_may_have_been_processed_are_not_tried_again() -> None:
    channel, _ = established(GREETING, b"", first=ONE)
    assert causes(retry(channel, asking=(ONE,))[1]) == ["broken"]


def test_a_connection_that_is_not_made_again_leaves_the_first_answers() -> None:
    for error in (Transient("connection refused", "refused"), Permanent("not permitted", "policy")):
        channel, _ = established(GREETING + goaway(0, 0), first=ONE)
        same, answers = retry(channel, error)
        assert same is channel
        assert causes(answers) == ["unprocessed"] * 2


def test_a_retry_has_the_time_that_is_left() -> None:
    """What the server said stays where there is none."""

    def react(one: h2frame.Frame) -> list[Step]:
        return [goaway(0, 0)] if is_request(one) else []

    channel, _ = established(react=react)

    def reopen(_: Request) -> Channel:
        while begun.remaining():
            pass
        return established(react=echo)[0]

    begun = soon(0.02)
    _, answers = call_with_retry(channel, reopen, (ONE,), soon(), SECOND // 50)
    assert causes(answers) == ["unprocessed"]
