"""Our side of HTTP/2, linked to an `h2` server that enforces the RFC on what it is sent.

First whole exchanges, with windows, settings, pings and cuts of the byte stream chosen at random; the server raises
when we break a rule, and what either side reads must be what the other one meant. Then any frames, and any bytes:
events or ConnectionBroken, and the same ones however the stream is cut. Last, each rule with its clause.
Several streams at a time are test_http2_machine.py's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import h2.config
import h2.connection
import h2.events
import h2.settings
import hpack
import pytest
from h2.errors import ErrorCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.rpc import frames as our_frames
from probe.rpc.events import Data, GoAway, Headers, Reset, Settings
from probe.rpc.hpack import encode
from probe.rpc.http2 import (
    MAX_HEADER_BYTES,
    MAX_IDLE_FRAMES,
    MAX_WINDOW_BYTES,
    OUR_SETTINGS,
    PREFACE,
    WINDOW_BYTES,
    Connection,
    ConnectionBroken,
)
from tests.support.counted_bytes import CountedBytes
from tests.support.http2_writer import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    MAX_FRAME_BYTES,
    PADDED,
    PING,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)

if TYPE_CHECKING:
    from probe.rpc.events import Event

Fields = list[tuple[bytes, bytes]]

HELLO = frame(SETTINGS, 0, 0, b"")
REQUEST = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a/b"), (b":authority", b"localhost")]


# A linked pair.


class Server:
    """A server of h2's making, which answers the request when all of it has come, and gives window as it is told to."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.connection = h2.connection.H2Connection(config)
        self.connection.initiate_connection()
        # Not among the first SETTINGS: h2 would enforce those before the client can have seen them.
        self.connection.update_settings(
            {
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: plan.windows[0],
                h2.settings.SettingCodes.MAX_FRAME_SIZE: plan.largest_frame,
            }
        )
        self.windows = iter(plan.windows[1:])
        self.increments = itertools.cycle(plan.increments)
        self.headers: Fields = []
        self.body = b""
        self.pongs: list[bytes] = []
        self.unsent = NOISE[: plan.size]
        self.state = "receiving"

    def receive(self, data: bytes) -> None:
        for event in self.connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.headers = [(bytes(name), bytes(value)) for name, value in event.headers]
            elif isinstance(event, h2.events.DataReceived):
                self.body += event.data
                self._distract()
            elif isinstance(event, h2.events.StreamEnded):
                self.connection.send_headers(1, self.plan.headers)
                self.state = "answering"
            elif isinstance(event, h2.events.PingAckReceived):
                self.pongs.append(event.ping_data)

    def _distract(self) -> None:
        """Changes the stream's window in the middle of the request, and asks whether anybody is there."""
        window = next(self.windows, None)
        if window is not None:
            self.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
            self.connection.ping(window.to_bytes(8, "big"))

    def work(self) -> None:
        """Sends what the client's windows allow; while the request comes in, gives a little window itself."""
        connection = self.connection
        if self.state == "receiving" and self.headers:
            increment = next(self.increments)
            for stream in (None, 1):
                connection.increment_flow_control_window(increment, stream)
        while self.state == "answering" and self.unsent:
            size = min(connection.local_flow_control_window(1), connection.max_outbound_frame_size, self.plan.piece)
            pad = self.plan.padding if self.plan.padding and size > self.plan.padding + 1 else None
            size -= pad + 1 if pad else 0
            if size <= 0:
                return
            piece, self.unsent = self.unsent[:size], self.unsent[size:]
            connection.send_data(1, piece, pad_length=pad)
        if self.state == "answering":
            connection.send_headers(1, self.plan.trailers, end_stream=True)
            self.state = "done"


class Plan(NamedTuple):
    """One exchange."""

    headers: Fields
    size: int  # bytes of the answer
    trailers: Fields
    windows: list[int]  # of a stream, as SETTINGS give it: at first, and later in the request
    increments: list[int]
    largest_frame: int
    piece: int
    padding: int


# Large bodies, whose every part is different.
NOISE = b"".join(number.to_bytes(4, "big") for number in range(75_000))
sizes_of_bodies = st.one_of(st.integers(1, 100), st.integers(1, len(NOISE)))

names = st.from_regex(r"x-[a-z0-9-]{1,10}", fullmatch=True).map(str.encode)
values = st.from_regex(r"[!-~]([ -~]{0,30}[!-~])?", fullmatch=True).map(str.encode)
some_fields = st.lists(st.tuples(names, values), max_size=3)
# Longer than a frame, so that CONTINUATION comes into play.
LONG_FIELD = (b"x-long", b"long" * 5000)
many_fields = st.one_of(some_fields, some_fields.map(lambda fields: [*fields, LONG_FIELD]))

plans = st.builds(
    Plan,
    headers=many_fields.map(lambda fields: [(b":status", b"200"), *fields]),
    size=st.one_of(st.just(0), sizes_of_bodies),
    trailers=some_fields.map(lambda fields: [(b"grpc-status", b"0"), *fields]),
    windows=st.lists(st.one_of(st.sampled_from([0, 1, WINDOW_BYTES]), st.integers(0, 100_000)), min_size=1, max_size=5),
    increments=st.lists(st.one_of(st.just(1), st.integers(5000, 100_000)), min_size=1, max_size=3).map(
        lambda sizes: [*sizes, 50_000]
    ),
    largest_frame=st.sampled_from([MAX_FRAME_BYTES, 20_000, 1 << 20]),
    piece=st.one_of(st.just(1 << 20), st.integers(1000, 20_000)),
    padding=st.one_of(st.just(0), st.integers(1, 255)),
)
# Lengths of the pieces in which bytes arrive, over and over.
cuts = st.lists(st.one_of(st.integers(1, 20), st.integers(1, 100_000)), min_size=1, max_size=5).map(
    lambda sizes: [*sizes, 10_000]
)


def pieces(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = next(sizes)
        yield data[at : at + size]
        at += size


@settings(max_examples=30)
@given(plans, many_fields, sizes_of_bodies, cuts, cuts)
def test_both_sides_of_an_exchange_read_what_the_other_one_meant(
    plan: Plan, fields: Fields, size: int, up: list[int], down: list[int]
) -> None:
    body = NOISE[-size:]
    server, client = Server(plan), Connection()
    client.open(encode(REQUEST + fields), body)
    events: list[object] = []
    sizes_up, sizes_down = itertools.cycle(up), itertools.cycle(down)
    for _ in range(2000):
        upwards, downwards = client.data_to_send(), server.connection.data_to_send()
        for piece in pieces(upwards, sizes_up):
            server.receive(piece)
        for piece in pieces(downwards, sizes_down):
            events += client.receive(piece)
        server.work()
        if server.state == "done" and not upwards and not downwards:
            break
    assert (server.headers, server.body) == (REQUEST + fields, body)
    assert server.pongs == [window.to_bytes(8, "big") for window in plan.windows[1:][: len(server.pongs)]]
    settled, head, *middle, tail = events
    assert settled == Settings()
    assert head == Headers(1, tuple(plan.headers), False)
    assert tail == Headers(1, tuple(plan.trailers), True)
    assert all(isinstance(event, Data) and not event.end_stream for event in middle)
    assert b"".join(event.content for event in middle if isinstance(event, Data)) == NOISE[: plan.size]


def test_the_first_flight_is_preface_settings_headers_and_body() -> None:
    client = Connection()
    client.open(encode([(b"name", b"value")]), b"body")
    assert client.data_to_send() == (
        PREFACE
        + frame(SETTINGS, 0, 0, OUR_SETTINGS)
        + frame(HEADERS, END_HEADERS, 1, encode([(b"name", b"value")]))
        + frame(DATA, END_STREAM, 1, b"body")
    )
    assert client.data_to_send() == b""


def test_our_settings_are_what_we_hold_the_peer_to() -> None:
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    (changed,) = server.receive_data(Connection().data_to_send())
    assert isinstance(changed, h2.events.RemoteSettingsChanged)
    assert {int(code): setting.new_value for code, setting in changed.changed_settings.items()} == {
        h2.settings.SettingCodes.ENABLE_PUSH: 0,
        h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEADER_BYTES,
    }


@pytest.mark.parametrize(("fault", "code"), [(b"", 0), (frame(PUSH_PROMISE, 0, 1, b""), 1)])
def test_closing_tells_the_server_why(fault: bytes, code: int) -> None:
    server, client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False)), Connection()
    client.receive(HELLO)
    if fault:
        with pytest.raises(ConnectionBroken):
            client.receive(fault)
    client.close()
    last = server.receive_data(client.data_to_send())[-1]
    assert isinstance(last, h2.events.ConnectionTerminated)
    assert (last.error_code, last.last_stream_id) == (code, 0)


def test_a_server_may_reset_the_stream_or_go_away() -> None:
    server, client = Server(Plan([(b":status", b"200")], 0, [], [WINDOW_BYTES], [1], MAX_FRAME_BYTES, 1, 0)), opened()
    server.receive(client.data_to_send())
    server.connection.reset_stream(1, 8)
    server.connection.close_connection(11, b"debug", 1)
    events = [event for event in client.receive(server.connection.data_to_send()) if not isinstance(event, Headers)]
    assert events == [Settings(), Reset(1, 8), GoAway(11, 1, b"debug")]
    assert client.going_away and not client.can_open


# Any frames, and any bytes.


def opened(body: bytes = b"body") -> Connection:
    """A connection whose stream 1 is open."""
    connection = Connection()
    assert connection.open(encode(REQUEST), body) == 1
    return connection


def goodbye(connection: Connection) -> int:
    """The error code of the GOAWAY that closing the connection sends."""
    connection.close()
    return int.from_bytes(connection.data_to_send()[-4:], "big")


def outcome(data: bytes, sizes: list[int]) -> tuple[list[Event], bytes, str | None, int]:
    """The events, the bytes to send, what broke the connection and the code for it, when data arrives in pieces."""
    connection = opened(NOISE[:100_000])
    events: list[Event] = []
    broken = None
    try:
        for piece in pieces(data, itertools.cycle(sizes)):
            events += connection.receive(piece)
    except ConnectionBroken as error:
        events += error.events
        broken = str(error)
    return events, connection.data_to_send(), broken, goodbye(connection)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame of any type, with flags and lengths that are right more often than chance would have it."""
    kind = draw(st.integers(0, 11))
    stream = draw(st.sampled_from([0, 0, 1, 1, 1, 2, 3, MAX_WINDOW_BYTES, 1 << 31 | 1]))
    flags = draw(st.one_of(st.sampled_from([0, 1, 4, 5, 8, 13, 32, 36, 45]), st.integers(0, 255)))
    payload = {
        DATA: st.binary(max_size=20),
        CONTINUATION: st.one_of(some_fields.map(encode), st.binary(max_size=20)),
        HEADERS: st.one_of(some_fields.map(encode), st.binary(max_size=20)),
        PRIORITY: st.binary(min_size=5, max_size=5),
        RST_STREAM: st.binary(min_size=4, max_size=4),
        SETTINGS: st.lists(
            st.tuples(st.integers(0, 7), st.one_of(st.integers(0, 70_000), st.integers(0, 2**32 - 1))), max_size=3
        ).map(lambda pairs: b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in pairs)),
        PING: st.binary(min_size=8, max_size=8),
        GOAWAY: st.binary(min_size=8, max_size=20),
        WINDOW_UPDATE: st.one_of(st.integers(0, 70_000), st.integers(0, 2**32 - 1)).map(lambda n: n.to_bytes(4, "big")),
    }.get(kind, st.binary(max_size=20))
    return frame(
        kind, flags, stream, draw(st.one_of(payload, payload, payload, st.binary(max_size=12)))[:MAX_FRAME_BYTES]
    )


@given(st.lists(frames(), max_size=8), st.binary(max_size=30), cuts)
def test_any_frames_are_events_or_a_broken_connection_however_they_are_cut(
    stream: list[bytes], rest: bytes, sizes: list[int]
) -> None:
    data = HELLO + b"".join(stream) + rest
    assert outcome(data, sizes) == outcome(data, [1]) == outcome(data, [len(data)])


@given(st.binary(), st.booleans())
def test_any_bytes_are_events_or_a_broken_connection(data: bytes, settled: bool) -> None:
    events, sent, broken, code = outcome(HELLO + data if settled else data, [1])
    assert (broken is None) == (code == 0)
    assert sent.startswith(PREFACE)
    assert len(events) <= len(data) + 1


# The rules, each with its clause in RFC 9113.

VALID_FIELDS = ((b":status", b"200"),)
VALID_BLOCK = encode(VALID_FIELDS)


def open_block(size: int) -> bytes:
    """A header block of so many bytes that never ends."""
    data, flags, kind = b"", 0, HEADERS
    while size > 0:
        data += frame(kind, flags, 1, b"\0" * min(size, MAX_FRAME_BYTES))
        size -= MAX_FRAME_BYTES
        kind = CONTINUATION
    return data


BREAKS: dict[str, tuple[bytes, int]] = {
    "3.4 SETTINGS come first": (frame(PING, 0, 0, b"12345678"), 1),
    "3.4 an acknowledgement are no SETTINGS": (frame(SETTINGS, ACK, 0, b""), 1),
    "4.2 frames are bounded": (HELLO + b"\0\x40\x01\0\0\0\0\0\x01", 6),
    "4.3 header blocks must be readable": (HELLO + frame(HEADERS, END_HEADERS, 1, b"\x80"), 9),
    "5.1 data of a stream that is idle": (HELLO + frame(DATA, 0, 3, b""), 1),
    "5.1 headers of a stream that is idle": (HELLO + frame(HEADERS, 4, 2, b""), 1),
    "5.1 data of the connection": (HELLO + frame(DATA, 0, 0, b""), 1),
    "6.1 padding that fills the frame": (HELLO + frame(DATA, PADDED, 1, b"\x02ab"), 0),
    "6.1 padding beyond the frame": (HELLO + frame(DATA, PADDED, 1, b"\x03ab"), 1),
    "6.1 padding without a length": (HELLO + frame(DATA, PADDED, 1, b""), 1),
    "6.2 headers too short for a priority": (HELLO + frame(HEADERS, PRIORITIZED | END_HEADERS, 1, b"1234"), 6),
    "6.3 PRIORITY has five bytes": (HELLO + frame(PRIORITY, 0, 1, b"1234"), 6),
    "6.4 RST_STREAM of the connection": (HELLO + frame(RST_STREAM, 0, 0, b"1234"), 1),
    "6.4 RST_STREAM has four bytes": (HELLO + frame(RST_STREAM, 0, 1, b"123"), 6),
    "6.5 SETTINGS of a stream": (HELLO + frame(SETTINGS, 0, 1, b""), 1),
    "6.5 half a setting": (HELLO + frame(SETTINGS, 0, 0, b"12345"), 6),
    "6.5 an acknowledgement with settings": (HELLO + frame(SETTINGS, ACK, 0, b"\0" * 6), 6),
    "6.5.2 servers do not enable push": (HELLO + frame(SETTINGS, 0, 0, bytes.fromhex("000200000001")), 1),
    "6.5.2 windows have 31 bits": (HELLO + frame(SETTINGS, 0, 0, bytes.fromhex("000480000000")), 3),
    "6.5.2 frames may not be smaller than 16 KiB": (HELLO + frame(SETTINGS, 0, 0, bytes.fromhex("000500003fff")), 1),
    "6.5.2 frames may not be larger than 24 bits": (HELLO + frame(SETTINGS, 0, 0, bytes.fromhex("000501000000")), 1),
    "6.6 push was refused": (HELLO + frame(PUSH_PROMISE, 4, 1, b"\0\0\0\x02"), 1),
    "6.7 PING of a stream": (HELLO + frame(PING, 0, 1, b"12345678"), 1),
    "6.7 PING has eight bytes": (HELLO + frame(PING, 0, 0, b"1234567"), 6),
    "6.8 GOAWAY of a stream": (HELLO + frame(GOAWAY, 0, 1, b"12345678"), 1),
    "6.8 GOAWAY has eight bytes": (HELLO + frame(GOAWAY, 0, 0, b"1234567"), 6),
    "6.9 WINDOW_UPDATE has four bytes": (HELLO + frame(WINDOW_UPDATE, 0, 0, b"123"), 6),
    "6.9 WINDOW_UPDATE of nothing": (HELLO + frame(WINDOW_UPDATE, 0, 1, b"\x80\0\0\0"), 1),
    "6.9.1 the connection's window overflows": (
        HELLO + frame(WINDOW_UPDATE, 0, 0, MAX_WINDOW_BYTES.to_bytes(4, "big")),
        3,
    ),
    "6.9.1 the stream's window overflows": (HELLO + frame(WINDOW_UPDATE, 0, 1, MAX_WINDOW_BYTES.to_bytes(4, "big")), 3),
    "6.10 a header block is not interrupted": (HELLO + frame(HEADERS, 0, 1, b"") + frame(PING, 0, 0, b"12345678"), 1),
    "6.10 nor by another one": (HELLO + frame(HEADERS, 0, 1, b"") + frame(HEADERS, 4, 1, b""), 1),
    "6.10 nor by another stream's": (HELLO + frame(HEADERS, 0, 1, b"") + frame(CONTINUATION, 4, 3, b""), 1),
    "6.10 a continuation continues something": (HELLO + frame(CONTINUATION, 4, 1, b""), 1),
    "a header block within our bound": (HELLO + open_block(MAX_HEADER_BYTES), 0),
    "a header block beyond our bound": (HELLO + open_block(MAX_HEADER_BYTES + 1), 11),
    "as many idle frames as any honest peer sends": (
        HELLO + frame(PING, ACK, 0, b"12345678") * (MAX_IDLE_FRAMES - 1),
        0,
    ),
    "more idle frames than any honest peer sends": (HELLO + frame(PING, ACK, 0, b"12345678") * MAX_IDLE_FRAMES, 11),
    "as many pieces of an answer as there are": (HELLO + frame(DATA, 0, 1, b"x") * (MAX_IDLE_FRAMES + 1), 0),
    "more empty pieces than any honest peer sends": (HELLO + frame(DATA, 0, 1, b"") * MAX_IDLE_FRAMES, 11),
}


@pytest.mark.parametrize(("data", "code"), BREAKS.values(), ids=BREAKS)
def test_what_breaks_the_connection(data: bytes, code: int) -> None:
    connection = opened()
    if not code:
        connection.receive(data)
    else:
        with pytest.raises(ConnectionBroken):
            connection.receive(data)
    assert goodbye(connection) == code


IGNORED = {
    "4.1 the reserved bit of a stream": frame(PING, ACK, 1 << 31, b"12345678"),
    "5.5 an unknown type": frame(0xFE, 0xFF, 5, b"what"),
    "5.3.2 priority": frame(PRIORITY, 0, 3, b"12345"),
    "6.4 the reset of another stream": frame(RST_STREAM, 0, 3, b"\0\0\0\x08"),
    "6.5 an acknowledgement of our settings": frame(SETTINGS, ACK, 0, b""),
    "6.7 the answer to a ping that was never sent": frame(PING, ACK, 0, b"12345678"),
    "6.9 window for another stream": frame(WINDOW_UPDATE, 0, 3, b"\0\0\0\x01"),
}


@pytest.mark.parametrize("data", IGNORED.values(), ids=IGNORED)
def test_what_does_not_matter(data: bytes) -> None:
    connection = settled()
    assert (connection.receive(data), connection.data_to_send()) == ([], b"")


def settled(*pairs: tuple[int, int]) -> Connection:
    """A connection whose stream 1 is open, after the peer's SETTINGS; nothing waits to be sent."""
    connection = opened()
    payload = b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in pairs)
    connection.receive(frame(SETTINGS, 0, 0, payload))
    connection.data_to_send()
    return connection


def test_settings_are_acknowledged_each_time_and_reported_once() -> None:
    connection = Connection()
    connection.data_to_send()
    assert connection.receive(HELLO + HELLO) == [Settings()]
    assert connection.data_to_send() == frame(SETTINGS, ACK, 0, b"") * 2


def test_a_ping_is_answered_with_its_bytes() -> None:
    connection = settled()
    assert connection.receive(frame(PING, 0, 0, b"ABCDEFGH")) == []
    assert connection.data_to_send() == frame(PING, ACK, 0, b"ABCDEFGH")


def test_priority_and_padding_of_headers_are_removed() -> None:
    payload = b"\x03" + b"prior" + VALID_BLOCK + b"\0\0\0"
    flags = PADDED | PRIORITIZED | END_HEADERS | END_STREAM
    assert settled().receive(frame(HEADERS, flags, 1, payload)) == [Headers(1, VALID_FIELDS, True)]


def test_a_priority_may_be_all_that_a_headers_frame_holds() -> None:
    first = frame(HEADERS, PRIORITIZED, 1, b"prior")
    events = settled().receive(first + frame(CONTINUATION, END_HEADERS, 1, VALID_BLOCK))
    assert events == [Headers(1, VALID_FIELDS, False)]


def test_a_goaway_without_debug_data() -> None:
    (event,) = settled().receive(frame(GOAWAY, 0, 0, bytes.fromhex("ffffffff01020304")))
    assert event == GoAway(0x01020304, MAX_WINDOW_BYTES, b"")


def test_the_decoder_s_table_lives_as_long_as_the_connection() -> None:
    """It is fed with the headers of streams that were cancelled, too."""
    encoder, connection = hpack.Encoder(), settled()
    fields = [(b"name", b"value")]
    first = frame(HEADERS, END_HEADERS | END_STREAM, 1, encoder.encode(fields))
    assert connection.receive(first) == [Headers(1, tuple(fields), True)]
    connection.cancel(connection.open(encode(REQUEST), b""))
    assert connection.receive(frame(HEADERS, END_HEADERS, 3, encoder.encode([(b"other", b"value")]))) == []
    again = encoder.encode([(b"other", b"value"), *fields])
    assert len(again) == 2  # both come from the table
    stream = connection.open(encode(REQUEST), b"")
    received = connection.receive(frame(HEADERS, END_HEADERS, stream, again))
    assert received == [Headers(5, ((b"other", b"value"), *fields), False)]


def test_a_body_waits_for_the_window_and_continues_when_it_opens() -> None:
    connection = Connection()
    connection.receive(frame(SETTINGS, 0, 0, bytes.fromhex("000400000003")))  # INITIAL_WINDOW_SIZE 3
    connection.data_to_send()
    connection.open(b"", b"0123456789")
    assert connection.data_to_send().endswith(frame(DATA, 0, 1, b"012"))
    connection.receive(frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x05"))
    assert connection.data_to_send() == b""
    connection.receive(frame(SETTINGS, 0, 0, bytes.fromhex("000400000001")))  # 6.9.2: now -2
    assert connection.data_to_send() == frame(SETTINGS, ACK, 0, b"")
    connection.receive(frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\x02"))
    assert connection.data_to_send() == b""
    connection.receive(frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\x04"))
    assert connection.data_to_send() == frame(DATA, 0, 1, b"3456")
    connection.receive(frame(SETTINGS, 0, 0, bytes.fromhex("000400000100")))
    assert connection.data_to_send() == frame(SETTINGS, ACK, 0, b"") + frame(DATA, END_STREAM, 1, b"789")


def test_a_large_body_may_need_any_number_of_window_updates() -> None:
    """They carry it forward, so they are not idle; and no byte of it is copied more than once."""

    class Body(CountedBytes):
        pass

    size = 4 * MAX_IDLE_FRAMES
    connection = Connection()
    connection.receive(frame(SETTINGS, 0, 0, bytes.fromhex("000400000000")))  # INITIAL_WINDOW_SIZE 0
    connection.open(b"", Body(bytes(size)))
    connection.data_to_send()
    for number in range(1, size + 1):
        connection.receive(frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\x01"))
        assert connection.data_to_send() == frame(DATA, END_STREAM if number == size else 0, 1, b"\0")
    assert Body.copied == size


def test_window_updates_that_carry_no_body_forward_are_idle() -> None:
    connection = Connection()
    connection.receive(frame(SETTINGS, 0, 0, bytes.fromhex("000400000000")))
    connection.open(b"", b"x")
    with pytest.raises(ConnectionBroken):
        connection.receive(frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01") * (MAX_IDLE_FRAMES + 1))


def test_the_connection_s_window_goes_to_the_oldest_stream_first() -> None:
    connection = settled()
    first = connection.open(encode(REQUEST), b"x" * 70_000)  # the request of stream 1 took four bytes of 65535
    second = connection.open(encode(REQUEST), b"y" * 10)
    connection.data_to_send()
    connection.receive(frame(WINDOW_UPDATE, 0, first, (70_000).to_bytes(4, "big")))
    assert connection.data_to_send() == b""
    connection.receive(frame(WINDOW_UPDATE, 0, 0, (70_000 - 65_531 + 4).to_bytes(4, "big")))
    rest = frame(DATA, END_STREAM, first, b"x" * (70_000 - 65_531))
    assert connection.data_to_send() == rest + frame(DATA, 0, second, b"yyyy")
    connection.receive(frame(WINDOW_UPDATE, 0, 0, (6).to_bytes(4, "big")))
    assert connection.data_to_send() == frame(DATA, END_STREAM, second, b"y" * 6)


def test_window_is_given_back_at_half_and_counts_padding() -> None:
    connection = settled()
    padded = frame(DATA, PADDED, 1, b"\xff" + b"x" * 744 + b"\0" * 255)
    assert len(padded) == 1009
    connection.receive(padded * 32)
    assert connection.data_to_send() == b""
    connection.receive(padded)
    increment = (33_000).to_bytes(4, "big")
    assert connection.data_to_send() == frame(WINDOW_UPDATE, 0, 0, increment) + frame(WINDOW_UPDATE, 0, 1, increment)


def test_data_of_a_cancelled_stream_counts_for_the_connection_s_window_alone() -> None:
    connection = settled()
    connection.cancel(1)
    assert connection.data_to_send() == frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big"))
    assert connection.receive(frame(DATA, 0, 1, b"x" * 16384) * 2) == []
    assert connection.data_to_send() == frame(WINDOW_UPDATE, 0, 0, (32768).to_bytes(4, "big"))


def test_a_stream_that_has_ended_is_not_cancelled() -> None:
    connection = settled()
    connection.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, VALID_BLOCK))
    connection.cancel(1)
    connection.cancel(3)
    assert connection.data_to_send() == b""


def test_a_stream_that_has_ended_needs_no_more_window() -> None:
    connection = settled()
    connection.receive(frame(DATA, 0, 1, b"x" * 16384) + frame(DATA, 0, 1, b"x" * 16383))
    assert connection.data_to_send() == b""
    connection.receive(frame(DATA, END_STREAM, 1, b"x"))
    assert connection.data_to_send() == frame(WINDOW_UPDATE, 0, 0, (32768).to_bytes(4, "big"))


def test_an_answer_that_ends_before_the_request_cancels_the_rest_of_the_request() -> None:
    """8.1: the server needs no more of it."""
    connection = opened(NOISE[:100_000])
    connection.receive(HELLO)
    connection.data_to_send()
    events = connection.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, VALID_BLOCK))
    assert events == [Headers(1, VALID_FIELDS, True)]
    assert connection.data_to_send() == frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big"))
    connection.receive(frame(WINDOW_UPDATE, 0, 0, (100_000).to_bytes(4, "big")))
    assert connection.data_to_send() == b""


def test_header_blocks_longer_than_a_frame_are_continued() -> None:
    connection = Connection()
    fields = [(b"name", b"b" * 2 * MAX_FRAME_BYTES)]
    connection.open(encode(fields), b"body")
    block = encode(fields)
    assert connection.data_to_send().endswith(
        frame(HEADERS, 0, 1, block[:MAX_FRAME_BYTES])
        + frame(CONTINUATION, 0, 1, block[MAX_FRAME_BYTES : 2 * MAX_FRAME_BYTES])
        + frame(CONTINUATION, END_HEADERS, 1, block[2 * MAX_FRAME_BYTES :])
        + frame(DATA, END_STREAM, 1, b"body")
    )


@pytest.mark.parametrize(("size", "update"), [(0, b"\x20"), (100, b"\x20"), (4096, b""), (65536, b"")])
def test_a_peer_that_shrinks_its_table_hears_that_ours_is_empty(size: int, update: bytes) -> None:
    """RFC 7541, 4.2: in the first header block after the change, or nghttp2 ends the connection."""
    connection = settled((1, size))
    first = frame(HEADERS, END_HEADERS | END_STREAM, 3, update + encode(REQUEST))
    second = frame(HEADERS, END_HEADERS | END_STREAM, 5, encode(REQUEST))
    for stream in (3, 5):
        assert connection.open(encode(REQUEST), b"") == stream
    assert connection.data_to_send() == first + second


# How many streams.


def test_before_the_peer_s_settings_one_stream_may_be_opened() -> None:
    connection = Connection()
    assert connection.can_open
    connection.open(encode(REQUEST), b"")
    assert not connection.can_open
    connection.receive(HELLO)
    assert connection.can_open
    assert [connection.open(encode(REQUEST), b"") for _ in range(500)] == list(range(3, 1003, 2))


def test_the_peer_limits_the_streams_that_are_open_at_a_time() -> None:
    connection = settled((3, 2))
    assert connection.can_open
    connection.open(encode(REQUEST), b"")
    assert not connection.can_open
    connection.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, VALID_BLOCK))
    assert connection.can_open
    connection.open(encode(REQUEST), b"")
    connection.receive(frame(RST_STREAM, 0, 3, bytes(4)))
    assert connection.can_open
    connection.open(encode(REQUEST), b"")
    connection.cancel(5)
    assert connection.can_open


def test_a_limit_of_no_streams_is_for_now() -> None:
    connection = settled((3, 0))
    connection.receive(frame(RST_STREAM, 0, 1, bytes(4)))
    assert not connection.can_open
    connection.receive(frame(SETTINGS, 0, 0, bytes.fromhex("000300000001")))
    assert connection.can_open


# What carries nothing forward, on a connection that lasts.

NOTHING = frame(PING, ACK, 0, b"12345678") + frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") + HELLO


@pytest.mark.parametrize(
    "answer",
    [
        lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, VALID_BLOCK),
        lambda stream: frame(DATA, END_STREAM, stream, b""),
        lambda stream: frame(RST_STREAM, 0, stream, (7).to_bytes(4, "big")),
    ],
    ids=["headers", "data", "reset"],
)
def test_idle_frames_are_counted_by_answer(answer: Callable[[int], bytes]) -> None:
    connection = settled()
    connection.receive(answer(1))
    for _ in range(MAX_IDLE_FRAMES):
        stream = connection.open(encode(REQUEST), b"")
        connection.receive(NOTHING * 10 + answer(stream))
        connection.data_to_send()


def test_late_answers_to_cancelled_calls_do_not_add_up() -> None:
    """A server that is always too slow must not end the connection."""
    connection = settled()
    for _ in range(MAX_IDLE_FRAMES):
        stream = connection.open(encode(REQUEST), b"")
        connection.cancel(stream)
        late = frame(HEADERS, END_HEADERS, stream, VALID_BLOCK) + frame(DATA, END_STREAM, stream, b"late")
        assert connection.receive(NOTHING + late) == []
        connection.data_to_send()


def test_error_codes_have_the_names_of_the_rfc() -> None:
    assert [our_frames.error_name(code) for code in ErrorCodes] == [code.name for code in ErrorCodes]
    assert our_frames.error_name(14) == "unknown error code 0xe"


def test_a_request_without_a_body_ends_with_its_headers() -> None:
    connection = Connection()
    connection.data_to_send()
    connection.open(encode([(b":method", b"GET")]), b"")
    assert connection.data_to_send()[4] == END_HEADERS | END_STREAM
