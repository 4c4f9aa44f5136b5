"""A TCP listener that hands every connection to a thread of its own, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Serve = Callable[[], None]


@contextlib.contextmanager
def accept_each(
    on_connection: Callable[[socket.socket, threading.Event], Serve],
    address: tuple[str, int] = ("127.0.0.1", 0),
    *,
    listens_after: float = 0,
    receive_buffer: int = 0,
) -> Iterator[int]:
    """Listens at an address of this machine, on a free port where its port is 0; gives the port.

    `on_connection` is called for one connection after another, with an event that is set when the block ends, and
    returns what a new thread does; that thread's OSErrors are ignored, since both the client and the test may leave
    whenever they like. Until `listens_after` seconds have passed the port refuses connections. `receive_buffer`: bytes
    of the kernel's buffer, 0 for its own choice.
    """
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []
    closing = threading.Event()

    def run(serve: Serve, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            serve()

    def accept() -> None:
        closing.wait(listens_after)
        with contextlib.suppress(OSError):
            listener.listen()
            while not closing.is_set():
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections.append(connection)
                serve = on_connection(connection, closing)
                threads.append(threading.Thread(target=run, args=(serve, connection), daemon=True))
                threads[-1].start()

    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as listener:
        if receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind(address)
        if not listens_after:
            listener.listen()  # here, so that the first client finds it open
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield listener.getsockname()[1]
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
