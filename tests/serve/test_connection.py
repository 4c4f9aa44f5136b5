"""One client's connection: any bytes, in any pieces, are answered with a status and delay no other client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.rpc.http1_server import REASONS, RequestHead, encode_response
from probe.serve.connection import HEAD_SECONDS, IDLE_SECONDS, SEND_SECONDS, Connection

if TYPE_CHECKING:
    from probe.serve.connection import Wanted

GET = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"


class Client:
    """A connection over a socket pair, with a clock that only the test moves."""

    def __init__(self) -> None:
        theirs, self.socket = socket.socketpair()
        self.socket.setblocking(False)
        self.now = 100.0
        self.requests: list[RequestHead | None] = []
        self.body = b"ok\n"
        self.connection = Connection(theirs, self._respond, self.now)

    def _respond(self, request: RequestHead | None, status: int) -> bytes:
        self.requests.append(request)
        return encode_response(status or 200, (), self.body, request)

    def work(self, data: bytes = b"", seconds: float = 0.0) -> Wanted:
        self.now += seconds
        if data:
            self.socket.sendall(data)
        wanted = self.connection.work(self.now)
        while wanted == "turn":
            wanted = self.connection.work(self.now)
        return wanted

    def received(self) -> bytes:
        out = b""
        try:
            while data := self.socket.recv(1 << 20):
                out += data
        except BlockingIOError:
            pass
        return out

    def statuses(self) -> list[int]:
        """Of the answers so far, as h11 reads them."""
        parser = h11.Connection(h11.CLIENT)
        data = self.received()
        found = []
        while data:
            parser = h11.Connection(h11.CLIENT)
            parser.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
            parser.send(h11.EndOfMessage())
            parser.receive_data(data)
            event = parser.next_event()
            while not isinstance(event, h11.EndOfMessage):
                assert event is not h11.NEED_DATA, data
                if isinstance(event, h11.Response):
                    found.append(event.status_code)
                event = parser.next_event()
            data = parser.trailing_data[0]
        return found

    def close(self) -> None:
        self.socket.close()
        self.connection.socket.close()


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    yield made
    made.close()


@given(st.binary(max_size=300) | st.builds(lambda a, b: GET[:a] + b, st.integers(0, len(GET)), st.binary(max_size=60)))
def test_any_bytes(data: bytes) -> None:
    """There are answers, or it is waited for more; the end of a client ends its connection."""
    client = Client()
    try:
        wanted = client.work(data)
        assert wanted in ("read", "close")
        assert all(status in REASONS for status in client.statuses())
        client.socket.shutdown(socket.SHUT_WR)
        assert client.work() == "close"
    finally:
        client.close()


@given(st.lists(st.integers(1, len(GET) * 3), max_size=12))
def test_however_the_bytes_are_cut(cuts: list[int]) -> None:
    client = Client()
    try:
        data = GET * 3
        at = 0
        for cut in sorted(cuts):
            if cut > at:
                client.work(data[at:cut])
                at = cut
        if at < len(data):
            client.work(data[at:])
        assert client.statuses() == [200, 200, 200]
        assert client.connection.expire(client.now) == "close"
    finally:
        client.close()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ],
)
def test_what_is_no_request(client: Client, data: bytes, status: int) -> None:
    """The status arrives although the client is still sending, and the connection ends."""
    assert client.work(data) == "read"
    assert client.work(b"more") == "read"
    assert client.statuses() == [status]
    client.socket.shutdown(socket.SHUT_WR)
    assert client.work() == "close"


def test_a_client_that_sends_for_ever_after_the_last_answer(client: Client) -> None:
    client.work(b"?\r\n\r\n")
    client.work(b"x" * 10000, 0.9)
    assert client.connection.deadline <= client.now + 0.2
    assert client.connection.expire(client.now) == "close"


def test_a_request_has_five_seconds_from_its_first_byte(client: Client) -> None:
    assert client.connection.deadline == client.now + HEAD_SECONDS
    client.work(GET)
    assert client.statuses() == [200]
    assert client.connection.deadline == client.now + IDLE_SECONDS
    client.work(b"G", 60)
    begun = client.now
    for byte in b"ET / H":
        client.work(bytes([byte]), 0.7)
    assert client.connection.deadline == begun + HEAD_SECONDS
    assert client.connection.expire(begun + HEAD_SECONDS) == "read"
    assert client.statuses() == [408]


def test_a_client_that_says_nothing_is_closed(client: Client) -> None:
    client.work()
    assert client.connection.expire(client.connection.deadline) == "close"
    assert client.requests == []


def test_a_body_is_dropped_and_has_no_longer_time(client: Client) -> None:
    client.work(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
    client.work(b"ab", 1)
    assert client.connection.deadline == client.now - 1 + HEAD_SECONDS
    client.work(b"c", 1)
    assert client.statuses() == [200]


def test_a_client_that_does_not_read(client: Client) -> None:
    client.body = b"x" * (1 << 20)
    assert client.work(GET * 20) == "write"
    made = len(client.requests)
    assert made == 1
    assert client.work(b"", 1) == "write"
    assert len(client.requests) == made
    assert client.connection.deadline == client.now - 1 + SEND_SECONDS
    assert client.connection.expire(client.now + 5) == "close"


def test_a_turn_is_bounded(client: Client) -> None:
    """A client that never stops asking lets the others have their turns."""
    client.socket.sendall(GET * 100)
    assert client.connection.work(client.now) == "turn"
    assert 0 < len(client.requests) < 10
    while client.connection.work(client.now) == "turn":
        pass
    assert client.statuses() == [200] * 100


@pytest.mark.parametrize(
    "head",
    [b"GET / HTTP/1.0\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"],
)
def test_the_client_wants_no_more(client: Client, head: bytes) -> None:
    client.work(head + b"\r\n" + GET)
    assert client.statuses() == [200]
    assert client.socket.recv(1) == b""


def test_a_half_closed_client_gets_its_answer(client: Client) -> None:
    client.socket.sendall(GET)
    client.socket.shutdown(socket.SHUT_WR)
    assert client.work() == "close"
    assert client.statuses() == [200]


def test_a_client_that_is_gone(client: Client) -> None:
    client.socket.sendall(GET)
    client.socket.close()
    assert client.work() == "close"
