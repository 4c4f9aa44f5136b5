"""Bytes that a TensorFlow Serving 2.19.1 was seen to send, sent again: GetModelMetadata, several calls on a
connection, GOAWAY, REST.

What was captured on one stream is sent on the stream that the client has opened; nothing else is changed. The calls
are made in this process, over real sockets.
"""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from probe.check import check
from probe.deadline import RUN, Deadline
from probe.model import ClientConfig, ModelStatus, Plan, Query, Report
from probe.rounds import Session
from probe.tfs.verdict import exit_code
from tests.support.http1_behaviours import answer, read_request
from tests.support.http2_writer import RST_STREAM, data
from tests.support.scripted_server import Peer, client_frames, scripted_server
from tests.support.wire import message

DATA = Path(__file__).parents[1] / "data"
CAPTURED: dict[str, Any] = json.loads((DATA / "metadata_captures.json").read_text(encoding="utf-8"))
CALLS = {call["name"]: call for call in CAPTURED["calls"]}
WIRES = {wire["name"]: [bytes.fromhex(hexed) for _, hexed in wire["frames"]] for wire in CAPTURED["wires"]}
EXCHANGES: list[dict[str, Any]] = json.loads((DATA / "rest_captures.json").read_text(encoding="utf-8"))["exchanges"]

SETTINGS, WINDOW, PING, ACK, HEADERS, METADATA, TRAILERS = WIRES["half, OK"]
GREETING = SETTINGS + WINDOW + PING
# From the second answer on, with the dynamic table that the first one filled (captures-2, C1 and C2).
NEXT_HEADERS, NEXT_TRAILERS = bytes.fromhex("00000401040000000588c1c0bf"), bytes.fromhex("000001010500000005be")
REFUSAL = bytes.fromhex("00000601050000001388c10f2f0138")  # all threads are busy
FIRST_REFUSAL = bytes.fromhex(
    "00002f01050000000f88400c636f6e74656e742d74797065106170706c69636174696f6e2f67727063400b677270632d7374617475730138"
)
# What followed it on that connection.
AFTER_REFUSAL = (
    bytes.fromhex(
        "00004d01040000000388bf4014677270632d6163636570742d656e636f64696e67156964656e746974792c6465666c6174652c677a697040"
        "0f6163636570742d656e636f64696e670d6964656e746974792c677a6970"
    ),
    bytes.fromhex("0000040105000000037f010130"),
)
MAX_AGE = "00000f070000000000{last:08x}000000006d61785f616765"
MAX_STREAMS = bytes.fromhex("00001e040000000000000300000003000400400000000500400000000600002000fe0300000001")
HALF_123 = bytes.fromhex("0a06087b101e1a00")
TWO = bytes.fromhex("0a060802101e1a000a060801101e1a00")


def on(stream: int, *frames: bytes) -> bytes:
    """Captured frames on another stream."""
    return b"".join(frame[:5] + struct.pack(">I", stream) + frame[9:] for frame in frames)


def status(stream: int, payload: bytes = HALF_123) -> bytes:
    """A whole answer to GetModelStatus; the first one on a connection fills the decoder's table."""
    begin, end = (HEADERS, TRAILERS) if stream == 1 else (NEXT_HEADERS, NEXT_TRAILERS)
    return on(stream, begin) + data(message(payload), stream=stream) + on(stream, end)


def report(address: str, *queries: Query, timeout: int = 5_000_000_000) -> Report:
    return check(Plan(ClientConfig(address), queries, Deadline.after(timeout, RUN)))


def ask(peer: Peer, *answers: bytes) -> None:
    """Greets as the server does, acknowledges with the first answer, and answers request after request."""
    peer.send(GREETING)
    for place, each in enumerate(answers):
        peer.until_request()
        peer.send((ACK if place == 0 else b"") + each)


LABELED = Query("half", label="stable")


def test_metadata_on_the_wire() -> None:
    def behaviour(peer: Peer) -> None:
        ask(peer, status(1), on(3, NEXT_HEADERS, METADATA, NEXT_TRAILERS))

    with scripted_server(behaviour) as server:
        (result,) = report(server.address, LABELED).results
    assert (result.verdict.exit_code, result.verdict.version and result.verdict.version.version) == (0, 123)


ERRORS = ["unknown model: error (trailers only)", "label with newline, % and ü: how grpc-message is encoded"]


@pytest.mark.parametrize(("name", "code"), list(zip(ERRORS, [10, 12], strict=True)))
def test_an_error_about_metadata_on_the_wire(name: str, code: int) -> None:
    error = WIRES[name][4]

    def behaviour(peer: Peer) -> None:
        ask(peer, status(1), on(3, error))

    with scripted_server(behaviour) as server:
        (result,) = report(server.address, LABELED).results
    assert result.verdict.exit_code == code
    if code == 12:
        assert result.verdict.detail == "Unrecognized servable version label: a\nb%ü"


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if "answer" in call])
def test_every_captured_answer_names_its_version(name: str) -> None:
    """The answer in pieces of one byte too: frames may end anywhere."""
    payload = bytes.fromhex(CALLS[name]["answer"])
    version = payload[payload.index(b"\x12\x02\x08") + 3]
    listed = TWO if version < 3 else HALF_123
    for limit in (16384, 1):
        pieces = data(message(payload), limit, stream=3)

        def behaviour(peer: Peer, pieces: bytes = pieces) -> None:
            ask(peer, status(1, listed), on(3, NEXT_HEADERS) + pieces + on(3, NEXT_TRAILERS))

        with scripted_server(behaviour) as server:
            (result,) = report(server.address, LABELED).results
        assert result.verdict.version and result.verdict.version.version == version


def test_a_large_answer_is_cancelled_once_the_version_is_known() -> None:
    """As captured with 60 signatures: what still comes on the cancelled stream is passed over, and the connection
    carries the next call. Its header block was indexed and its trailers never came."""
    begin = bytes.fromhex(
        "00004000000000000300000023950a0b0a057369673630120208011285470a0d7369676e61747572655f64656612f3460a36747970652e67"
        "6f6f676c65617069732e636f6d2f74656e"
    )
    rest = bytes.fromhex("00235a000000000003") + b"x" * 9050
    peers: list[Peer] = []

    def behaviour(peer: Peer) -> None:
        peers.append(peer)
        ask(peer, status(1, TWO), on(3, NEXT_HEADERS) + begin)
        while not any(frame.type == RST_STREAM for frame in client_frames(bytes(peer.received))):
            peer.frame()
        peer.send(rest)
        peer.until_request()
        peer.send(status(5, TWO))
        peer.until_request()
        peer.send(on(7, NEXT_HEADERS) + begin[:5] + struct.pack(">I", 7) + begin[9:])

    plan = Plan(ClientConfig(""), (Query("sig60", label="stable"),), Deadline.after(5_000_000_000, RUN))
    with scripted_server(behaviour) as server:
        session = Session()
        plan = Plan(ClientConfig(server.address), plan.queries, plan.deadline)
        for _ in range(2):
            (result,) = session.round(plan).results
            assert result.verdict.exit_code == 0
            assert result.verdict.version and result.verdict.version.version == 1
        session.close()
    assert len(peers) == 1


# Several calls on a connection.


def states(found: Report) -> list[int]:
    return [result.verdict.exit_code for result in found.results]


def test_several_streams_share_the_dynamic_table() -> None:
    def behaviour(peer: Peer) -> None:
        ask(peer, status(1), status(3), status(5, TWO))

    with scripted_server(behaviour) as server:
        found = report(server.address, Query("a"), Query("b"), Query("c"))
    assert states(found) == [0, 0, 0]
    last = found.results[2].outcome
    assert isinstance(last, ModelStatus) and [version.version for version in last] == [2, 1]


def test_a_refusal_on_the_wire() -> None:
    """All threads were busy for one of the calls; without -timeout it is not asked again."""

    def behaviour(peer: Peer) -> None:
        ask(peer, status(1), on(3, REFUSAL))

    with scripted_server(behaviour) as server:
        plan = Plan(ClientConfig(server.address), (Query("a"), Query("b")), Deadline(None, RUN))
        found = check(plan)
    assert states(found) == [0, 3]
    failure = found.results[1].verdict.failure
    assert failure and (failure.code, failure.text) == (8, "")


def test_a_refusal_is_asked_again_on_the_same_connection() -> None:
    begin, end = AFTER_REFUSAL

    def behaviour(peer: Peer) -> None:
        ask(peer, on(1, FIRST_REFUSAL), begin + data(message(HALF_123), stream=3) + end)

    with scripted_server(behaviour) as server:
        assert states(report(server.address, Query("a"))) == [0]
    assert len(server.peers) == 1


def test_three_streams_at_once_are_the_most_that_the_server_allows() -> None:
    most = 0

    def behaviour(peer: Peer) -> None:
        nonlocal most
        peer.send(MAX_STREAMS + WINDOW + PING)
        for stream in range(1, 12, 2):
            peer.until_request()
            opened = sum("END_STREAM" in frame.flags for frame in client_frames(bytes(peer.received)))
            most = max(most, opened - (stream - 1) // 2)
            peer.send(status(stream))

    with scripted_server(behaviour) as server:
        found = report(server.address, *(Query(str(number)) for number in range(6)))
    assert states(found) == [0] * 6
    assert most <= 2


@pytest.mark.parametrize("when", ["before the second call", "after it was sent"])
def test_a_connection_whose_age_is_over(when: str) -> None:
    """GOAWAY with the last stream that the server has seen, then FIN: later calls go to a new connection."""

    def behaviour(peer: Peer) -> None:
        if len(server.peers) > 1:
            ask(peer, status(1), status(3), status(5))
            return
        goaway = bytes.fromhex(MAX_AGE.format(last=1))
        peer.send(GREETING)
        peer.until_request()
        if when == "after it was sent":
            peer.until_request()
        peer.send(ACK + status(1) + goaway)
        peer.close()

    with scripted_server(behaviour) as server:
        found = report(server.address, Query("a"), Query("b"), Query("c"))
    assert states(found) == [0, 0, 0]
    assert len(server.peers) == 2


def test_an_idle_connection_that_was_closed_between_rounds() -> None:
    def behaviour(peer: Peer) -> None:
        ask(peer, status(1) + (bytes.fromhex(MAX_AGE.format(last=1)) if len(server.peers) == 1 else b""))
        if len(server.peers) == 1:
            peer.close()

    with scripted_server(behaviour) as server:
        session = Session()
        plan = Plan(ClientConfig(server.address), (Query("a"),), Deadline.after(5_000_000_000, RUN))
        assert states(session.round(plan)) == [0]
        assert states(session.round(plan)) == [0]
        session.close()
    assert len(server.peers) == 2


# REST.


def expected_exit_code(text: str) -> int:
    """By the standard library's JSON, from the captured bytes."""
    head, _, body = text.partition("\r\n\r\n")
    length = re.search(r"Content-Length: (\d+)", head)
    body = body[: int(length[1])] if length else body  # answers to further requests follow
    code = int(head.split(" ")[1])
    states = {"START": 31, "LOADING": 32, "UNLOADING": 33, "END": 34}
    try:
        found = json.loads(body)
    except ValueError:
        return 3
    if code == 200 and isinstance(found, dict) and "model_version_status" in found:
        listed = [version["state"] for version in found["model_version_status"]]
        return 0 if "AVAILABLE" in listed else states[listed[0]]
    if code == 200:
        return 11 if "model_spec" in found else 3
    return 10 if code == 404 and "error" in found else 3


def has_an_end(exchange: dict[str, Any]) -> bool:
    return exchange["answer"].startswith("HTTP/1.") and ("Content-Length" in exchange["answer"] or exchange["closed"])


COMPLETE = [exchange for exchange in EXCHANGES if has_an_end(exchange)]


@pytest.mark.parametrize("place", range(len(COMPLETE)))
def test_rest_answers(place: int) -> None:
    exchange = COMPLETE[place]
    text: str = exchange["answer"]

    def behaviour(peer: Peer) -> None:
        read_request(peer)
        peer.send(text.encode("latin-1"))
        if exchange["closed"]:
            peer.close()

    with scripted_server(behaviour, http2=False) as server:
        found = report(f"http://{server.address}", Query("m"))
    assert exit_code(found) == expected_exit_code(text)


def is_metadata(exchange: dict[str, Any]) -> bool:
    return "/metadata HTTP/1.1" in exchange["request"] and exchange["request"].startswith("GET")


LABEL_ANSWERS = [exchange for exchange in EXCHANGES if is_metadata(exchange)]


@pytest.mark.parametrize("exchange", LABEL_ANSWERS, ids=[exchange["request"] for exchange in LABEL_ANSWERS])
def test_rest_answers_about_labels(exchange: dict[str, Any]) -> None:
    text: str = exchange["answer"]
    statuses = {"123": "half", "1": "two", "2": "two"}

    def behaviour(peer: Peer) -> None:
        read_request(peer)
        versions = ", ".join(f'{{"version": "{number}", "state": "AVAILABLE"}}' for number in statuses)
        peer.send(answer(f'{{"model_version_status": [{versions}]}}'.encode()))
        read_request(peer)
        peer.send(text.encode("latin-1"))
        if exchange["closed"]:
            peer.close()

    with scripted_server(behaviour, http2=False) as server:
        (result,) = report(f"http://{server.address}", Query("m", label="x")).results
    body = text.partition("\r\n\r\n")[2]
    if text.startswith("HTTP/1.1 200"):
        version = json.loads(body)["model_spec"]["version"]
        assert result.verdict.version and str(result.verdict.version.version) == version
    elif named := re.search(r"Specific\(.*, (\d+)\)", body):
        listed = named[1] in statuses
        assert (result.verdict.exit_code, result.verdict.wanted) == ((0, "") if listed else (12, "label: x"))
    elif "Unrecognized" in body:
        assert (result.verdict.exit_code, result.verdict.detail) == (12, json.loads(body)["error"])
    else:
        assert result.verdict.exit_code in (3, 10)
