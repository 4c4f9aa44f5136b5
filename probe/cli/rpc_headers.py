"""`-rpc-header` and `-user-agent` -> metadata. Pure.

What HTTP/2 or gRPC forbids or reserves is a ValueError that says what to do: a server would only reset the stream.
Sources: RFC 9113, 8.2 and 8.3; gRPC's doc/PROTOCOL-HTTP2.md, *Custom-Metadata*.
"""

# Names that a client library sets, or that concern the connection.
RESERVED = (
    "te",
    "content-type",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "host",
)
NAME = "abcdefghijklmnopqrstuvwxyz0123456789_-."
BINARY_SUFFIX = "-bin"  # of names whose values may be any bytes
MAX_HEADER_BYTES = 16384  # of all headers; servers accept 8 to 16 KiB


def metadata(headers: "tuple[tuple[str, str], ...]") -> "tuple[tuple[bytes, bytes], ...]":
    """Lower-case names and values, in the order given, repeats included; values of names that end in -bin unencoded.
    Raises ValueError."""
    found = tuple(_header(name, value) for name, value in headers)
    if sum(len(name) + len(value) + 32 for name, value in found) > MAX_HEADER_BYTES:
        raise ValueError(
            f"-rpc-header: all headers together are longer than {MAX_HEADER_BYTES} bytes, more than servers accept"
        )
    return found


def _header(name: str, value: str) -> "tuple[bytes, bytes]":
    shown = f'-rpc-header "{name}: …"'
    lowered = name.lower()
    if not name:
        raise ValueError(
            f"{shown}: the name before the colon is missing; names that begin with a colon are reserved by HTTP/2"
        )
    if any(character not in NAME for character in lowered):
        raise ValueError(f"{shown}: the name must contain only letters, digits, '-', '_' and '.'")
    if lowered in RESERVED or lowered.startswith("grpc-"):
        raise ValueError(f"{shown}: this name is reserved by gRPC; omit the header")
    if lowered == "user-agent":
        raise ValueError(f"{shown}: set the user agent with -user-agent")
    encoded = value.strip(" \t").encode("utf-8", "surrogateescape")
    if not lowered.endswith(BINARY_SUFFIX) and not _is_printable(encoded):
        raise ValueError(
            f"{shown}: the value must contain only printable ASCII; send other bytes under a name that ends in -bin"
        )
    return lowered.encode(), encoded


def user_agent(text: str) -> bytes:
    """The value of `user-agent`. Raises ValueError."""
    encoded = text.encode("utf-8", "surrogateescape")
    if not _is_printable(encoded):
        raise ValueError("-user-agent: must contain only printable ASCII")
    return encoded


def _is_printable(value: bytes) -> bool:
    return all(0x20 <= byte <= 0x7E for byte in value)
