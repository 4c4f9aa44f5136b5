"""Reading HTTP/1.1 requests and writing answers, held against h11 on the other side of the connection."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from email.utils import formatdate

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.rpc.http1 import HttpError
from probe.rpc.http1_server import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    METHODS,
    REASONS,
    RequestHead,
    RequestReader,
    encode_response,
    http_date,
)
from tests.rpc.http1_messages import EXAMPLES, bodies, cuts, damaged, ends, field_lines, pieces
from tests.support.memory import peak_below

# Method, target, version and headers of each request; and whether the bytes end in an error.
Found = list[tuple[bytes, bytes, bytes, tuple[tuple[bytes, bytes], ...]]]
Requests = tuple[Found, bool]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def ours(data: bytes, at: list[int] | None = None) -> Requests:
    """Our reading of the bytes. Any exception but HttpError fails the test."""
    reader = RequestReader()
    found = []
    try:
        for piece in pieces(data, at or []):
            reader.feed(piece)
            while (request := reader.next_request()) is not None:
                found.append((request.method, request.target, request.version, request.headers))
    except HttpError:
        return found, True
    return found, False


def theirs(data: bytes) -> Requests:
    """h11's reading of the same bytes, each request on a connection of its own; empty lines between them are removed,
    since h11 refuses them (RFC 9112, 2.2)."""
    found: Found = []
    while data := re.sub(rb"^(\r?\n)+", b"", data):
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        connection.receive_data(data)
        try:
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    return found, False
                if isinstance(event, h11.Request):
                    request = (event.method, event.target, event.http_version, tuple(event.headers))
        except h11.RemoteProtocolError:
            return found, True
        found.append(request)
        data = connection.trailing_data[0]
    return found, False


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from((b"GET", b"GET", b"HEAD", b"POST")))
    target = draw(st.sampled_from((b"/", b"/readyz/a%20b?c=d", b"*", b"http://x/", b"!#[~")))
    version = draw(st.sampled_from((b"1.1", b"1.1", b"1.0", b"1.2")))
    host = draw(st.sampled_from((b"Host: x", b"host:", b"HOST: [::1]:80")))
    return method + b" " + target + b" HTTP/" + version + draw(ends) + draw(field_lines(host)) + draw(ends)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Pipelined requests."""
    return b"".join(draw(requests()) + draw(bodies) for _ in range(draw(st.integers(1, 3))))


@EXAMPLES
@given(st.one_of(requests(), streams(), damaged(streams())), cuts)
def test_requests_are_read_as_h11_reads_them(data: bytes, at: list[int]) -> None:
    found, oracle = ours(data), theirs(data)
    assert ours(data, at) == found
    if not any(differ(data) for _, differ in DIFFERENCES.values()):
        assert (merged(found[0]), found[1]) == oracle


def merged(found: Found) -> Found:
    """The requests with Content-Length once, and Transfer-Encoding in lower case, as h11 has them."""
    result = []
    for method, target, version, headers in found:
        fields: list[tuple[bytes, bytes]] = []
        for name, value in headers:
            if name == b"content-length":
                value = value.split(b",")[0].strip()
                if (name, value) in fields:
                    continue
            fields.append((name, value.lower() if name == b"transfer-encoding" else value))
        result.append((method, target, version, tuple(fields)))
    return result


def contains(pattern: bytes) -> Callable[[bytes], bool]:
    return lambda data: re.search(pattern, data) is not None


# Where acceptance differs on purpose: an example, and what else is of its kind.
DIFFERENCES: dict[str, tuple[bytes, Callable[[bytes], bool]]] = {
    "we refuse at the first byte what cannot become a request": (
        GET + b"{",
        lambda data: ours(data)[1] and not theirs(data)[1] and theirs(data + b"\r\n\r\n")[1],
    ),
    "we refuse continued header lines (RFC 9112, 5.2)": (
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        contains(rb"\n[ \t]"),
    ),
    "we refuse a length beside chunks (RFC 9112, 6.3)": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        contains(rb"(?i)transfer-encoding(?s:.)*content-length|content-length(?s:.)*transfer-encoding"),
    ),
    "we refuse chunks in HTTP/1.0 (RFC 9112, 6.1)": (
        CHUNKED.replace(b"/1.1", b"/1.0") + b"0\r\n\r\n",
        contains(rb"(?i)HTTP/1.0(?s:.)*transfer-encoding"),
    ),
    "we refuse versions other than 1": (GET.replace(b"/1.1", b"/2.0"), contains(rb"HTTP/[02-9]")),
    "we want a Host in all versions from 1.1 on": (
        b"GET / HTTP/1.2\r\n\r\n",
        lambda data: data.lower().count(b"\nhost:") < data.count(b" HTTP/"),
    ),
    "we refuse unknown methods": (
        b"FOO" + GET[3:],
        lambda data: any(found not in METHODS for found in re.findall(rb"([^ \n]*) [^ \n]* HTTP/", data)),
    ),
    "we refuse large bodies": (
        GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 99999\r\n\r\n") + b"x" * 99_999,
        contains(rb"Content-Length: 1?23456789012345678901|[0-9]{6}|x{99999}"),
    ),
    "white space may precede a chunk's extension (RFC 9112, 7.1.1)": (
        CHUNKED + b"0 ;x\r\n\r\n",
        contains(rb"[0-9a-fA-F][ \t]+;"),
    ),
    "a bare CR in a chunk's extension is an error": (CHUNKED + b"0;\rx\r\n\r\n", contains(rb";[^\n]*\r[^\n]")),
    "what a trailer says about framing is ignored (RFC 9110, 6.5.1)": (
        CHUNKED + b"0\r\nContent-Length: x\r\n\r\n",
        contains(rb"\n0+[^\n]*\r\n(?s:.)*(?i:content-length|transfer-encoding)"),
    ),
    "we do not let a client wait for 100 Continue": (
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
        contains(rb"(?i)expect"),
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_differences_from_h11_are_those_listed(name: str) -> None:
    data, differ = DIFFERENCES[name]
    assert ours(data) != theirs(data)
    assert differ(data)


@EXAMPLES
@given(st.one_of(st.binary(max_size=200), damaged(streams())))
def test_any_bytes_are_read_the_same_one_by_one(data: bytes) -> None:
    assert ours(data, list(range(len(data)))) == ours(data)


@EXAMPLES
@given(
    st.sampled_from(("GET", "HEAD", "POST")),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1),
    st.lists(st.tuples(st.sampled_from(("X-A", "Accept")), st.sampled_from(("", "a b", "\xff")))),
    st.one_of(st.none(), st.lists(st.binary(min_size=1, max_size=20))),
    cuts,
)
def test_requests_of_an_h11_client_are_read(
    method: str, target: str, headers: list[tuple[str, str]], body: list[bytes] | None, at: list[int]
) -> None:
    fields = [(b"Host", b"x"), *((name.encode(), value.encode("latin-1")) for name, value in headers)]
    if body is not None:
        fields.append((b"Transfer-Encoding", b"chunked"))
    client = h11.Connection(h11.CLIENT)
    request = h11.Request(method=method, target=target, headers=fields)
    data = client.send(request) or b""
    for content in body or []:
        data += client.send(h11.Data(data=content)) or b""
    data += client.send(h11.EndOfMessage()) or b""
    expected = (method.encode(), target.encode(), b"1.1", tuple(request.headers))
    assert ours(data * 2, at) == ([expected, expected], False)


def test_empty_lines_before_a_request_are_skipped() -> None:
    found, is_error = ours(b"\r\n\n" + GET + b"\r\n" + GET)
    assert (len(found), is_error) == (2, False)


# Errors have statuses.


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1 \r\n\r\n", 400),
        (b"GET  HTTP/1.1\r\n\r\n", 400),
        (b"GET / http/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1x1\r\n\r\n", 400),
        (b"GET / HTTP/1.x\r\n\r\n", 400),
        (b"GET /\xc3\xbc HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (CHUNKED + b"x\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413),
        (CHUNKED + b"10001\r\n" + b"x" * 65537, 413),
        (b"GET /" + b"x" * MAX_HEAD_BYTES, 414),
        (b"GET /" + b"x" * MAX_HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * MAX_HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\n" + b"a:\n" * MAX_HEAD_BYTES, 431),
        (b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ],
)
def test_an_error_has_a_status(data: bytes, status: int) -> None:
    for at in ([], list(range(0, len(data), 3))):
        reader = RequestReader()
        with pytest.raises(HttpError) as caught:
            for piece in pieces(data, at):
                reader.feed(piece)
                assert reader.next_request() is None
        assert caught.value.status == status
        assert status in REASONS


@pytest.mark.parametrize("data", [b"100-continue", b"100-Continue"])
def test_an_expectation_without_a_body_is_met(data: bytes) -> None:
    assert not ours(b"GET / HTTP/1.1\r\nHost: x\r\nExpect: " + data + b"\r\n\r\n")[1]
    assert not ours(b"GET / HTTP/1.0\r\nExpect: " + data + b"\r\nContent-Length: 1\r\n\r\na")[1]


def test_a_head_up_to_the_bound_is_read() -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nA: "
    assert len(ours(head + b"x" * (MAX_HEAD_BYTES - len(head) - 4) + b"\r\n\r\n")[0]) == 1
    assert ours(head + b"x" * (MAX_HEAD_BYTES - len(head) - 3) + b"\r\n\r\n") == ([], True)


def test_bodies_are_dropped_up_to_a_bound_each() -> None:
    posted = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES + b"x" * MAX_BODY_BYTES
    chunked = CHUNKED + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 16 + b"0\r\n\r\n"
    assert [found[0] for found in ours((posted + chunked) * 2 + GET)[0]] == [b"POST"] * 4 + [b"GET"]


def test_bytes_without_end_take_bounded_memory_and_linear_time() -> None:
    started = time.monotonic()
    for data in (b"\r\n" * 300_000, GET * 20_000, CHUNKED + b"1\r\na\r\n" * 100_000, b"GET /" + b"x" * 500_000):
        reader = RequestReader()
        with peak_below(1_000_000), contextlib.suppress(HttpError):
            for at in range(0, len(data), 1000):
                reader.feed(data[at : at + 1000])
                while reader.next_request() is not None:
                    pass
    assert time.monotonic() - started < 30


# Answers.


@pytest.mark.parametrize(
    ("version", "connection", "close", "kept", "sent"),
    [
        (b"1.1", b"", False, True, None),
        (b"1.1", b"close", False, False, b"close"),
        (b"1.1", b"", True, True, b"close"),
        (b"1.0", b"", False, False, b"close"),
        (b"1.0", b"Keep-Alive", False, True, b"keep-alive"),
        (b"1.0", b"keep-alive, close", False, False, b"close"),
    ],
)
def test_an_answer_says_whether_the_connection_stays(
    version: bytes, connection: bytes, close: bool, kept: bool, sent: bytes | None
) -> None:
    request = RequestHead(b"GET", b"/", version, ((b"connection", connection),) if connection else ())
    assert request.keep_alive == kept
    found = re.search(rb"\r\nConnection: (\S*)\r\n", encode_response(200, (), b"", request, close))
    assert (found and found[1]) == sent


@pytest.mark.parametrize("status", REASONS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_h11_reads_our_answers(status: int, method: str) -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    request = RequestHead(method.encode(), b"/", b"1.1", ())
    client.receive_data(encode_response(status, ((b"Content-Type", b"text/plain"),), b"hello", request))
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert (response.status_code, bytes(response.reason)) == (status, REASONS[status].encode())
    assert list(response.headers) == [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    content = client.next_event()
    if method == "GET":
        assert isinstance(content, h11.Data) and content.data == b"hello"
        content = client.next_event()
    assert isinstance(content, h11.EndOfMessage)
    assert client.trailing_data == (b"", False)
    client.start_next_cycle()


def test_the_answer_to_an_error_closes_the_connection() -> None:
    expected = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    assert encode_response(400, (), b"no") == expected


@EXAMPLES
@given(st.integers(0, 4_102_444_800))
def test_dates_are_those_of_the_library(seconds: int) -> None:
    assert http_date(seconds).decode() == formatdate(seconds, usegmt=True)
