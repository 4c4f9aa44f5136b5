"""Reading HTTP/1.1 answers, held against h11, and against what TensorFlow Serving really sends.

Strategy: one generator makes answers in every shape, another damages them, a third throws bytes. Where acceptance
differs on purpose, DIFFERENCES shows both sides.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.rpc.http1 import Body, End, Event, Head, HttpError
from probe.rpc.http1_client import MAX_HEAD_BYTES, MAX_INFORMATIONAL, ResponseReader, encode_request
from tests.rpc.http1_messages import EXAMPLES, bodies, cuts, damaged, ends, field_lines, pieces

Fields = tuple[tuple[bytes, bytes], ...]
# Status, reason, headers, body, how it ends; None for an error.
Answer = tuple[tuple[int, bytes, Fields] | None, bytes, str]
CAPTURES = json.loads((Path(__file__).parents[1] / "data/rest_captures.json").read_text(encoding="utf-8"))["exchanges"]


def events(reader: ResponseReader) -> list[Event]:
    found = []
    while (event := reader.next_event()) is not None:
        found.append(event)
    return found


def read(data: bytes, method: bytes = b"GET", at: list[int] | None = None, ended: bool = False) -> list[Event]:
    reader = ResponseReader(method)
    found = []
    for piece in pieces(data, at or []):
        reader.feed(piece)
        found += events(reader)
    if ended:
        reader.end()
        found += events(reader)
    return found


def meaning(found: list[Event], end: str = "more") -> Answer:
    head, body = None, b""
    for event in found:
        if isinstance(event, Head):
            assert head is None
            head = (event.status, event.reason, event.headers)
        elif isinstance(event, Body):
            assert event.content
            body += event.content
        else:
            end = "end"
    return head, body, end


def ours(data: bytes, method: bytes, ended: bool, at: list[int] | None = None) -> Answer:
    """Our reading of the bytes. Any exception but HttpError fails the test."""
    reader, found = ResponseReader(method), []
    try:
        for piece in pieces(data, at or []):
            reader.feed(piece)
            while (event := reader.next_event()) is not None:
                found.append(event)
        if ended:
            reader.end()
            while (event := reader.next_event()) is not None:
                found.append(event)
    except HttpError:
        return meaning(found, "error")
    return meaning(found)


def theirs(data: bytes, method: bytes, ended: bool) -> Answer:
    """h11's reading of the same bytes."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    head, body = None, b""
    try:
        for piece in (data, b"") if ended and data else (data,) if data else (b"",) if ended else ():
            connection.receive_data(piece)
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Response):
                    head = (event.status_code, bytes(event.reason), tuple(event.headers))
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    return head, body, "end"
    except h11.RemoteProtocolError:
        return head, body, "error"
    return head, body, "more"


def merged(answer: Answer) -> Answer:
    """The answer with Content-Length once, and Transfer-Encoding in lower case, as h11 has them."""
    if answer[0] is None:
        return answer
    status, reason, headers = answer[0]
    fields: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name == b"content-length":
            value = value.split(b",")[0].strip()
            if (name, value) in fields:
                continue
        fields.append((name, value.lower() if name == b"transfer-encoding" else value))
    return (status, reason, tuple(fields)), answer[1], answer[2]


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    version = draw(st.sampled_from((b"1.1", b"1.1", b"1.1", b"1.0", b"1.2")))
    status = draw(st.sampled_from((b"200 OK", b"200", b"200 ", b"404 Not \xff", b"204 No Content", b"304 N", b"999 x")))
    interim = draw(st.sampled_from((b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 E\r\nLink: x\r\n\r\n")))
    head = b"HTTP/" + version + b" " + status + draw(ends) + draw(field_lines()) + draw(ends)
    return interim + head + draw(bodies)


methods = st.sampled_from((b"GET", b"GET", b"GET", b"POST", b"HEAD"))


@EXAMPLES
@given(st.one_of(answers(), answers(), damaged(answers())), methods, st.booleans(), cuts)
def test_answers_are_read_as_h11_reads_them(data: bytes, method: bytes, ended: bool, at: list[int]) -> None:
    answer = ours(data, method, ended)
    assert ours(data, method, ended, at) == answer
    if not is_known_difference(data):
        assert merged(answer) == theirs(data, method, ended)


@EXAMPLES
@given(st.one_of(st.binary(max_size=200), answers()), cuts, st.booleans())
def test_byte_by_byte_is_the_same(data: bytes, at: list[int], ended: bool) -> None:
    assert ours(data, b"GET", ended, list(range(len(data)))) == ours(data, b"GET", ended, at)


def is_known_difference(data: bytes) -> bool:
    return False
