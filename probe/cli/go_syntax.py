"""Go's syntax of integer literals and quoted strings. Pure."""


def parse_integer(text: str) -> int:
    """An integer literal of Go: a sign, a base prefix, `_` between digits. Raises ValueError.

    Python's rules for `int(text, 0)` differ in white space, digits of other scripts, and `0` before octal digits, which
    Go accepts."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits.isascii() or not digits[:1].isdigit() or digits != digits.strip():
        raise ValueError(text)
    if len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567_":
        digits = "0o" + digits[1:]
    number = int(digits, 0)
    return -number if text[0] == "-" else number


def quote(text: str) -> str:
    """A text in double quotes with Go's escapes (`strconv.Quote`)."""
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    if character in "\a\b\f\n\r\t\v":
        return "\\" + "abfnrtv"["\a\b\f\n\r\t\v".index(character)]
    if 0xDC80 <= code <= 0xDCFF:  # a byte of argv that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 128:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
