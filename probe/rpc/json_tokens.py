"""The parts of JSON (RFC 8259) inside a token: numbers, literals, escapes."""

MAX_NUMBER_CHARACTERS = 256
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
LITERALS: "dict[str, bool | None]" = {"true": True, "false": False, "null": None}
NUMBER_CHARACTERS = "0123456789+-.eE"
HEX_DIGITS = "0123456789abcdefABCDEF"


class JsonError(ValueError):
    """The bytes are not JSON, exceed a bound, or are not the expected message."""


def code_unit(text: str, at: int) -> int:
    """The number in an escape such as `\\u00e9`."""
    digits = text[at + 2 : at + 6]
    if any(digit not in HEX_DIGITS for digit in digits):
        raise JsonError("a malformed escape")
    return int(digits, 16)


def parse_number(text: str) -> "int | float":
    """The number that a token means. Raises JsonError."""
    digits = text[1:] if text[0] == "-" else text
    mantissa, has_exponent, exponent = digits.replace("E", "e").partition("e")
    integer, point, fraction = mantissa.partition(".")
    exponent = exponent[1:] if exponent[:1] in ("+", "-") else exponent
    if (
        not integer.isdigit()
        or (integer[0] == "0" and integer != "0")
        or (point and not fraction.isdigit())
        or (has_exponent and not exponent.isdigit())
    ):
        raise JsonError("a malformed number")
    return float(text) if point or has_exponent else int(text)
