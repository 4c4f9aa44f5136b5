"""What http2.Connection reports: each event is a value."""

from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

    Event: TypeAlias = "Settings | Headers | Data | Reset | GoAway"


class Settings(Value):
    """The peer's first SETTINGS have arrived: the connection is established."""

    __slots__ = ()


class Headers(Value):
    """A block of headers or trailers."""

    __slots__ = ("end_stream", "fields", "stream")

    def __init__(self, stream: int, fields: "tuple[tuple[bytes, bytes], ...]", end_stream: bool) -> None:
        self.stream: Final = stream
        self.fields: Final = fields
        self.end_stream: Final = end_stream


class Data(Value):
    """A piece of a body, without its padding."""

    __slots__ = ("content", "end_stream", "stream")

    def __init__(self, stream: int, content: bytes, end_stream: bool) -> None:
        self.stream: Final = stream
        self.content: Final = content
        self.end_stream: Final = end_stream


class Reset(Value):
    """The peer abandoned a stream (RFC 9113, 6.4)."""

    __slots__ = ("code", "stream")

    def __init__(self, stream: int, code: int) -> None:
        self.stream: Final = stream
        self.code: Final = code


class GoAway(Value):
    """The peer is closing the connection (RFC 9113, 6.8) and will not answer streams above `last_stream`."""

    __slots__ = ("code", "debug", "last_stream")

    def __init__(self, code: int, last_stream: int, debug: bytes) -> None:
        self.code: Final = code
        self.last_stream: Final = last_stream
        self.debug: Final = debug
