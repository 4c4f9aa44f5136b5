"""Texts made safe for a terminal and a log, and cut to a length. Pure."""

MAX_TEXT_BYTES = 1024  # of a text without a budget of its own
QUOTED = '"\\'  # the characters that need a backslash between quotes


def escape(text: str, limit: int = MAX_TEXT_BYTES, quoted: str = "") -> str:
    """The text with its control characters as Go's protobuf text form escapes them, and a backslash before those in
    `quoted`; cut after `limit` bytes, escapes counted.

    Beyond Go's: DEL, the C1 controls, and the characters that end a line or change its direction."""
    if len(text) <= limit and text.isascii() and text.isprintable() and not quoted:
        return text
    pieces: list[str] = []
    size = 0
    for place, character in enumerate(text):
        piece = "\\" + character if character in quoted else _escape(character) if _is_control(character) else character
        size += len(piece.encode())
        if size > limit:
            return f"{''.join(pieces)} ... ({len(text) - place} more characters left out)"
        pieces.append(piece)
    return "".join(pieces)


def _is_control(character: str) -> bool:
    return (
        character < " "
        or "\x7f" <= character <= "\x9f"
        or character in "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        or 0xD800 <= ord(character) <= 0xDFFF  # as a literal it could not be frozen: marshal needs a codec for it
    )


def _escape(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    if code < 128:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte of argv that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}"
