"""String literals of protobuf's text format: where they end, and what they contain.

Rule of this file: linear time for any bytes.
"""

from .text_error import TextError, position

_HEX_DIGITS = b"0123456789abcdefABCDEF"
_OCTAL_DIGITS = b"01234567"
_ESCAPES = b"abfnrtv\\?'\""
_ESCAPED = b"\a\b\f\n\r\t\v\\?'\""


def end_of_string(data: bytes, start: int) -> int:
    """The offset after a string token. Raises TextError for one that is not closed, and for a bad escape sequence."""
    at = start + 1
    quote = data[start:at]
    while True:
        closing = data.find(quote, at)
        stop = len(data) if closing < 0 else closing
        # What ends the string too early is looked for once in each stretch, or many escapes would cost its square.
        for ending in (b"\n", b"\0"):
            found = data.find(ending, at, stop)
            stop = stop if found < 0 else found
        while (slash := data.find(b"\\", at, stop)) >= 0:
            at = _end_of_escape(data, slash + 1)
        if at > stop:
            continue  # an escaped quote
        if stop != closing:
            raise TextError(
                stop,
                f"the string that begins in column {position(data, start)[1]} is not closed in its line",
                f"close it with {quote.decode()}, the quotation mark that opens it",
            )
        return closing + 1


def _end_of_escape(data: bytes, at: int) -> int:
    """The offset after an escape sequence, from that after its backslash."""
    letter = data[at : at + 1]
    if letter and (letter in _ESCAPES or letter in _OCTAL_DIGITS):
        return at + 1
    classes: tuple[bytes, ...]
    if letter in (b"x", b"X"):
        classes = (_HEX_DIGITS,)
    elif letter == b"u":
        classes = (_HEX_DIGITS,) * 4
    elif letter == b"U":
        classes = (b"0", b"0", b"01", *(_HEX_DIGITS,) * 5)
    else:
        raise TextError(at, "an unknown escape sequence in a string", "write a backslash as \\\\")
    for digits in classes:
        at += 1
        if data[at : at + 1] == b"" or data[at] not in digits:
            raise TextError(at, f"\\{letter.decode()} in a string needs {len(classes)} hexadecimal digits")
    return at + 1


def unescape(quoted: bytes) -> bytes:
    """The content of a string token, whose escapes are valid."""
    out, at = bytearray(), 1
    while (slash := quoted.find(b"\\", at)) >= 0:
        out += quoted[at:slash]
        at = slash + 2
        letter = quoted[slash + 1 : at]
        if letter in _OCTAL_DIGITS:
            while at < slash + 4 and quoted[at] in _OCTAL_DIGITS:
                at += 1
            out.append(int(quoted[slash + 1 : at], 8) & 255)
        elif letter in b"xX":
            at += 2 if quoted[at + 1] in _HEX_DIGITS else 1
            out.append(int(quoted[slash + 2 : at], 16))
        elif letter in b"uU":
            code, at = _code_point(quoted, at, 4 if letter == b"u" else 8)
            out += _utf8(code)
        else:
            out.append(_ESCAPED[_ESCAPES.index(letter)])
    return bytes(out + quoted[at:-1])


def _code_point(quoted: bytes, at: int, digits: int) -> "tuple[int, int]":
    """The number of a `\\u` or `\\U` escape, two halves of a UTF-16 pair joined; and the offset after it."""
    code = int(quoted[at : at + digits], 16)
    at += digits
    if 0xD800 <= code < 0xDC00 and quoted[at : at + 2] == b"\\u":
        low = int(quoted[at + 2 : at + 6], 16)
        if 0xDC00 <= low < 0xE000:
            return 0x10000 + (code - 0xD800 << 10 | low - 0xDC00), at + 6
    return code, at


def _utf8(code: int) -> bytes:
    """As protobuf does it: a lone surrogate is encoded, too, and a number above Unicode's is written out."""
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else b"\\U%08x" % code
