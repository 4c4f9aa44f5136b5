"""Tokens of protobuf's text format, exactly as the C++ tokenizer in TensorFlow Serving reads them.

Rule of this file: any bytes become tokens or raise TextError, in linear time and with no more than MAX_TOKENS tokens.
Source: google/protobuf/io/tokenizer.cc in protobuf 3.21, which differs from Python's google.protobuf.text_format: a
non-breaking space is not white space, an unknown escape is an error, and bytes that are not UTF-8 are not.
"""

MAX_TOKENS = 300_000  # a model takes about 15
TAB_WIDTH = 8
MAX_SHOWN_BYTES = 60

END, IDENTIFIER, INTEGER, FLOAT, STRING, SYMBOL = range(6)

_CONTROL, _SPACE, _LETTER, _DIGIT, _QUOTE, _HASH, _OTHER, _NOT_ASCII = range(8)
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_OCTAL_DIGITS = b"01234567"
_ESCAPES = b"abfnrtv\\?'\""
_ESCAPED = b"\a\b\f\n\r\t\v\\?'\""


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


def _class_of(byte: int) -> int:
    character = chr(byte)
    if byte > 127:
        return _NOT_ASCII
    if character.isalpha() or character == "_":
        return _LETTER
    if character.isdigit():
        return _DIGIT
    if character in " \t\n\r\v\f":
        return _SPACE
    if byte < 32:
        return _CONTROL
    return {'"': _QUOTE, "'": _QUOTE, "#": _HASH}.get(character, _OTHER)


_CLASSES = bytes(_class_of(byte) for byte in range(256))


class Tokens:
    """The current token of a file: its kind, and the offsets where it starts and ends."""

    __slots__ = ("_left", "data", "end", "kind", "start")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.kind = SYMBOL
        self.start = self.end = 0
        self._left = MAX_TOKENS
        self.advance()

    @property
    def text(self) -> bytes:
        """The token as it is written."""
        return self.data[self.start : self.end]

    def advance(self) -> None:
        """Reads the next token."""
        data, previous_kind, previous_end = self.data, self.kind, self.end
        self._left -= 1
        if self._left < 0:
            raise TextError(previous_end, f"the file has more than {MAX_TOKENS} tokens", "list fewer models")
        self.start = start = self._next_start()
        if start == len(data):
            self.kind, self.end = END, start
            return
        byte_class = _CLASSES[data[start]]
        if byte_class == _LETTER:
            self.kind, self.end = IDENTIFIER, self._end_of_word(start + 1)
        elif byte_class == _QUOTE:
            self.kind, self.end = STRING, self._end_of_string(start)
        elif byte_class == _DIGIT:
            self._number(start)
        elif data[start] == 46 and data[start + 1 : start + 2].isdigit():  # .5
            if previous_kind == IDENTIFIER and previous_end == start:
                raise TextError(start, "a space is missing between a name and a decimal point")
            self._number(start)
        elif byte_class == _NOT_ASCII:
            raise TextError(start, f"byte 0x{data[start]:02x} is allowed only in strings and comments")
        elif byte_class == _CONTROL:
            raise TextError(start, f"control character 0x{data[start]:02x}", "remove it")
        else:
            self.kind, self.end = SYMBOL, start + 1

    def _next_start(self) -> int:
        """Passes over white space and comments."""
        data, at = self.data, self.end
        size = len(data)
        while at < size:
            byte_class = _CLASSES[data[at]]
            if byte_class == _SPACE:
                at += 1
            elif byte_class == _HASH:
                line_end = data.find(b"\n", at)
                line_end = size if line_end < 0 else line_end
                nul = data.find(b"\0", at, line_end)
                at = line_end if nul < 0 else nul
            else:
                break
        return at

    def _end_of_word(self, at: int) -> int:
        data, size = self.data, len(self.data)
        while at < size and _LETTER <= _CLASSES[data[at]] <= _DIGIT:
            at += 1
        return at

    def _end_of_digits(self, at: int, digits: bytes = b"0123456789") -> int:
        data, size = self.data, len(self.data)
        while at < size and data[at] in digits:
            at += 1
        return at

    def _number(self, start: int) -> None:
        data, kind = self.data, INTEGER
        if data[start : start + 2] in (b"0x", b"0X"):
            at = self._end_of_digits(start + 2, _HEX_DIGITS)
            if at == start + 2:
                raise TextError(at, '"0x" without hexadecimal digits after it')
        elif data[start] == 48 and data[start + 1 : start + 2].isdigit():
            at = self._end_of_digits(start, _OCTAL_DIGITS)
            if data[at : at + 1].isdigit():
                raise TextError(
                    at, "a number that begins with 0 is octal and cannot contain 8 or 9", "remove leading zeros"
                )
        else:
            kind, at = self._decimal(start)
        if at < len(data) and _CLASSES[data[at]] == _LETTER:
            raise TextError(at, "a space is missing between a number and a name", "put strings in quotes")
        if data[at : at + 1] == b".":
            raise TextError(at, "a decimal point that does not belong to a number")
        self.kind, self.end = kind, at

    def _decimal(self, start: int) -> "tuple[int, int]":
        """Kind and end of a number without a base prefix."""
        data, kind = self.data, INTEGER
        at = self._end_of_digits(start)
        if data[at : at + 1] == b".":
            kind, at = FLOAT, self._end_of_digits(at + 1)
        if data[at : at + 1] in (b"e", b"E"):
            digits = at + 2 if data[at + 1 : at + 2] in (b"-", b"+") else at + 1
            kind, at = FLOAT, self._end_of_digits(digits)
            if at == digits:
                raise TextError(at, '"e" without an exponent after it')
        if data[at : at + 1] in (b"f", b"F"):
            kind, at = FLOAT, at + 1
        return kind, at

    def _end_of_string(self, start: int) -> int:
        """The offset after the closing quote; the escapes are checked."""
        data, at = self.data, start + 1
        quote = data[start:at]
        while True:
            closing = data.find(quote, at)
            stop = len(data) if closing < 0 else closing
            # What ends the string too early is looked for once in each stretch, or many escapes would cost its square.
            for ending in (b"\n", b"\0"):
                found = data.find(ending, at, stop)
                stop = stop if found < 0 else found
            while (slash := data.find(b"\\", at, stop)) >= 0:
                at = self._end_of_escape(slash + 1)
            if at > stop:
                continue  # an escaped quote
            if stop != closing:
                raise TextError(
                    stop,
                    f"the string that begins in column {position(data, start)[1]} is not closed in its line",
                    f"close it with {quote.decode()}, the quotation mark that opens it",
                )
            return closing + 1

    def _end_of_escape(self, at: int) -> int:
        data = self.data
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
