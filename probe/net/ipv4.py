"""Hosts that look like numbers: the C library accepts many notations of an IPv4 address that people do not expect.

`010.0.0.1` is 8.0.0.1 there, and `2130706433` is 127.0.0.1. Only the usual notation is accepted here. Pure.
"""

HEX = "0123456789abcdefABCDEF"


def looks_numeric(host: str) -> bool:
    """Whether the host consists of numbers but is not in the usual notation: four decimal parts of 0 to 255 without
    leading zeros."""
    parts = host.rstrip(".").split(".")
    if not all(_is_number(part) for part in parts):
        return False
    usual = len(parts) == 4 and all(_is_usual(part) for part in parts)
    return not usual or host[-1:] == "."


def meaning(host: str) -> str:
    """The address that the C library's inet_aton takes the host for; empty if it takes it for none."""
    parts = host.split(".")
    if len(parts) > 4 or not all(_is_number(part) for part in parts):
        return ""
    try:
        numbers = [_value(part) for part in parts]
    except ValueError:
        return ""
    *leading, last = numbers
    if any(number > 255 for number in leading) or last >= 1 << 8 * (5 - len(parts)):
        return ""
    whole = last
    for place, number in enumerate(leading):
        whole += number << 8 * (3 - place)
    return ".".join(str(whole >> shift & 255) for shift in (24, 16, 8, 0))


def _is_number(part: str) -> bool:
    digits = part[2:] if part[:2] in ("0x", "0X") else part
    allowed = HEX if digits is not part else "0123456789"
    return bool(digits) and all(character in allowed for character in digits)


def _is_usual(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255 and (part == "0" or part[0] != "0")


def _value(part: str) -> int:
    """A number in C's notation. Raises ValueError."""
    if part[:2] in ("0x", "0X"):
        return int(part[2:], 16)
    return int(part, 8 if part[0] == "0" and len(part) > 1 else 10)
