"""Values as JSON (RFC 8259) on one line.

Rule of this file: what it writes every JSON reader reads. Surrogates without a partner, such as the bytes of argv that
are not UTF-8, become U+FFFD; control characters are escaped, DEL and those of C1 too. Floats have three decimals.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Json: TypeAlias = "str | int | float | bool | tuple[Json, ...] | list[Json] | Mapping[str, Json] | None"

REPLACEMENT = "\ufffd"
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def to_json(value: "Json", ascii_only: bool = False) -> str:
    """The value without spaces, members in their order. Raises TypeError for what JSON does not have."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value - value == 0:  # JSON has neither infinity nor NaN
        return f"{value:.3f}"
    if isinstance(value, str):
        return quote(value, ascii_only)
    if isinstance(value, (tuple, list)):
        return "[" + ",".join([to_json(item, ascii_only) for item in value]) + "]"
    if isinstance(value, dict):
        members = [f"{quote(key, ascii_only)}:{to_json(item, ascii_only)}" for key, item in value.items()]
        return "{" + ",".join(members) + "}"
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def quote(text: str, ascii_only: bool = False) -> str:
    """A text in double quotes."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join([_escape(character, ascii_only) for character in text]) + '"'


def _escape(character: str, ascii_only: bool) -> str:
    code = ord(character)
    if 0xD800 <= code < 0xE000:
        character, code = REPLACEMENT, ord(REPLACEMENT)
    if character in ESCAPES:
        return ESCAPES[character]
    if code < 0x20 or 0x7F <= code < 0xA0 or (ascii_only and 0x7F < code < 0x10000):
        return f"\\u{code:04x}"
    if ascii_only and code > 0x7F:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return character
