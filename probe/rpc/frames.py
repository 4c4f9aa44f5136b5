"""HTTP/2 frames by their numbers (RFC 9113, 4, 6 and 7): constants, and one function that packs a frame."""

from _struct import Struct  # `struct` is a module in Python around it

FRAME_HEADER_BYTES = 9
FRAME_HEADER = Struct(">BHBBI")  # the length's high byte and the rest of it; type, flags, stream
MAX_FRAME_BYTES = 16384  # 4.2: the initial SETTINGS_MAX_FRAME_SIZE, which we never raise

# Frame types (6).
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
# Flags. ACK belongs to SETTINGS and PING.
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20
# Settings (6.5.2).
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 3, 4, 5
MAX_HEADER_LIST_SIZE = 6
# Error codes (7).
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 6, 7, 8, 9, 11
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


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame (4.1): length, type, flags, stream, payload."""
    length = len(payload)
    return FRAME_HEADER.pack(length >> 16, length & 0xFFFF, kind, flags, stream) + payload


def error_name(code: int) -> str:
    """An error code by the RFC's name."""
    return ERROR_NAMES[code] if code < len(ERROR_NAMES) else f"unknown error code 0x{code:x}"
