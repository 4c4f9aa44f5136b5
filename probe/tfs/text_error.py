"""Where in a text file something is wrong, and how to show it. Pure."""

TAB_WIDTH = 8
MAX_SHOWN_BYTES = 60


class TextError(ValueError):
    """The bytes are not text format."""

    def __init__(self, at: int, text: str, remedy: str = "") -> None:
        """`at`: the offset in the file; `remedy`: what to do, empty if the text alone does not tell."""
        super().__init__(text)
        self.at = at
        self.text = text
        self.remedy = remedy


def position(data: bytes, at: int) -> "tuple[int, int]":
    """Line and column of an offset, as the server logs them: from 1, a column is a byte, a tab moves to its stop."""
    column = 0
    for byte in data[data.rfind(b"\n", 0, at) + 1 : at]:
        column += TAB_WIDTH - column % TAB_WIDTH if byte == 9 else 1
    return data.count(b"\n", 0, at) + 1, column + 1


def shown(text: bytes) -> str:
    """A part of the file for a message: one printable line of limited length."""
    characters = text[:MAX_SHOWN_BYTES].decode("utf-8", "surrogateescape")
    printable = "".join(each if each.isprintable() else _escaped(ord(each)) for each in characters)
    return printable if len(text) <= MAX_SHOWN_BYTES else printable + "…"


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


class LineCounter:
    """Line numbers of offsets; each costs the distance from the one before."""

    __slots__ = ("_at", "_data", "_line")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at, self._line = 0, 1

    def line(self, at: int) -> int:
        """The line of an offset, from 1."""
        if at >= self._at:
            self._line += self._data.count(b"\n", self._at, at)
        else:
            self._line -= self._data.count(b"\n", at, self._at)
        self._at = at
        return self._line
