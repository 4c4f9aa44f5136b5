"""Percent-encoding and paths (RFC 3986). Bytes that are not UTF-8 are lone surrogates in strings, as in argv."""

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"  # 2.3
HEX_DIGITS = b"0123456789abcdefABCDEF"


def percent_encode(text: str) -> bytes:
    """One segment of a path."""
    return b"".join(
        bytes((byte,)) if byte in UNRESERVED else b"%%%02X" % byte for byte in text.encode("utf-8", "surrogateescape")
    )


def percent_decode(segment: bytes) -> str:
    """The text of a segment. A `%` that two hexadecimal digits do not follow stands for itself."""
    first, *parts = segment.split(b"%")
    plain = [first]
    for part in parts:
        digits = part[:2]
        if len(digits) == 2 and not digits.translate(None, HEX_DIGITS):
            plain.append(bytes((int(digits, 16),)) + part[2:])
        else:
            plain.append(b"%" + part)
    return b"".join(plain).decode("utf-8", "surrogateescape")


def path_segments(target: bytes) -> "tuple[str, ...] | None":
    """The decoded segments of a request's path, without the query; None for targets without a path (RFC 9112, 3.2)."""
    if target[:1] != b"/":
        scheme, separator, rest = target.partition(b"://")
        if not separator or scheme.lower() not in (b"http", b"https"):
            return None
        target = b"/" + rest.partition(b"?")[0].partition(b"/")[2]
    path = target.partition(b"?")[0]
    return tuple(percent_decode(segment) for segment in path[1:].split(b"/"))
