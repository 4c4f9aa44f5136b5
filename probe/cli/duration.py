"""Go's durations, both ways: text <-> nanoseconds in a signed 64-bit integer. Pure.

The rules, and the arithmetic of fractions, are those of `time.ParseDuration` and `time.Duration.String` in Go's
standard library: the original program's users rely on them."""

UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_OVERFLOW = 1 << 63


def parse(text: str) -> int:
    """Nanoseconds of a text such as `900ms`, `1m30s` or `-1.5h`. Raises ValueError for anything else."""
    negative = text[:1] == "-"
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(text)
    total = 0
    while rest:
        nanoseconds, rest = _term(rest)
        total += nanoseconds
        if total > _OVERFLOW:
            raise ValueError(text)
    if total == _OVERFLOW and not negative:
        raise ValueError(text)
    return -total if negative else total


def _term(text: str) -> "tuple[int, str]":
    """The first number with its unit, in nanoseconds, and the text after it."""
    whole, rest = _digits(text)
    fraction = ""
    if rest[:1] == ".":
        fraction, rest = _digits(rest[1:])
    if not whole and not fraction:
        raise ValueError(text)
    end = 0
    while end < len(rest) and rest[end] != "." and not "0" <= rest[end] <= "9":
        end += 1
    unit = UNITS.get(rest[:end], 0)
    value = int(whole or "0") * unit
    if not unit or value > _OVERFLOW:
        raise ValueError(text)
    if fraction:
        value += _fraction(fraction, unit)
    return value, rest[end:]


def _digits(text: str) -> "tuple[str, str]":
    end = 0
    while end < len(text) and "0" <= text[end] <= "9":
        end += 1
    return text[:end], text[end:]


def _fraction(digits: str, unit: int) -> int:
    """A fraction of a unit in nanoseconds, in floating point as in Go; digits beyond 63 bits do not count."""
    number, scale = 0, 1.0
    for digit in digits:
        longer = number * 10 + int(digit)
        if longer > _OVERFLOW:
            break
        number, scale = longer, scale * 10
    return int(number * (unit / scale))


def render(nanoseconds: int) -> str:
    """The shortest text of a duration, e.g. `1m30s`, `900ms`, `1.5µs`, `0s`."""
    sign = "-" if nanoseconds < 0 else ""
    left = abs(nanoseconds)
    if left == 0:
        return "0s"
    if left < UNITS["s"]:
        unit = "ns" if left < UNITS["us"] else "µs" if left < UNITS["ms"] else "ms"
        return sign + _decimal(left, UNITS[unit]) + unit
    minutes, left = divmod(left, UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    out = sign
    if hours:
        out += f"{hours}h"
    if hours or minutes:
        out += f"{minutes}m"
    return out + _decimal(left, UNITS["s"]) + "s"


def _decimal(value: int, unit: int) -> str:
    whole, part = divmod(value, unit)
    return f"{whole}.{part:0{len(str(unit)) - 1}}".rstrip("0") if part else str(whole)
