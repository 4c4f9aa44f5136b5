"""argv and environment -> the flags' values, by the rules of Go's `flag` package.

An error is Go's own sentence, so that scripts which look for it keep working.
"""

from ..tfs import exit_codes
from ..value import Value
from . import duration
from .flag_table import ENVIRONMENT_PREFIX, FLAGS, ORIGINAL
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
    """A command line that cannot be parsed: Go's sentence, and what it is about, for a suggestion."""

    def __init__(self, text: str, flag: str = "", value: "str | None" = None) -> None:
        """`flag`: the name in question; `value`: the one that is malformed."""
        super().__init__(text)
        self.flag = flag
        self.value = value


class HelpRequested(Exception):
    """-h or -help was given."""


class ParsedFlags(Value):
    """The value of every flag, where each that was set came from, and the arguments after the flags."""

    __slots__ = ("command", "leftover", "sources", "values")

    def __init__(
        self,
        values: "dict[str, Any]",
        sources: "dict[str, str]",
        leftover: "tuple[str, ...]" = (),
        command: "tuple[str, ...]" = (),
    ) -> None:
        """`sources`: by flag, an empty string for the command line, or the name of the environment variable.
        `leftover`: arguments that mean nothing; `command`: to be run after -wait."""
        self.values: Final = values
        self.sources: Final = sources
        self.leftover: Final = leftover
        self.command: Final = command

    def __hash__(self) -> int:
        return hash((tuple(self.values.items()), self.leftover))


def parse(arguments: "list[str]", environment: "dict[bytes, bytes]") -> ParsedFlags:
    """Parses a command line without the program's name. Raises UsageError and HelpRequested."""
    given: dict[str, FlagValue] = {}
    at = 0
    ended = False  # by --
    while at < len(arguments):
        argument = arguments[at]
        if len(argument) < 2 or argument[0] != "-":
            break
        at += 1
        if argument == "--":
            ended = True
            break
        name, equals, text = _split(argument)
        flag = FLAGS.get(name)
        if flag is None:
            if name in ("h", "help"):
                raise HelpRequested
            raise UsageError(f"flag provided but not defined: -{name}", name)
        if flag.kind == "bool":
            text = text if equals else "true"
        elif not equals:
            if at == len(arguments):
                raise UsageError(f"flag needs an argument: -{name}", name)
            text = arguments[at]
            at += 1
        value = _parse_value(flag, text, f"flag -{name}", f"-{name}")
        given[name] = (*given.get(name, ()), value) if flag.repeatable else value  # type: ignore[misc]
    values = {name: flag.default for name, flag in FLAGS.items()}
    sources = dict.fromkeys(given, "")
    if environment:
        _add_environment(environment, values, sources)
    values.update(given)
    leftover = tuple(arguments[at:])
    if leftover and values["wait"] and ended:
        return ParsedFlags(values, sources, command=leftover)
    if leftover and any(FLAGS[name].group != ORIGINAL for name in sources):
        raise UsageError(f"unexpected argument: {quote(leftover[0])}", "wait" if values["wait"] else "", leftover[0])
    return ParsedFlags(values, sources, leftover)


def _split(argument: str) -> "tuple[str, str, str]":
    """`-name`, `--name`, `-name=text` -> name, `=`, text."""
    body = argument[2:] if argument[1] == "-" else argument[1:]
    if body[:1] in ("", "-", "="):
        raise UsageError(f"bad flag syntax: {argument}", argument.strip("-="))
    return body.partition("=")


def _add_environment(
    environment: "dict[bytes, bytes]", values: "dict[str, FlagValue]", sources: "dict[str, str]"
) -> None:
    """Adds the values of TFS_PROBE_* variables for flags that have no source yet.

    Kubernetes injects such variables for a Service named tfs-probe, so names that match no flag are ignored."""
    for variable, value in environment.items():
        shown = variable.decode("utf-8", "surrogateescape")
        name = shown[len(ENVIRONMENT_PREFIX) :].lower().replace("_", "-")
        flag = FLAGS.get(name)
        if flag is None or shown != flag.variable or not flag.from_environment or not value or name in sources:
            continue
        text = value.decode("utf-8", "surrogateescape")
        if flag.repeatable:
            lines = (_parse_value(flag, line, shown, shown) for line in text.split("\n") if line)
            values[name] = tuple(lines)  # type: ignore[assignment]
        else:
            values[name] = _parse_value(flag, text, shown, shown)
        sources[name] = shown


def _parse_value(flag: "Flag", text: str, subject: str, boolean_subject: str) -> "FlagValue":
    """A flag's value. Go says `flag -x` in one of its sentences, and `-x` in the one about booleans."""
    kind = flag.kind
    if kind == "string":
        return text
    if kind == "bool":
        if text not in BOOLEANS:
            raise UsageError(f"invalid boolean value {quote(text)} for {boolean_subject}: parse error", flag.name, text)
        return BOOLEANS[text]
    if (kind == "choice" and text in flag.choices) or (kind == "path" and text):
        return text
    problem = "parse error"
    try:
        if kind == "header":
            problem = f"invalid RPC header, expected 'key: value', got {quote(text)}"
            name, colon, value = text.partition(":")
            if colon:
                return (name, value)
        elif kind == "choice":
            problem = f"must be {', '.join(flag.choices[:-1])} or {flag.choices[-1]}"
        elif kind == "path":
            problem = "must be a directory or a file name"
        elif kind == "duration":
            return duration.parse(text)
        elif kind == "code":
            problem = "must be an exit code of this program"
            number = parse_integer(text)
            if number in exit_codes.CODES:
                return number
        else:
            number = parse_integer(text)
            if -(1 << 63) <= number < 1 << 63:
                return number
            problem = "value out of range"
    except ValueError:
        pass
    raise UsageError(f"invalid value {quote(text)} for {subject}: {problem}", flag.name, text)
