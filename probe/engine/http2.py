"""One HTTP/2 client connection (RFC 9113), sans-IO: bytes in, events out, and bytes that wait to be sent.

Strategy: a connection lives for one request. So there is no table of streams and no state machine per stream: stream 1
is ours, and every other number is an error or of no concern. What the request can send goes out together with the
connection preface; the rest waits for the peer's windows. Any bytes are either turned into events or raise
ConnectionBroken, after which the connection is of no use.

Bounds: a frame is at most 16 KiB (what is announced), a header block 64 KiB, compressed as well as not, and a peer that
sends frame after frame without any progress is cut off.
"""

from .frames import (
    ACK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_HEADER,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    MAX_FRAME,
    NO_ERROR,
    PADDED,
    PING,
    PRIORITIZED,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    STREAM,
    WINDOW_UPDATE,
    Data,
    GoAway,
    Headers,
    Reset,
    Settings,
    frame,
)
from .hpack import Decoder, HpackError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW = 65535  # 6.9.2: the window that both sides begin with
MAX_WINDOW = (1 << 31) - 1
MAX_HEADERS = 65536
# Frames that neither begin nor continue the answer: an honest peer sends a handful.
MAX_IDLE_FRAMES = 1000

# Our settings: no pushed streams, and how large a header list may be (6.5.2).
ENABLE_PUSH, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 2, 4, 5, 6
OUR_SETTINGS = b"\0\2\0\0\0\0" + b"\0\6" + MAX_HEADERS.to_bytes(4, "big")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .frames import Event


class ConnectionBroken(Exception):
    """The peer does not keep to HTTP/2, or to our bounds. `events`: what came before that in the same bytes. It counts:
    where the kernel cuts the stream of bytes must not matter."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.events: list[Event] = []


class Connection:
    """The client's side of a connection with one request."""

    def __init__(self) -> None:
        self.broken = NO_ERROR  # the error code to say goodbye with
        self._in = b""
        self._out = [PREFACE, frame(SETTINGS, 0, 0, OUR_SETTINGS)]
        self._decoder = Decoder(MAX_HEADERS)
        self._settled = False
        self._idle_frames = 0
        self._block = b""  # a header block whose CONTINUATION is still to come
        self._block_flags = -1  # the flags of its HEADERS; -1: none is open
        self._body = b""  # what the peer's windows do not let through yet
        self._stream_window = self._connection_window = WINDOW
        self._initial_window = WINDOW
        self._largest_frame = MAX_FRAME
        self._unreported = 0  # bytes of the answer that the peer's windows were not told about

    # Sending.

    def request(self, block: bytes, body: bytes) -> None:
        """Opens the stream with a header block and the whole body."""
        kind, flags = HEADERS, 0
        while True:
            piece, block = block[:MAX_FRAME], block[MAX_FRAME:]
            self._out.append(frame(kind, flags if block else flags | END_HEADERS, STREAM, piece))
            if not block:
                break
            kind = CONTINUATION
        self._body = body
        self._send_body()

    def goodbye(self) -> None:
        """Tells the peer that this side is through (6.8)."""
        self._out.append(frame(GOAWAY, 0, 0, b"\0\0\0\0" + self.broken.to_bytes(4, "big")))

    def data_to_send(self) -> bytes:
        """What waits to be sent, which counts as sent from now on."""
        out, self._out = b"".join(self._out), []
        return out

    def _send_body(self) -> None:
        while self._body:
            room = min(self._stream_window, self._connection_window, self._largest_frame)
            if room <= 0:
                return
            piece, self._body = self._body[:room], self._body[room:]
            self._stream_window -= len(piece)
            self._connection_window -= len(piece)
            self._out.append(frame(DATA, 0 if self._body else END_STREAM, STREAM, piece))

    # Receiving.

    def receive(self, data: bytes) -> "list[Event]":
        """The events in the bytes received so far. Raises ConnectionBroken."""
        data = self._in + data if self._in else data
        events: list[Event] = []
        at = 0
        try:
            while len(data) - at >= FRAME_HEADER:
                length = int.from_bytes(data[at : at + 3], "big")
                if length > MAX_FRAME:
                    raise self._break(FRAME_SIZE_ERROR, f"a frame of {length} bytes is larger than allowed")
                end = at + FRAME_HEADER + length
                if end > len(data):
                    break
                stream = int.from_bytes(data[at + 5 : at + 9], "big") & MAX_WINDOW
                event = self._frame(data[at + 3], data[at + 4], stream, data[at + FRAME_HEADER : end])
                if event is not None:
                    events.append(event)
                at = end
        except ConnectionBroken as error:
            error.events = events
            raise
        self._in = data[at:]
        return events

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> "Event | None":
        if not self._settled and kind != SETTINGS:
            raise self._break(PROTOCOL_ERROR, "its first frame is not SETTINGS")
        if self._block_flags >= 0 and kind != CONTINUATION:
            raise self._break(PROTOCOL_ERROR, "a header block is interrupted")  # 6.10
        if kind == DATA:
            return self._data(flags, stream, payload)
        if kind == HEADERS:
            return self._headers(flags, stream, payload)
        self._count_idle()
        if kind == SETTINGS:
            return self._settings(flags, stream, payload)
        if kind == RST_STREAM:
            return self._reset(stream, payload)
        if kind == GOAWAY:
            return self._goaway(stream, payload)
        if kind == CONTINUATION:
            return self._continuation(flags, stream, payload)
        if kind == PING:
            self._ping(flags, stream, payload)
        elif kind == WINDOW_UPDATE:
            self._window_update(stream, payload)
        elif kind == PUSH_PROMISE:
            raise self._break(PROTOCOL_ERROR, "it pushes a stream although that was refused")
        elif kind == PRIORITY and len(payload) != 5:
            raise self._break(FRAME_SIZE_ERROR, "a PRIORITY frame has a wrong length")
        return None  # 5.5: types that are not known are ignored

    def _settings(self, flags: int, stream: int, payload: bytes) -> "Settings | None":
        if stream or len(payload) % 6 or (flags & ACK and payload):
            raise self._break(PROTOCOL_ERROR if stream else FRAME_SIZE_ERROR, "a SETTINGS frame is malformed")
        if flags & ACK:
            if not self._settled:
                raise self._break(PROTOCOL_ERROR, "its first frame acknowledges SETTINGS but gives none")
            return None
        for at in range(0, len(payload), 6):
            self._setting(int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big"))
        self._out.append(frame(SETTINGS, ACK, 0, b""))
        self._send_body()
        if self._settled:
            return None
        self._settled = True
        return Settings()

    def _setting(self, name: int, value: int) -> None:
        if name == INITIAL_WINDOW_SIZE:
            if value > MAX_WINDOW:
                raise self._break(FLOW_CONTROL_ERROR, f"the setting INITIAL_WINDOW_SIZE is {value}")
            self._stream_window += value - self._initial_window  # 6.9.2: may well become negative
            self._initial_window = value
            if self._stream_window > MAX_WINDOW:
                raise self._break(FLOW_CONTROL_ERROR, "a flow-control window is too large")
        elif name == MAX_FRAME_SIZE:
            if not MAX_FRAME <= value < 1 << 24:
                raise self._break(PROTOCOL_ERROR, f"the setting MAX_FRAME_SIZE is {value}")
            self._largest_frame = value
        elif name == ENABLE_PUSH and value:
            raise self._break(PROTOCOL_ERROR, f"the setting ENABLE_PUSH is {value}, from a server")

    def _ping(self, flags: int, stream: int, payload: bytes) -> None:
        if stream or len(payload) != 8:
            raise self._break(PROTOCOL_ERROR if stream else FRAME_SIZE_ERROR, "a PING frame is malformed")
        if not flags & ACK:
            self._out.append(frame(PING, ACK, 0, payload))

    def _window_update(self, stream: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise self._break(FRAME_SIZE_ERROR, "a WINDOW_UPDATE frame has a wrong length")
        increment = int.from_bytes(payload, "big") & MAX_WINDOW
        if not increment:
            raise self._break(PROTOCOL_ERROR, "a WINDOW_UPDATE frame is for nothing")
        if stream == 0:
            self._connection_window += increment
        elif stream == STREAM:
            self._stream_window += increment
        if self._connection_window > MAX_WINDOW or self._stream_window > MAX_WINDOW:
            raise self._break(FLOW_CONTROL_ERROR, "a flow-control window is too large")
        self._send_body()

    def _reset(self, stream: int, payload: bytes) -> "Reset | None":
        if len(payload) != 4 or not stream:
            raise self._break(PROTOCOL_ERROR if not stream else FRAME_SIZE_ERROR, "a RST_STREAM frame is malformed")
        return Reset(int.from_bytes(payload, "big")) if stream == STREAM else None

    def _goaway(self, stream: int, payload: bytes) -> GoAway:
        if stream or len(payload) < 8:
            raise self._break(PROTOCOL_ERROR if stream else FRAME_SIZE_ERROR, "a GOAWAY frame is malformed")
        last = int.from_bytes(payload[:4], "big") & MAX_WINDOW
        return GoAway(int.from_bytes(payload[4:8], "big"), last, payload[8:])

    def _data(self, flags: int, stream: int, payload: bytes) -> "Data | None":
        if stream != STREAM:
            raise self._break(PROTOCOL_ERROR, f"DATA for stream {stream}, which was never opened")
        content = self._unpad(payload) if flags & PADDED else payload
        if not content and not flags & END_STREAM:
            self._count_idle()
        # 6.9.1: padding counts too. Telling the peer at half of the window keeps it sending.
        self._unreported += len(payload)
        if self._unreported > WINDOW // 2 and not flags & END_STREAM:
            increment = self._unreported.to_bytes(4, "big")
            self._out += (frame(WINDOW_UPDATE, 0, 0, increment), frame(WINDOW_UPDATE, 0, STREAM, increment))
            self._unreported = 0
        return Data(content, bool(flags & END_STREAM))

    def _headers(self, flags: int, stream: int, payload: bytes) -> "Headers | None":
        if stream != STREAM:
            raise self._break(PROTOCOL_ERROR, f"HEADERS for stream {stream}, which was never opened")
        block = self._unpad(payload) if flags & PADDED else payload
        if flags & PRIORITIZED:
            if len(block) < 5:
                raise self._break(FRAME_SIZE_ERROR, "a HEADERS frame is too short")
            block = block[5:]
        self._block, self._block_flags = block, flags
        return self._block_end() if flags & END_HEADERS else None

    def _continuation(self, flags: int, stream: int, payload: bytes) -> "Headers | None":
        if self._block_flags < 0 or stream != STREAM:
            raise self._break(PROTOCOL_ERROR, "a CONTINUATION frame continues nothing")
        self._block += payload
        if len(self._block) > MAX_HEADERS:
            raise self._break(ENHANCE_YOUR_CALM, f"a header block is larger than {MAX_HEADERS} bytes")
        return self._block_end() if flags & END_HEADERS else None

    def _block_end(self) -> Headers:
        block, flags = self._block, self._block_flags
        self._block, self._block_flags = b"", -1
        try:
            return Headers(self._decoder.decode(block), bool(flags & END_STREAM))
        except HpackError as error:
            raise self._break(COMPRESSION_ERROR, f"a header block cannot be read: {error}") from None

    def _count_idle(self) -> None:
        """Frames that bring the answer no further may come, but not without end."""
        self._idle_frames += 1
        if self._idle_frames > MAX_IDLE_FRAMES:
            raise self._break(ENHANCE_YOUR_CALM, f"more than {MAX_IDLE_FRAMES} frames that are no part of an answer")

    def _unpad(self, payload: bytes) -> bytes:
        """6.1: the first byte says how many at the end are padding."""
        if not payload or payload[0] >= len(payload):
            raise self._break(PROTOCOL_ERROR, "a frame is padded wrongly")
        return payload[1 : len(payload) - payload[0]]

    def _break(self, code: int, what: str) -> ConnectionBroken:
        self.broken = code
        return ConnectionBroken(what)
