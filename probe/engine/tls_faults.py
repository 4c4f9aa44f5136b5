"""What a TLS handshake that failed means: a sentence, and the key of its hint.

Rule of this file: pure; it is given OpenSSL's errors, and reads them by the names that `_ssl` has for them.
"""

from .strangers import http1, is_http2, is_tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl
    from typing import Any

# What X509_verify_cert found (x509_vfy.h), by what can be done about it; openssl-verification-options(1) explains each.
NOT_YET_VALID, EXPIRED = 9, 10
UNTRUSTED = (2, 18, 19, 20, 21, 24, 27)  # no issuer known, self-signed, an issuer that is no CA or not trusted
HOST_MISMATCH, ADDRESS_MISMATCH = 62, 64
TOO_WEAK = (66, 67, 68)  # a key, its issuer's key, or the hash under the signature

# Alerts of the other side (RFC 8446, 6.2), by the ends of the names that `_ssl` has for them.
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
# Alerts for whose errors not every `_ssl` has a name.
NAMELESS = {116: "ALERT_CERTIFICATE_REQUIRED", 120: "ALERT_NO_APPLICATION_PROTOCOL"}
WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "DH_KEY_TOO_SMALL", "WRONG_SIGNATURE_TYPE")


def of_server(error: "_ssl.SSLError", alert: int, heard: bytes, wanted: bool, peer: str) -> "tuple[str, str]":
    """Why no handshake came about. `alert`: the number of the other side's last one, 0 for none; `heard`: its first
    bytes; `wanted`: it asked for a client certificate."""
    begun = f"connected to {peer}: "
    line = http1(heard)
    if line:
        return f'{begun}it speaks HTTP/1 in plain text, not TLS: "{line}"', "tls-http1"
    if is_http2(heard):
        return f"{begun}it speaks HTTP/2 in plain text, not TLS", "tls-plain"
    if not is_tls(heard):
        return f"{begun}it does not speak TLS", "tls-not"
    text, cause = of_peer(error, alert, wanted)
    return begun + text, cause


def of_peer(error: "_ssl.SSLError", alert: int, wanted: bool) -> "tuple[str, str]":
    """What the other side, or OpenSSL about it, objects to; also when the handshake is over, as TLS 1.3 does it."""
    reason = error.reason or NAMELESS.get(alert, "")
    if reason.endswith("ALERT_CERTIFICATE_REQUIRED") or (wanted and reason.endswith("ALERT_HANDSHAKE_FAILURE")):
        return "it demands a client certificate", "tls-client"
    for name, said in ABOUT_OUR_CERTIFICATE.items():
        if reason.endswith(name):
            return f"it refuses the client certificate or this side's trust in its own ({said})", "tls-refused"
    if reason.endswith(NO_VERSION):
        return "it shares no TLS version with this program, which wants 1.2 or 1.3", "tls-version"
    if reason.endswith(NO_ALPN):
        return "it speaks TLS, but refuses HTTP/2 in it (ALPN)", "tls-alpn"
    if reason.endswith(WEAK):
        return f"its certificate or key is too weak ({_words(reason)})", "tls-weak"
    if reason.endswith("ALERT_HANDSHAKE_FAILURE"):
        return "it broke off the TLS handshake (handshake failure)", "tls-handshake"
    return f"the TLS connection failed ({_words(reason) or 'no reason given'})", "tls-handshake"


def of_silence(wanted: bool, shown: bool) -> "tuple[str, str] | None":
    """What it means that the other side closed the connection right after the handshake, and gave no reason. gRPC's C
    core does so, in TLS 1.3, with a client that it does not want. `wanted`: it asked for a client certificate; `shown`:
    it got one."""
    if not wanted:
        return None
    if shown:
        return "it closed the connection when it had seen the client certificate", "tls-refused"
    return "it asked for a client certificate, got none, and closed the connection", "tls-client"


def of_certificate(
    error: "_ssl.SSLCertVerificationError", name: "str | None", chain: "list[_ssl.Certificate]", peer: str
) -> "tuple[str, str]":
    """Why the server's certificate is refused, and what it says of itself, where that could be seen."""
    begun, code = f"connected to {peer}: its certificate ", error.verify_code
    # As long as nothing was verified, these are the server's words alone.
    own = _info(chain[0]) if chain else None
    if code in (HOST_MISMATCH, ADDRESS_MISMATCH):
        named = own.get("subjectAltName", ()) or () if own else ()
        names = ", ".join(value for kind, value in named if kind in ("DNS", "IP Address"))
        bears = (f", but for {names}" if names else ", and for no other") if own else ""
        return f"{begun}is not for {name}{bears}", "tls-name"
    if code == EXPIRED:
        until = f" (on {own['notAfter']})" if own else ""
        return f"{begun}has expired{until}", "tls-expired"
    if code == NOT_YET_VALID:
        since = f" (from {own['notBefore']} on)" if own else ""
        return f"{begun}is not valid yet{since}", "tls-not-yet"
    if code in TOO_WEAK:
        return f"{begun}is too weak: {error.verify_message}", "tls-weak"
    if code in UNTRUSTED:
        issuer = _issuer(chain)
        return f"{begun}is not trusted: {error.verify_message}{issuer}", "tls-untrusted"
    return f"{begun}is refused: {error.verify_message}", "tls-certificate"


def _issuer(chain: "list[_ssl.Certificate]") -> str:
    """Who issued the last certificate that the server sent: the one that would have to be trusted."""
    if not chain:
        return ""
    issuer = ", ".join(f"{key}={value}" for part in _info(chain[-1]).get("issuer", ()) for key, value in part)
    sent = "1 certificate" if len(chain) == 1 else f"{len(chain)} certificates"
    return f" (it sent {sent}; the last one was issued by {issuer})"


def _info(certificate: "_ssl.Certificate") -> "dict[str, Any]":
    """What a certificate says, by the names of `_ssl`; nothing where that is no text, which `_ssl` cannot show."""
    try:
        return dict(certificate.get_info())
    except (ValueError, OSError):
        return {}


def _words(reason: str) -> str:
    return reason.lower().replace("_", " ")
