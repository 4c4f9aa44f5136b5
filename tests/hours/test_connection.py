"""100,000 calls on one connection, linked to an `h2` server in memory, with everything in between that servers send."""

from __future__ import annotations

import gc
import tracemalloc

import h2.config
import h2.connection
import h2.events
import h2.settings

from probe.model import Failure
from probe.rpc.events import GoAway, Settings
from probe.rpc.hpack import encode
from probe.rpc.http2 import Connection
from probe.rpc.unary import UnaryCall, request_headers, with_prefix
from tests.support.wire import message

CALLS, IN_FLIGHT = 100_000, 8
HEADERS = encode(request_headers("/service/Method", "host:1", b"agent/1"))
HEAD = [(b":status", b"200"), (b"content-type", b"application/grpc")]
TRAILERS = [(b"grpc-status", b"0")]
REFUSED_STREAM = 7
Codes = h2.settings.SettingCodes


class Server:
    """Answers each request with its own body; it refuses some, and sends what servers send in between."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.connection = h2.connection.H2Connection(config)
        self.connection.initiate_connection()
        self.pongs = 0
        self._bodies: dict[int, bytes] = {}

    def exchange(self, data: bytes, refused: int) -> bytes:
        connection = self.connection
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self._bodies[event.stream_id] = event.data
            elif isinstance(event, h2.events.StreamEnded):
                self._answer(event.stream_id, refused)
            elif isinstance(event, h2.events.PingAckReceived):
                self.pongs += 1
        return connection.data_to_send()

    def _answer(self, stream: int, refused: int) -> None:
        body = self._bodies.pop(stream)
        if stream == refused:
            self.connection.reset_stream(stream, REFUSED_STREAM)
            return
        self.connection.send_headers(stream, HEAD)
        self.connection.send_data(stream, message(body[5:]))
        self.connection.send_headers(stream, TRAILERS, end_stream=True)

    def distract(self, number: int) -> None:
        """A PING and a WINDOW_UPDATE; now and then other SETTINGS."""
        self.connection.ping(number.to_bytes(8, "big"))
        self.connection.increment_flow_control_window(1)
        if number % 100 == 0:
            self.connection.update_settings(
                {
                    Codes.HEADER_TABLE_SIZE: number % 4096,
                    Codes.INITIAL_WINDOW_SIZE: 65_535 - number % 1000,
                    Codes.MAX_CONCURRENT_STREAMS: IN_FLIGHT + number % 5,
                }
            )


class Pair:
    """Our connection and the server."""

    def __init__(self) -> None:
        self.client = Connection()
        self.server = Server()
        self.calls: dict[int, UnaryCall] = {}
        self.settled = 0
        self.ended = 0
        self.pings = 0

    def carry(self, refused: int = 0, cancelled: int = 0) -> None:
        """Delivers what waits on either side. One call is cancelled while its answer is on its way."""
        answers = self.server.exchange(self.client.data_to_send(), refused)
        self.client.cancel(cancelled)
        for event in self.client.receive(answers):
            if isinstance(event, Settings):
                self.settled += 1
            else:
                assert not isinstance(event, GoAway)
                self.calls[event.stream].handle(event)

    def round(self, number: int) -> None:
        """Several calls at a time: one is refused, one is cancelled, the others are answered."""
        bodies: dict[int, bytes] = {}
        while len(bodies) < IN_FLIGHT and self.client.can_open:
            body = b"%d" % (self.ended + len(bodies))
            stream = self.client.open(HEADERS, with_prefix(body))
            self.calls[stream], bodies[stream] = UnaryCall(), body
        *_, refused, cancelled = bodies
        if number % 10:
            cancelled = 0
        else:
            self.server.distract(number)
            self.pings += 1
        refused = 0 if number % 7 else refused
        self.carry(refused, cancelled)
        for stream, body in bodies.items():
            result = self.calls.pop(stream).result
            if stream == refused:
                assert isinstance(result, Failure) and result.cause == "unprocessed"
            else:
                assert result == (None if stream == cancelled else body)
        self.ended += len(bodies)


def test_a_connection_lasts() -> None:
    pair = Pair()
    first = pair.client.open(HEADERS, with_prefix(b"first"))
    pair.calls[first] = UnaryCall()
    pair.carry()
    pair.carry()
    assert pair.calls.pop(first).result == b"first"
    for number in range(CALLS // IN_FLIGHT):
        pair.round(number)
    pair.carry()
    assert pair.ended >= CALLS
    assert pair.settled == 1
    assert pair.server.pongs == pair.pings > CALLS // IN_FLIGHT // 11
    last = pair.client.open(HEADERS, with_prefix(b"last"))
    pair.server.connection.close_connection(0, b"max_age", last - 2)
    assert pair.client.receive(pair.server.connection.data_to_send()) == [GoAway(0, last - 2, b"max_age")]
    assert not pair.client.can_open


def test_a_connection_does_not_grow() -> None:
    pair = Pair()
    pair.client.open(HEADERS, with_prefix(b"first"))
    pair.calls[1] = UnaryCall()
    pair.carry()
    pair.carry()
    for number in range(200):
        pair.round(number)
    # Of the client alone: h2 remembers every stream that it closed.
    files = tracemalloc.Filter(True, "*/probe/*")
    tracemalloc.start()
    try:
        for number in range(200, 400):
            pair.round(number)
        gc.collect()
        left = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces((files,)).traces)
    finally:
        tracemalloc.stop()
    assert left < 10_000
