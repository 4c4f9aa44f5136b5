"""Why TLS failed: OpenSSL's errors -> a sentence, and the key of its hint. Pure.

Errors are recognised by the names that `_ssl` gives them.
"""

from ..net.sniff import http1_line, is_http2, is_tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl
    from typing import Any

    from ..model import Cause

# Results of X509_verify_cert (x509_vfy.h), by what can be done about them; openssl-verification-options(1) explains
# each.
NOT_YET_VALID, EXPIRED = 9, 10
UNTRUSTED = (2, 18, 19, 20, 21, 24, 27)  # issuer unknown, self-signed, an issuer that is not a CA or not trusted
HOST_MISMATCH, ADDRESS_MISMATCH = 62, 64
TOO_WEAK = (66, 67, 68)  # a key, its issuer's key, or the hash under the signature

# The peer's alerts (RFC 8446, 6.2), by the ends of `_ssl`'s names for them.
ABOUT_OUR_CERTIFICATE = {
    "ALERT_BAD_CERTIFICATE": "bad certificate",
    "ALERT_UNSUPPORTED_CERTIFICATE": "unsupported certificate",
    "ALERT_CERTIFICATE_REVOKED": "certificate revoked",
    "ALERT_CERTIFICATE_EXPIRED": "certificate expired",
    "ALERT_CERTIFICATE_UNKNOWN": "certificate unknown",
    "ALERT_UNKNOWN_CA": "unknown CA",
    "ALERT_ACCESS_DENIED": "access denied",
    "ALERT_DECRYPT_ERROR": "decrypt error",
}
NO_VERSION = ("ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "VERSION_TOO_LOW")
NO_ALPN = ("ALERT_NO_APPLICATION_PROTOCOL",)
# Alerts that not every `_ssl` has a name for.
NAMELESS = {116: "ALERT_CERTIFICATE_REQUIRED", 120: "ALERT_NO_APPLICATION_PROTOCOL"}
WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "DH_KEY_TOO_SMALL", "WRONG_SIGNATURE_TYPE")


def explain_handshake(
    error: "_ssl.SSLError", alert: int, received: bytes, requested: bool, peer: str
) -> "tuple[str, Cause]":
    """Why the handshake failed. `alert`: the number of the peer's last alert, 0 for none; `received`: its first bytes;
    `requested`: it requested a client certificate."""
    begin = f"connected to {peer}: "
    line = http1_line(received)
    if line:
        return f'{begin}it speaks HTTP/1 in plain text, not TLS: "{line}"', "tls-http1"
    if is_http2(received):
        return f"{begin}it speaks HTTP/2 in plain text, not TLS", "tls-plain"
    if not is_tls(received):
        return f"{begin}it does not speak TLS", "tls-not"
    text, cause = explain_error(error, alert, requested)
    return begin + text, cause


def explain_error(error: "_ssl.SSLError", alert: int, requested: bool) -> "tuple[str, Cause]":
    """What the peer, or OpenSSL about the peer, objects to. In TLS 1.3 a refusal may come after the handshake."""
    reason = error.reason or NAMELESS.get(alert, "")
    if reason.endswith("ALERT_CERTIFICATE_REQUIRED") or (requested and reason.endswith("ALERT_HANDSHAKE_FAILURE")):
        return "it requires a client certificate", "tls-client"
    for name, said in ABOUT_OUR_CERTIFICATE.items():
        if reason.endswith(name):
            return f"it rejects our certificate, or the way we verify its own ({said})", "tls-refused"
    if reason.endswith(NO_VERSION):
        return "it supports neither TLS 1.2 nor 1.3", "tls-version"
    if reason.endswith(NO_ALPN):
        return "it speaks TLS, but refuses HTTP/2 over it (ALPN)", "tls-alpn"
    if reason.endswith(WEAK):
        return f"its certificate or key is too weak ({_words(reason)})", "tls-weak"
    if reason.endswith("ALERT_HANDSHAKE_FAILURE"):
        return "it aborted the TLS handshake (handshake failure)", "tls-handshake"
    return f"the TLS connection failed ({_words(reason) or 'no reason given'})", "tls-handshake"


def explain_silence(requested: bool, sent: bool) -> "tuple[str, Cause] | None":
    """What it means if the peer closes the connection right after the handshake without a reason, as gRPC's C core does
    in TLS 1.3 with a client that it rejects. `requested`: it requested a client certificate; `sent`: it got one."""
    if not requested:
        return None
    if sent:
        return "it closed the connection after it had seen the client certificate", "tls-refused"
    return "it requested a client certificate, got none, and closed the connection", "tls-client"


def explain_certificate(
    error: "_ssl.SSLCertVerificationError", name: "str | None", chain: "list[_ssl.Certificate]", peer: str
) -> "tuple[str, Cause]":
    """Why the server's certificate is rejected, and what it contains, where that could be seen."""
    begin, code = f"connected to {peer}: its certificate ", error.verify_code
    # Nothing in it was verified.
    own = _info(chain[0]) if chain else None
    if code in (HOST_MISMATCH, ADDRESS_MISMATCH):
        named = own.get("subjectAltName", ()) or () if own else ()
        names = ", ".join(value for kind, value in named if kind in ("DNS", "IP Address"))
        bears = (f", but for {names}" if names else ", and names no host") if own else ""
        return f"{begin}is not for {name}{bears}", "tls-name"
    if code == EXPIRED:
        until = f" (on {own['notAfter']})" if own else ""
        return f"{begin}has expired{until}", "tls-expired"
    if code == NOT_YET_VALID:
        since = f" (from {own['notBefore']} on)" if own else ""
        return f"{begin}is not valid yet{since}", "tls-not-yet"
    if code in TOO_WEAK:
        return f"{begin}is too weak: {error.verify_message}", "tls-weak"
    if code in UNTRUSTED:
        issuer = _issuer(chain)
        return f"{begin}is not trusted: {error.verify_message}{issuer}", "tls-untrusted"
    return f"{begin}is rejected: {error.verify_message}", "tls-certificate"


def _issuer(chain: "list[_ssl.Certificate]") -> str:
    """Who issued the last certificate that the server sent: the issuer that would have to be trusted."""
    if not chain:
        return ""
    issuer = ", ".join(f"{key}={value}" for part in _info(chain[-1]).get("issuer", ()) for key, value in part)
    sent = "1 certificate" if len(chain) == 1 else f"{len(chain)} certificates"
    return f" (it sent {sent}; the last one was issued by {issuer})"


def _info(certificate: "_ssl.Certificate") -> "dict[str, Any]":
    """A certificate's content, by the names of `_ssl`; empty where that is not text, which `_ssl` cannot show."""
    try:
        return dict(certificate.get_info())
    except (ValueError, OSError):
        return {}


def _words(reason: str) -> str:
    return reason.lower().replace("_", " ")
