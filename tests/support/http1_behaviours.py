"""Behaviours of a scripted server that speaks HTTP/1.1, or something that resembles it."""

from __future__ import annotations

import re

from tests.support.scripted_server import Behaviour, Peer

BODY = (
    b'{\n "model_version_status": [\n  {\n   "version": "123",\n   "state": "AVAILABLE",\n   "status": {\n'
    b'    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
METADATA = b'{\n"model_spec":{\n "name": "m",\n "signature_name": "",\n "version": "123"\n}\n,\n"metadata": {}\n}\n'


def answer(body: bytes = BODY, status: bytes = b"200 OK", kind: bytes = b"application/json", *fields: bytes) -> bytes:
    """A complete answer with its length."""
    more = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, kind, len(body), more, body)


def read_request(peer: Peer) -> bytes:
    """Reads one request, its body included; returns its first line. Raises ConnectionError if the client leaves."""
    begin = getattr(peer, "request_end", 0)
    while b"\r\n\r\n" not in peer.received[begin:]:
        _read(peer)
    head_end = peer.received.index(b"\r\n\r\n", begin) + 4
    head = bytes(peer.received[begin:head_end])
    length = re.search(rb"(?i)content-length: (\d+)", head)
    end = head_end + (int(length[1]) if length else 0)
    while len(peer.received) < end:
        _read(peer)
    peer.request_end = end  # type: ignore[attr-defined]
    return head.partition(b"\r\n")[0]


def _read(peer: Peer) -> None:
    more = peer.socket.recv(1 << 20)
    if not more:
        raise ConnectionError("the client has left")
    peer.received += more


def replies(*answers: bytes, closes: bool = False) -> Behaviour:
    """Answers one request after another with these bytes; then keeps the connection, or closes it."""

    def behaviour(peer: Peer) -> None:
        for each in answers:
            read_request(peer)
            peer.send(each)
        if closes:
            peer.close()

    return behaviour


def drips(piece: bytes, seconds: float = 1.0) -> Behaviour:
    """Answers with one byte a second."""

    def behaviour(peer: Peer) -> None:
        read_request(peer)
        for at in range(len(piece)):
            peer.send(piece[at : at + 1])
            peer.pause(seconds)

    return behaviour
