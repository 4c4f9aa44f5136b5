"""JSON (RFC 8259), read piece by piece; only the values in use are kept.

Rule of this file: any bytes are read or raise JsonError, in linear time, within the memory of one piece and one kept
text. The result does not depend on how the bytes are cut into pieces. Bounds, which RFC 8259 (9) allows: MAX_DEPTH,
MAX_NUMBER_CHARACTERS. A surrogate without its partner becomes U+FFFD, since no text can hold it (8.2).
"""

from .json_paths import ARRAY, ITEM, OBJECT, tree
from .json_tokens import ESCAPES, LITERALS, MAX_NUMBER_CHARACTERS, NUMBER_CHARACTERS, JsonError, code_unit, parse_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from .json_paths import Container, Node

    Kept: TypeAlias = "str | int | float | bool | Container | None"
    # Receives the path and the value of everything wanted, in order; returns True once it needs no more.
    Take: TypeAlias = Callable[[str, Kept], bool]
    # Consumes a token at a position; returns the position behind it.
    Step: TypeAlias = Callable[["JsonReader", str, int], int]
    Steps: TypeAlias = dict[str, Step]

MAX_DEPTH = 100  # as in protobuf's JSON parsers
MAX_TEXT_CHARACTERS = 16384  # longer texts are kept up to here
PIECE_BYTES = 16384


class JsonReader:
    """Reads one JSON text."""

    __slots__ = ("_is_key", "_keep", "_kept", "_node", "_rest", "_stack", "_steps", "_tail", "_take", "done")

    def __init__(self, wanted: "Iterable[str]", take: "Take") -> None:
        """`wanted`: paths such as `.versions[].state`; the empty one is the whole text."""
        self.done = False  # `take` needs no more; what follows is not looked at
        self._take = take
        self._rest = b""  # the beginning of a character
        self._tail = ""  # the beginning of a token
        self._steps: Steps = BEFORE_VALUE
        self._stack: list[tuple[Node | None, bool]] = []  # open containers; whether each is an object
        self._node: Node | None = tree(wanted)  # the next value's
        self._kept: list[str] = []  # the current string so far
        self._keep = 0  # how many more characters of it to keep
        self._is_key = False

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises JsonError."""
        for at in range(0, len(data), PIECE_BYTES):
            if self.done:
                return
            piece = self._rest + data[at : at + PIECE_BYTES]
            self._rest = b""
            try:
                self._parse(piece.decode())
            except UnicodeDecodeError as error:
                self._parse(piece[: error.start].decode())
                self._rest = piece[error.start :]
                if len(self._rest) > 3 and not self.done:  # no character is longer
                    raise JsonError("invalid UTF-8") from None

    def end(self) -> None:
        """The text is complete. Raises JsonError if it is not."""
        self.feed(b" ")  # completes a number
        if not self.done and (self._rest or self._steps is not AFTER_ALL):
            raise JsonError("invalid UTF-8" if self._rest else "unexpected end of JSON")

    def _parse(self, text: str) -> None:
        text, self._tail = self._tail + text, ""
        at = 0
        while at < len(text) and not self.done:
            if self._steps is IN_STRING:
                at = self._string(text, at)
                continue
            step = self._steps.get(text[at])
            if step is None:
                raise JsonError(f"unexpected character {text[at]!r}")
            at = step(self, text, at)

    # Steps: each consumes a token at a position and returns the position behind it.

    def _space(self, text: str, at: int) -> int:
        return at + 1

    def _open(self, text: str, at: int) -> int:
        if len(self._stack) == MAX_DEPTH:
            raise JsonError(f"more than {MAX_DEPTH} levels")
        is_object = text[at] == "{"
        self._stack.append((self._node, is_object))
        self._steps = FIRST_KEY if is_object else FIRST_ITEM
        self._node = self._child(ITEM)
        return at + 1

    def _close(self, text: str, at: int) -> int:
        node, is_object = self._stack.pop()
        self._complete(node, OBJECT if is_object else ARRAY)
        return at + 1

    def _comma(self, text: str, at: int) -> int:
        self._steps = NEXT_KEY if self._stack[-1][1] else BEFORE_VALUE
        self._node = self._child(ITEM)
        return at + 1

    def _colon(self, text: str, at: int) -> int:
        self._steps = BEFORE_VALUE
        return at + 1

    def _literal(self, text: str, at: int) -> int:
        found = text[at : at + 5]
        for word, value in LITERALS.items():
            if found.startswith(word):
                self._complete(self._node, value)
                return at + len(word)
            if word.startswith(found):
                return self._postpone(text, at)
        raise JsonError(f"unexpected character {text[at]!r}")

    def _number(self, text: str, at: int) -> int:
        end = at + 1
        while end < len(text) and text[end] in NUMBER_CHARACTERS:
            end += 1
        if end - at > MAX_NUMBER_CHARACTERS:
            raise JsonError(f"a number of more than {MAX_NUMBER_CHARACTERS} characters")
        if end == len(text):
            return self._postpone(text, at)
        self._complete(self._node, parse_number(text[at:end]))
        return end

    def _begin_string(self, text: str, at: int) -> int:
        self._is_key = self._steps is not BEFORE_VALUE and self._steps is not FIRST_ITEM
        node = self._stack[-1][0] if self._is_key else self._node
        self._kept.clear()
        self._keep = MAX_TEXT_CHARACTERS if node is not None and (self._is_key or node.path is not None) else 0
        self._steps = IN_STRING
        return at + 1

    def _string(self, text: str, at: int) -> int:
        """Continues a string up to its end, or to the end of what has arrived."""
        quote = text.find('"', at)
        while True:
            limit = quote if quote >= 0 else len(text)
            slash = text.find("\\", at, limit)
            piece = text[at : slash if slash >= 0 else limit]
            if not piece.isprintable() and min(piece) < " ":
                raise JsonError("a control character in a string")
            self._append(piece)
            if slash < 0:
                break
            at = self._escape(text, slash)
            if at == slash:
                return self._postpone(text, slash)
            if 0 <= quote < at:
                quote = text.find('"', at)
        if quote < 0:
            return limit
        content = "".join(self._kept)
        if self._is_key:
            self._node = self._child(content)
            self._steps = AFTER_KEY
        else:
            self._complete(self._node, content)
        return quote + 1

    def _escape(self, text: str, at: int) -> int:
        """Keeps an escaped character; returns the position behind it, or its own if it is incomplete."""
        mark = text[at + 1 : at + 2]
        if mark in ESCAPES:
            self._append(ESCAPES[mark])
            return at + 2
        if mark not in ("", "u"):
            raise JsonError(f"unexpected escape {mark!r}")
        if len(text) < at + 6:
            return at
        code, end = code_unit(text, at), at + 6
        if 0xD800 <= code < 0xDC00 and text[end : end + 2] in ("", "\\", "\\u"):
            if len(text) < end + 6:
                return at
            low = code_unit(text, end)
            if 0xDC00 <= low < 0xE000:
                code, end = 0x10000 + ((code & 0x3FF) << 10 | low & 0x3FF), end + 6
        self._append("\ufffd" if 0xD800 <= code < 0xE000 else chr(code))
        return end

    # What a completed token does.

    def _child(self, key: "str | None") -> "Node | None":
        """The node of a member of the innermost container."""
        parent = self._stack[-1][0]
        return parent.children.get(key) if parent is not None else None

    def _append(self, piece: str) -> None:
        if self._keep > 0 and piece:
            self._kept.append(piece[: self._keep])
            self._keep -= len(piece)

    def _postpone(self, text: str, at: int) -> int:
        """Leaves a token for the next piece."""
        self._tail = text[at:]
        return len(text)

    def _complete(self, node: "Node | None", value: "Kept") -> None:
        stack = self._stack
        self._steps = AFTER_ALL if not stack else AFTER_MEMBER if stack[-1][1] else AFTER_ITEM
        if node is not None and node.path is not None:
            self.done = self._take(node.path, value)


_SPACE: "Steps" = dict.fromkeys(" \t\n\r", JsonReader._space)
BEFORE_VALUE: "Steps" = {
    **_SPACE,
    '"': JsonReader._begin_string,
    **dict.fromkeys("{[", JsonReader._open),
    **dict.fromkeys("-0123456789", JsonReader._number),
    **dict.fromkeys("tfn", JsonReader._literal),
}
FIRST_ITEM: "Steps" = {**BEFORE_VALUE, "]": JsonReader._close}
NEXT_KEY: "Steps" = {**_SPACE, '"': JsonReader._begin_string}
FIRST_KEY: "Steps" = {**NEXT_KEY, "}": JsonReader._close}
AFTER_KEY: "Steps" = {**_SPACE, ":": JsonReader._colon}
AFTER_ITEM: "Steps" = {**_SPACE, ",": JsonReader._comma, "]": JsonReader._close}
AFTER_MEMBER: "Steps" = {**_SPACE, ",": JsonReader._comma, "}": JsonReader._close}
AFTER_ALL: "Steps" = {**_SPACE}
IN_STRING: "Steps" = {}
