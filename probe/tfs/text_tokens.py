"""Tokens of protobuf's text format, exactly as the C++ tokenizer in TensorFlow Serving reads them.

Rule of this file: any bytes become tokens or raise TextError, in linear time and with no more than MAX_TOKENS tokens.
Source: google/protobuf/io/tokenizer.cc in protobuf 3.21. Python's google.protobuf.text_format differs: it takes a
non-breaking space for white space, allows unknown escapes and a plus sign, and refuses bytes that are not UTF-8.
"""

from .text_error import TextError
from .text_strings import end_of_string

MAX_TOKENS = 300_000  # a model takes about 15

END, IDENTIFIER, INTEGER, FLOAT, STRING, SYMBOL = range(6)

_CONTROL, _SPACE, _LETTER, _DIGIT, _QUOTE, _HASH, _OTHER, _NOT_ASCII = range(8)
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_OCTAL_DIGITS = b"01234567"


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
            self.kind, self.end = STRING, end_of_string(data, start)
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
