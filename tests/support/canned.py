"""Servers that give one exact answer, to compare programs with each other.

Nothing here depends on our program or on TensorFlow Serving: a test passes the bytes or the status that the server
answers with, and gets the server's place. Every server takes a free port of 127.0.0.1 and a new folder, and is gone
when its `with` block ends, even while a client still waits.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import grpc
import hpack
import hyperframe.frame as h2frame

from tests.support.http2_writer import FRAME_HEADER_BYTES, GREETING, PREFACE
from tests.support.listener import Serve, accept_each

IDENTITY = None  # grpcio passes bytes through where it is given no (de)serializer


@dataclass(frozen=True)
class Place:
    """Where a canned server is found: a port of this machine, and a folder for a socket or other files."""

    port: int
    folder: Path

    @property
    def socket(self) -> str:
        """The path of the UNIX socket, for servers that were asked to open one."""
        return str(self.folder / "tfs.sock")


@contextlib.contextmanager
def canned_grpc(
    response: bytes | None,
    code: int = 0,
    details: str = "",
    delay: float = 0,
    *,
    respond: Callable[[bytes], str] | None = None,
    host: str = "127.0.0.1",
    unix_socket: bool = False,
) -> Iterator[Place]:
    """A real gRPC server with one answer for every unary method.

    `response` None, or a `code` other than 0, ends the call with that status. `respond` makes the
    details from the request's bytes. `delay` is in seconds, and cut short when the server closes.
    """
    if response is None and code == 0:
        raise ValueError("a call that ends with OK needs a response")
    closing = threading.Event()
    statuses: dict[int, grpc.StatusCode] = {status.value[0]: status for status in grpc.StatusCode}

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        closing.wait(delay)
        context.set_code(statuses[code])
        context.set_details(respond(request) if respond else details)
        return response or b""

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            return grpc.unary_unary_rpc_method_handler(answer, IDENTITY, IDENTITY)

    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with ThreadPoolExecutor(4) as threads, _folder() as folder:
        server = grpc.server(threads, options=[*unlimited, ("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((Handler(),))
        place = Place(server.add_insecure_port(f"{host}:0"), folder)
        if unix_socket:
            server.add_insecure_port(f"unix:{place.socket}")
        server.start()
        try:
            yield place
        finally:
            closing.set()
            server.stop(0).wait()


class Request(NamedTuple):
    """One complete request, as the client sent it."""

    stream: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Script:
    """What a raw HTTP/2 server sends, byte for byte.

    The greeting goes out once the client's preface has come; the answer, once a request has ended.
    Without an answer the ending follows the greeting at once. Delays are in seconds: until then the port
    refuses connections, and until then the greeting waits.
    """

    answer: Callable[[Request], bytes] | None
    greeting: bytes = GREETING
    ending: Literal["hold", "close", "reset"] = "hold"
    listens_after: float = 0
    greets_after: float = 0


@contextlib.contextmanager
def canned_http2(script: Script) -> Iterator[Place]:
    """A TCP server that follows `script` with every client; it checks nothing of what the client sends."""

    def serve(connection: socket.socket, closing: threading.Event) -> None:
        incoming = _Incoming(connection)
        incoming.take(len(PREFACE))
        closing.wait(script.greets_after)
        connection.sendall(script.greeting)
        for request in incoming.requests() if script.answer else ():
            assert script.answer
            connection.sendall(script.answer(request))
            if script.ending != "hold":
                break
        if script.ending == "close":
            connection.shutdown(socket.SHUT_WR)
        if script.ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            incoming.drain()

    with _tcp_server(serve, script.listens_after) as place:
        yield place


@contextlib.contextmanager
def mute() -> Iterator[Place]:
    """A server that accepts connections and never sends a byte."""
    with _tcp_server(lambda connection, _: _Incoming(connection).drain()) as place:
        yield place


@contextlib.contextmanager
def refused() -> Iterator[Place]:
    """A port on which nothing listens, and which no other process can take meanwhile."""
    with socket.socket() as bound, _folder() as folder:
        bound.bind(("127.0.0.1", 0))
        yield Place(bound.getsockname()[1], folder)


class _Incoming:
    """The client's half of a connection, read frame by frame."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def take(self, size: int) -> bytes:
        taken = b""
        while len(taken) < size:
            more = self._connection.recv(size - len(taken))
            if not more:
                raise ConnectionError("the client has left")
            taken += more
        return taken

    def requests(self) -> Iterator[Request]:
        decoder = hpack.Decoder()
        headers: dict[int, tuple[tuple[str, str], ...]] = {}
        bodies: dict[int, bytes] = {}
        while True:
            frame, length = h2frame.Frame.parse_frame_header(memoryview(self.take(FRAME_HEADER_BYTES)))
            frame.parse_body(memoryview(self.take(length)))
            if isinstance(frame, h2frame.HeadersFrame):
                fields = decoder.decode(frame.data)
                headers[frame.stream_id] = tuple((_text(name), _text(value)) for name, value in fields)
            elif isinstance(frame, h2frame.DataFrame):
                bodies[frame.stream_id] = bodies.get(frame.stream_id, b"") + frame.data
            if "END_STREAM" in frame.flags:
                yield Request(frame.stream_id, headers.pop(frame.stream_id), bodies.pop(frame.stream_id, b""))

    def drain(self) -> None:
        while self._connection.recv(65536):
            pass


@contextlib.contextmanager
def _tcp_server(serve: Callable[[socket.socket, threading.Event], None], listens_after: float = 0) -> Iterator[Place]:
    def on_connection(connection: socket.socket, closing: threading.Event) -> Serve:
        return lambda: serve(connection, closing)

    with _folder() as folder, accept_each(on_connection, listens_after=listens_after) as port:
        yield Place(port, folder)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="canned-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
