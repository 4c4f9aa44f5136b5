"""-addr=http://… and https://…: forms of the URL, what else may answer there, redirects, proxies."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.fake_tfs import FakeServing
from tests.support.canned import refused
from tests.support.certificates import shared
from tests.support.hints import HINTS
from tests.support.http1_behaviours import BODY, HEAD, METADATA, answer, drips, read_request, replies
from tests.support.http2_writer import GOOD, GREETING
from tests.support.runner import Outcome
from tests.support.scripted_server import Behaviour, Peer, scripted_server
from tests.support.tls_server import context
from tests.support.variants import MODULE, Variant, on_each_interpreter

READY = "Servable state is AVAILABLE"
INTERNAL = "Error calling tfs: rpc error: code = Internal desc = "
UNKNOWN = "Error calling tfs: rpc error: code = Unknown desc = "
NOT_HTTP1 = "Error dialing grpc service: connected to 127.0.0.1:{port}: "


class Row(NamedTuple):
    """What a server sends, and how the run ends: exit code, the beginning of its verdict, the hint's cause."""

    behaviour: Behaviour
    exit_code: int
    verdict: str
    cause: str = ""
    argv: tuple[str, ...] = ()


def ends(peer: Peer) -> None:
    read_request(peer)
    peer.vanish()


def redirect(status: bytes) -> Behaviour:
    return replies(answer(b"", status, b"text/html", b"Location: https://login.example/\x1b[31m?next=/v1"))


ROWS: dict[str, Row] = {
    "a good answer": Row(replies(answer()), 0, READY),
    "chunked": Row(replies(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)),
                   0, READY),
    "neither length nor chunks": Row(replies(HEAD + b"\r\n" + BODY, closes=True), 0, READY),
    "HTTP/1.0": Row(replies(b"HTTP/1.0 200 OK\r\n\r\n" + BODY, closes=True), 0, READY),
    "an interim answer first": Row(replies(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer()), 0, READY),
    "another media type": Row(replies(answer(kind=b"text/plain")), 0, READY),
    "an unknown model": Row(
        replies(answer(b'{\n    "error": "Could not find any versions of model m"\n}', b"404 Not Found")), 10,
        "Model not found: rpc error: code = NotFound desc = Could not find any versions of model m"),
    "the error of old releases": Row(
        replies(answer(b'{ "error": "Could not find any versions of model a\\\'b" }', b"404 Not Found")), 10,
        "Model not found: rpc error: code = NotFound desc = Could not find any versions of model a'b"),
    "another 404": Row(replies(answer(b"<html>", b"404 Not Found", b"text/html; charset=x")), 3,
                       "Error calling tfs: rpc error: code = NotFound desc = unexpected HTTP status 404 (text/html)",
                       "proxy"),
    "a 404 with other JSON": Row(replies(answer(b'{"code": 5}', b"404 Not Found")), 3,
                                 "Error calling tfs: rpc error: code = NotFound desc = unexpected HTTP status 404 "
                                 "(application/json)", "proxy"),
    "a gateway": Row(replies(answer(b"<html>", b"502 Bad Gateway", b"text/html")), 3,
                     UNKNOWN + "unexpected HTTP status 502 (text/html)", "proxy"),
    "an empty error": Row(replies(answer(b"", b"400 Bad Request")), 3,
                          "Error calling tfs: rpc error: code = InvalidArgument desc = unexpected HTTP status 400",
                          "proxy"),
    "no thread": Row(replies(answer(b'{"error": "busy"}', b"429 Too Many Requests")), 3,
                     "Error calling tfs: rpc error: code = ResourceExhausted desc = busy"),
    "409": Row(replies(answer(b'{"error": "x"}', b"409 Conflict")), 3,
               "Error calling tfs: rpc error: code = AlreadyExists desc = x"),
    "500": Row(replies(answer(b'{"error": "x"}', b"500 Internal Server Error")), 3, INTERNAL + "x"),
    "418": Row(replies(answer(b'{"error": "x"}', b"418 Teapot")), 3, UNKNOWN + "x"),
    "301": Row(redirect(b"301 Moved Permanently"), 3, UNKNOWN + "unexpected HTTP status 301 (redirect to "
               r"https://login.example/\x1b[31m?next=/v1)", "proxy"),
    "307": Row(redirect(b"307 Temporary Redirect"), 3, UNKNOWN + "unexpected HTTP status 307 (redirect to ", "proxy"),
    "204": Row(replies(b"HTTP/1.1 204 No Content\r\n\r\n"), 3, UNKNOWN + "unexpected HTTP status 204", "proxy"),
    "an empty body": Row(replies(answer(b"")), 3, INTERNAL, "unreadable"),
    "no versions": Row(replies(answer(b"{}")), 11, "Empty response", "empty"),
    "half a body": Row(replies(HEAD + b"Content-Length: 156\r\n\r\n" + BODY[:50], closes=True), 3, INTERNAL,
                       "unreadable"),
    "other JSON": Row(replies(answer(b"[]")), 3, INTERNAL, "unreadable"),
    "gRPC": Row(replies(GREETING + GOOD), 2, NOT_HTTP1 + "it speaks HTTP/2, not HTTP/1", "rest-grpc"),
    "TLS": Row(replies(b"\x15\x03\x01\x00\x02\x02\x0a"), 2, NOT_HTTP1 + "it speaks TLS", "rest-tls"),
    "SSH": Row(replies(b"SSH-2.0-OpenSSH_9.2\r\n"), 2, NOT_HTTP1 + "it does not speak HTTP/1", "rest-not-http"),
    "nothing": Row(ends, 3, "Error calling tfs: rpc error: code = Unavailable desc = ", "broken"),
    "silence": Row(lambda peer: None, 3,
                   "Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
                   "call-timeout", ("-rpc-timeout=200ms",)),
    "a byte a second": Row(drips(answer()), 3,
                           "Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
                           "run-timeout", ("-timeout=500ms",)),
}  # fmt: skip


def ask(variant: Variant, address: str, *argv: str, env: dict[str, str] | None = None) -> Outcome:
    return variant.run(f"-addr={address}", *argv, env=env)


@on_each_interpreter
@pytest.mark.parametrize("name", ROWS)
def test_what_answers(name: str, variant: Variant) -> None:
    row = ROWS[name]
    with scripted_server(row.behaviour, http2=False) as server:
        outcome = ask(variant, f"http://{server.address}", *row.argv)
    assert outcome.exit_code == row.exit_code, outcome
    assert outcome.verdict.startswith(row.verdict.replace("{port}", str(server.port))), outcome.verdict
    assert outcome.hint == HINTS[row.cause] if row.cause else True
    assert len(server.peers) == 1 or row.exit_code, "a redirect is not followed, a good server is asked once"


@pytest.mark.parametrize(
    ("code", "status", "exit_code"),
    [
        (b'{"error": "x"}', b"404 Not Found", 0),
        (b'{"error": "x"}', b"400 Bad Request", 0),
        (b'{"error": "x"}', b"429 Too Many Requests", 0),
        (b'{"error": "x"}', b"500 Internal Server Error", 0),
        (b'{"error": "x"}', b"503 Service Unavailable", 3),
        (b'{"error": "x"}', b"501 Not Implemented", 3),
        (b'{"error": "x"}', b"401 Unauthorized", 3),
        (b"<html>", b"404 Not Found", 3),
        (b"", b"500 Internal Server Error", 3),
        (BODY.replace(b"AVAILABLE", b"LOADING"), b"200 OK", 0),
    ],
)
def test_liveness_believes_tensorflow_serving_alone(code: bytes, status: bytes, exit_code: int) -> None:
    with scripted_server(replies(answer(code, status)), http2=False) as server:
        assert ask(MODULE, f"http://{server.address}", "-liveness").exit_code == exit_code


# Forms of the URL.


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("http://127.0.0.1:{port}", "/v1/models/m", "127.0.0.1:{port}"),
        ("http://127.0.0.1:{port}/", "/v1/models/m", "127.0.0.1:{port}"),
        ("http://127.0.0.1:{port}/a/b", "/a/b/v1/models/m", "127.0.0.1:{port}"),
        ("http://127.0.0.1:{port}/a/b//", "/a/b/v1/models/m", "127.0.0.1:{port}"),
        ("http://localhost:{port}", "/v1/models/m", "localhost:{port}"),
        ("http://:{port}", "/v1/models/m", "localhost:{port}"),
    ],
)
def test_what_is_sent(url: str, target: str, host: str) -> None:
    with scripted_server(replies(answer()), http2=False) as server:
        outcome = ask(MODULE, url.replace("{port}", str(server.port)), "-model-name=m", "-rpc-header=X-A: b")
        assert outcome.exit_code == 0, outcome
    head, end, body = bytes(server.peers[0].received).partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    assert line == f"GET {target} HTTP/1.1"
    names = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    assert names["host"] == host.replace("{port}", str(server.port))
    assert names["x-a"] == "b"
    assert (end, body) == (b"\r\n\r\n", b"")
    assert "content-length" not in names and "transfer-encoding" not in names


@pytest.mark.parametrize(
    ("model", "target"),
    [("ü/ä b", b"%C3%BC%2F%C3%A4%20b"), ("a+b:c?d%", b"a%2Bb%3Ac%3Fd%25"), ("a-b._~c", b"a-b._~c")],
)
def test_names_are_percent_encoded(model: str, target: bytes) -> None:
    with scripted_server(replies(answer()), http2=False) as server:
        assert ask(MODULE, f"http://{server.address}", f"-model-name={model}").exit_code == 0
    assert bytes(server.peers[0].received).startswith(b"GET /v1/models/" + target + b" HTTP/1.1\r\n")


@on_each_interpreter
@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://user:secret@127.0.0.1:1", "url-user"),
        ("http://user@127.0.0.1:1", "url-user"),
        ("http://127.0.0.1:1/?a", "url-path"),
        ("http://127.0.0.1:1/#a", "url-path"),
        ("http://127.0.0.1:1/a b", "url-path"),
        ("http://", "url-path"),
        ("http:///v1", "url-path"),
        ("https://127.1:1", "numeric-host"),
        ("http://127.0.0.1:99999", "address"),
        ("http://[::1", "address"),
        ("grpc://127.0.0.1:1", "url"),
        ("grpcs://127.0.0.1:1", "url"),
        ("tcp://127.0.0.1:1", "url"),
        ("ftp://127.0.0.1:1", "url"),
    ],
)
def test_urls_that_are_refused(url: str, cause: str, variant: Variant) -> None:
    outcome = ask(variant, url)
    assert outcome.exit_code == 2, outcome
    assert outcome.hint == HINTS[cause]
    assert "secret" not in outcome.stderr


def test_a_path_that_is_already_the_api_s() -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}) as server:
        outcome = ask(MODULE, f"http://127.0.0.1:{server.rest_port}/v1/models", "-model-name=m")
    assert outcome.exit_code == 3
    assert outcome.verdict.endswith("InvalidArgument desc = Malformed request: GET /v1/models/v1/models/m")
    assert outcome.hint.startswith("check the path of the URL in -addr: ")


@pytest.mark.parametrize("url", ["http://127.0.0.1", "https://127.0.0.1/x", "http://[::1]"])
def test_a_url_without_a_port_means_80_or_443(url: str) -> None:
    outcome = ask(MODULE, url, "-connect-timeout=100ms")
    assert outcome.exit_code == 2, outcome
    assert f":{'443' if url.startswith('https') else '80'}: connection refused" in outcome.verdict
    assert outcome.hint == HINTS["rest-port"]


def test_a_port_that_refuses_has_the_usual_line() -> None:
    with refused() as place:
        outcome = ask(MODULE, f"http://127.0.0.1:{place.port}", "-connect-timeout=100ms")
    assert (outcome.exit_code, outcome.hint) == (2, HINTS["rest-refused"])
    assert outcome.verdict == (
        "Error dialing grpc service: context deadline exceeded "
        f"(last error: connect 127.0.0.1:{place.port}: connection refused)"
    )


@on_each_interpreter
def test_a_proxy_is_never_used(variant: Variant) -> None:
    with refused() as place, scripted_server(replies(answer()), http2=False) as server:
        proxy = f"http://127.0.0.1:{place.port}"
        names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "grpc_proxy")
        assert ask(variant, f"http://{server.address}", env=dict.fromkeys(names, proxy)).exit_code == 0


class _Good(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.wfile.write(answer())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing reads a log."""


@contextlib.contextmanager
def secured(alpn: tuple[str, ...], client_ca: str = "") -> Iterator[str]:
    """A gateway with TLS in front of REST; TensorFlow Serving itself has none. Gives its address."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not trust the server leaves."""

    server = Server(("127.0.0.1", 0), _Good)
    server.socket = context(shared(), alpn=alpn, client_ca=client_ca).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@on_each_interpreter
@pytest.mark.parametrize("alpn", [("http/1.1",), ()])
def test_https(alpn: tuple[str, ...], variant: Variant) -> None:
    with secured(alpn) as address:
        trusting = f"-tls-ca-cert={shared().folder}/ca.pem"
        outcome = ask(variant, f"https://{address}", trusting)
        assert outcome.exit_code == 0, outcome
        assert ask(variant, f"https://{address}").exit_code == 2
        assert ask(variant, f"https://{address}", "-tls-no-verify").exit_code == 0
        plain = ask(variant, f"http://{address}")
        assert plain.exit_code in (2, 3), plain


# Labels, several models.


def test_a_label_is_read_only_up_to_the_version() -> None:
    def behaviour(peer: Peer) -> None:
        read_request(peer)
        peer.send(answer())
        read_request(peer)
        peer.send(HEAD + b"Content-Length: 99999999\r\n\r\n" + METADATA[:90])  # and no more

    with scripted_server(behaviour, http2=False) as server:
        outcome = ask(MODULE, f"http://{server.address}", "-model-name=m", "-model-label=a b/c")
        assert outcome.exit_code == 0, outcome
    assert b"GET /v1/models/m/labels/a%20b%2Fc/metadata HTTP/1.1\r\n" in bytes(server.peers[0].received)


def test_several_models_share_one_connection() -> None:
    with scripted_server(replies(*[answer()] * 3), http2=False) as server:
        outcome = ask(MODULE, f"http://{server.address}", "-model-name=a", "-model-name=b", "-model-name=c")
    assert outcome.exit_code == 0, outcome
    assert len(server.peers) == 1


def test_a_connection_that_is_not_kept_is_replaced() -> None:
    with scripted_server(
        replies(answer(BODY, b"200 OK", b"x", b"Connection: close"), closes=True), http2=False
    ) as server:
        outcome = ask(MODULE, f"http://{server.address}", "-model-name=a", "-model-name=b", "-model-name=c")
    assert outcome.exit_code == 0, outcome
    assert len(server.peers) == 3


def test_a_connection_that_ends_although_it_was_to_be_kept_is_replaced() -> None:
    with scripted_server(replies(answer(), closes=True), http2=False) as server:
        outcome = ask(MODULE, f"http://{server.address}", "-model-name=a", "-model-name=b")
    assert outcome.exit_code == 0, outcome
    assert len(server.peers) == 2


@on_each_interpreter
def test_the_real_targets(variant: Variant, tmp_path: Path) -> None:
    with FakeServing({"m": {2: "AVAILABLE", 1: "AVAILABLE"}}, labels={"m": {"stable": 1}}) as server:
        request = tmp_path / "request.json"
        request.write_text('{"instances": [1.0]}')
        url = f"http://127.0.0.1:{server.rest_port}"
        assert ask(variant, url, "-model-name=m", "-model-version=2", f"-predict={request}").exit_code == 0
        assert ask(variant, url, "-model-name=m", "-model-label=stable", f"-predict={request}").exit_code == 0
        assert server.targets == [
            "GET /v1/models/m",
            "POST /v1/models/m/versions/2:predict",
            "GET /v1/models/m",
            "GET /v1/models/m/labels/stable/metadata",
            "POST /v1/models/m/versions/1:predict",
        ]
