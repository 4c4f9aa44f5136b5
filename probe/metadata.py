"""`-rpc-header` -> the metadata of the call, as it goes over the wire.

Rule of this file: pure. What HTTP/2 or gRPC forbid or keep for themselves is a ValueError whose text says so and what
to do: a server would only answer with a reset. Sources: RFC 9113, 8.2 and 8.3; gRPC's doc/PROTOCOL-HTTP2.md,
*Custom-Metadata*.
"""

# Names that a client library sets, or that mean a connection and not a call.
KEPT = ("te", "content-type", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host")
NAME = "abcdefghijklmnopqrstuvwxyz0123456789_-."
BINARY = "-bin"  # the end of the names whose values are any bytes
LONGEST = 16384  # bytes of all headers; servers take 8 to 16 KiB


def metadata(headers: "tuple[tuple[str, str], ...]") -> "tuple[tuple[bytes, bytes], ...]":
    """Names in small letters and values, in the order given, repeats included; those of names that end in -bin as they
    are, not in base64. Raises ValueError."""
    found = tuple(_header(name, value) for name, value in headers)
    if sum(len(name) + len(value) + 32 for name, value in found) > LONGEST:
        raise ValueError(f"-rpc-header: all headers together are longer than {LONGEST} bytes, which no server takes")
    return found


def _header(name: str, value: str) -> "tuple[bytes, bytes]":
    shown = f'-rpc-header "{name}: …"'
    lowered = name.lower()
    if not name:
        raise ValueError(f"{shown}: there is no name before the colon; names that begin with one are HTTP/2's own")
    if any(character not in NAME for character in lowered):
        raise ValueError(f"{shown}: a name has letters, digits, '-', '_' and '.' alone")
    if lowered in KEPT or lowered.startswith("grpc-"):
        raise ValueError(f"{shown}: this name is kept for gRPC itself; leave the header away")
    if lowered == "user-agent":
        raise ValueError(f"{shown}: the user agent has a flag of its own: -user-agent")
    encoded = value.strip(" \t").encode("utf-8", "surrogateescape")
    if not lowered.endswith(BINARY) and not _is_printable(encoded):
        raise ValueError(
            f"{shown}: a value has printable ASCII characters alone; other bytes may stand under a name that ends in "
            f"-bin"
        )
    return lowered.encode(), encoded


def user_agent(text: str) -> bytes:
    """The value of `user-agent`. Raises ValueError."""
    encoded = text.encode("utf-8", "surrogateescape")
    if not _is_printable(encoded):
        raise ValueError("-user-agent: it has printable ASCII characters alone")
    return encoded


def _is_printable(value: bytes) -> bool:
    return all(0x20 <= byte <= 0x7E for byte in value)
