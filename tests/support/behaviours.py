"""Behaviours of a scripted server that several tests share."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.http2_writer import GREETING, HEAD, MAX_FRAME_BYTES, TRAILERS
from tests.support.scripted_server import Behaviour, Peer


def answers(*pieces: bytes, greeting: bytes = GREETING) -> Behaviour:
    """Greets, waits for the request and for the acknowledgement of its SETTINGS, and sends each piece in its own
    write."""

    def behaviour(peer: Peer) -> None:
        peer.send(greeting)
        peer.until_ready()
        peer.send(*pieces)

    return behaviour


def answers_each(answer: Callable[[int], bytes]) -> Behaviour:
    """Greets, and answers each request in turn; `answer` takes the number of its stream."""

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        while True:
            peer.send(answer(peer.next_request()))

    return behaviour


def on_each_connection(*behaviours: Behaviour) -> Behaviour:
    """The first behaviour for the first connection, and so on; the last one also for those that follow."""
    turns = iter(behaviours[:-1])
    return lambda peer: next(turns, behaviours[-1])(peer)


def sends(*pieces: bytes) -> Behaviour:
    """Sends the pieces without reading, then waits."""
    return lambda peer: peer.send(*pieces)


def sends_and_closes(*pieces: bytes) -> Behaviour:
    """Sends the pieces and closes its direction of the connection."""

    def behaviour(peer: Peer) -> None:
        peer.send(*pieces)
        peer.close()

    return behaviour


def endless(piece: bytes, *before: bytes, reads: bool = False) -> Behaviour:
    """Greets, sends `before`, and repeats a piece for as long as the client reads."""

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_ready()
        peer.send(*before)
        while True:
            peer.send(piece)
            if reads:
                peer.skim()

    return behaviour


def large(payload: bytes, limit: int = MAX_FRAME_BYTES) -> Behaviour:
    """Sends a good answer with this message, within the client's windows."""

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        peer.send(HEAD)
        peer.send_data(payload, limit)
        peer.send(TRAILERS)

    return behaviour


def in_bytes(piece: bytes) -> Behaviour:
    """Sends a piece byte by byte, each in its own write."""

    def behaviour(peer: Peer) -> None:
        for at in range(len(piece)):
            peer.send(piece[at : at + 1])

    return behaviour
