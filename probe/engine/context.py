"""What TLS connections are made with: OpenSSL's context, from what trust.py has read.

Rule of this file: everything about what is accepted of a server stands here: versions, names, whose certificates.
"""

from ..model import SETUP, Failure, Security
from .trust import Identity

# X509_check_host: the common name is no host name, and `*` stands for a whole label.
NEVER_CHECK_SUBJECT, NO_PARTIAL_WILDCARDS = 0x20, 0x4
# As Go has it, every certificate in the file given is trusted, be it a root, an intermediate or the server's own.
PARTIAL_CHAIN = 0x80000
# HTTP/2 forbids it (RFC 9113, 9.2.1), and a server could ask for it without end.
NO_RENEGOTIATION = 0x40000000
ALPN = b"\2h2"  # HTTP/2, with the length of its name before it (RFC 7301, 3.1)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl


def context(security: Security, identity: Identity) -> "_ssl._SSLContext | Failure":
    """TLS 1.2 or 1.3, HTTP/2 inside, the server verified unless that was waived, and our own certificate if there is
    one."""
    made = blank()
    if security.verify:
        made.check_hostname = True
        fault = _trust(made, identity.roots, identity.roots_origin)
    else:
        fault = None
    if not fault and security.certificate:
        fault = _identify(made, security.certificate, security.key)
    return fault or made


def blank() -> "_ssl._SSLContext":
    """A context that trusts everybody, whatever the name."""
    import _ssl

    made = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = _ssl.CERT_NONE
    made.minimum_version = _ssl.PROTO_TLSv1_2
    made.options |= NO_RENEGOTIATION
    made._set_alpn_protocols(ALPN)  # type: ignore[attr-defined]
    made._host_flags = NEVER_CHECK_SUBJECT | NO_PARTIAL_WILDCARDS  # type: ignore[attr-defined]
    made.verify_flags |= PARTIAL_CHAIN
    return made


def _trust(made: "_ssl._SSLContext", roots: bytes, origin: str) -> "Failure | None":
    import _ssl

    made.verify_mode = _ssl.CERT_REQUIRED
    try:
        made.load_verify_locations(None, None, roots.decode("ascii", "replace"))
    except _ssl.SSLError as error:
        return Failure(SETUP, f"{origin}: a certificate in it is damaged ({_reason(error)})", cause="tls-file")
    return None


def _identify(made: "_ssl._SSLContext", certificate: str, key: str) -> "Failure | None":
    """`_ssl` takes files alone; nobody is asked for a passphrase."""
    import _ssl

    try:
        made.load_cert_chain(certificate, key, bytes)
    except (_ssl.SSLError, ValueError, OSError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            text = f"the private key in {key} is not that of the certificate in {certificate}"
            return Failure(SETUP, text, cause="tls-mismatch")
        return Failure(SETUP, f"{certificate} and {key} cannot be used: {_reason(error)}", cause="tls-file")
    return None


def _reason(error: Exception) -> str:
    return (getattr(error, "reason", None) or str(error)).lower().replace("_", " ")
