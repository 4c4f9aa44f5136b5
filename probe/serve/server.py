"""The loop that accepts connections and gives each its turn. One thread, which blocks only in `poll`."""

import _socket
import errno
import select
import time

from .connection import CLOSE, READ, TURN, WRITE, Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .connection import Respond, Wanted

MAX_CONNECTIONS = 64
ACCEPTS_PER_TURN = 8  # fewer than MAX_CONNECTIONS: a flood must not push a client out before its request is read
PAUSE_SECONDS = 0.05  # if no descriptor is left and no connection can be closed
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
EVENTS = {READ: select.POLLIN, WRITE: select.POLLOUT, TURN: 0}


class Server:
    """Answers on all its listening sockets."""

    __slots__ = ("_busy", "_connections", "_listeners", "_poll", "_respond", "_waiting")

    def __init__(
        self, listeners: "tuple[_socket.socket, ...]", respond: "Respond", signals: "int | None" = None
    ) -> None:
        """`signals`: a descriptor that is readable when a signal's handler must run, which it does by itself."""
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._respond = respond
        self._connections: dict[int, Connection] = {}
        self._waiting: dict[int, Wanted] = {}  # what each waits for
        self._busy: set[int] = set()  # those with something left to do
        self._poll = select.poll()
        for number in (*self._listeners, *(() if signals is None else (signals,))):
            self._poll.register(number, select.POLLIN)

    def run(self) -> None:
        """Serves until the process ends."""
        while True:
            self._turn()

    def _turn(self) -> None:
        """Waits until something can be done, and does it."""
        busy, self._busy = self._busy, set()
        ready = [number for number, _ in self._poll.poll(0 if busy else self._milliseconds())]
        now = time.monotonic()
        for number in dict.fromkeys((*ready, *busy)):
            if number in self._listeners:
                self._accept(self._listeners[number], now)
            elif number in self._connections:
                self._go_on(number, self._connections[number].work(now))
        for number, connection in tuple(self._connections.items()):
            if connection.deadline <= now:
                self._go_on(number, connection.expire(now))

    def _milliseconds(self) -> "float | None":
        """How long to wait at most; None for ever."""
        if not self._connections:
            return None
        first = min(connection.deadline for connection in self._connections.values())
        return max(first - time.monotonic(), 0) * 1000 + 1

    def _accept(self, listener: _socket.socket, now: float) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                number, _ = listener._accept()  # type: ignore[attr-defined]
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in NO_DESCRIPTORS and not self._make_room():
                    time.sleep(PAUSE_SECONDS)
                    return
                continue  # the client has already disconnected
            if len(self._connections) >= MAX_CONNECTIONS:
                self._make_room()
            connection = Connection(_socket.socket(fileno=number), self._respond, now)
            self._connections[number] = connection
            self._waiting[number] = READ
            self._poll.register(number, select.POLLIN)
            self._go_on(number, connection.work(now))  # its request has often arrived with it

    def _make_room(self) -> bool:
        """Closes the connection that has gone longest without a complete request; whether there was one."""
        if not self._connections:
            return False
        self._close(min(self._connections, key=lambda number: self._connections[number].completed_at))
        return True

    def _go_on(self, number: int, wanted: "Wanted") -> None:
        if wanted == CLOSE:
            self._close(number)
            return
        if wanted == TURN:
            self._busy.add(number)
        if wanted != self._waiting[number]:
            self._waiting[number] = wanted
            self._poll.modify(number, EVENTS[wanted])

    def _close(self, number: int) -> None:
        connection = self._connections.pop(number)
        del self._waiting[number]
        self._busy.discard(number)
        self._poll.unregister(number)
        try:
            connection.socket.close()
        except OSError:
            pass  # the descriptor is gone all the same
