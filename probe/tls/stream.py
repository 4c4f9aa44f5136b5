"""A stream whose bytes travel encrypted.

OpenSSL gets two memory buffers, and every byte goes through the stream below. So deadlines are those of a plain
connection, and the first bytes of a peer that does not speak TLS can be read.
"""

import _ssl

from ..net.errors import StreamError
from ..net.sniff import SNIFF_BYTES
from .errors import explain_error, explain_silence

READ_BYTES = 65536  # asked of OpenSSL at once
# The handshake message that requests a client certificate (RFC 8446, 4.3.2; the same number in TLS 1.2), and the
# content types of its record and of alerts.
CERTIFICATE_REQUEST, HANDSHAKE_RECORD, ALERT_RECORD = 13, 22, 21

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ..deadline import Deadline
    from ..model import Cause
    from ..net.stream import Stream

    class Session(Protocol):
        """The part of `_ssl._SSLSocket` in use, which typeshed does not describe."""

        def do_handshake(self) -> None: ...
        def read(self, length: int, /) -> bytes: ...
        def write(self, data: bytes, /) -> int: ...
        def shutdown(self) -> None: ...
        def selected_alpn_protocol(self) -> "str | None": ...
        def version(self) -> "str | None": ...
        def cipher(self) -> "tuple[str, str, int] | None": ...
        def get_unverified_chain(self) -> "list[_ssl.Certificate] | None": ...
        def get_verified_chain(self) -> "list[_ssl.Certificate] | None": ...


class TlsStream:
    """TLS over another stream, with the same operations. What the peer's TLS objects to is raised as StreamError."""

    __slots__ = ("_context", "_incoming", "_outgoing", "_sends_certificate", "_session", "_stream", "alert", "peer",
                 "received", "requested")  # fmt: skip

    def __init__(
        self,
        stream: "Stream",
        context: "_ssl._SSLContext",
        server_name: "str | None",
        sends_certificate: bool = False,
    ) -> None:
        """`server_name`: for SNI, and the name that the certificate must bear. OpenSSL's message callback belongs to
        the context: of several streams on it only the latest notices alerts and requests."""
        self.peer = stream.peer
        self.received = b""  # the peer's first bytes
        self.requested = False  # the peer has requested a client certificate
        self.alert = 0  # the number of the peer's last alert
        self._stream = stream
        self._sends_certificate = sends_certificate
        self._incoming = _ssl.MemoryBIO()
        self._outgoing = _ssl.MemoryBIO()
        self._context: _ssl._SSLContext | None = context
        context._msg_callback = self._watch  # type: ignore[attr-defined]
        self._session: Session = context._wrap_bio(  # type: ignore[attr-defined]
            self._incoming, self._outgoing, server_side=False, server_hostname=server_name
        )

    def _watch(self, _: object, direction: str, version: int, record: int, message: int, data: bytes) -> None:
        """OpenSSL's message callback. A request for a client certificate explains a later refusal; an alert explains it
        better than OpenSSL's error, which may have no name."""
        if record == HANDSHAKE_RECORD and message == CERTIFICATE_REQUEST and direction == "read":
            self.requested = True
        if record == ALERT_RECORD and direction == "read":
            self.alert = message

    def handshake(self, deadline: "Deadline") -> None:
        """Agrees on keys. The handshake's last bytes are sent with the first data, which saves a packet.

        Raises the errors of `_ssl`, SSLZeroReturnError when the peer closed as TLS demands, and EOFError when it closed
        without a word."""
        while True:
            try:
                return self._session.do_handshake()
            except _ssl.SSLWantReadError:
                self._flush(deadline)
                self._fill(deadline)

    @property
    def protocol(self) -> "str | None":
        """The protocol agreed on by ALPN."""
        return self._session.selected_alpn_protocol()

    @property
    def description(self) -> str:
        """TLS version and cipher."""
        cipher = self._session.cipher()
        return f"{self._session.version()}, {cipher[0] if cipher else 'no cipher'}"

    def chain(self) -> "list[_ssl.Certificate]":
        """The certificates that the peer sent, its own first."""
        return self._session.get_unverified_chain() or []

    def verified_chain(self) -> "list[_ssl.Certificate]":
        """The certificates from the peer's own to the one that is trusted."""
        return self._session.get_verified_chain() or []

    def send(self, data: bytes, deadline: "Deadline") -> None:
        try:
            if data:
                self._session.write(data)
        except _ssl.SSLError as error:
            raise StreamError(*explain_error(error, self.alert, self.requested)) from None
        self._flush(deadline)

    def receive(self, deadline: "Deadline") -> bytes:
        while True:
            try:
                return self._session.read(READ_BYTES)
            except _ssl.SSLWantReadError:
                self._flush(deadline)
                try:
                    self._fill(deadline)
                except EOFError:
                    return b""  # closed without close_notify: HTTP/2 knows whether anything is missing
            except (_ssl.SSLZeroReturnError, _ssl.SSLEOFError):
                return b""
            except _ssl.SSLError as error:
                raise StreamError(*explain_error(error, self.alert, self.requested)) from None

    def try_send(self, data: bytes) -> None:
        try:
            if data:
                self._session.write(data)
            self._session.shutdown()
        except _ssl.SSLError:
            pass  # the peer's own close_notify is not waited for
        self._stream.try_send(self._outgoing.read())

    def redial(self, deadline: "Deadline") -> "Stream":
        return self._stream.redial(deadline)

    def explain_close(self) -> "tuple[str, Cause] | None":
        return explain_silence(self.requested, self._sends_certificate)

    def abort(self) -> None:
        """Sends OpenSSL's alert if that is possible at once, and closes."""
        self._stream.try_send(self._outgoing.read())
        self.close()

    def close(self) -> None:
        self._stream.close()
        context, self._context = self._context, None
        # The callback refers to this stream, and OpenSSL's session to the context: a cycle that CPython's collector
        # cannot see. A stream that was opened since then has set its own callback.
        if context is not None and context._msg_callback == self._watch:  # type: ignore[attr-defined]
            context._msg_callback = None  # type: ignore[attr-defined]

    def _flush(self, deadline: "Deadline") -> None:
        data = self._outgoing.read()
        if data:
            self._stream.send(data, deadline)

    def _fill(self, deadline: "Deadline") -> None:
        try:
            data = self._stream.receive(deadline)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError
        if len(self.received) < SNIFF_BYTES:
            self.received = (self.received + data)[:SNIFF_BYTES]
        self._incoming.write(data)
