"""A server that behaves as a test wants, down to the single byte.

A behaviour is a function that takes the server's end of one connection, a `Peer`, and sends and reads through it. What
it asserts about the client counts: the `with` block that holds the server raises it. After the behaviour the server
keeps the connection and reads until the client leaves, unless the behaviour has closed it.

Frames come from `http2_writer`; the client's are parsed by `hyperframe`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import hyperframe.frame as h2frame

from tests.support.http2_writer import (
    DATA,
    FRAME_HEADER_BYTES,
    INITIAL_WINDOW_BYTES,
    MAX_FRAME_BYTES,
    PREFACE,
    frame,
    ping,
)
from tests.support.listener import Serve, accept_each

CLIENT_HELLO = b"\x16\x03"  # the first bytes of a client that speaks TLS

Behaviour = Callable[["Peer"], None]


class ClientLeft(ConnectionError):
    """The client has closed the connection."""


class Peer:
    """The server's end of a connection. `received` is everything that the behaviour has read."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self.socket = connection
        self.received = bytearray()
        self.stream_window = self.connection_window = INITIAL_WINDOW_BYTES  # what the client lets us send
        self.requested = self.acknowledged = False  # whether the request, and an acknowledgement of SETTINGS, were read
        self._closing = closing
        self._at = 0  # how much of `received` was taken as frames
        self._open = True

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def pause(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def close(self) -> None:
        """Closes this direction; the client's bytes are still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends the connection by a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.vanish()

    def vanish(self) -> None:
        """Closes at once; the kernel resets the connection where bytes are left unread."""
        self.socket.close()
        self._open = False

    def hold(self) -> None:
        """Reads until the client leaves."""
        while self._open and self._read():
            pass

    def skim(self) -> None:
        """Reads what has come, without waiting."""
        with contextlib.suppress(BlockingIOError):
            self.received += self.socket.recv(1 << 20, socket.MSG_DONTWAIT)

    def _read(self) -> bool:
        more = self.socket.recv(1 << 20)
        self.received += more
        return bool(more)

    def _take(self, size: int) -> bytes:
        while len(self.received) - self._at < size:
            if not self._read():
                raise ClientLeft
        taken = bytes(self.received[self._at : self._at + size])
        self._at += size
        return taken

    def frame(self) -> h2frame.Frame:
        """The client's next frame, its preface taken and its window updates noted."""
        if self._at == 0:
            preface = self._take(len(PREFACE))
            if preface.startswith(CLIENT_HELLO):
                raise ClientLeft  # the client only checks whether this server speaks TLS
            assert preface == PREFACE
        found, length = h2frame.Frame.parse_frame_header(memoryview(self._take(FRAME_HEADER_BYTES)))
        found.parse_body(memoryview(self._take(length)))
        if isinstance(found, h2frame.WindowUpdateFrame):
            if found.stream_id:
                self.stream_window += found.window_increment
            else:
                self.connection_window += found.window_increment
        self.requested = self.requested or "END_STREAM" in found.flags
        self.acknowledged = self.acknowledged or (isinstance(found, h2frame.SettingsFrame) and "ACK" in found.flags)
        return found

    def until_ready(self) -> None:
        """Reads until the connection stands on both sides and the request is complete, whichever comes first."""
        while not (self.requested and self.acknowledged):
            self.frame()

    def until_ack(self) -> bytes:
        """Reads until the client has acknowledged SETTINGS; the DATA that came before."""
        return self._until(lambda found: isinstance(found, h2frame.SettingsFrame) and "ACK" in found.flags)

    def until_request(self) -> bytes:
        """Reads until the client's request is complete; the DATA of it that had not been read before."""
        return self._until(lambda found: "END_STREAM" in found.flags)

    def next_request(self) -> int:
        """Reads until the client's next request is complete; the number of its stream."""
        while True:
            found = self.frame()
            if "END_STREAM" in found.flags:
                return found.stream_id

    def until_ping(self, payload: bytes = b"question") -> bytes:
        """Sends a PING and waits for its acknowledgement: the client has read everything before it then. Returns the
        DATA that came before the acknowledgement."""
        self.send(ping(payload))
        return self._until(
            lambda found: isinstance(found, h2frame.PingFrame) and "ACK" in found.flags and found.opaque_data == payload
        )

    def _until(self, is_last: Callable[[h2frame.Frame], bool]) -> bytes:
        body = b""
        while True:
            found = self.frame()
            if isinstance(found, h2frame.DataFrame):
                body += found.data
            if is_last(found):
                return body

    def send_data(self, payload: bytes, limit: int = MAX_FRAME_BYTES) -> None:
        """DATA within the client's windows, as an honest server sends it: it stops where one of them is used up."""
        while payload:
            size = min(self.stream_window, self.connection_window, limit)
            if size <= 0:
                self.frame()
                continue
            piece, payload = payload[:size], payload[size:]
            self.stream_window -= len(piece)
            self.connection_window -= len(piece)
            self.send(frame(DATA, 0, 1, piece))


class ScriptedServer:
    """Where it listens, and what its clients sent."""

    def __init__(self) -> None:
        self.port = 0
        self.peers: list[Peer] = []
        self.arrived = threading.Semaphore(0)
        """Counts the connections that were accepted."""
        self.faults: list[BaseException] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextlib.contextmanager
def scripted_server(
    behaviour: Behaviour, receive_buffer: int = 0, place: tuple[str, int] = ("127.0.0.1", 0), http2: bool = True
) -> Iterator[ScriptedServer]:
    """A server that behaves so to every client. The block's end raises what a behaviour asserted in vain and, with
    `http2`, an AssertionError where a client's bytes are not HTTP/2. `receive_buffer`: bytes of the kernel's buffer, 0
    for its own choice. `place`: an address of this machine, and a port or 0 for a free one."""
    server = ScriptedServer()

    def serve(peer: Peer) -> None:
        # A client may leave whenever it likes, and so may the test: neither is a fault.
        try:
            behaviour(peer)
            peer.hold()
        except OSError:
            pass
        except BaseException as fault:
            server.faults.append(fault)

    def on_connection(connection: socket.socket, closing: threading.Event) -> Serve:
        peer = Peer(connection, closing)
        server.peers.append(peer)
        server.arrived.release()
        return lambda: serve(peer)

    with accept_each(on_connection, place, receive_buffer=receive_buffer) as server.port:
        yield server
    for fault in server.faults:
        raise fault
    # After a server that closes at once, or answers in HTTP/1 with status 400, the client checks whether it speaks TLS.
    looks = [peer for peer in server.peers[1:] if peer.received[:2] == CLIENT_HELLO]
    assert len(looks) <= 1 or not http2
    for peer in server.peers if http2 else ():
        if peer not in looks:
            client_frames(bytes(peer.received))


def client_frames(received: bytes) -> list[h2frame.Frame]:
    """The frames of a client's bytes, which may end anywhere. Raises AssertionError for anything but HTTP/2."""
    assert received[: len(PREFACE)] == PREFACE[: len(received)], f"not HTTP/2's preface: {received[:64]!r}"
    at, found = len(PREFACE), []
    while at + 9 <= len(received):
        one, length = h2frame.Frame.parse_frame_header(memoryview(received[at : at + 9]))
        assert not isinstance(one, h2frame.ExtensionFrame), f"a frame of no known type: {received[at : at + 64]!r}"
        if at + 9 + length > len(received):
            break
        one.parse_body(memoryview(received[at + 9 : at + 9 + length]))
        found.append(one)
        at += 9 + length
    if found:
        assert isinstance(found[0], h2frame.SettingsFrame)
    return found
