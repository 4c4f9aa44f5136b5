"""The client's side of an HTTP/2 connection (RFC 9113), sans-IO: bytes in, events out, and bytes that wait to be sent.

Rule of this file: any bytes either become events or raise ConnectionBroken, after which the connection is unusable.

A stream is known from `open` until either side ends it. Frames for a stream that has ended are legal leftovers: their
header blocks still go through the one HPACK decoder, and their DATA still counts for the connection's window. HEADERS
and DATA for a stream that was never opened break the connection; other frames for one are ignored, as in Go.

Bounds: a frame has at most 16 KiB (what we announce), a header block 64 KiB, compressed as well as decoded, and the
peer may send at most MAX_IDLE_FRAMES frames that carry nothing forward until another stream is opened or answered, or
more of a request can be sent.
"""

from .events import Data, GoAway, Headers, Reset, Settings
from .frames import (
    ACK,
    CANCEL,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_HEADER,
    FRAME_HEADER_BYTES,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_BYTES,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    NO_ERROR,
    PADDED,
    PING,
    PRIORITIZED,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)
from .hpack import EMPTY_TABLE, TABLE_BYTES, Decoder, HpackError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW_BYTES = 65535  # 6.9.2: the initial window of both sides
MAX_WINDOW_BYTES = MAX_STREAM = (1 << 31) - 1
MAX_HEADER_BYTES = 65536
MAX_IDLE_FRAMES = 1000  # a well-behaved peer sends a handful
OUR_SETTINGS = (
    ENABLE_PUSH.to_bytes(2, "big")
    + bytes(4)
    + MAX_HEADER_LIST_SIZE.to_bytes(2, "big")
    + MAX_HEADER_BYTES.to_bytes(4, "big")
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .events import Event


class ConnectionBroken(Exception):
    """The peer violated HTTP/2 or one of our bounds.

    `events`: what the same bytes held before the violation. They count: the result must not depend on where the kernel
    cuts the stream of bytes."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.events: list[Event] = []


class _Stream:
    """An open stream: its request's body, of which `sent` bytes have been sent, and its windows."""

    __slots__ = ("body", "sent", "unacknowledged", "window")

    def __init__(self, body: bytes, window: int) -> None:
        self.body = body
        self.sent = 0
        self.window = window
        self.unacknowledged = 0  # bytes received for which the peer's window was not yet raised


class Connection:
    """One connection, with any number of streams after one another or side by side."""

    def __init__(self) -> None:
        self.going_away = False  # the peer has sent GOAWAY: no further stream may be opened
        self._error = NO_ERROR  # the code for our GOAWAY
        self._in = b""
        self._out = [PREFACE, frame(SETTINGS, 0, 0, OUR_SETTINGS)]
        self._decoder = Decoder(MAX_HEADER_BYTES)
        self._settled = False  # the peer's first SETTINGS have arrived
        self._idle_frames = 0
        self._block = b""  # a header block whose CONTINUATION is still to come
        self._block_flags = -1  # the flags of its HEADERS; -1: no block is open
        self._block_stream = 0
        self._streams: dict[int, _Stream] = {}
        self._next_stream = 1
        self._table_update = b""  # what the next header block has to begin with
        self._max_streams = MAX_STREAM
        self._window = self._initial_window = WINDOW_BYTES
        self._max_frame = MAX_FRAME_BYTES
        self._unacknowledged = 0

    # Sending.

    @property
    def can_open(self) -> bool:
        """Whether another stream may be opened now. Before the peer's SETTINGS one may: its limit is unknown."""
        limit = self._max_streams if self._settled else 1
        return len(self._streams) < limit and not self.going_away and self._next_stream < MAX_STREAM

    def open(self, headers: bytes, body: bytes) -> int:
        """Opens a stream with a block of headers (hpack.encode) and the whole body; returns its number. `can_open`
        must hold."""
        assert self.can_open
        stream = self._next_stream
        self._next_stream += 2
        self._idle_frames = 0  # answers that come too late, and refused streams, must not add up
        block, self._table_update = self._table_update + headers, b""
        kind, flags = HEADERS, 0 if body else END_STREAM
        while True:
            piece, block = block[:MAX_FRAME_BYTES], block[MAX_FRAME_BYTES:]
            self._out.append(frame(kind, flags if block else flags | END_HEADERS, stream, piece))
            if not block:
                break
            kind = CONTINUATION
        opened = self._streams[stream] = _Stream(body, self._initial_window)
        self._send_body(stream, opened)
        return stream

    def cancel(self, stream: int) -> None:
        """Abandons a stream; does nothing for one that has ended."""
        if self._streams.pop(stream, None):
            self._out.append(frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big")))

    def close(self) -> None:
        """Announces that we are closing the connection (6.8)."""
        self._out.append(frame(GOAWAY, 0, 0, bytes(4) + self._error.to_bytes(4, "big")))

    def data_to_send(self) -> bytes:
        """What waits to be sent. It counts as sent from now on."""
        out, self._out = b"".join(self._out), []
        return out

    def _send_bodies(self) -> None:
        """Sends what the peer's windows allow, the oldest stream first."""
        for number, stream in self._streams.items():
            self._send_body(number, stream)

    def _send_body(self, number: int, stream: _Stream) -> None:
        while stream.sent < len(stream.body):
            room = min(stream.window, self._window, self._max_frame)
            if room <= 0:
                break
            piece = stream.body[stream.sent : stream.sent + room]
            stream.sent += len(piece)
            stream.window -= len(piece)
            self._window -= len(piece)
            self._idle_frames = 0  # a large body may need any number of WINDOW_UPDATE frames
            self._out.append(frame(DATA, 0 if stream.sent < len(stream.body) else END_STREAM, number, piece))

    # Receiving.

    def receive(self, data: bytes) -> "list[Event]":
        """The events that these bytes complete. Raises ConnectionBroken."""
        data = self._in + data if self._in else data
        events: list[Event] = []
        at, size = 0, len(data)
        try:
            while size - at >= FRAME_HEADER_BYTES:
                high, low, kind, flags, stream = FRAME_HEADER.unpack_from(data, at)
                length = high << 16 | low
                if length > MAX_FRAME_BYTES:
                    raise self._break(FRAME_SIZE_ERROR, f"a frame of {length} bytes exceeds the limit")
                end = at + FRAME_HEADER_BYTES + length
                if end > size:
                    break
                event = self._frame(kind, flags, stream & MAX_STREAM, data[at + FRAME_HEADER_BYTES : end])
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
            raise self._break(PROTOCOL_ERROR, "it pushes a stream although ENABLE_PUSH is 0")
        elif kind == PRIORITY and len(payload) != 5:
            raise self._break(FRAME_SIZE_ERROR, "a PRIORITY frame has a wrong length")
        return None  # 5.5: unknown types are ignored

    def _settings(self, flags: int, stream: int, payload: bytes) -> "Settings | None":
        if stream or len(payload) % 6 or (flags & ACK and payload):
            raise self._break(PROTOCOL_ERROR if stream else FRAME_SIZE_ERROR, "a SETTINGS frame is malformed")
        if flags & ACK:
            if not self._settled:
                raise self._break(PROTOCOL_ERROR, "its first frame acknowledges SETTINGS instead of sending them")
            return None
        for at in range(0, len(payload), 6):
            self._setting(int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big"))
        self._out.append(frame(SETTINGS, ACK, 0, b""))
        self._send_bodies()
        if self._settled:
            return None
        self._settled = True
        return Settings()

    def _setting(self, name: int, value: int) -> None:
        if name == INITIAL_WINDOW_SIZE:
            if value > MAX_WINDOW_BYTES:
                raise self._break(FLOW_CONTROL_ERROR, f"the setting INITIAL_WINDOW_SIZE is {value}")
            change = value - self._initial_window
            self._initial_window = value
            for stream in self._streams.values():
                self._widen(stream, change)  # 6.9.2: the window may well become negative
        elif name == MAX_CONCURRENT_STREAMS:
            self._max_streams = value
        elif name == HEADER_TABLE_SIZE and value < TABLE_BYTES:
            self._table_update = EMPTY_TABLE
        elif name == MAX_FRAME_SIZE:
            if not MAX_FRAME_BYTES <= value < 1 << 24:
                raise self._break(PROTOCOL_ERROR, f"the setting MAX_FRAME_SIZE is {value}")
            self._max_frame = value
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
        increment = int.from_bytes(payload, "big") & MAX_WINDOW_BYTES
        if not increment:
            raise self._break(PROTOCOL_ERROR, "a WINDOW_UPDATE frame has an increment of 0")
        if stream == 0:
            self._window += increment
            if self._window > MAX_WINDOW_BYTES:
                raise self._break(FLOW_CONTROL_ERROR, "a flow-control window is too large")
        elif stream in self._streams:
            self._widen(self._streams[stream], increment)
        self._send_bodies()

    def _widen(self, stream: _Stream, increment: int) -> None:
        stream.window += increment
        if stream.window > MAX_WINDOW_BYTES:
            raise self._break(FLOW_CONTROL_ERROR, "a flow-control window is too large")

    def _reset(self, stream: int, payload: bytes) -> "Reset | None":
        if len(payload) != 4 or not stream:
            raise self._break(PROTOCOL_ERROR if not stream else FRAME_SIZE_ERROR, "a RST_STREAM frame is malformed")
        return Reset(stream, int.from_bytes(payload, "big")) if self._streams.pop(stream, None) else None

    def _goaway(self, stream: int, payload: bytes) -> GoAway:
        if stream or len(payload) < 8:
            raise self._break(PROTOCOL_ERROR if stream else FRAME_SIZE_ERROR, "a GOAWAY frame is malformed")
        self.going_away = True
        last = int.from_bytes(payload[:4], "big") & MAX_STREAM
        return GoAway(int.from_bytes(payload[4:8], "big"), last, payload[8:])

    def _data(self, flags: int, number: int, payload: bytes) -> "Data | None":
        self._check_opened("DATA", number)
        content = self._unpad(payload) if flags & PADDED else payload
        end = bool(flags & END_STREAM)
        if not content and not end:
            self._count_idle()
        # 6.9.1: padding counts too. Raising the windows once half of them is used keeps the peer sending.
        self._unacknowledged += len(payload)
        if self._unacknowledged > WINDOW_BYTES // 2:
            self._out.append(frame(WINDOW_UPDATE, 0, 0, self._unacknowledged.to_bytes(4, "big")))
            self._unacknowledged = 0
        stream = self._streams.get(number)
        if stream is None:
            self._count_idle()
            return None
        stream.unacknowledged += len(payload)
        if end:
            self._end(number)
        elif stream.unacknowledged > WINDOW_BYTES // 2:
            self._out.append(frame(WINDOW_UPDATE, 0, number, stream.unacknowledged.to_bytes(4, "big")))
            stream.unacknowledged = 0
        return Data(number, content, end)

    def _headers(self, flags: int, stream: int, payload: bytes) -> "Headers | None":
        self._check_opened("HEADERS", stream)
        block = self._unpad(payload) if flags & PADDED else payload
        if flags & PRIORITIZED:
            if len(block) < 5:
                raise self._break(FRAME_SIZE_ERROR, "a HEADERS frame is too short")
            block = block[5:]
        if flags & END_HEADERS:
            return self._end_block(block, flags, stream)
        self._block, self._block_flags, self._block_stream = block, flags, stream
        return None

    def _continuation(self, flags: int, stream: int, payload: bytes) -> "Headers | None":
        if self._block_flags < 0 or stream != self._block_stream:
            raise self._break(PROTOCOL_ERROR, "a CONTINUATION frame continues nothing")
        self._block += payload
        if len(self._block) > MAX_HEADER_BYTES:
            raise self._break(ENHANCE_YOUR_CALM, f"a header block is larger than {MAX_HEADER_BYTES} bytes")
        if not flags & END_HEADERS:
            return None
        block, flags = self._block, self._block_flags
        self._block, self._block_flags = b"", -1
        return self._end_block(block, flags, stream)

    def _end_block(self, block: bytes, flags: int, number: int) -> "Headers | None":
        """`flags`: of the block's HEADERS frame."""
        end = bool(flags & END_STREAM)
        try:
            fields = self._decoder.decode(block)
        except HpackError as error:
            raise self._break(COMPRESSION_ERROR, f"a header block cannot be decoded: {error}") from None
        if number not in self._streams:
            self._count_idle()
            return None
        if end:
            self._end(number)
        return Headers(number, fields, end)

    def _end(self, number: int) -> None:
        """The peer has finished its answer. What we did not send of the body by now is of no use to it (8.1)."""
        stream = self._streams.pop(number)
        if stream.sent < len(stream.body):
            self._out.append(frame(RST_STREAM, 0, number, CANCEL.to_bytes(4, "big")))
        self._idle_frames = 0

    def _check_opened(self, kind: str, stream: int) -> None:
        if not stream & 1 or stream >= self._next_stream:
            raise self._break(PROTOCOL_ERROR, f"{kind} for stream {stream}, which was never opened")

    def _count_idle(self) -> None:
        self._idle_frames += 1
        if self._idle_frames > MAX_IDLE_FRAMES:
            text = f"more than {MAX_IDLE_FRAMES} frames that are not part of an answer"
            raise self._break(ENHANCE_YOUR_CALM, text)

    def _unpad(self, payload: bytes) -> bytes:
        """6.1: the first byte is the number of padding bytes at the end."""
        if not payload or payload[0] >= len(payload):
            raise self._break(PROTOCOL_ERROR, "a frame's padding is malformed")
        return payload[1 : len(payload) - payload[0]]

    def _break(self, code: int, what: str) -> ConnectionBroken:
        self._error = code
        return ConnectionBroken(what)
