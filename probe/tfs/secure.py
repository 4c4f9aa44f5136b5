"""What puts TLS on a connection: by files, or by SPIFFE. Imported only by runs that need it."""

from ..model import ALTS, DIAL, SETUP, SPIFFE, Failure
from ..net.errors import Permanent, reason
from ..tls import context, files, handshake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ..deadline import Deadline
    from ..model import ClientConfig, Security
    from ..net.stream import Stream
    from ..tls.stream import TlsStream

    # Puts TLS on a stream, and describes it. Raises what a handshake may raise (net/dial.py).
    Secure: TypeAlias = Callable[[Stream, Deadline], tuple[TlsStream, str]]
    SpeaksPlaintext: TypeAlias = Callable[[Stream, Deadline], bool]

# What OpenSSL and its modules need at most. Short of memory, neither fails well.
TLS_ROOM_BYTES = 4 << 20


def prepare(
    config: "ClientConfig",
    security: "Security",
    host: str,
    deadline: "Deadline",
    alpn: str,
    speaks_plaintext: "SpeaksPlaintext | None" = None,
) -> "tuple[Secure, str] | Failure":
    """What puts TLS on a connection, and our SPIFFE ID if there is one. `host`: the address's, which the certificate
    must name unless the user gave another name; `alpn`: the protocol to agree on."""
    if security.kind == ALTS:
        return Failure(SETUP, "the native engine does not support ALTS", cause="alts", permanent=True)
    name = (security.server_name or host).strip("[]").rstrip(".")
    if not name.isascii() or name[:1] in ("", ".") or "\0" in name:
        text = f"{name!r} cannot be the name in a certificate"
        return Failure(SETUP, text, cause="tls-bad-name", permanent=True)
    bytes(TLS_ROOM_BYTES)  # the memory itself is not touched
    try:
        if security.kind == SPIFFE:
            return _by_spiffe(config, security, name, deadline, alpn, speaks_plaintext)
        by_files = _by_files(security, name, alpn, speaks_plaintext)
        if deadline.remaining() <= 0 and not isinstance(by_files, Failure):
            return Failure(DIAL, "context deadline exceeded", cause="files-time", limit=deadline.limit)
        return by_files
    except OSError:
        return _unstarted()


def _unstarted() -> Failure:
    """OpenSSL cannot be used. It needs random numbers and memory, and does not say which of them is missing."""
    import posix

    try:
        posix.getrandom(1, posix.GRND_NONBLOCK)
    except OSError as error:
        text = f"TLS cannot be started: getrandom: {reason(error)}"
        return Failure(SETUP, text, cause="tls-random", permanent=True)
    except AttributeError:  # on macOS
        pass
    return Failure(SETUP, "TLS cannot be started: out of memory", cause="memory", permanent=True)


def _by_files(
    security: "Security", name: str, alpn: str, speaks_plaintext: "SpeaksPlaintext | None"
) -> "tuple[Secure, str] | Failure":
    identity = files.read(security)
    if isinstance(identity, Failure):
        return identity
    verifying = context.verifying_context(security, identity, alpn)
    if isinstance(verifying, Failure):
        return verifying

    def secure(stream: "Stream", dialing: "Deadline") -> "tuple[TlsStream, str]":
        tls = handshake.secure(
            stream,
            verifying,
            name,
            dialing,
            alpn,
            sends_certificate=security.certificate is not None,
            speaks_plaintext=speaks_plaintext,
        )
        return tls, tls.description

    return secure, ""


def _by_spiffe(
    config: "ClientConfig",
    security: "Security",
    name: str,
    deadline: "Deadline",
    alpn: str,
    speaks_plaintext: "SpeaksPlaintext | None",
) -> "tuple[Secure, str] | Failure":
    from ..spiffe.credentials import credentials
    from ..spiffe.workload_api import fetch_svid

    svid = fetch_svid(security.workload_api, config.user_agent, config.rpc_timeout, deadline)
    ours = svid if isinstance(svid, Failure) else credentials(svid, alpn)
    if isinstance(ours, Failure):
        return ours

    def secure(stream: "Stream", dialing: "Deadline") -> "tuple[TlsStream, str]":
        tls = handshake.secure(
            stream,
            ours.context,
            name,
            dialing,
            alpn,
            sends_certificate=True,
            explain=ours.explain,
            speaks_plaintext=speaks_plaintext,
        )
        try:
            return tls, f"{tls.description}, {ours.verify(tls)}"
        except Permanent:
            tls.abort()
            raise

    return secure, ours.spiffe_id
