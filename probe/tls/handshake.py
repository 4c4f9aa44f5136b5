"""From a plain stream to a TLS stream, and the sentences for a handshake that fails.

OpenSSL shows nothing of a failed handshake, so some sentences need a second connection, on which nothing else is said;
it is made at most once per attempt and takes at most MAX_LOOK_NANOSECONDS.
"""

import _ssl

from ..deadline import SHARE
from ..net.errors import AttemptError, Permanent, Transient
from ..net.sniff import is_tls
from .context import insecure_context
from .errors import explain_certificate, explain_handshake
from .stream import TlsStream

MAX_LOOK_NANOSECONDS = 1_000_000_000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ..deadline import Deadline
    from ..model import Cause
    from ..net.stream import Stream

    # OpenSSL's error, the expected name, the server's certificates, the peer -> a sentence, and the key of its hint.
    Explain: TypeAlias = Callable[
        [_ssl.SSLCertVerificationError, str | None, list[_ssl.Certificate], str], tuple[str, Cause]
    ]


def secure(
    stream: "Stream",
    context: "_ssl._SSLContext",
    server_name: "str | None",
    deadline: "Deadline",
    alpn: str,
    sends_certificate: bool = False,
    explain: "Explain" = explain_certificate,
    speaks_plaintext: "Callable[[Stream, Deadline], bool] | None" = None,
) -> TlsStream:
    """TLS on a fresh connection, with the protocol `alpn` agreed on.

    `explain` words the rejection of a certificate. `speaks_plaintext` looks, on another connection, whether the
    protocol is spoken there in plain text. Raises Permanent, Transient or OSError."""
    connected = f"connected to {stream.peer}: "
    tls = TlsStream(stream, context, server_name, sends_certificate)
    try:
        tls.handshake(deadline)
    except _ssl.SSLCertVerificationError as error:
        tls.abort()
        seen = _certificates(stream, server_name, deadline, alpn)
        raise Permanent(*explain(error, server_name, seen, stream.peer)) from None
    except (EOFError, _ssl.SSLZeroReturnError):
        tls.abort()
        raise _closed(tls, stream, deadline, speaks_plaintext) from None
    except _ssl.SSLError as error:
        tls.abort()
        raise Permanent(*explain_handshake(error, tls.alert, tls.received, tls.requested, stream.peer)) from None
    except TimeoutError:
        tls.close()
        if tls.received:
            raise Transient(f"{connected}its TLS handshake is incomplete", "slow") from None
        raise Transient(f"{connected}no TLS handshake from it", "mute") from None
    except BaseException:
        tls.close()
        raise
    # HTTP/1.1 is what a server speaks that knows no ALPN.
    if tls.protocol != alpn and not (tls.protocol is None and alpn == "http/1.1"):
        tls.abort()
        raise Permanent(f"{connected}it speaks TLS, but does not offer HTTP/2 in it (ALPN)", "tls-alpn")
    return tls


def speaks_tls(stream: "Stream", deadline: "Deadline", alpn: str) -> bool:
    """Whether a peer that closed a connection in plain text answers a TLS handshake on another one."""
    deadline = deadline.with_timeout(MAX_LOOK_NANOSECONDS, SHARE)
    try:
        tls = TlsStream(stream.redial(deadline), insecure_context(alpn), None)
    except (OSError, AttemptError):
        return False
    try:
        tls.handshake(deadline)
    except (OSError, EOFError):
        pass
    tls.abort()
    return is_tls(tls.received)


def _closed(
    tls: TlsStream,
    stream: "Stream",
    deadline: "Deadline",
    speaks_plaintext: "Callable[[Stream, Deadline], bool] | None",
) -> "Transient | Permanent":
    """A connection that the peer closed during the handshake, as gRPC for Go does when it does not expect one."""
    connected = f"connected to {stream.peer}: "
    explained = tls.explain_close()
    if explained:
        return Permanent(connected + explained[0], explained[1])
    look = deadline.with_timeout(MAX_LOOK_NANOSECONDS, SHARE)
    if not tls.received and speaks_plaintext is not None and speaks_plaintext(stream, look):
        text = f"{connected}it closed the connection, and speaks HTTP/2 in plain text, not TLS"
        return Permanent(text, "tls-plain")
    return Transient(f"{connected}closed by it during the TLS handshake", "tls-closed")


def _certificates(
    stream: "Stream", server_name: "str | None", deadline: "Deadline", alpn: str
) -> "list[_ssl.Certificate]":
    """The certificates of a server that was rejected for them."""
    deadline = deadline.with_timeout(MAX_LOOK_NANOSECONDS, SHARE)
    try:
        tls = TlsStream(stream.redial(deadline), insecure_context(alpn), server_name)
        try:
            tls.handshake(deadline)
            return tls.chain()
        finally:
            tls.abort()
    except (OSError, EOFError, AttemptError):
        return []
