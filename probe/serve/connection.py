"""One client's connection: its requests, the answers that wait to be sent, and how long it may take.

Rule of this file: nothing waits. `work` goes on until the socket would block or the client's turn is over, so that a
client that is slow, or never stops asking, does not delay the others.
"""

import time

from ..rpc.http1 import HttpError
from ..rpc.http1_server import RequestReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Final, Literal, TypeAlias

    from ..rpc.http1_server import RequestHead

    Wanted: TypeAlias = Literal["read", "write", "turn", "close"]
    # A request, or None and the status for an invalid one -> the bytes of the answer.
    Respond: TypeAlias = "Callable[[RequestHead | None, int], bytes]"

READ: "Final" = "read"  # wait until there is something to read
WRITE: "Final" = "write"  # wait until the client can receive more
TURN: "Final" = "turn"  # there is more to do, after the others' turns
CLOSE: "Final" = "close"

READ_BYTES = 4096
REQUESTS_PER_TURN = 8
HEAD_SECONDS = 5.0  # to send a request, from its first byte on; the first one, from the connection on
SEND_SECONDS = 5.0  # to receive some of an answer
IDLE_SECONDS = 120.0  # between two requests
DRAIN_SECONDS = 1.0  # after the last answer, for what the client is still sending: a reset could destroy the answer
REQUEST_TIMEOUT = 408


class Connection:
    """A client. All times are seconds of the monotonic clock."""

    __slots__ = ("_deadline", "_is_draining", "_is_last", "_out", "_reader", "_respond", "completed_at", "socket")

    def __init__(self, socket: "_socket.socket", respond: "Respond", now: float) -> None:
        socket.setblocking(False)
        self.socket = socket
        # When its last request was complete, exactly: when all connections are in use, the oldest of these is closed.
        self.completed_at = time.monotonic()
        self._respond = respond
        self._reader = RequestReader()
        self._out = b""
        self._is_last = False  # the connection ends with what is being sent
        self._is_draining = False
        self._deadline = now + HEAD_SECONDS

    @property
    def deadline(self) -> float:
        """When `expire` is due."""
        return self._deadline

    def work(self, now: float) -> "Wanted":
        """Reads, answers and sends as far as possible; returns what to wait for."""
        try:
            if self._is_draining:
                return self._drain()
            for _ in range(REQUESTS_PER_TURN):
                if self._out:
                    if not self._send(now):
                        return WRITE
                    if self._is_last:
                        return self._finish(now)
                if not self._answer_next(now) and not self._receive(now):
                    return CLOSE
            return TURN
        except BlockingIOError:
            return READ
        except OSError:
            return CLOSE

    def expire(self, now: float) -> "Wanted":
        """Handles the passed deadline: a client in the middle of a request gets status 408."""
        if self._out or self._is_draining or self._reader.is_idle:
            return CLOSE
        self._out = self._respond(None, REQUEST_TIMEOUT)
        self._is_last = True
        self._deadline = now + SEND_SECONDS
        return self.work(now)

    def _answer_next(self, now: float) -> bool:
        """Queues the answer to the next complete request; returns whether there was one."""
        try:
            request = self._reader.next_request()
        except HttpError as error:
            self._out, self._is_last = self._respond(None, error.status), True
            self._deadline = now + SEND_SECONDS
            return True
        if request is None:
            return False
        self.completed_at = time.monotonic()
        self._out, self._is_last = self._respond(request, 0), not request.keep_alive
        self._deadline = now + SEND_SECONDS
        return True

    def _receive(self, now: float) -> bool:
        """Reads once; returns False at the end. Raises BlockingIOError if nothing has arrived."""
        data = self.socket.recv(READ_BYTES)
        if data and self._reader.is_idle and self._deadline > now + HEAD_SECONDS:
            self._deadline = now + HEAD_SECONDS
        self._reader.feed(data)
        return bool(data)

    def _send(self, now: float) -> bool:
        """Sends what is queued; returns whether all of it was sent."""
        try:
            sent = self.socket.send(self._out)
        except BlockingIOError:
            return False
        self._out = self._out[sent:]
        self._deadline = now + (SEND_SECONDS if self._out else IDLE_SECONDS if self._reader.is_idle else HEAD_SECONDS)
        return not self._out

    def _finish(self, now: float) -> "Wanted":
        """Shuts down our side, and waits for the client to close its own."""
        import _socket

        self.socket.shutdown(_socket.SHUT_WR)
        self._is_draining = True
        self._deadline = now + DRAIN_SECONDS
        return self._drain()

    def _drain(self) -> "Wanted":
        for _ in range(REQUESTS_PER_TURN):
            if not self.socket.recv(READ_BYTES):
                return CLOSE
        return TURN
