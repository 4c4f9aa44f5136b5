"""What a failed TLS handshake means: OpenSSL's errors -> the key of a hint."""

from __future__ import annotations

import ssl
from typing import Any, cast

import pytest

from probe.tls.errors import explain_certificate, explain_error, explain_handshake, explain_silence
from tests.support.hints import HINTS

ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


class Rejected(ssl.SSLError):
    """An error of OpenSSL's, with what is looked at."""

    def __init__(self, reason: str | None = None, code: int = 0) -> None:
        super().__init__()
        self.reason = reason  # type: ignore[assignment]
        self.verify_code = code
        self.verify_message = "OpenSSL's words"


class Certificate:
    """A certificate, with what is looked at."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_info(self) -> dict[str, object]:
        return {
            "notBefore": "Jan  1 00:00:00 2000 GMT",
            "notAfter": "Jan  1 00:00:00 2001 GMT",
            "issuer": ((("organizationName", "Us"),), (("commonName", "Our CA"),)),
            "subjectAltName": tuple(("IP Address" if name[0].isdigit() else "DNS", name) for name in self.names),
        }


class Unreadable:
    """A certificate with names that `_ssl` cannot show."""

    def get_info(self) -> dict[str, object]:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


@pytest.mark.parametrize(
    ("received", "cause"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "tls-http1"),
        (SETTINGS, "tls-plain"),
        (b"220 mail\r\n", "tls-not"),
        (ALERT, "tls-handshake"),
    ],
)
def test_by_the_first_bytes(received: bytes, cause: str) -> None:
    error = Rejected("SSLV3_ALERT_HANDSHAKE_FAILURE")
    text, found = explain_handshake(error, 40, received, False, "peer:1")
    assert text.startswith("connected to peer:1: ")
    assert found == cause
    assert found in HINTS


@pytest.mark.parametrize(
    ("reason", "alert", "requested", "cause"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", 40, True, "tls-client"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", 40, False, "tls-handshake"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", 116, True, "tls-client"),
        (None, 116, True, "tls-client"),
        ("TLSV1_ALERT_UNKNOWN_CA", 48, True, "tls-refused"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", 45, True, "tls-refused"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", 42, False, "tls-refused"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", 70, False, "tls-version"),
        ("UNSUPPORTED_PROTOCOL", 0, False, "tls-version"),
        (None, 120, False, "tls-alpn"),
        ("EE_KEY_TOO_SMALL", 0, False, "tls-weak"),
        ("TLSV1_ALERT_INTERNAL_ERROR", 80, False, "tls-handshake"),
        (None, 0, False, "tls-handshake"),
    ],
)
def test_by_the_error(reason: str | None, alert: int, requested: bool, cause: str) -> None:
    _, found = explain_error(Rejected(reason), alert, requested)
    assert found == cause
    assert found in HINTS


def test_by_silence() -> None:
    assert explain_silence(False, False) is None and explain_silence(False, True) is None
    assert (explain_silence(True, False) or ("", ""))[1] == "tls-client"
    assert (explain_silence(True, True) or ("", ""))[1] == "tls-refused"


# The result of the verification, the chain -> the key of the hint, and what of the certificate is shown.
@pytest.mark.parametrize(
    ("code", "chain", "cause", "shown"),
    [
        (62, [Certificate("a", "10.0.0.1")], "tls-name", ["not for me", "a, 10.0.0.1"]),
        (64, [Certificate()], "tls-name", ["not for me"]),
        (62, [Unreadable()], "tls-name", ["not for me"]),
        (62, [], "tls-name", ["not for me"]),
        (10, [Certificate("a")], "tls-expired", ["Jan  1 00:00:00 2001 GMT"]),
        (10, [], "tls-expired", []),
        (9, [Certificate("a")], "tls-not-yet", ["Jan  1 00:00:00 2000 GMT"]),
        (9, [], "tls-not-yet", []),
        (20, [Certificate("a")], "tls-untrusted", ["OpenSSL's words", "organizationName=Us, commonName=Our CA"]),
        (20, [Certificate("a"), Unreadable()], "tls-untrusted", ["OpenSSL's words", "2 certificates"]),
        (18, [], "tls-untrusted", ["OpenSSL's words"]),
        (66, [], "tls-weak", ["OpenSSL's words"]),
        (26, [], "tls-certificate", ["OpenSSL's words"]),
    ],
)
def test_by_the_certificate(code: int, chain: list[Certificate], cause: str, shown: list[str]) -> None:
    text, found = explain_certificate(cast(Any, Rejected(code=code)), "me", cast(Any, chain), "peer:1")
    assert text.startswith("connected to peer:1: ")
    assert all(part in text for part in shown)
    assert found == cause
    assert found in HINTS
