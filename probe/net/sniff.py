"""Which protocol a peer speaks, by its first bytes: for hints about a wrong port or a missing flag. Pure."""

SNIFF_BYTES = 64  # enough for each of the tests below

# The content types of TLS records: change_cipher_spec, alert, handshake, application_data; and TLS's major version
# (RFC 8446, 5.1).
TLS_RECORDS, TLS_MAJOR = (b"\x14", b"\x15", b"\x16", b"\x17"), b"\x03"
SETTINGS_TYPE = b"\x04"  # the frame that an HTTP/2 server sends first (RFC 9113, 3.4)


def http1_line(data: bytes) -> str:
    """The first line of an HTTP/1 server's answer; empty for other peers."""
    if data[:5] == b"HTTP/" or data[:1] == b"<":  # HTTP/0.9 sends a page without a head
        return data.partition(b"\n")[0].strip().decode("latin-1")
    return ""


def is_tls(data: bytes) -> bool:
    """Whether the bytes begin a TLS record."""
    return data[:1] in TLS_RECORDS and data[1:2] == TLS_MAJOR


def is_http2(data: bytes) -> bool:
    """Whether the bytes begin with an HTTP/2 server's SETTINGS in plain text."""
    return data[3:4] == SETTINGS_TYPE and data[5:9] == bytes(4)
