"""A TLS server by Python's `ssl` whose parameters a test chooses, with one good answer inside."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.certificates import Certificates
from tests.support.http2_writer import GOOD, GREETING
from tests.support.scripted_server import client_frames

# OpenSSL accepts TLS 1.0, TLS 1.1 and short keys only at security level 0.
NO_SECURITY = "ALL:@SECLEVEL=0"


def context(
    certificates: Certificates,
    name: str = "server",
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion] = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
    alpn: Sequence[str] = ("h2",),
    ciphers: str = "",
    client_ca: str = "",
) -> ssl.SSLContext:
    """What a server agrees to. `ciphers`: those of TLS 1.2 and before."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:
        made.set_ciphers(ciphers)
    made.minimum_version, made.maximum_version = versions
    made.load_cert_chain(certificates.file(f"{name}.pem"), certificates.file(f"{name}.key"))
    if alpn:
        made.set_alpn_protocols(alpn)
    if client_ca:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(certificates.file(f"{client_ca}.pem"))
    return made


@contextlib.contextmanager
def serving(secured: ssl.SSLContext, address: str | Path = "127.0.0.1") -> Iterator[str]:
    """Serves at an IP address of this machine, or on a unix socket (a path; one that begins with NUL is abstract).
    Gives the `-addr` for it."""
    with _listener(address) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, secured), daemon=True)
        accepting.start()
        try:
            if isinstance(address, Path):
                yield f"unix://{address}"
            elif address.startswith("\0"):
                yield "unix-abstract:" + address[1:]
            else:
                yield f"{f'[{address}]' if ':' in address else address}:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone does not
            accepting.join()


def _listener(address: str | Path) -> socket.socket:
    if isinstance(address, Path) or address.startswith("\0"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(address))
    else:
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        listener.bind((address, 0))
    listener.listen()
    return listener


def _accept(listener: socket.socket, secured: ssl.SSLContext) -> None:
    """One connection after another: a probe has one at a time."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            connection.settimeout(30)
            with contextlib.suppress(OSError), connection:
                _answer(secured.wrap_socket(connection, server_side=True))


def _answer(connection: ssl.SSLSocket) -> None:
    """Answers the request when it has come whole."""
    with connection:
        received, greeted, answered = b"", False, False
        while more := connection.recv(1 << 16):
            received += more
            if not greeted:
                connection.sendall(GREETING)
                greeted = True
            if not answered and any("END_STREAM" in frame.flags for frame in client_frames(received)):
                connection.sendall(GOOD)
                answered = True
