"""Calls that the server says it has not processed, and a server that is busy: they are made again, within bounds.

RFC 9113, 8.7: RST_STREAM with REFUSED_STREAM, and GOAWAY with a lower last stream, promise that nothing was done.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import hyperframe.frame as h2frame
import pytest

from probe.tfs import exit_codes
from tests.fake_tfs import FakeServing
from tests.support import certificates, tls_server
from tests.support.canned import Request, Script, canned_http2
from tests.support.hints import HINTS
from tests.support.http2_writer import GREETING, HEAD_FIELDS, READY, data, goaway, headers, reset, trailers
from tests.support.listener import Serve, accept_each
from tests.support.runner import Outcome
from tests.support.scripted_server import ClientLeft, Peer
from tests.support.spiffe_authority import authority
from tests.support.variants import MODULE, Variant, on_each_interpreter
from tests.support.wire import message
from tests.support.workload_api import identity

NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 0, 2, 7, 8
NOT_FOUND, RESOURCE_EXHAUSTED = 5, 8
TIMEOUT = "-timeout=5s"
TRANSPORTS = ("tcp", "unix", "tls")


def answer(stream: int, payload: bytes = READY) -> bytes:
    return headers(HEAD_FIELDS, stream=stream) + data(payload, stream=stream) + trailers(0, stream=stream)


def status(stream: int, code: int) -> bytes:
    """An answer that is a status alone."""
    return headers([*HEAD_FIELDS, ("grpc-status", str(code))], end=True, stream=stream)


# What the server does with one request: the bytes that it sends, and whether it then closes the connection.
Step = Callable[[int], tuple[bytes, bool]]

REFUSES: Step = lambda stream: (reset(REFUSED_STREAM, stream), False)  # noqa: E731
GOES_AWAY: Step = lambda stream: (goaway(stream - 1, NO_ERROR), True)  # noqa: E731
GOES_AWAY_ANGRILY: Step = lambda stream: (goaway(0, 11, b"too_many_pings"), True)  # noqa: E731
GOES_AWAY_LATER: Step = lambda stream: (goaway(stream - 1, NO_ERROR), False)  # noqa: E731
COVERS: Step = lambda stream: (goaway(stream, NO_ERROR), True)  # noqa: E731
CANCELS: Step = lambda stream: (reset(CANCEL, stream), False)  # noqa: E731
BREAKS: Step = lambda stream: (reset(INTERNAL_ERROR, stream), False)  # noqa: E731
CLOSES: Step = lambda stream: (b"", True)  # noqa: E731
HANGS: Step = lambda stream: (b"", False)  # noqa: E731
ANSWERS: Step = lambda stream: (answer(stream), False)  # noqa: E731
KNOWS_NO_MODEL: Step = lambda stream: (status(stream, NOT_FOUND), False)  # noqa: E731


class Scripted:
    """A server that takes one step for each request, whatever the connection; the last step repeats."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.requests = self.connections = 0

    def serve(self, peer: Peer) -> None:
        self.connections += 1
        peer.send(GREETING)
        with contextlib.suppress(ClientLeft, OSError, ssl.SSLError):
            while True:
                stream = self._request(peer)
                step = self.steps[min(self.requests, len(self.steps) - 1)]
                self.requests += 1
                sent, closes = step(stream)
                peer.send(sent)
                if closes:
                    return

    @staticmethod
    def _request(peer: Peer) -> int:
        while True:
            frame = peer.frame()
            if isinstance(frame, (h2frame.DataFrame, h2frame.HeadersFrame)) and "END_STREAM" in frame.flags:
                return int(frame.stream_id)


@contextlib.contextmanager
def serving(transport: str, server: Scripted, folder: Path) -> Iterator[list[str]]:
    """Serves; gives the arguments that lead there."""
    secured = tls_server.context(certificates.shared()) if transport == "tls" else None

    def on_connection(connection: socket.socket, closing: threading.Event) -> Serve:
        def serve() -> None:
            with secured.wrap_socket(connection, server_side=True) if secured else connection as stream:
                server.serve(Peer(stream, closing))

        return serve

    if transport == "unix":
        with on_unix_socket(folder / "tfs.sock", on_connection) as path:
            yield [f"-addr=unix://{path}"]
        return
    with accept_each(on_connection) as port:
        ca = certificates.shared().file("ca.pem")
        yield [f"-addr=127.0.0.1:{port}", *(["-tls", f"-tls-ca-cert={ca}"] if secured else [])]


@contextlib.contextmanager
def on_unix_socket(path: Path, on_connection: Callable[[socket.socket, threading.Event], Serve]) -> Iterator[Path]:
    closing = threading.Event()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=on_connection(connection, closing), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


class Case(NamedTuple):
    steps: tuple[Step, ...]
    exit_code: int
    requests: int
    connections: int
    cause: str = ""


CASES = {
    "refused once": Case((REFUSES, ANSWERS), exit_codes.OK, 2, 1),
    "going away once": Case((GOES_AWAY, ANSWERS), exit_codes.OK, 2, 2),
    "going away once, and staying open": Case((GOES_AWAY_LATER, ANSWERS), exit_codes.OK, 2, 2),
    "going away with an error": Case((GOES_AWAY_ANGRILY, ANSWERS), exit_codes.OK, 2, 2),
    "refused, then an answer about the model": Case((REFUSES, KNOWS_NO_MODEL), exit_codes.NOT_FOUND, 2, 1),
    "refused, then going away": Case((REFUSES, GOES_AWAY), exit_codes.CALL, 2, 1, "unprocessed"),
    "always refused": Case((REFUSES,), exit_codes.CALL, 2, 1, "unprocessed"),
    "always going away": Case((GOES_AWAY,), exit_codes.CALL, 2, 2, "unprocessed"),
    "always going away, and staying open": Case((GOES_AWAY_LATER,), exit_codes.CALL, 2, 2, "unprocessed"),
    "going away, with our call": Case((COVERS, ANSWERS), exit_codes.CALL, 1, 1, "broken"),
    "cancelled": Case((CANCELS, ANSWERS), exit_codes.CALL, 1, 1, "broken"),
    "an internal error": Case((BREAKS, ANSWERS), exit_codes.CALL, 1, 1, "broken"),
    "closed": Case((CLOSES, ANSWERS), exit_codes.CALL, 1, 1, "broken"),
}


@on_each_interpreter
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", CASES)
def test_made_once_more(variant: Variant, tmp_path: Path, transport: str, name: str) -> None:
    case = CASES[name]
    server = Scripted(*case.steps)
    with serving(transport, server, tmp_path) as argv:
        outcome = variant.run(*argv, TIMEOUT)
    assert (outcome.exit_code, server.requests, server.connections) == case[1:4], outcome
    assert not case.cause or outcome.hint == HINTS[case.cause]


@on_each_interpreter
@pytest.mark.parametrize("first", [REFUSES, GOES_AWAY])
def test_within_the_deadline(variant: Variant, tmp_path: Path, first: Step) -> None:
    """The second attempt gets what is left of the time, of -rpc-timeout as well."""
    for budget in ("-timeout=400ms", "-rpc-timeout=400ms"):
        server = Scripted(first, HANGS)
        begun = time.monotonic()
        with serving("tcp", server, tmp_path) as argv:
            outcome = variant.run(*argv, budget)
        assert time.monotonic() - begun < 2
        assert outcome.exit_code == exit_codes.CALL
        assert "code = DeadlineExceeded" in outcome.verdict


@on_each_interpreter
@pytest.mark.parametrize("first", [REFUSES, GOES_AWAY])
def test_workload_api(variant: Variant, tmp_path: Path, first: Step) -> None:
    ours = authority("ours.test")
    credentials = message(identity(ours.identity("/probe"), ours))
    api = Scripted(first, lambda stream: (answer(stream, credentials), False))
    with (
        FakeServing({"default": {1: "AVAILABLE"}}, rest=False, tls=ours.identity().pem, client_ca=ours.pem) as tfs,
        serving("unix", api, tmp_path) as (address,),
    ):
        endpoint = {"SPIFFE_ENDPOINT_SOCKET": address.removeprefix("-addr=")}
        outcome = variant.run("-spiffe", f"-addr={tfs.address}", TIMEOUT, env=endpoint)
    assert outcome.exit_code == exit_codes.OK, outcome
    assert api.requests == 2


# A busy server.

BUSY: Step = lambda stream: (status(stream, RESOURCE_EXHAUSTED), False)  # noqa: E731
BUSY_VERDICT = "Error calling tfs: rpc error: code = ResourceExhausted desc = "


def ask(variant: Variant, folder: Path, server: Scripted, *argv: str) -> Outcome:
    with serving("tcp", server, folder) as where:
        return variant.run(*where, *argv)


@on_each_interpreter
def test_busy_for_a_moment(variant: Variant, tmp_path: Path) -> None:
    server = Scripted(BUSY, BUSY, ANSWERS)
    assert ask(variant, tmp_path, server, TIMEOUT).exit_code == exit_codes.OK
    assert (server.requests, server.connections) == (3, 1)
    server = Scripted(BUSY, KNOWS_NO_MODEL)
    assert ask(variant, tmp_path, server, TIMEOUT).exit_code == exit_codes.NOT_FOUND


@on_each_interpreter
def test_busy_without_a_budget(variant: Variant, tmp_path: Path) -> None:
    """As the original."""
    server = Scripted(BUSY, ANSWERS)
    outcome = ask(variant, tmp_path, server)
    assert (outcome.exit_code, outcome.verdict, server.requests) == (exit_codes.CALL, BUSY_VERDICT, 1)
    assert "--grpc_max_threads" in outcome.hint


@on_each_interpreter
@pytest.mark.parametrize("limits", [("-timeout=500ms",), (TIMEOUT, "-rpc-timeout=500ms")])
@pytest.mark.parametrize("then", [BUSY, HANGS])
def test_busy_for_too_long(variant: Variant, tmp_path: Path, limits: tuple[str, ...], then: Step) -> None:
    """What the server said stays, also where the last call was cut short."""
    server = Scripted(BUSY, then)
    begun = time.monotonic()
    outcome = ask(variant, tmp_path, server, *limits)
    assert time.monotonic() - begun < 2
    assert (outcome.exit_code, outcome.verdict) == (exit_codes.CALL, BUSY_VERDICT)
    assert 2 <= server.requests <= 5
    assert "--grpc_max_threads" in outcome.hint


@on_each_interpreter
def test_busy_is_alive(variant: Variant, tmp_path: Path) -> None:
    server = Scripted(BUSY)
    assert ask(variant, tmp_path, server, TIMEOUT, "-liveness").exit_code == exit_codes.OK
    assert server.requests == 1


@on_each_interpreter
def test_too_large_is_not_busy(variant: Variant, tmp_path: Path) -> None:
    """gRPC's code for a message that this side refuses is the same."""
    server = Scripted(lambda stream: (answer(stream, message(b"", length=5 << 20)), False))
    outcome = ask(variant, tmp_path, server, TIMEOUT)
    assert outcome.exit_code == exit_codes.CALL
    assert "larger than max" in outcome.verdict
    assert server.requests == 1


# Liveness: what TensorFlow Serving itself says, and nothing else.

SERVER_SAYS = (0, 2, 3, 5, 6, 8, 9, 10, 11, 13, 15)
OTHERS_SAY = (1, 4, 7, 12, 14, 16, 17, 99)


def trailers_only(code: int, text: str = "") -> Callable[[Request], bytes]:
    fields = [*HEAD_FIELDS, ("grpc-status", str(code)), ("grpc-message", text)]
    return lambda request: headers(fields, end=True, stream=request.stream)


@on_each_interpreter
@pytest.mark.parametrize("code", [*SERVER_SAYS, *OTHERS_SAY])
def test_liveness(variant: Variant, code: int) -> None:
    script = Script((lambda request: answer(request.stream)) if code == 0 else trailers_only(code))
    with canned_http2(script) as place:
        outcome = variant.run(f"-addr=127.0.0.1:{place.port}", "-liveness", TIMEOUT)
        strict = variant.run(f"-addr=127.0.0.1:{place.port}", "-timeout=300ms")
    assert outcome.exit_code == (exit_codes.OK if code in SERVER_SAYS else exit_codes.CALL), outcome
    assert strict.exit_code == {0: exit_codes.OK, 5: exit_codes.NOT_FOUND}.get(code, exit_codes.CALL)


@pytest.mark.parametrize("code", [3, 5, 7, 8, 9, 14, 16])
@pytest.mark.parametrize("engine", ["native", "grpcio"])
def test_liveness_on_both_engines(code: int, engine: str) -> None:
    """Codes that the grpcio library does not send of its own, so that it can be told who sent them."""
    with canned_http2(Script(trailers_only(code))) as place:
        outcome = MODULE.run(f"-addr=127.0.0.1:{place.port}", "-liveness", TIMEOUT, f"-engine={engine}")
    assert outcome.exit_code == (exit_codes.OK if code in SERVER_SAYS else exit_codes.CALL), outcome


@on_each_interpreter
def test_a_proxy_is_not_alive(variant: Variant) -> None:
    """F1: what Envoy answers of its own for a server behind it that is down."""
    text = "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
    with canned_http2(Script(trailers_only(14, text))) as place:
        outcome = variant.run(f"-addr=127.0.0.1:{place.port}", "-liveness", TIMEOUT)
    assert outcome.exit_code == exit_codes.CALL
    assert outcome.verdict == f"Error calling tfs: rpc error: code = Unavailable desc = {text}"
    assert "proxy or mesh" in outcome.hint


@on_each_interpreter
@pytest.mark.parametrize(
    "fields",
    [
        [(":status", "503"), ("content-type", "text/html")],
        [(":status", "404"), ("content-type", "application/grpc")],
        [(":status", "200"), ("content-type", "application/json")],
        [("content-type", "application/grpc"), ("grpc-status", "0")],  # A13: RFC 9113, 8.3.2
        [(":status", "abc"), ("content-type", "application/grpc"), ("grpc-status", "0")],
        [(":status", "0200"), ("content-type", "application/grpc"), ("grpc-status", "5")],
        [(":status", ""), ("content-type", "application/grpc"), ("grpc-status", "8")],
    ],
)
def test_no_status_of_a_server(variant: Variant, fields: list[tuple[str, str]]) -> None:
    script = Script(lambda request: headers(fields, end=True, stream=request.stream))
    with canned_http2(script) as place:
        for argv in ((), ("-liveness",)):
            assert variant.run(f"-addr=127.0.0.1:{place.port}", TIMEOUT, *argv).exit_code == exit_codes.CALL


@on_each_interpreter
def test_http_status_beside_a_grpc_status(variant: Variant) -> None:
    """As in the original, the gRPC status counts."""
    fields = [(":status", "503"), ("content-type", "application/grpc"), ("grpc-status", "5")]
    with canned_http2(Script(lambda request: headers(fields, end=True, stream=request.stream))) as place:
        assert variant.run(f"-addr=127.0.0.1:{place.port}", TIMEOUT).exit_code == exit_codes.NOT_FOUND
