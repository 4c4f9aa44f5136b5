"""Ports that are held while nothing listens on them, as those of a server that still loads its first models."""

from __future__ import annotations

import errno
import socket
import time


class Reservation:
    """A TCP port that is ours although nothing listens on it: whoever connects is refused.

    On Linux a bound socket that does not listen and a listening one can share a port if both have SO_REUSEADDR, which
    gRPC and http.server set. So a listener can be opened while the port is still reserved, and no
    other process can take it.
    """

    def __init__(self, host: str, port: int, patience: float = 0.0) -> None:
        """`patience`: seconds to wait for a port in use; gRPC may close one a moment after it said that it had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        limit = time.monotonic() + patience
        while True:
            try:
                self._socket.bind((host, port))
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() >= limit:
                    self._socket.close()
                    raise
                time.sleep(0.01)
        self.port: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Gives the port up."""
        self._socket.close()
