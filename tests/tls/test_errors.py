"""What a TLS handshake that failed means."""

from __future__ import annotations

import ssl
from typing import Any, cast

import pytest
from probe.engine.tls_faults import of_certificate, of_peer, of_server, of_silence
from probe.hints import HINTS

ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


class Refused(ssl.SSLError):
    """An error of the library's, as far as it is looked at."""

    def __init__(self, reason: str | None = None, code: int = 0) -> None:
        super().__init__()
        self.reason = reason  # type: ignore[assignment]
        self.verify_code = code
        self.verify_message = "what OpenSSL says"


class Certificate:
    """A certificate, as far as it is looked at."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_info(self) -> dict[str, object]:
        return {
            "notBefore": "Jan  1 00:00:00 2000 GMT",
            "notAfter": "Jan  1 00:00:00 2001 GMT",
            "issuer": ((("organizationName", "Us"),), (("commonName", "Our CA"),)),
            "subjectAltName": tuple(("IP Address" if name[0].isdigit() else "DNS", name) for name in self.names),
        }


@pytest.mark.parametrize(
    ("heard", "words", "hint"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", 'HTTP/1 in plain text, not TLS: "HTTP/1.1 400 Bad Request"', "tls-http1"),
        (SETTINGS, "it speaks HTTP/2 in plain text, not TLS", "tls-plain"),
        (b"220 mail\r\n", "it does not speak TLS", "tls-not"),
        (ALERT, "it broke off the TLS handshake (handshake failure)", "tls-handshake"),
    ],
)
def test_by_the_first_bytes(heard: bytes, words: str, hint: str) -> None:
    text, cause = of_server(Refused("SSLV3_ALERT_HANDSHAKE_FAILURE"), 40, heard, False, "peer:1")
    assert text.startswith("connected to peer:1: it ") and text.endswith(words)
    assert cause == hint


@pytest.mark.parametrize(
    ("reason", "alert", "wanted", "words", "hint"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", 40, True, "it demands a client certificate", "tls-client"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", 116, True, "it demands a client certificate", "tls-client"),
        (None, 116, True, "it demands a client certificate", "tls-client"),
        ("TLSV1_ALERT_UNKNOWN_CA", 48, True, "(unknown CA)", "tls-refused"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", 45, True, "(certificate expired)", "tls-refused"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", 42, False, "(bad certificate)", "tls-refused"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", 70, False, "it shares no TLS version with this program", "tls-version"),
        ("UNSUPPORTED_PROTOCOL", 0, False, "it shares no TLS version with this program", "tls-version"),
        (None, 120, False, "refuses HTTP/2 in it (ALPN)", "tls-alpn"),
        ("EE_KEY_TOO_SMALL", 0, False, "too weak (ee key too small)", "tls-weak"),
        (
            "TLSV1_ALERT_INTERNAL_ERROR",
            80,
            False,
            "the TLS connection failed (tlsv1 alert internal error)",
            "tls-handshake",
        ),
        (None, 0, False, "(no reason given)", "tls-handshake"),
    ],
)
def test_by_the_error(reason: str | None, alert: int, wanted: bool, words: str, hint: str) -> None:
    text, cause = of_peer(Refused(reason), alert, wanted)
    assert words in text
    assert cause == hint in HINTS


def test_by_silence() -> None:
    assert of_silence(False, False) is None and of_silence(False, True) is None
    assert (of_silence(True, False) or ("", ""))[1] == "tls-client"
    assert (of_silence(True, True) or ("", ""))[1] == "tls-refused"


@pytest.mark.parametrize(
    ("code", "chain", "words", "hint"),
    [
        (62, [Certificate("a", "10.0.0.1")], "is not for me, but for a, 10.0.0.1", "tls-name"),
        (64, [Certificate()], "is not for me, and for no other", "tls-name"),
        (62, [], "is not for me", "tls-name"),
        (10, [Certificate("a")], "has expired (on Jan  1 00:00:00 2001 GMT)", "tls-expired"),
        (10, [], "has expired", "tls-expired"),
        (9, [Certificate("a")], "is not valid yet (from Jan  1 00:00:00 2000 GMT on)", "tls-not-yet"),
        (
            20,
            [Certificate("a")],
            "is not trusted: what OpenSSL says (it sent 1 certificate; the last one was issued by "
            "organizationName=Us, commonName=Our CA)",
            "tls-untrusted",
        ),
        (18, [], "is not trusted: what OpenSSL says", "tls-untrusted"),
        (66, [], "is too weak: what OpenSSL says", "tls-weak"),
        (26, [], "is refused: what OpenSSL says", "tls-certificate"),
    ],
)
def test_by_the_certificate(code: int, chain: list[Certificate], words: str, hint: str) -> None:
    text, cause = of_certificate(cast(Any, Refused(code=code)), "me", cast(Any, chain), "peer:1")
    assert (text, cause) == (f"connected to peer:1: its certificate {words}", hint)
    assert hint in HINTS
