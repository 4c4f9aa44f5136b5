"""Any number of streams on one connection, linked to an `h2` server that enforces the RFC on what it is sent.

A state machine chooses who does what next: calls are opened, answered in pieces, cancelled and reset; windows, limits
and settings change; bytes arrive in pieces of any size. The server raises when we break a rule. In the end everything
is delivered, and what either side read must be what the other one meant.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events
import h2.settings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from probe.rpc.events import Data, GoAway, Headers, Reset, Settings
from probe.rpc.hpack import encode
from probe.rpc.http2 import MAX_IDLE_FRAMES, PREFACE, Connection
from tests.support.http2_writer import MAX_FRAME_BYTES

if TYPE_CHECKING:
    from probe.rpc.events import Event

Fields = tuple[tuple[bytes, bytes], ...]

CONTENT = bytes(range(256)) * 800  # 200 KiB, more than three windows
REQUEST: Fields = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a/b"), (b":authority", b"localhost"))
HEAD: Fields = ((b":status", b"200"), (b"content-type", b"application/grpc"))
CANCEL = 8
Codes = h2.settings.SettingCodes

# Longer than a frame, so that CONTINUATION comes into play.
MORE_FIELDS: dict[str, Fields] = {
    "none": (),
    "one": ((b"x-one", b"1"),),
    "the same again": ((b"x-one", b"1"), (b"x-two", b"a longer value"), (b"x-one", b"1")),
    "long": ((b"x-long", b"long" * 5000), (b"x-one", b"1")),
}
more_fields = st.sampled_from(sorted(MORE_FIELDS))
body_sizes = st.one_of(st.integers(0, 100), st.integers(0, len(CONTENT)))
piece_sizes = st.one_of(st.integers(1, 30), st.integers(1, 100_000))


class Call:
    """What each side means to say on one stream, and what the other one has read."""

    def __init__(self, fields: Fields, body: bytes) -> None:
        self.fields = fields
        self.body = body
        self.received_body = b""
        self.received_fields: Fields | None = None
        self.requested = False  # the server has read the whole request
        self.cancelled = False  # by us
        self.cancelled_at_server = False
        self.begun = self.answered = False  # the server's headers, and its last frame, were sent
        self.answer: list[Event] = []
        self.events: list[Event] = []


class LinkedPair(RuleBasedStateMachine):
    """Our client, h2's server, and the bytes between them."""

    def __init__(self) -> None:
        super().__init__()
        self.client = Connection()
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.server = h2.connection.H2Connection(config)
        self.upwards: deque[bytes] = deque()
        self.downwards: deque[bytes] = deque()
        self.arrived = b""  # at the server, and not yet a whole frame
        self.calls: dict[int, Call] = {}
        self.settled = 0
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.unacknowledged = 1  # SETTINGS of the server's; h2 can tell the acknowledgement of one only
        self.idle = 0  # frames of the server's that carry nothing forward, as many as a peer may send

    @initialize()
    def begin(self) -> None:
        self.server.initiate_connection()

    # The client.

    @precondition(lambda self: self.client.can_open)
    @rule(fields=more_fields, size=body_sizes)
    def open(self, fields: str, size: int) -> None:
        call = Call(REQUEST + MORE_FIELDS[fields], CONTENT[:size])
        stream = self.client.open(encode(call.fields), call.body)
        assert stream not in self.calls and stream % 2
        self.calls[stream] = call
        self.idle = 0

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from(sorted(self.calls)))
        call = self.calls[stream]
        call.cancelled = call.cancelled or not self._has_ended(call)
        self.client.cancel(stream)

    # The server.

    def _answerable(self) -> list[int]:
        """Streams on which the server may still send."""
        return [
            number
            for number, call in self.calls.items()
            if call.received_fields is not None and not call.answered and not call.cancelled_at_server
        ]

    @precondition(lambda self: self._answerable())
    @rule(data=st.data(), fields=more_fields, size=piece_sizes, end=st.booleans(), padding=st.integers(0, 255))
    def answer(self, data: st.DataObject, fields: str, size: int, end: bool, padding: int) -> None:
        """The next piece of an answer; it may end before the request does."""
        more = MORE_FIELDS[fields]
        stream = data.draw(st.sampled_from(self._answerable()))
        call = self.calls[stream]
        if not call.begun:
            self.server.send_headers(stream, list(HEAD + more))
            call.answer.append(Headers(stream, HEAD + more, False))
            call.begun = True
        elif end:
            self._end(stream, (*more, (b"grpc-status", b"0")))
        else:
            room = min(self.server.local_flow_control_window(stream), self.server.max_outbound_frame_size)
            length = min(size, room - padding - 1)
            if length > 0:
                content = CONTENT[:length]
                self.server.send_data(stream, content, pad_length=padding or None)
                call.answer.append(Data(stream, content, False))

    def _end(self, stream: int, trailers: Fields) -> None:
        call = self.calls[stream]
        self.server.send_headers(stream, list(trailers), end_stream=True)
        call.answer.append(Headers(stream, trailers, True))
        call.answered = True

    @precondition(lambda self: self._answerable())
    @rule(data=st.data(), code=st.sampled_from([0, 1, 2, 7, 8, 11]))
    def reset(self, data: st.DataObject, code: int) -> None:
        stream = data.draw(st.sampled_from(self._answerable()))
        self.server.reset_stream(stream, code)
        call = self.calls[stream]
        call.answer.append(Reset(stream, code))
        call.answered = True

    def _may_idle(self) -> bool:
        self.idle += 1
        return self.idle < MAX_IDLE_FRAMES // 4

    @precondition(lambda self: not self.unacknowledged)
    @rule(window=st.one_of(st.sampled_from([0, 1, 65535]), st.integers(0, 100_000)))
    def change_window(self, window: int) -> None:
        self._change({Codes.INITIAL_WINDOW_SIZE: window})

    @precondition(lambda self: not self.unacknowledged)
    @rule(limit=st.sampled_from([0, 1, 2, 100]))
    def change_limit(self, limit: int) -> None:
        self._change({Codes.MAX_CONCURRENT_STREAMS: limit})

    @precondition(lambda self: not self.unacknowledged)
    @rule(size=st.sampled_from([MAX_FRAME_BYTES, 20_000, 1 << 20]), table=st.sampled_from([0, 100, 4096]))
    def change_frames(self, size: int, table: int) -> None:
        self._change({Codes.MAX_FRAME_SIZE: size, Codes.HEADER_TABLE_SIZE: table})

    def _change(self, changes: dict[h2.settings.SettingCodes | int, int]) -> None:
        if self._may_idle():
            self.server.update_settings(changes)
            self.unacknowledged += 1

    @rule(payload=st.binary(min_size=8, max_size=8))
    def ping(self, payload: bytes) -> None:
        if self._may_idle():
            self.server.ping(payload)
            self.pings.append(payload)

    @rule(increment=st.integers(1, 100_000))
    def widen(self, increment: int) -> None:
        if self._may_idle() and self.server.inbound_flow_control_window + increment < 1 << 31:
            self.server.increment_flow_control_window(increment)

    @precondition(lambda self: self._answerable())
    @rule(data=st.data(), increment=st.integers(1, 100_000))
    def widen_stream(self, data: st.DataObject, increment: int) -> None:
        stream = data.draw(st.sampled_from(self._answerable()))
        if self._may_idle() and not self.calls[stream].requested:
            self.server.increment_flow_control_window(increment, stream)

    # The network.

    @rule(size=piece_sizes)
    def carry_up(self, size: int) -> None:
        self.upwards.append(self.client.data_to_send())
        self._deliver_up(_take(self.upwards, size))

    @rule(size=piece_sizes)
    def carry_down(self, size: int) -> None:
        self.downwards.append(self.server.data_to_send())
        self._deliver_down(_take(self.downwards, size))

    def _deliver_up(self, data: bytes) -> None:
        """Whole frames, one by one: h2 applies a setting that was acknowledged only to what it receives afterwards."""
        self.arrived += data
        while self.arrived:
            size = len(PREFACE) if self.arrived.startswith(PREFACE[:9]) else 9 + int.from_bytes(self.arrived[:3], "big")
            if len(self.arrived) < max(9, size):
                return
            piece, self.arrived = self.arrived[:size], self.arrived[size:]
            self._deliver_frame(piece)

    def _deliver_frame(self, data: bytes) -> None:
        for event in self.server.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.calls[event.stream_id].received_fields = _pairs(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                self.calls[event.stream_id].received_body += event.data
            elif isinstance(event, h2.events.StreamEnded):
                self.calls[event.stream_id].requested = True
            elif isinstance(event, h2.events.StreamReset):
                call = self.calls[event.stream_id]
                assert event.error_code == CANCEL
                assert call.cancelled or call.answered  # its request was not needed any more
                call.cancelled_at_server = True
            elif isinstance(event, h2.events.SettingsAcknowledged):
                self.unacknowledged -= 1
            elif isinstance(event, h2.events.PingAckReceived):
                self.pongs.append(event.ping_data)

    def _deliver_down(self, data: bytes) -> None:
        for event in self.client.receive(data):
            if isinstance(event, Settings):
                self.settled += 1
                continue
            assert not isinstance(event, GoAway)
            call = self.calls[event.stream]
            assert not call.cancelled
            call.events.append(event)

    def _has_ended(self, call: Call) -> bool:
        """Whether the client has seen the end of the answer."""
        last = call.events[-1] if call.events else None
        return isinstance(last, Reset) or (isinstance(last, Headers) and last.end_stream)

    def teardown(self) -> None:
        """Delivers everything, with all the window that is needed, and ends every call."""
        self._exchange()
        self.server.update_settings({Codes.INITIAL_WINDOW_SIZE: len(CONTENT), Codes.MAX_CONCURRENT_STREAMS: 100})
        self._exchange()
        missing = sum(len(call.body) - len(call.received_body) for call in self.calls.values())
        self.server.increment_flow_control_window(missing + 1)
        self._exchange()
        assert all(call.requested for call in self._alive())
        for number in self._answerable():
            call = self.calls[number]
            if not call.begun:
                self.server.send_headers(number, list(HEAD))
                call.answer.append(Headers(number, HEAD, False))
            self._end(number, ((b"grpc-status", b"0"),))
        self._exchange()
        self._compare()
        assert self.client.can_open
        self.server.close_connection(11, b"debug", 0)
        assert self.client.receive(self.server.data_to_send()) == [GoAway(11, 0, b"debug")]
        assert not self.client.can_open

    def _alive(self) -> list[Call]:
        return [call for call in self.calls.values() if not call.cancelled and not call.answered]

    def _exchange(self) -> None:
        while True:
            self.upwards.append(self.client.data_to_send())
            self.downwards.append(self.server.data_to_send())
            if not any(self.upwards) and not any(self.downwards):
                return
            self._deliver_up(_take(self.upwards, 1 << 30))
            self._deliver_down(_take(self.downwards, 1 << 30))

    def _compare(self) -> None:
        assert self.settled == 1
        assert self.pongs == self.pings
        for call in self.calls.values():
            if call.received_fields is not None:
                assert call.received_fields == call.fields
                assert call.body.startswith(call.received_body)
            assert call.events == (call.answer[: len(call.events)] if call.cancelled else call.answer)
            if call.requested:
                assert call.received_body == call.body


def _take(pieces: deque[bytes], size: int) -> bytes:
    """The first bytes of what is on its way."""
    whole = b"".join(pieces)
    pieces.clear()
    pieces.append(whole[size:])
    return whole[:size]


def _pairs(fields: object) -> Fields:
    return tuple((bytes(name), bytes(value)) for name, value in fields)  # type: ignore[attr-defined]


TestLinkedPair = LinkedPair.TestCase
TestLinkedPair.settings = settings(max_examples=60, stateful_step_count=60)
