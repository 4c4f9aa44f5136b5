"""Servers that misbehave when they are asked for metadata or a prediction, and how a large request is sent.

Every row of http2_rows.py is met by a call whose answer is read by a sink. What is sent is checked byte for byte.
"""

from __future__ import annotations

import random
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import hyperframe.frame as h2frame
import pytest

from probe.deadline import CONNECT, RUN, Deadline
from probe.model import Failure
from probe.net.dial import dial
from probe.net.errors import AttemptError
from probe.net.target import Target, parse
from probe.rpc.channel import Channel, ChannelOptions, Request
from probe.tfs.messages import VersionSink
from probe.tfs.methods import METADATA_METHOD, PREDICT_METHOD
from tests.program.http2_rows import ROWS, Row
from tests.program.test_hostile import EXTRA_MEMORY, run
from tests.support.http1_behaviours import BODY, HEAD, answer, read_request, replies
from tests.support.http2_writer import GREETING, READY, data, headers, reset, settings, trailers, window_update
from tests.support.scripted_server import Behaviour, Peer, scripted_server
from tests.support.variants import MODULE, Variant, on_each_interpreter
from tests.support.wire import chunk, message, scalar

if TYPE_CHECKING:
    from probe.net.stream import Stream

INITIAL_WINDOW_SIZE = 4
FIELDS = ((":status", "200"), ("content-type", "application/grpc"))


def call(address: str, request: Request, milliseconds: int = 700) -> bytes | Failure:
    """One call on a connection of its own."""
    deadline = Deadline.after(milliseconds * 1_000_000, RUN)
    target = parse(address)
    assert isinstance(target, Target)

    def handshake(stream: Stream) -> Channel:
        channel = Channel(stream, ChannelOptions(target.authority))
        channel.establish(request, deadline.remaining(), deadline)
        return channel

    try:
        channel = dial(target, deadline.with_timeout(10**10, CONNECT), handshake)
    except AttemptError as error:
        return Failure("dial", str(error))
    try:
        (found,) = channel.call((request,), deadline, milliseconds * 1_000_000)
    finally:
        channel.close()
    return found


# Some rows look at what a request for the status holds.
ANSWERING = [row for row in ROWS if not row.name.startswith("request-")]


@pytest.mark.parametrize("row", ANSWERING, ids=lambda row: row.name)
def test_metadata_of_a_hostile_server(row: Row) -> None:
    sink = VersionSink()
    with scripted_server(row.behaviour, row.receive_buffer) as server:
        found = call(server.address, Request(METADATA_METHOD, b"x" * 20, sink=sink))
    assert isinstance(found, (bytes, Failure))
    assert not isinstance(found, bytes) or found == b"", "nothing is kept"


@pytest.mark.parametrize("row", ANSWERING, ids=lambda row: row.name)
def test_prediction_of_a_hostile_server(row: Row) -> None:
    with scripted_server(row.behaviour, row.receive_buffer) as server:
        found = call(server.address, Request(PREDICT_METHOD, b"x" * 20, sink=lambda _: False))
    assert isinstance(found, (bytes, Failure))
    assert not isinstance(found, bytes) or found == b"", "nothing is kept"


# The whole program: the status is answered, then comes the second call, on stream 3.


def ready(peer: Peer, stream: int = 1) -> None:
    peer.send(headers(FIELDS, stream=stream), data(READY, stream=stream), trailers(0, stream=stream))


def then(*pieces: bytes) -> Behaviour:
    """Answers the status, and the second call with these bytes."""

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        ready(peer)
        peer.until_request()
        peer.send(*pieces)

    return behaviour


def good(payload: bytes) -> tuple[bytes, ...]:
    return headers(FIELDS, stream=3), data(message(payload), stream=3), trailers(0, stream=3)


LABEL = ("-model-label=stable", "-rpc-timeout=2s")
SPEC = chunk(1, chunk(1, "m") + chunk(2, scalar(1, 123)))
ANSWERS: dict[str, tuple[Behaviour, int]] = {
    "a good answer": (then(*good(SPEC)), 0),
    "the version twice": (then(*good(chunk(1, chunk(2, scalar(1, 5)) + chunk(2, scalar(1, 123))))), 0),
    "an empty answer": (then(*good(b"")), 3),
    "no version": (then(*good(chunk(1, chunk(1, "m")))), 3),
    "version 0": (then(*good(chunk(1, chunk(2, b"")))), 12),
    "a negative version": (then(*good(chunk(1, chunk(2, scalar(1, -5))))), 12),
    "metadata alone": (then(*good(chunk(2, b"x" * 9000))), 3),
    "no protobuf": (then(*good(b"\xff" * 40)), 3),
    "a spec that is too long": (then(*good(chunk(1, b"\x0a\xff\xff\x7f" + b"x" * 90000))), 3),
    "half a spec": (then(*good(SPEC[:-3])), 3),
    "a message that never ends": (
        then(headers(FIELDS, stream=3), data(struct.pack(">BI", 0, 2**31) + chunk(2, b"x" * 9000), stream=3)), 3),
    "a message of 4 GiB that names the version": (
        then(headers(FIELDS, stream=3), data(struct.pack(">BI", 0, 2**32 - 1) + SPEC, stream=3)), 0),
    "no message": (then(headers(FIELDS, stream=3), trailers(0, stream=3)), 3),
    "reset": (then(reset(8, stream=3)), 3),
    "an HTML page": (then(headers(((":status", "502"), ("content-type", "text/html")), stream=3, end=True)), 3),
    "another stream": (then(*good(SPEC)[:1], data(message(SPEC), stream=5)), 3),
    "random bytes": (then(random.Random(11).randbytes(4000)), 3),
}  # fmt: skip


@on_each_interpreter
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_about_a_label(name: str, variant: Variant, tmp_path: Path) -> None:
    behaviour, exit_code = ANSWERS[name]
    with scripted_server(behaviour, http2=False) as server:
        done = run(variant, tmp_path, f"-addr={server.address}", *LABEL)
    assert done.outcome.exit_code == exit_code, done.outcome
    assert len(done.outcome.stderr.encode()) < 9216


# Of these answers only the framing counts for a prediction, whose content is ignored.
CONTENT_IS_WRONG = (
    "an empty answer", "no version", "version 0", "a negative version", "metadata alone", "no protobuf",
    "a spec that is too long", "half a spec",
)  # fmt: skip


@on_each_interpreter
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_about_a_prediction(name: str, variant: Variant, tmp_path: Path) -> None:
    behaviour, exit_code = ANSWERS[name]
    if name == "a message of 4 GiB that names the version":
        exit_code = 3  # the rest of it never comes
    (tmp_path / "request").write_bytes(b"")
    with scripted_server(behaviour, http2=False) as server:
        done = run(variant, tmp_path, f"-addr={server.address}", f"-predict={tmp_path}/request", "-rpc-timeout=1s")
    wanted = 0 if exit_code == 0 or name in CONTENT_IS_WRONG else 40
    assert done.outcome.exit_code == wanted, done.outcome
    assert len(done.outcome.stderr.encode()) < 9216


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    """A request of nearly 4 MiB."""
    path = tmp_path / "request"
    path.write_bytes(random.Random(4).randbytes((4 << 20) - 100))
    return path


def sent(request_file: Path, model: str = "default") -> bytes:
    return message(request_file.read_bytes() + chunk(1, chunk(1, model)))


class Receiver:
    """Takes the request of a prediction, and counts what the client was allowed to send on its stream."""

    def __init__(self, peer: Peer, window: int) -> None:
        self._peer = peer
        self.allowed = window
        self.connection = 65535
        self.body = b""
        self.ended = False

    def take(self) -> None:
        """Reads one frame."""
        found = self._peer.frame()
        if isinstance(found, h2frame.DataFrame) and found.stream_id == 3:
            assert len(found.data) <= max(self.allowed, 0), "more than the stream's window"
            assert len(found.data) <= self.connection, "more than the connection's window"
            self.body += found.data
            self.allowed -= len(found.data)
            self.connection -= len(found.data)
            self.ended = "END_STREAM" in found.flags

    def allow(self, stream: int, connection: int = 0) -> None:
        if stream:
            self._peer.send(window_update(3, stream))
            self.allowed += stream
        if connection:
            self._peer.send(window_update(0, connection))
            self.connection += connection

    def take_all(self) -> None:
        self.allow(8 << 20, 8 << 20)
        while not self.ended:
            self.take()


def large(window: int, conduct: object) -> tuple[Behaviour, list[bytes]]:
    """A server whose streams begin with this window; `conduct` is called with the peer and a Receiver. The bodies that
    arrived."""
    bodies: list[bytes] = []

    def behaviour(peer: Peer) -> None:
        peer.send(settings((INITIAL_WINDOW_SIZE, window)))
        peer.until_ready()
        ready(peer)
        receiver = Receiver(peer, window)
        receiver.connection -= len(message(chunk(1, chunk(1, "default"))))  # the first request
        while not isinstance(found := peer.frame(), h2frame.HeadersFrame) or found.stream_id != 3:
            pass  # a window can only be given to a stream that is open
        conduct(peer, receiver)  # type: ignore[operator]
        bodies.append(receiver.body)

    return behaviour, bodies


def finish(peer: Peer, receiver: Receiver) -> None:
    receiver.take_all()
    peer.send(*good(b""))


def one_byte_at_a_time(peer: Peer, receiver: Receiver) -> None:
    for _ in range(1500):
        receiver.allow(1)
        while receiver.allowed:
            receiver.take()
    finish(peer, receiver)


def one_byte_of_the_connection_at_a_time(peer: Peer, receiver: Receiver) -> None:
    receiver.allow(8 << 20)
    while receiver.connection:
        receiver.take()
    for _ in range(1500):
        receiver.allow(0, 1)
        receiver.take()
    finish(peer, receiver)


def shrinks(peer: Peer, receiver: Receiver) -> None:
    """SETTINGS take back more than is left: the window is negative until it has been given back (RFC 9113, 6.9.2)."""
    while receiver.allowed > 20000:
        receiver.take()
    peer.send(settings((INITIAL_WINDOW_SIZE, 0)))
    while True:  # until the client has acknowledged it
        found = peer.frame()
        if isinstance(found, h2frame.DataFrame):
            receiver.body += found.data
            receiver.allowed -= len(found.data)
            receiver.connection -= len(found.data)
        elif isinstance(found, h2frame.SettingsFrame):
            break
    receiver.allowed -= 65535
    assert receiver.allowed <= 0
    receiver.allow(0, 100000)
    receiver.allow(-receiver.allowed)
    assert receiver.allowed == 0
    receiver.allow(1)
    receiver.take()
    assert receiver.allowed == 0
    finish(peer, receiver)


@on_each_interpreter
@pytest.mark.parametrize(
    ("window", "conduct"),
    [
        (0, finish),
        (1, finish),
        (0, one_byte_at_a_time),
        (0, one_byte_of_the_connection_at_a_time),
        (65535, shrinks),
        (2**31 - 1 - (8 << 20), finish),
    ],
)
def test_a_large_request_within_windows(
    window: int, conduct: object, variant: Variant, request_file: Path, tmp_path: Path
) -> None:
    behaviour, bodies = large(window, conduct)
    with scripted_server(behaviour) as server:
        done = run(variant, tmp_path, f"-addr={server.address}", f"-predict={request_file}", "-rpc-timeout=20s")
    assert done.outcome.exit_code == 0, done.outcome
    assert bodies == [sent(request_file)]
    assert done.peak_kib < EXTRA_MEMORY + 40 * 1024


def reset_in_mid_body(code: int) -> object:
    def conduct(peer: Peer, receiver: Receiver) -> None:
        while receiver.allowed > 30000:
            receiver.take()
        peer.send(reset(code, stream=3))

    return conduct


def early_answer(peer: Peer, receiver: Receiver) -> None:
    """A complete answer before the request is, then RST_STREAM(NO_ERROR): RFC 9113, 8.1."""
    while receiver.allowed > 30000:
        receiver.take()
    peer.send(*good(b""), reset(0, stream=3))


def early_refusal(peer: Peer, receiver: Receiver) -> None:
    while receiver.allowed > 30000:
        receiver.take()
    peer.send(headers((*FIELDS, ("grpc-status", "8"), ("grpc-message", "too large")), stream=3, end=True))


def closes(peer: Peer, receiver: Receiver) -> None:
    receiver.take()
    peer.reset()


def reads_nothing_more(peer: Peer, receiver: Receiver) -> None:
    receiver.take()


@on_each_interpreter
@pytest.mark.parametrize(
    ("conduct", "exit_code"),
    [
        (reset_in_mid_body(8), 40),
        (reset_in_mid_body(2), 40),
        (reset_in_mid_body(11), 40),
        (early_answer, 0),
        (early_refusal, 40),
        (closes, 40),
        (reads_nothing_more, 40),
    ],
)
def test_a_large_request_that_is_not_taken(
    conduct: object, exit_code: int, variant: Variant, request_file: Path
) -> None:
    behaviour, _ = large(65535, conduct)
    with scripted_server(behaviour) as server:
        outcome = variant.run(f"-addr={server.address}", f"-predict={request_file}", "-rpc-timeout=1s")
    assert outcome.exit_code == exit_code, outcome


@on_each_interpreter
def test_a_large_answer_is_dropped(variant: Variant, tmp_path: Path) -> None:
    """Past every bound on a status: only the deadline bounds it."""
    request = tmp_path / "request"
    request.write_bytes(b"")
    size = 64 << 20

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        ready(peer)
        peer.until_request()
        peer.send(headers(FIELDS, stream=3), data(struct.pack(">BI", 0, size), stream=3))
        left = size
        piece = data(b"x" * 16384, stream=3)
        while left:
            while peer.connection_window < 16384 * 2:
                peer.frame()
            peer.connection_window -= 16384
            peer.send(piece)
            left -= 16384
        peer.send(trailers(0, stream=3))

    with scripted_server(behaviour) as server:
        done = run(variant, tmp_path, f"-addr={server.address}", f"-predict={request}", "-rpc-timeout=25s")
    assert done.outcome.exit_code == 0, done.outcome
    assert done.peak_kib < 60 * 1024


# HTTP/1.1.


def flood(piece: bytes, *before: bytes) -> Behaviour:
    def behaviour(peer: Peer) -> None:
        read_request(peer)
        peer.send(*before)
        while True:
            peer.send(piece)

    return behaviour


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = HEAD + b"Content-Length: 99999999\r\n\r\n"
HTTP1: dict[str, tuple[Behaviour, int]] = {
    "headers without end": (flood(b"X: y\r\n", b"HTTP/1.1 200 OK\r\n"), 3),
    "a header without end": (flood(b"x" * 1000, b"HTTP/1.1 200 OK\r\nX: "), 3),
    "a status line without end": (flood(b"x" * 1000, b"HTTP/1.1 200 "), 3),
    "interim answers without end": (flood(b"HTTP/1.1 100 Continue\r\n\r\n"), 3),
    "chunks without end": (flood(b"1\r\n \r\n", CHUNKED), 3),
    "chunks of nothing but extensions": (flood(b"1;" + b"x" * 1000 + b"\r\n \r\n", CHUNKED), 3),
    "a chunk's size without end": (flood(b"0" * 1000, CHUNKED), 3),
    "trailers without end": (flood(b"X: y\r\n", CHUNKED + b"0\r\n"), 3),
    "a body that is too large": (flood(b" " * 65536, SIZED), 3),
    "a body that is too large, without a length": (flood(b" " * 65536, HEAD + b"\r\n"), 3),
    "brackets": (flood(b"[" * 65536, SIZED), 3),
    "a text without end": (flood(b"x" * 65536, SIZED + b'{"x": "'), 3),
    "a number without end": (flood(b"1" * 65536, SIZED + b'{"model_version_status": [{"version": '), 3),
    "versions without end": (flood(b'{"version": "1"},' * 2000, SIZED + b'{"model_version_status": ['), 3),
    "an error without end": (flood(b"x" * 65536, b"HTTP/1.1 404 Not Found\r\n\r\n"), 3),
    "two lengths": (replies(HEAD + b"Content-Length: 156\r\nContent-Length: 157\r\n\r\n" + BODY), 3),
    "a length that is no number": (replies(HEAD + b"Content-Length: +156\r\n\r\n" + BODY), 3),
    "a negative length": (replies(HEAD + b"Content-Length: -1\r\n\r\n" + BODY), 3),
    "a length and chunks": (
        replies(HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
                % (len(BODY), BODY)), 0),
    "another coding": (replies(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 3),
    "a chunk that is longer than its size": (replies(CHUNKED + b"1\r\n" + BODY), 3),
    "a chunk of 2^64 bytes": (replies(CHUNKED + b"10000000000000000\r\n" + BODY), 3),
    "a gap in the chunks": (replies(CHUNKED + b"9c\r\n" + BODY + b"x\r\n"), 3),
    "version 2": (replies(answer().replace(b"HTTP/1.1", b"HTTP/2.0", 1)), 2),
    "version 1.9": (replies(answer().replace(b"HTTP/1.1", b"HTTP/1.9", 1)), 0),
    "a status of two digits": (replies(answer(status=b"20 OK")), 3),
    "a status that is no number": (replies(answer(status=b"2x0 OK")), 3),
    "NUL in a header": (replies(HEAD + b"X: \0\r\nContent-Length: 156\r\n\r\n" + BODY), 3),
    "a bare line feed": (replies(answer().replace(b"\r\n", b"\n")), 0),
    "a folded header": (replies(HEAD + b"X: a\r\n b\r\nContent-Length: 156\r\n\r\n" + BODY), 0),
    "101": (replies(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + GREETING), 3),
    "control characters": (
        replies(answer(b'{"error": "a\\u001b[31m\\nb\\u202e"}', b"400 Bad Request")), 3),
    "bytes that are not UTF-8": (replies(answer(b'{"error": "\xff\xfe"}', b"404 Not Found")), 10),
    "a location of control characters": (
        replies(answer(b"", b"302 Found", b"text/html", b"Location: /\xff" + b"x" * 3000)), 3),
    "JSON behind JSON": (replies(answer(BODY + BODY)), 3),
    "a version that is no integer": (replies(answer(BODY.replace(b'"123"', b"1.5"))), 3),
    "a version of 30 digits": (replies(answer(BODY.replace(b'"123"', b'"' + b"9" * 30 + b'"'))), 3),
    "an unknown state": (replies(answer(BODY.replace(b"AVAILABLE", b"DREAMING"))), 100),
    "random bytes": (replies(b"HTTP/1.1 200 OK\r\n" + random.Random(5).randbytes(3000), closes=True), 3),
}  # fmt: skip


@pytest.fixture(scope="module")
def plain_memory(tmp_path_factory: pytest.TempPathFactory) -> int:
    with scripted_server(replies(answer()), http2=False) as server:
        return run(MODULE, tmp_path_factory.mktemp("plain"), f"-addr=http://{server.address}").peak_kib


@pytest.mark.parametrize("name", HTTP1)
def test_http1(name: str, tmp_path: Path, plain_memory: int) -> None:
    behaviour, exit_code = HTTP1[name]
    with scripted_server(behaviour, http2=False) as server:
        done = run(MODULE, tmp_path, f"-addr=http://{server.address}", "-rpc-timeout=5s")
    outcome = done.outcome
    assert outcome.exit_code == exit_code, outcome
    assert len(outcome.stderr.encode()) < 9216
    assert all(line.isprintable() for line in outcome.stderr.rstrip("\n").split("\n"))
    assert done.peak_kib < plain_memory + 16 * 1024


@on_each_interpreter
@pytest.mark.parametrize("receive_buffer", [0, 4096])
def test_a_large_request_over_rest(receive_buffer: int, variant: Variant, request_file: Path) -> None:
    bodies: list[bytes] = []

    def behaviour(peer: Peer) -> None:
        read_request(peer)
        peer.send(answer())
        begin = len(peer.received)
        read_request(peer)
        bodies.append(bytes(peer.received[begin:]).partition(b"\r\n\r\n")[2])
        peer.send(answer(b'{"predictions": []}'))

    with scripted_server(behaviour, receive_buffer, http2=False) as server:
        outcome = variant.run(f"-addr=http://{server.address}", f"-predict={request_file}")
    assert outcome.exit_code == 0, outcome
    assert bodies == [request_file.read_bytes()]


@on_each_interpreter
@pytest.mark.parametrize("resets", [True, False])
def test_a_large_request_over_rest_that_is_not_taken(resets: bool, variant: Variant, request_file: Path) -> None:
    def behaviour(peer: Peer) -> None:
        if len(server.peers) == 1:  # a connection that was kept and breaks is replaced once
            read_request(peer)
            peer.send(answer())
        peer.socket.recv(1000)
        if resets:
            peer.reset()
        else:
            peer.socket.shutdown(socket.SHUT_RDWR)

    with scripted_server(behaviour, http2=False) as server:
        outcome = variant.run(f"-addr=http://{server.address}", f"-predict={request_file}", "-rpc-timeout=3s")
    assert outcome.exit_code == 40, outcome


# The second answer over REST: what a label points to, and what a model answers.


def after_status(*pieces: bytes, endless: bytes = b"") -> Behaviour:
    """Answers the status well, and the second request with these bytes."""

    def behaviour(peer: Peer) -> None:
        read_request(peer)
        peer.send(answer())
        read_request(peer)
        peer.send(*pieces)
        while endless:
            peer.send(endless)

    return behaviour


def labelled(spec: bytes) -> bytes:
    return answer(b'{"model_spec": %b, "metadata": {"signature_def": {}}}' % spec)


NOT_LOADED = b'{"error": "Servable not found for request: Specific(m, 123)"}'
REST_LABELS: dict[str, tuple[Behaviour, int]] = {
    "a good answer": (after_status(labelled(b'{"name": "m", "version": "123"}')), 0),
    "one that is not loaded": (after_status(answer(NOT_LOADED, b"404 Not Found")), 0),
    "one that is not listed": (after_status(labelled(b'{"version": "7"}')), 12),
    "no version": (after_status(labelled(b'{"name": "m"}')), 3),
    "a version that is no number": (after_status(labelled(b'{"version": "1x"}')), 3),
    "a version of 30 digits": (after_status(labelled(b'{"version": "%b"}' % (b"9" * 30))), 3),
    "a spec that is no object": (after_status(labelled(b"[]")), 3),
    "an empty object": (after_status(answer(b"{}")), 3),
    "an empty body": (after_status(answer(b"")), 3),
    "half a body": (after_status(labelled(b'{"version": "123"}')[:-30]), 0),
    "half a spec": (after_status(HEAD + b'Content-Length: 500\r\n\r\n{"model_spec": {"version": "12'), 3),
    "HTML": (after_status(answer(b"<html>", b"502 Bad Gateway", b"text/html")), 3),
    "a redirect": (after_status(answer(b"", b"302 Found", b"text/html", b"Location: /login\r\n")), 3),
    "brackets": (after_status(SIZED, endless=b"[" * 65536), 3),
    "metadata without end": (after_status(SIZED + b'{"metadata": "', endless=b"x" * 65536), 3),
    "headers without end": (after_status(b"HTTP/1.1 200 OK\r\n", endless=b"X: y\r\n"), 3),
    "random bytes": (after_status(b"HTTP/1.1 200 OK\r\n" + random.Random(6).randbytes(3000)), 3),
}
REST_PREDICTIONS: dict[str, tuple[Behaviour, int]] = {
    "a good answer": (after_status(answer(b'{"predictions": [1.0]}')), 0),
    "what is no JSON": (after_status(answer(b"\xff\x00")), 0),
    "64 MiB": (after_status(HEAD + b"Content-Length: 67108864\r\n\r\n", *[b"x" * 65536] * 1024), 0),
    "without end": (after_status(CHUNKED, endless=b"10000\r\n" + b"x" * 65536 + b"\r\n"), 40),
    "half a body": (after_status(SIZED + b"x" * 1000), 40),
    "a broken chunk": (after_status(CHUNKED + b"x\r\n"), 40),
    "HTML": (after_status(answer(b"<html>", b"502 Bad Gateway", b"text/html")), 40),
    "an error without end": (after_status(b"HTTP/1.1 400 Bad Request\r\n\r\n", endless=b"x" * 65536), 40),
    "a redirect": (after_status(answer(b"", b"307 Temporary Redirect", b"text/html", b"Location: /login\r\n")), 40),
    "headers without end": (after_status(b"HTTP/1.1 200 OK\r\n", endless=b"X: y\r\n"), 40),
    "HTTP/2": (after_status(GREETING), 40),
    "random bytes": (after_status(b"HTTP/1.1 200 OK\r\n" + random.Random(7).randbytes(3000)), 40),
}


@on_each_interpreter
@pytest.mark.parametrize("name", REST_LABELS)
def test_rest_answers_about_a_label(name: str, variant: Variant, tmp_path: Path, plain_memory: int) -> None:
    behaviour, exit_code = REST_LABELS[name]
    with scripted_server(behaviour, http2=False) as server:
        done = run(variant, tmp_path, f"-addr=http://{server.address}", "-model-label=stable", "-rpc-timeout=1s")
    assert done.outcome.exit_code == exit_code, done.outcome
    assert len(done.outcome.stderr.encode()) < 9216
    assert done.peak_kib < plain_memory + 16 * 1024


@on_each_interpreter
@pytest.mark.parametrize("name", REST_PREDICTIONS)
def test_rest_answers_about_a_prediction(name: str, variant: Variant, tmp_path: Path, plain_memory: int) -> None:
    behaviour, exit_code = REST_PREDICTIONS[name]
    (tmp_path / "request").write_bytes(b'{"instances": [1.0]}')
    with scripted_server(behaviour, http2=False) as server:
        done = run(
            variant, tmp_path, f"-addr=http://{server.address}", f"-predict={tmp_path}/request", "-rpc-timeout=2s"
        )
    assert done.outcome.exit_code == exit_code, done.outcome
    assert len(done.outcome.stderr.encode()) < 9216
    assert done.peak_kib < plain_memory + 16 * 1024
