"""Reading HTTP/1.1 answers, held against h11, and against what TensorFlow Serving really sends.

Strategy: one generator makes answers in every shape, another damages them, a third throws bytes. Where acceptance
differs on purpose, DIFFERENCES shows both sides.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.rpc.http1 import Body, End, Head, HttpError
from probe.rpc.http1_client import MAX_HEAD_BYTES, MAX_INFORMATIONAL, ResponseReader, encode_request
from tests.rpc.http1_messages import EXAMPLES, bodies, cuts, damaged, ends, field_lines, pieces
from tests.support.memory import peak_below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probe.rpc.http1 import Event

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
Fields = tuple[tuple[bytes, bytes], ...]
# Status, reason, headers, body, how it ends; None for an error.
Answer = tuple[tuple[int, bytes, Fields] | None, bytes, str]
CAPTURES = json.loads((Path(__file__).parents[1] / "data/rest_captures.json").read_text(encoding="utf-8"))["exchanges"]


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
    found: list[Event] = []
    try:
        read(ResponseReader(method), data, ended, at, found)
    except HttpError:
        return meaning(found, "error")
    return meaning(found)


def read(
    reader: ResponseReader,
    data: bytes,
    ended: bool = False,
    at: list[int] | None = None,
    found: list[Event] | None = None,
) -> list[Event]:
    """All events of the bytes; those before an HttpError are in `found`."""
    found = [] if found is None else found
    for piece in pieces(data, at or []):
        reader.feed(piece)
        while (event := reader.next_event()) is not None:
            found.append(event)
    if ended:
        reader.end()
        while (event := reader.next_event()) is not None:
            found.append(event)
    return found


def error_of(data: bytes, ended: bool = False) -> str:
    with pytest.raises(HttpError) as caught:
        read(ResponseReader(), data, ended)
    return str(caught.value)


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
    answer, oracle = ours(data, method, ended), theirs(data, method, ended)
    assert ours(data, method, ended, at) == answer
    if not any(differ(data, answer, oracle) for _, differ in DIFFERENCES.values()):
        assert merged(answer) == oracle


# Where acceptance differs on purpose: an example, and what else is of its kind.
DIFFERENCES: dict[str, tuple[bytes, Callable[[bytes, Answer, Answer], bool]]] = {
    "we do not wait for a line that cannot become HTTP/1": (
        b"SSH-2.0-x",
        lambda _, ours, theirs: ours == (None, b"", "error") and theirs == (None, b"", "more"),
    ),
    "we drop white space before a folded line": (
        b"HTTP/1.1 200 OK\r\nA: b  \r\n c\r\n\r\n",
        lambda data, *_: re.search(rb"[ \t]\r?\n[ \t]", data) is not None,
    ),
    "we refuse versions other than 1": (
        b"HTTP/2.0 200 OK\r\n\r\n",
        lambda data, *_: re.search(rb"HTTP/[02-9]", data) is not None,
    ),
    "white space may precede a chunk's extension (RFC 9112, 7.1.1)": (
        CHUNKED + b"0 ;x\r\n\r\n",
        lambda data, *_: re.search(rb"[0-9a-fA-F][ \t]+;", data) is not None,
    ),
    "a bare CR in a chunk's extension is an error": (
        CHUNKED + b"0;\rx\r\n\r\n",
        lambda data, *_: re.search(rb";[^\n]*\r[^\n]", data) is not None,
    ),
    "what a trailer says about framing is ignored (RFC 9110, 6.5.1)": (
        CHUNKED + b"0\r\nContent-Length: x\r\n\r\n",
        lambda data, *_: re.search(rb"\n0+[^\n]*\r\n(?s:.*)(?i:content-length|transfer-encoding)", data) is not None,
    ),
    "a chunked body is content rather than framing": (
        CHUNKED + b"1;%b\r\na\r\n" % (b"x" * 4000) * 5,
        lambda data, *_: len(data) > 16384,
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_differences_from_h11_are_those_listed(name: str) -> None:
    data, differ = DIFFERENCES[name]
    answer, oracle = ours(data, b"GET", False), theirs(data, b"GET", False)
    assert merged(answer) != oracle
    assert differ(data, answer, oracle)


@EXAMPLES
@given(st.one_of(st.binary(max_size=200), answers(), damaged(answers())), methods, st.booleans())
def test_any_bytes_are_read_the_same_one_by_one(data: bytes, method: bytes, ended: bool) -> None:
    assert ours(data, method, ended, list(range(len(data)))) == ours(data, method, ended)


# The connection afterwards.

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("data", "reusable"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok", True),
        (OK + b"Content-Length: 2\r\n\r\no", False),
        (OK + b"Content-Length: 2\r\n\r\nok?", False),
        (OK + b"Content-Length: 2\r\nConnection: x, Close\r\n\r\nok", False),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", True),
        (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", True),
    ],
)
def test_when_the_connection_can_be_reused(data: bytes, reusable: bool) -> None:
    reader = ResponseReader()
    assert not reader.began
    assert not reader.can_reuse
    read(reader, data)
    assert reader.began
    assert reader.can_reuse == reusable
    reader.end()
    assert not reader.can_reuse


def test_a_body_that_ends_with_the_connection_is_whole_only_then() -> None:
    reader = ResponseReader()
    assert meaning(read(reader, OK + b"\r\nok")) == ((200, b"OK", ()), b"ok", "more")
    assert read(reader, b"", ended=True) == [End()]
    assert not reader.can_reuse


def test_an_answer_to_head_has_no_body_and_ends_the_connection() -> None:
    for data in (OK + b"Content-Length: 2\r\n\r\n", OK + b"\r\nstray"):
        reader = ResponseReader(b"HEAD")
        assert [type(event) for event in read(reader, data)] == [Head, End]
        assert not reader.can_reuse


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "the connection was closed before the answer"),
        (b"HTTP/1", "the connection was closed in the middle of the answer's head"),
        (OK, "the connection was closed in the middle of the answer's head"),
        (OK + b"Content-Length: 3\r\n\r\na", "the connection was closed 2 bytes before the end of the body"),
        (CHUNKED + b"5\r\nab", "the connection was closed in the middle of a chunked body"),
        (CHUNKED + b"0\r\n", "the connection was closed in the middle of a chunked body"),
        (CHUNKED + b"2\r\nokX\r\n", "a chunk is longer than its size"),
        (CHUNKED + b"\r\n", "a malformed chunk size"),
        (CHUNKED + b"fffffffffffffffffffff\r\n", "a malformed chunk size"),
        (CHUNKED + b"1;" + b"x" * 5000, "a chunk's size line has more than 4096 bytes"),
        (b"\x00\x00\x12\x04", "the answer is not HTTP/1"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the server switches protocols although it was not asked to"),
        (b"HTTP/1.1 100 C\r\n\r\n" * (MAX_INFORMATIONAL + 1), "more than 100 informational answers"),
    ],
)
def test_what_an_error_says(data: bytes, error: str) -> None:
    assert error_of(data, ended=True) == error


def test_many_interim_answers_precede_a_final_one() -> None:
    data = b"HTTP/1.1 100 C\r\n\r\n" * MAX_INFORMATIONAL + OK + b"Content-Length: 0\r\n\r\n"
    assert read(ResponseReader(), data) == [Head(200, b"OK", ((b"content-length", b"0"),)), End()]


# Bounds.


@pytest.mark.parametrize("size", [MAX_HEAD_BYTES, MAX_HEAD_BYTES + 1])
@pytest.mark.parametrize("at", [[], list(range(0, MAX_HEAD_BYTES, 4096)), [MAX_HEAD_BYTES]])
def test_a_head_is_bounded_wherever_it_is_cut(size: int, at: list[int]) -> None:
    data = OK + b"A: " + b"x" * (size - len(OK) - 7) + b"\r\n\r\n"
    assert len(data) == size
    head, _, end = ours(data, b"GET", False, at)
    assert (head is not None, end) == ((True, "more") if size == MAX_HEAD_BYTES else (False, "error"))


def test_framing_beyond_the_content_is_bounded() -> None:
    assert error_of(DIFFERENCES["a chunked body is content rather than framing"][0]) == (
        "a chunked body with more framing than content"
    )
    assert len(meaning(read(ResponseReader(), CHUNKED + b"1\r\na\r\n" * 50_000))[1]) == 50_000


ENDLESS = {
    "a head without lines": OK + b"A: " + b"x" * 1_000_000,
    "a head of short lines": OK + b"a:\n" * 300_000,
    "chunks of a byte": CHUNKED + b"1\r\na\r\n" * 150_000,
    "trailers": CHUNKED + b"0\r\n" + b"a:\n" * 300_000,
    "a body": OK + b"\r\n" + b"x" * 1_000_000,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_answer_takes_bounded_memory_and_linear_time(name: str) -> None:
    reader, data = ResponseReader(), ENDLESS[name]
    started = time.monotonic()
    with peak_below(3_000_000), contextlib.suppress(HttpError):
        for at in range(0, len(data), 1000):
            reader.feed(data[at : at + 1000])
            while reader.next_event() is not None:
                pass
    assert time.monotonic() - started < 30


# What TensorFlow Serving sends.


@pytest.mark.parametrize("number", range(len(CAPTURES)))
def test_every_captured_answer_is_read(number: int) -> None:
    capture = CAPTURES[number]
    data = capture["answer"].encode("latin-1")
    # An answer to `GET … HTTP/0.9` names that version, which we never send.
    if data.startswith(b"HTTP/0.9"):
        assert error_of(data) == "the answer is not HTTP/1"
        return
    method = capture["request"].split(" ")[0].encode()
    method = method if method in (b"HEAD", b"CONNECT") else b"GET"
    head, _, rest = data.partition(b"\r\n\r\n")
    answer = ours(data, method, capture["closed"], list(range(0, len(data), 7)))
    assert merged(answer) == theirs(data, method, capture["closed"])
    assert answer[0] is not None and answer[0][0] == int(head.split(b" ")[1])
    if method == b"CONNECT":  # it has no length, and the connection stays open
        assert answer[2] == "more"
    else:
        assert answer[2] == "end"
        assert rest.startswith(answer[1])
        assert answer[1] or method == b"HEAD" or b"\r\nContent-Length: 0\r\n" in head + b"\r\n"


# What we send.


@EXAMPLES
@given(
    st.sampled_from((b"GET", b"POST")),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1).map(str.encode),
    st.lists(st.tuples(st.sampled_from((b"X-A", b"accept")), st.sampled_from((b"", b"a b", b"\xff")))).map(tuple),
    st.one_of(st.none(), st.binary(max_size=20)),
)
def test_h11_reads_our_requests(method: bytes, target: bytes, headers: Fields, body: bytes | None) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(encode_request(method, target, b"host:1", headers, body))
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target, request.http_version) == (method, target, b"1.1")
    expected = [(b"host", b"host:1"), *((name.lower(), value) for name, value in headers)]
    if body is not None:
        expected.append((b"content-length", b"%d" % len(body)))
    assert list(request.headers) == expected
    content = server.next_event()
    if body:
        assert isinstance(content, h11.Data) and content.data == body
        content = server.next_event()
    assert isinstance(content, h11.EndOfMessage)
    assert server.trailing_data == (b"", False)


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        (b"GE T", b"/", ()),
        (b"", b"/", ()),
        (b"GET", b"/a b", ()),
        (b"GET", b"/\r\n", ()),
        (b"GET", b"/\xc3", ()),
        (b"GET", b"", ()),
        (b"GET", b"/", ((b"a b", b"c"),)),
        (b"GET", b"/", ((b"a", b"b\r\nc: d"),)),
        (b"GET", b"/", ((b"a", b"b\0"),)),
    ],
)
def test_a_request_that_would_break_its_framing_is_refused(method: bytes, target: bytes, headers: Fields) -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        encode_request(method, target, b"host", headers)


def test_events_compare_and_print() -> None:
    assert Body(b"a") == Body(b"a") != Body(b"b")
    assert repr(Head(200, b"OK", ())) == "Head(headers=(), reason=b'OK', status=200)"
    assert (repr(End()), End() == End()) == ("End()", True)
