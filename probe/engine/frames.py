"""What an HTTP/2 connection is made of (RFC 9113): frames by their numbers, and the events that they come to.

Rule of this file: names and values, no behaviour. http2.py turns the ones into the others; unary.py reads the events.
"""

STREAM = 1  # the one stream of a connection that lives for one request
FRAME_HEADER = 9  # bytes
MAX_FRAME = 16384  # 4.2: SETTINGS_MAX_FRAME_SIZE, by default the smallest that may be

# Frame types (6).
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
# Flags: ACK is that of SETTINGS and PING.
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20
# Error codes (7).
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
FRAME_SIZE_ERROR, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 6, 9, 11
ERROR_NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Event: TypeAlias = "Settings | Headers | Data | Reset | GoAway"


class Settings:
    """The peer's SETTINGS have come: the connection stands."""

    __slots__ = ()


class Headers:
    """A block of headers or trailers on our stream: pairs of bytes."""

    __slots__ = ("end_stream", "fields")

    def __init__(self, fields: "list[tuple[bytes, bytes]]", end_stream: bool) -> None:
        self.fields = fields
        self.end_stream = end_stream


class Data:
    """A piece of the answer, without its padding."""

    __slots__ = ("content", "end_stream")

    def __init__(self, content: bytes, end_stream: bool) -> None:
        self.content = content
        self.end_stream = end_stream


class Reset:
    """The peer gave our stream up (6.4)."""

    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code


class GoAway:
    """The peer ends the connection (6.8): it will not answer streams above `last_stream`."""

    __slots__ = ("code", "debug", "last_stream")

    def __init__(self, code: int, last_stream: int, debug: bytes) -> None:
        self.code = code
        self.last_stream = last_stream
        self.debug = debug


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame (4.1): length, type, flags, stream, payload."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def error_name(code: int) -> str:
    """An error code as the RFC calls it."""
    return ERROR_NAMES[code] if code < len(ERROR_NAMES) else f"unknown error code 0x{code:x}"
