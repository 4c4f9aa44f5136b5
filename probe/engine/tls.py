"""TLS on a connected stream, by OpenSSL through CPython's `_ssl`.

Strategy: OpenSSL is given two buffers in memory, and every byte goes through the `Stream` beneath. So deadlines are
those of a plain connection, and the first words of somebody who speaks no TLS can be read. `_ssl` alone is imported,
and only when TLS is asked for: the `ssl` module above it adds nothing that is needed here, and costs more than a
handshake.
"""

from .connect import Fault, Retriable, Stream, Unmendable
from .context import blank
from .http2 import Connection
from .strangers import ENOUGH, is_http2, is_tls
from .tls_faults import of_certificate, of_peer, of_server, of_silence

READ = 65536  # bytes asked of OpenSSL at once
ALPN = "h2"
# Nanoseconds for a second connection, which is made for the sake of a better sentence alone.
LOOK = 1_000_000_000
# The handshake message with which a server asks for a client certificate (RFC 8446, 4.3.2; the same number in TLS 1.2).
CERTIFICATE_REQUEST, HANDSHAKE_RECORD, ALERT_RECORD = 13, 22, 21

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl
    from collections.abc import Callable
    from typing import Protocol, TypeAlias

    from ..model import Deadline

    # OpenSSL's objection to a certificate, the name that was expected, what the server showed, and who it is -> a
    # sentence, and the key of its hint.
    Refused: TypeAlias = _ssl.SSLCertVerificationError
    Explain: TypeAlias = "Callable[[Refused, str | None, list[_ssl.Certificate], str], tuple[str, str]]"

    class Session(Protocol):
        """`_ssl._SSLSocket`, as far as it is used; what mypy knows of `_ssl` leaves it out."""

        def do_handshake(self) -> None: ...
        def read(self, length: int, /) -> bytes: ...
        def write(self, data: bytes, /) -> int: ...
        def shutdown(self) -> None: ...
        def selected_alpn_protocol(self) -> "str | None": ...
        def version(self) -> "str | None": ...
        def cipher(self) -> "tuple[str, str, int] | None": ...
        def get_unverified_chain(self) -> "list[_ssl.Certificate] | None": ...
        def get_verified_chain(self) -> "list[_ssl.Certificate] | None": ...


class TlsStream(Stream):
    """A stream whose bytes travel encrypted. Its operations are those of `Stream`; what the other side's TLS objects to
    is raised as Fault."""

    __slots__ = ("_alert", "_incoming", "_outgoing", "_shown", "_tls", "_wanted", "heard")

    def __init__(
        self, stream: Stream, context: "_ssl._SSLContext", server_name: "str | None", shown: bool = False
    ) -> None:
        """Goes on with the other stream's connection. `server_name`: whom to ask for, and whose certificate to
        expect."""
        import _ssl

        super().__init__(stream.socket, stream.peer, stream.family, stream.address)
        self._incoming = _ssl.MemoryBIO()
        self._outgoing = _ssl.MemoryBIO()
        self._wanted = False
        self._alert = 0
        self._shown = shown
        context._msg_callback = self._note  # type: ignore[attr-defined]
        self._tls: Session = context._wrap_bio(  # type: ignore[attr-defined]
            self._incoming, self._outgoing, server_side=False, server_hostname=server_name
        )
        self.heard = b""

    def _note(self, _: object, direction: str, version: int, record: int, message: int, data: bytes) -> None:
        """Told of every message of the handshake. That a client certificate was asked for explains a later refusal; an
        alert explains it better than the library's error, which may have no name."""
        if record == HANDSHAKE_RECORD and message == CERTIFICATE_REQUEST and direction == "read":
            self._wanted = True
        if record == ALERT_RECORD and direction == "read":
            self._alert = message

    def handshake(self, deadline: "Deadline") -> None:
        """Agrees on keys. What is left to send of it goes with the first data, which is a packet less.

        Raises the errors of `_ssl`, SSLZeroReturnError when the other side closed politely, or EOFError when it did
        without a word more."""
        import _ssl

        while True:
            try:
                return self._tls.do_handshake()
            except _ssl.SSLWantReadError:
                self._flush(deadline)
                self._fill(deadline)

    @property
    def refusal(self) -> "tuple[str, str] | None":
        return of_silence(self._wanted, self._shown)

    @property
    def protocol(self) -> "str | None":
        """What was agreed to speak inside (ALPN)."""
        return self._tls.selected_alpn_protocol()

    @property
    def described(self) -> str:
        """Version and cipher, for people."""
        cipher = self._tls.cipher()
        return f"{self._tls.version()}, {cipher[0] if cipher else 'no cipher'}"

    def chain(self) -> "list[_ssl.Certificate]":
        """The certificates that the other side sent, its own first."""
        return self._tls.get_unverified_chain() or []

    def verified_chain(self) -> "list[_ssl.Certificate]":
        """The certificates from the other side's own to the one that was trusted."""
        return self._tls.get_verified_chain() or []

    def send(self, data: bytes, deadline: "Deadline") -> None:
        import _ssl

        try:
            if data:
                self._tls.write(data)
        except _ssl.SSLError as error:
            raise Fault(*of_peer(error, self._alert, self._wanted)) from None
        self._flush(deadline)

    def receive(self, deadline: "Deadline") -> bytes:
        import _ssl

        while True:
            try:
                return self._tls.read(READ)
            except _ssl.SSLWantReadError:
                self._flush(deadline)
                try:
                    self._fill(deadline)
                except EOFError:
                    return b""  # closed without the TLS way of saying so: whether something is missing, HTTP/2 knows
            except (_ssl.SSLZeroReturnError, _ssl.SSLEOFError):
                return b""
            except _ssl.SSLError as error:
                raise Fault(*of_peer(error, self._alert, self._wanted)) from None

    def send_or_not(self, data: bytes) -> None:
        import _ssl

        try:
            if data:
                self._tls.write(data)
            self._tls.shutdown()
        except _ssl.SSLError:
            pass  # the other side's own goodbye is not waited for
        super().send_or_not(self._outgoing.read())

    def give_up(self) -> None:
        """Tells the other side why, as TLS has it, if that goes at once; and closes."""
        super().send_or_not(self._outgoing.read())
        self.close()

    def _flush(self, deadline: "Deadline") -> None:
        data = self._outgoing.read()
        if data:
            super().send(data, deadline)

    def _fill(self, deadline: "Deadline") -> None:
        try:
            data = super().receive(deadline)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError
        if len(self.heard) < ENOUGH:
            self.heard = (self.heard + data)[:ENOUGH]
        self._incoming.write(data)


def secure(
    stream: Stream,
    context: "_ssl._SSLContext",
    server_name: "str | None",
    deadline: "Deadline",
    shown: bool,
    explain: "Explain" = of_certificate,
) -> TlsStream:
    """TLS on a fresh connection, with HTTP/2 agreed on inside; `explain` finds the words for a certificate that is
    refused. Raises Unmendable for what another attempt cannot change, Retriable, TimeoutError or OSError for what it
    can."""
    import _ssl

    tls = TlsStream(stream, context, server_name, shown)
    try:
        tls.handshake(deadline)
    except _ssl.SSLCertVerificationError as error:
        tls.give_up()
        seen = _look(stream, context, server_name, deadline)
        raise Unmendable(*explain(error, server_name, seen, stream.peer)) from None
    except (EOFError, _ssl.SSLZeroReturnError):
        raise _closed(tls, stream, deadline) from None
    except _ssl.SSLError as error:
        tls.give_up()
        raise Unmendable(*of_server(error, tls._alert, tls.heard, tls._wanted, stream.peer)) from None
    except TimeoutError:
        what, cause = ("its TLS handshake is incomplete", "slow") if tls.heard else ("no TLS handshake from it", "mute")
        raise Retriable(f"connected to {stream.peer}: {what}", cause) from None
    if tls.protocol != ALPN:
        tls.give_up()
        raise Unmendable(
            f"connected to {stream.peer}: it speaks TLS, but does not offer HTTP/2 in it (ALPN)", "tls-alpn"
        )
    return tls


def _closed(tls: TlsStream, stream: Stream, deadline: "Deadline") -> Retriable:
    """A connection that was closed within the handshake, as gRPC for Go does it when it wants none."""
    if tls.refusal:
        return Unmendable(f"connected to {stream.peer}: {tls.refusal[0]}", tls.refusal[1])
    if not tls.heard and _speaks_plain(stream, deadline):
        text = f"connected to {stream.peer}: it closed the connection, and speaks HTTP/2 in plain text, not TLS"
        return Unmendable(text, "tls-plain")
    return Retriable(f"connected to {stream.peer}: closed by it during the TLS handshake", "tls-closed")


def _speaks_plain(stream: Stream, deadline: "Deadline") -> bool:
    """Whether a server that closed at the first word of TLS answers the first word of HTTP/2 on another connection."""
    deadline = deadline.sooner(LOOK, deadline.flag)
    try:
        other = stream.again(deadline)
        try:
            other.send(Connection().data_to_send(), deadline)
            return is_http2(other.receive(deadline))
        finally:
            other.close()
    except (OSError, Retriable):
        return False


def speaks_tls(stream: Stream, deadline: "Deadline") -> bool:
    """Whether a server that closed at the first word of HTTP/2 answers the first word of TLS on another connection."""
    try:
        import _ssl  # noqa: F401
    except ImportError:  # a Python that was built without
        return False
    deadline = deadline.sooner(LOOK, deadline.flag)
    try:
        tls = TlsStream(stream.again(deadline), blank(), None)
    except (OSError, Retriable):
        return False
    try:
        tls.handshake(deadline)
    except (OSError, EOFError):
        pass
    tls.give_up()
    return is_tls(tls.heard)


def _look(
    stream: Stream, context: "_ssl._SSLContext", server_name: "str | None", deadline: "Deadline"
) -> "list[_ssl.Certificate]":
    """The certificates of a server that was refused for them, from a second connection on which nothing else is said:
    OpenSSL shows none of a handshake that failed."""
    deadline = deadline.sooner(LOOK, deadline.flag)
    try:
        tls = TlsStream(stream.again(deadline), blank(), server_name)
        try:
            tls.handshake(deadline)
            return tls.chain()
        finally:
            tls.give_up()
    except (OSError, EOFError, Retriable):
        return []
