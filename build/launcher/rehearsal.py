"""Whole runs of the program, over and over, before the snapshot is taken.

CPython imports modules, adapts its bytecode and fills its caches while it works. A run finds that done in the snapshot.
The server is another process, so that nothing of it is left here.

Two builds must make the same snapshot. So whatever depends on time or chance may only be in memory that is free
afterwards, which is wiped, and every message must have a fixed length and arrive as a whole: the certificate has an
Ed25519 key, whose signatures have one length, and the server sends only once a request has arrived.
"""

import _socket
import _ssl
import posix
import sys

import _launcher  # type: ignore[import-not-found]

from probe.net import stream
from probe.rpc import frames, hpack, unary
from probe.tfs import secure
from probe.tls import stream as tls_stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 32  # CPython adapts its bytecode to what it meets after about this many passes
MESSAGE_BYTES = 129  # of each message of a server over gRPC
FRAME_HEAD_BYTES = 9
READ_BYTES = 4096  # a buffer of the usual size would leave a hole in the snapshot
KILLED = 9
IDLE_SECONDS = 10  # after which a server ends, because its client must have failed

NAME = "rehearsal"
CA_FILE = "ca.pem"
# Of the name above, self-signed, and valid for ever. Nobody but the rehearsal trusts it.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBATCBtKADAgECAgEBMAUGAytlcDAUMRIwEAYDVQQDDAlyZWhlYXJzYWwwIBcN
NzAwMTAxMDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMBQxEjAQBgNVBAMMCXJlaGVh
cnNhbDAqMAUGAytlcAMhAAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4
oykwJzAUBgNVHREEDTALgglyZWhlYXJzYWwwDwYDVR0TAQH/BAUwAwEB/zAFBgMr
ZXADQQCAdGHX8v4vJfmpfAnFCQt1B4ZFe/ydwUSy6pFKFkX+dk+gSurYzEdAjvD0
w76cgBUiwFX0dnWwmnEmRmFCIvgH
-----END CERTIFICATE-----
"""
# Its private key: PKCS #8 around the bytes 0, 1, 2 ... 31.
KEY = bytes.fromhex("302e020100300506032b657004220420") + bytes(range(32))

# As TensorFlow Serving writes it.
REST_BODY = b"""\
{
 "model_version_status": [
  {
   "version": "123",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}
"""
REST_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(REST_BODY), REST_BODY)
)


def rehearse(run: "Callable[[], None]") -> None:
    """Runs the program over gRPC without and with TLS, with several models, and over REST."""
    plain, secure = Server(None), Server(_server_context())
    try:
        codes = _run_often(run, plain.port, secure.port)
    finally:
        plain.stop()
        secure.stop()
    if set(codes) != {0}:
        raise SystemError(f"the rehearsed calls ended with {codes}")


def _run_often(run: "Callable[[], None]", plain_port: int, secure_port: int) -> "list[int]":
    """Returns the exit codes."""
    models = "-model-name=m", "-model-name=n", "-model-name=o"
    rare = (
        [f"-addr=http://127.0.0.1:{plain_port}", "-model-name=m"],
        [f"-addr=127.0.0.1:{plain_port}", *models],
    )
    usual = (
        [f"-addr=127.0.0.1:{plain_port}", "-model-name=m"],
        [f"-addr=:{plain_port}", "-model-name=m", "-timeout=60s"],
        [f"-addr=127.0.0.1:{secure_port}", "-model-name=m", "-tls", f"-tls-ca-cert={CA_FILE}",
         f"-tls-server-name={NAME}", "-timeout=60s"],
    )  # fmt: skip
    ca_file = posix.open(CA_FILE, posix.O_WRONLY | posix.O_CREAT, 0o600)
    posix.write(ca_file, CERTIFICATE.encode())
    posix.close(ca_file)
    codes: list[int] = []
    end, _launcher.end = _launcher.end, codes.append  # a built-in function, as the one that it stands for
    sizes = stream.READ_BYTES, tls_stream.READ_BYTES, secure.TLS_ROOM_BYTES
    tls_stream.READ_BYTES, secure.TLS_ROOM_BYTES = READ_BYTES, 0
    # What the usual calls need comes first, so that it lies on few pages. And they are made last, because bytecode
    # stays as the last calls have adapted it.
    for call in (*usual * RUNS, *rare * RUNS, *usual * RUNS):
        # Over gRPC without TLS, one message of the server at a time.
        stream.READ_BYTES = READ_BYTES if "-tls" in call or "http" in call[0] else MESSAGE_BYTES
        sys.argv = ["probe", *call]
        run()
    stream.READ_BYTES, tls_stream.READ_BYTES, secure.TLS_ROOM_BYTES = sizes
    _launcher.end = end
    sys.argv = []
    return codes


class Server:
    """A server in another process, on a port of this machine."""

    def __init__(self, context: "_ssl._SSLContext | None") -> None:
        listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(IDLE_SECONDS)
        self.port = listener.getsockname()[1]
        self.process = posix.fork()
        if self.process == 0:
            try:
                while True:
                    _answer(_socket.socket(fileno=listener._accept()[0]), context)  # type: ignore[attr-defined]
            finally:
                posix._exit(1)
        listener.close()

    def stop(self) -> None:
        posix.kill(self.process, KILLED)
        posix.waitpid(self.process, 0)


def _server_context() -> "_ssl._SSLContext":
    context = _ssl._SSLContext(_ssl.PROTOCOL_TLS_SERVER)
    encoded = CERTIFICATE.partition("\n")[2].rpartition("\n-----END")[0]
    _launcher.identify(context, _base64(encoded), KEY)
    context._set_alpn_protocols(b"\x02h2")  # type: ignore[attr-defined]
    return context


def _base64(encoded: str) -> bytes:
    import binascii

    return binascii.a2b_base64(encoded)


def _answer(connection: "_socket.socket", context: "_ssl._SSLContext | None") -> None:
    """One call: the request, whatever it is, and an answer; then whatever else comes until the client closes."""
    if context is None:
        received = connection.recv(READ_BYTES)
        if received.startswith(b"GET "):
            connection.send(REST_ANSWER)
        else:
            connection.send(_settings() + _answer_on(1))
            while received := connection.recv(READ_BYTES):
                for number in _requests(received):
                    connection.send(_answer_on(number))
        while connection.recv(READ_BYTES):
            pass
        connection.close()
        return
    incoming, outgoing = _ssl.MemoryBIO(), _ssl.MemoryBIO()
    session = context._wrap_bio(incoming, outgoing, server_side=True)  # type: ignore[attr-defined]

    def wait_for(operation: "Callable[[], object]") -> object:
        while True:
            try:
                return operation()
            except _ssl.SSLWantReadError:
                if sent := outgoing.read():
                    connection.send(sent)
                received = connection.recv(READ_BYTES)
                if not received:
                    raise EOFError from None
                incoming.write(received)

    wait_for(session.do_handshake)
    wait_for(lambda: session.read(READ_BYTES))
    session.write(_settings())
    session.write(_answer_on(1))
    connection.send(outgoing.read())
    while connection.recv(READ_BYTES):
        pass
    connection.close()


def _requests(received: bytes) -> "list[int]":
    """Returns the numbers of the streams that whole frames open."""
    numbers, at = [], 0
    while at < len(received):
        if received[at + 3] == frames.HEADERS:
            numbers.append(int.from_bytes(received[at + 5 : at + 9], "big"))
        at += FRAME_HEAD_BYTES + int.from_bytes(received[at : at + 3], "big")
    return numbers


def _settings() -> bytes:
    return frames.frame(frames.SETTINGS, 0, 0, b"\0\3\0\0\0\x64" * 20)


def _answer_on(number: int) -> bytes:
    """Returns the acknowledgement of the client's SETTINGS, and on a stream version 123, AVAILABLE. It has the length
    of the server's SETTINGS, so that a client that reads just as many bytes reads one message after another."""
    begin = b"\x88" + hpack.encode([(b"content-type", b"application/grpc")])
    end = hpack.encode([(b"grpc-status", b"0")])
    answer = (
        frames.frame(frames.SETTINGS, frames.ACK, 0, b"")
        + frames.frame(frames.HEADERS, frames.END_HEADERS, number, begin)
        + frames.frame(frames.DATA, 0, number, unary.with_prefix(b"\x0a\x06\x08\x7b\x10\x1e\x1a\x00"))
    )
    trailers = frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, number, end)
    filling = MESSAGE_BYTES - len(answer) - len(trailers) - FRAME_HEAD_BYTES
    return answer + frames.frame(0xFF, 0, 0, bytes(filling)) + trailers  # a type that clients ignore
