"""argv and environment -> the flags' values, by the rules of Go's `flag` package.

An error is Go's own sentence, so that scripts which look for it keep working.
"""

from ..value import Value
from . import duration
from .flag_table import ENVIRONMENT_PREFIX, FLAGS
from .go_syntax import parse_integer, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .flag_table import Flag, FlagValue

BOOLEANS = {
    "1": True, "t": True, "T": True, "true": True, "TRUE": True, "True": True,
    "0": False, "f": False, "F": False, "false": False, "FALSE": False, "False": False,
}  # fmt: skip


class UsageError(Exception):
    """A command line that cannot be parsed: Go's sentence."""


class HelpRequested(Exception):
    """-h or -help was given."""


class ParsedFlags(Value):
    """The value of every flag, and the arguments after the flags."""

    __slots__ = ("leftover", "values")

    def __init__(self, values: "dict[str, Any]", leftover: "tuple[str, ...]") -> None:
        self.values: Final = values
        self.leftover: Final = leftover

    def __hash__(self) -> int:
        return hash((tuple(self.values.items()), self.leftover))


def parse(arguments: "list[str]", environment: "dict[bytes, bytes]") -> ParsedFlags:
    """Parses a command line without the program's name. Raises UsageError and HelpRequested."""
    given: dict[str, FlagValue] = {}
    at = 0
    while at < len(arguments):
        argument = arguments[at]
        if len(argument) < 2 or argument[0] != "-":
            break
        at += 1
        if argument == "--":
            break
        name, equals, text = _split(argument)
        flag = FLAGS.get(name)
        if flag is None:
            if name in ("h", "help"):
                raise HelpRequested
            raise UsageError(f"flag provided but not defined: -{name}")
        if flag.kind == "bool":
            text = text if equals else "true"
        elif not equals:
            if at == len(arguments):
                raise UsageError(f"flag needs an argument: -{name}")
            text = arguments[at]
            at += 1
        value = _parse_value(flag, text, f"flag -{name}", f"-{name}")
        before = given.get(name)
        given[name] = before + value if isinstance(before, tuple) and isinstance(value, tuple) else value
    values = {name: flag.default for name, flag in FLAGS.items()}
    if environment:
        values.update(_from_environment(environment, given))
    values.update(given)
    return ParsedFlags(values, tuple(arguments[at:]))


def _split(argument: str) -> "tuple[str, str, str]":
    """`-name`, `--name`, `-name=text` -> name, `=`, text."""
    body = argument[2:] if argument[1] == "-" else argument[1:]
    if body[:1] in ("", "-", "="):
        raise UsageError(f"bad flag syntax: {argument}")
    return body.partition("=")


def _from_environment(environment: "dict[bytes, bytes]", given: "dict[str, FlagValue]") -> "dict[str, FlagValue]":
    """The values of TFS_PROBE_* variables, for flags that argv does not set.

    Kubernetes injects such variables for a Service named tfs-probe, so names that match no flag are ignored."""
    found: dict[str, FlagValue] = {}
    for variable, value in environment.items():
        shown = variable.decode("utf-8", "surrogateescape")
        name = shown[len(ENVIRONMENT_PREFIX) :].lower().replace("_", "-")
        flag = FLAGS.get(name)
        if flag is None or shown != flag.variable or not flag.from_environment or not value or name in given:
            continue
        text = value.decode("utf-8", "surrogateescape")
        if flag.kind == "header":
            lines = [_parse_value(flag, line, shown, shown) for line in text.split("\n") if line]
            found[name] = sum(lines, ())
        else:
            found[name] = _parse_value(flag, text, shown, shown)
    return found


def _parse_value(flag: "Flag", text: str, subject: str, boolean_subject: str) -> "FlagValue":
    """A flag's value. Go says `flag -x` in one of its sentences, and `-x` in the one about booleans."""
    kind = flag.kind
    if kind == "string":
        return text
    if kind == "bool":
        if text not in BOOLEANS:
            raise UsageError(f"invalid boolean value {quote(text)} for {boolean_subject}: parse error")
        return BOOLEANS[text]
    if (kind == "choice" and text in flag.choices) or (kind == "path" and text):
        return text
    problem = "parse error"
    try:
        if kind == "header":
            problem = f"invalid RPC header, expected 'key: value', got {quote(text)}"
            name, colon, value = text.partition(":")
            if colon:
                return ((name, value),)
        elif kind == "choice":
            problem = f"must be {' or '.join(flag.choices)}"
        elif kind == "path":
            problem = "must be a directory or a file name"
        elif kind == "duration":
            return duration.parse(text)
        else:
            number = parse_integer(text)
            if -(1 << 63) <= number < 1 << 63:
                return number
            problem = "value out of range"
    except ValueError:
        pass
    raise UsageError(f"invalid value {quote(text)} for {subject}: {problem}")
