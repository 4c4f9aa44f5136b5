"""Protobuf's text format: a file and a schema become fields, as strictly as the C++ parser in TensorFlow Serving.

The one exception: a field whose name the schema does not have is passed over by its structure and reported, since a
newer server may know it. Rule of this file: any bytes become a Message or raise TextError, in linear time.
Source: google/protobuf/text_format.cc in protobuf 3.21, with the parser's default settings.
"""

from .text_error import LineCounter, TextError, shown
from .text_schema import ENUM, INT64, MESSAGE, OPAQUE, TEXT, UINT32, Field, Message, Schema
from .text_strings import unescape
from .text_tokens import END, FLOAT, IDENTIFIER, INTEGER, STRING, Tokens

MAX_UNKNOWN_DEPTH = 100
MAX_REPORTED = 100  # unknown names, and octal numbers

_LIMITS = {INT64: (1 << 63, (1 << 63) - 1), UINT32: (0, (1 << 32) - 1), ENUM: (1 << 31, (1 << 31) - 1)}
_CLOSING = {b"{": b"}", b"<": b">"}


class Parser:
    """Reads one file."""

    __slots__ = ("lines", "octal", "opened", "tokens", "unknown")

    def __init__(self, data: bytes) -> None:
        self.tokens = Tokens(data)
        self.lines = LineCounter(data)
        self.opened: list[int] = []  # offsets of braces that are not closed yet
        self.unknown: dict[tuple[str, str], int] = {}  # (message, field) -> line
        self.octal: list[tuple[int, str, int]] = []  # line, as written, value

    def file(self, schema: Schema) -> Message:
        """The whole file as one message."""
        message = Message(0)
        while self.tokens.kind != END:
            self._field(message, schema)
        return message

    def _field(self, message: Message, schema: Schema) -> None:
        tokens = self.tokens
        at = tokens.start
        name = self._name()
        field = schema.fields.get(name)
        if field is None:
            message.unknown = message.unknown or shown(name)
            if len(self.unknown) < MAX_REPORTED:
                self.unknown.setdefault((schema.name, shown(name)), self.lines.line(at))
            self._skip_field()
            return
        self._refuse_second(message, schema, name, at)
        if not self._accept(b":") and field.kind < MESSAGE:
            raise self._unexpected('":"')
        if field.repeated and self._accept(b"["):
            if not self._accept(b"]"):
                self._value(message, name, field, self.tokens.start)
                while not self._accept(b"]"):
                    self._expect(b",")
                    self._value(message, name, field, self.tokens.start)
        else:
            self._value(message, name, field, at)
        self._separator()

    def _refuse_second(self, message: Message, schema: Schema, name: bytes, at: int) -> None:
        field = schema.fields[name]
        if field.repeated:
            return
        if message.has(name):
            raise TextError(at, f"{name.decode()} is given twice in one message", "give it once")
        if not field.oneof:
            return
        for other, candidate in schema.fields.items():
            if candidate.oneof == field.oneof and message.has(other):
                raise TextError(
                    at, f"{name.decode()} excludes {other.decode()}, which is given too", "remove one of them"
                )

    def _name(self) -> bytes:
        tokens = self.tokens
        if tokens.kind == END and self.opened:
            opening = self.opened[-1]
            bracket = tokens.data[opening : opening + 1]
            cause = f'the file ends before the "{bracket.decode()}" in line {self.lines.line(opening)} is closed'
            raise TextError(tokens.start, cause, f'close it with "{_CLOSING[bracket].decode()}"')
        if tokens.text in (b"}", b">") and not self.opened:
            raise TextError(tokens.start, f'"{tokens.text.decode()}" closes nothing', "remove it")
        if tokens.kind != IDENTIFIER:
            remedy = {STRING: "remove the quotes", INTEGER: "write several values as [1, 2]"}
            raise self._unexpected("a field name", remedy.get(tokens.kind, ""))
        name = tokens.text
        tokens.advance()
        return name

    def _value(self, message: Message, name: bytes, field: Field, at: int) -> None:
        if field.kind == OPAQUE:
            message.messages.setdefault(name, []).append(Message(at))
            self._skip_message()
        elif field.schema is not None:
            inner = Message(at)
            message.messages.setdefault(name, []).append(inner)
            closing = self._open()
            while self.tokens.text not in (b"}", b">"):
                self._field(inner, field.schema)
            self._close(closing)
        else:
            value = self._string() if field.kind == TEXT else self._number(field)
            message.scalars.setdefault(name, []).append((value, at))

    def _string(self) -> bytes:
        tokens = self.tokens
        if tokens.kind != STRING:
            raise self._unexpected(
                "a string", "put it in quotes" if tokens.kind in (IDENTIFIER, INTEGER, FLOAT) else ""
            )
        parts = []
        while tokens.kind == STRING:
            parts.append(unescape(tokens.text))
            tokens.advance()
        return b"".join(parts)

    def _number(self, field: Field) -> int:
        tokens = self.tokens
        if field.kind == ENUM and tokens.kind == IDENTIFIER:
            at, name = tokens.start, tokens.text
            tokens.advance()
            if name not in field.names:
                names = ", ".join(each.decode() for each in field.names)
                raise TextError(at, f"{shown(name)} is not one of {names}")
            return field.names.index(name)
        lowest, highest = _LIMITS[field.kind]
        negative = lowest > 0 and self._accept(b"-")
        if tokens.kind != INTEGER:
            remedy = {STRING: "remove the quotes", FLOAT: "write it without a fraction and an exponent"}
            raise self._unexpected("an integer", remedy.get(tokens.kind, ""))
        magnitude = self._magnitude()
        if magnitude > (lowest if negative else highest):
            remedy_range = f"the largest is {highest}, the smallest {-lowest}"
            raise TextError(tokens.start, f"{shown(tokens.text)} is out of range", remedy_range)
        tokens.advance()
        return -magnitude if negative else magnitude

    def _magnitude(self) -> int:
        """The current integer; one with too many digits is not computed."""
        text = self.tokens.text
        if text[:2] in (b"0x", b"0X"):
            base, digits = 16, text[2:].lstrip(b"0")
        else:
            base, digits = 8 if text[:1] == b"0" else 10, text.lstrip(b"0")
        if len(digits) > 22:  # 64 bits have at most 22 octal digits
            return 1 << 64
        number = int(digits or b"0", base)
        if base == 8 and number > 7 and len(self.octal) < MAX_REPORTED:
            self.octal.append((self.lines.line(self.tokens.start), shown(text), number))
        return number

    def _skip_field(self) -> None:
        """Passes over an unknown field after its name. A message needs no colon, nor does a list of messages."""
        tokens = self.tokens
        scalars = self._accept(b":")
        if self._accept(b"["):
            if not self._accept(b"]"):
                self._skip_value(scalars)
                while not self._accept(b"]"):
                    self._expect(b",")
                    self._skip_value(scalars)
        elif not scalars and tokens.text not in _CLOSING:
            raise self._unexpected('":"')
        else:
            self._skip_value(scalars)
        self._separator()

    def _skip_value(self, scalars: bool) -> None:
        tokens = self.tokens
        if not scalars or tokens.text in _CLOSING:
            self._skip_message()
        elif tokens.kind == STRING:
            while tokens.kind == STRING:
                tokens.advance()
        else:
            negative = self._accept(b"-")
            if tokens.kind not in (IDENTIFIER, INTEGER, FLOAT):
                raise self._unexpected("a value")
            if negative and tokens.kind == IDENTIFIER and tokens.text.lower() not in (b"inf", b"infinity", b"nan"):
                raise self._unexpected("a number")
            tokens.advance()

    def _skip_message(self) -> None:
        closing = self._open()
        if len(self.opened) > MAX_UNKNOWN_DEPTH:
            raise TextError(self.tokens.start, f"more than {MAX_UNKNOWN_DEPTH} messages inside each other")
        while self.tokens.text not in (b"}", b">"):
            if self._accept(b"["):  # the type of an Any
                self._name()
                while self._accept(b".") or self._accept(b"/"):
                    self._name()
                self._expect(b"]")
            else:
                self._name()
            self._skip_field()
        self._close(closing)

    def _open(self) -> bytes:
        """Reads an opening bracket; returns the one that closes it."""
        closing = _CLOSING.get(self.tokens.text)
        if closing is None:
            raise self._unexpected('"{"', "this field cannot be a list" if self.tokens.text == b"[" else "")
        self.opened.append(self.tokens.start)
        self.tokens.advance()
        return closing

    def _close(self, closing: bytes) -> None:
        if self.tokens.text != closing:
            line = self.lines.line(self.opened[-1])
            raise self._unexpected(f'"{closing.decode()}"', f"it closes the bracket in line {line}")
        self.opened.pop()
        self.tokens.advance()

    def _accept(self, symbol: bytes) -> bool:
        if self.tokens.text != symbol:
            return False
        self.tokens.advance()
        return True

    def _expect(self, symbol: bytes) -> None:
        if not self._accept(symbol):
            raise self._unexpected(f'"{symbol.decode()}"')

    def _separator(self) -> None:
        """One comma or semicolon may follow a field."""
        if not self._accept(b";"):
            self._accept(b",")

    def _unexpected(self, expected: str, remedy: str = "") -> TextError:
        tokens = self.tokens
        if tokens.kind == END:
            return TextError(tokens.start, f"expected {expected}, found the end of the file", remedy)
        return TextError(tokens.start, f"expected {expected}, found {shown(tokens.text)}", remedy)
