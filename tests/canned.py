"""Servers that give exact answers, for holding programs against each other.

Nothing here knows our program or TensorFlow Serving: a test hands in the bytes or the status that the
server shall answer, and gets back the place where it listens. Every server takes a free port of
127.0.0.1 and a fresh folder, and is gone when its `with` block ends, also while a client still waits.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import grpc
import hpack
import hyperframe.frame as h2frame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = h2frame.SettingsFrame(0).serialize()
SETTINGS_ACK = h2frame.SettingsFrame(0, flags=["ACK"]).serialize()
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
    """What a raw HTTP/2 server says, byte for byte.

    The greeting goes out once the client's preface has come; the answer, once a request has ended.
    Without an answer the ending follows the greeting at once. Delays are in seconds: until then the port
    refuses connections, and until then the greeting waits.
    """

    answer: Callable[[Request], bytes] | None
    greeting: bytes = EMPTY_SETTINGS
    ending: Literal["hold", "close", "reset"] = "hold"
    listens_after: float = 0
    greets_after: float = 0


@contextlib.contextmanager
def canned_http2(script: Script) -> Iterator[Place]:
    """A TCP server that plays `script` to every client; it asks nothing of what the client says but its framing."""

    def play(connection: socket.socket) -> None:
        incoming = _Incoming(connection)
        incoming.take(len(PREFACE))
        time.sleep(script.greets_after)
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

    with _tcp_server(play, script.listens_after) as place:
        yield place


@contextlib.contextmanager
def mute() -> Iterator[Place]:
    """A server that accepts and never says a word."""
    with _tcp_server(lambda connection: _Incoming(connection).drain()) as place:
        yield place


@contextlib.contextmanager
def refused() -> Iterator[Place]:
    """A port on which nobody listens, and which nobody else can take meanwhile."""
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
            frame, length = h2frame.Frame.parse_frame_header(memoryview(self.take(9)))
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
def _tcp_server(play: Callable[[socket.socket], None], listens_after: float = 0) -> Iterator[Place]:
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []
    closing = threading.Event()

    def serve(connection: socket.socket) -> None:
        # A client may leave whenever it likes, and so may the test: neither is a fault of the script.
        with connection, contextlib.suppress(OSError):
            play(connection)

    def accept() -> None:
        closing.wait(listens_after)
        with contextlib.suppress(OSError):
            listener.listen()
            while not closing.is_set():
                connection, _ = listener.accept()
                connections.append(connection)
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.socket() as listener, _folder() as folder:
        listener.bind(("127.0.0.1", 0))
        if not listens_after:
            listener.listen()  # here, so that the first client finds it open
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield Place(listener.getsockname()[1], folder)
        finally:
            closing.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone does not
            accepting.join()
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="canned-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
