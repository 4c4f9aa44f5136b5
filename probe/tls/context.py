"""OpenSSL contexts. Everything about what is accepted of a server is decided here: versions, names, certificates."""

from ..model import SETUP, Failure

# X509_check_host: the common name does not count, and `*` stands for a whole label.
NEVER_CHECK_SUBJECT, NO_PARTIAL_WILDCARDS = 0x20, 0x4
# As in Go, every certificate of the given file is trusted: a root, an intermediate, or the server's own.
PARTIAL_CHAIN = 0x80000
# HTTP/2 forbids renegotiation (RFC 9113, 9.2.1), and a server could request it endlessly.
NO_RENEGOTIATION = 0x40000000

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl

    from ..model import Security
    from .files import Identity


def verifying_context(security: "Security", identity: "Identity", alpn: str) -> "_ssl._SSLContext | Failure":
    """A context for TLS 1.2 or 1.3 that verifies the server unless `security` waives that, and shows our certificate if
    there is one. `alpn`: the protocol to agree on."""
    context = insecure_context(alpn)
    failure = None
    if security.verify:
        context.check_hostname = True
        failure = _trust(context, identity)
    if not failure and security.certificate and security.key:
        failure = _identify(context, security.certificate.path, security.key.path)
    return failure or context


def insecure_context(alpn: str) -> "_ssl._SSLContext":
    """A context that accepts every certificate, whatever its name."""
    import _ssl

    context = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = _ssl.CERT_NONE
    context.minimum_version = _ssl.PROTO_TLSv1_2
    context.options |= NO_RENEGOTIATION
    # RFC 7301, 3.1: each name with its length.
    context._set_alpn_protocols(bytes((len(alpn),)) + alpn.encode())  # type: ignore[attr-defined]
    context._host_flags = NEVER_CHECK_SUBJECT | NO_PARTIAL_WILDCARDS  # type: ignore[attr-defined]
    context.verify_flags |= PARTIAL_CHAIN
    return context


def _trust(context: "_ssl._SSLContext", identity: "Identity") -> "Failure | None":
    import _ssl

    context.verify_mode = _ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(None, None, identity.roots.decode("ascii", "replace"))
    except _ssl.SSLError as error:
        text = f"{identity.roots_source}: a certificate in it is damaged ({_reason(error)})"
        return Failure(SETUP, text, cause="tls-file", permanent=True)
    return None


def _identify(context: "_ssl._SSLContext", certificate: str, key: str) -> "Failure | None":
    """`_ssl` loads certificate and key from paths only; its request for a passphrase is answered with nothing."""
    import _ssl

    try:
        context.load_cert_chain(certificate, key, bytes)
    except (_ssl.SSLError, ValueError, OSError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            text = f"the private key in {key} does not belong to the certificate in {certificate}"
            return Failure(SETUP, text, cause="tls-mismatch", permanent=True)
        text = f"{certificate} and {key} cannot be used: {_reason(error)}"
        return Failure(SETUP, text, cause="tls-file", permanent=True)
    return None


def _reason(error: Exception) -> str:
    return (getattr(error, "reason", None) or str(error)).lower().replace("_", " ")
