"""Who speaks there, by the first bytes: for the person who asked the wrong port, or in the wrong way.

Rule of this file: pure; bytes in, an answer out.
"""

ENOUGH = 64
"""Bytes that tell."""

# A TLS record of alert, handshake or data, and TLS's major version (RFC 8446, 5.1).
TLS_RECORDS, TLS_MAJOR = (b"\x14", b"\x15", b"\x16", b"\x17"), b"\x03"
SETTINGS = b"\x04"  # the type of the frame with which an HTTP/2 server begins (RFC 9113, 3.4)


def http1(heard: bytes) -> str:
    """The line with which an HTTP/1 server begins; empty for others."""
    if heard[:5] == b"HTTP/" or heard[:1] == b"<":  # HTTP/0.9 is a page without a head
        return heard.partition(b"\n")[0].strip().decode("latin-1")
    return ""


def is_tls(heard: bytes) -> bool:
    """Whether these bytes begin a TLS record."""
    return heard[:1] in TLS_RECORDS and heard[1:2] == TLS_MAJOR


def is_http2(heard: bytes) -> bool:
    """Whether these bytes begin with an HTTP/2 server's SETTINGS in plain text."""
    return heard[3:4] == SETTINGS and heard[5:9] == bytes(4)
