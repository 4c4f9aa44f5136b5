"""Holds a program's outcome against what the original answered to the same command line.

Exit code and standard output are always the original's. What else must be equal is the scenario's
*relation*; each one is a function of the two lists of lines. Hints are ours to add everywhere.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.original.scenario import Relation, Scenario

ANSWERS = Path(__file__).with_name("answers.json")

TIME = "{time} "
RESPONSE = TIME + "ModelStatusResponse: "
DIAL = TIME + "Error dialing grpc service: "
BARE_TIMEOUT = DIAL + "context deadline exceeded"
KUBELET_KEEPS = 10 * 1024
"""Bytes: all that a probe prints has to fit."""

_TIMESTAMP = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")
_UNKNOWN_FIELD = re.compile(r"\b\d+:")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Recorded(NamedTuple):
    exit_code: int
    stdout: str
    stderr: list[str]
    relation: Relation


def recorded(scenario: Scenario) -> Recorded:
    """What the original answered; KeyError for a scenario that is newer than the recording."""
    answer = _answers()[scenario.name]
    return Recorded(answer["exit_code"], answer["stdout"], answer["stderr"], scenario.relation)


@functools.cache
def _answers() -> dict[str, Any]:
    answers: dict[str, Any] = json.loads(ANSWERS.read_text(encoding="ascii"))["answers"]
    return answers


def lines_of(output: str) -> list[str]:
    """The lines, each with `{time} ` in place of its timestamp, if it has one."""
    return [_TIMESTAMP.sub(TIME, line, count=1) if _TIMESTAMP.match(line) else line for line in _split(output)]


def differences(recorded: Recorded, exit_code: int, stdout: str, stderr: str) -> list[str]:
    """Everything in which the outcome breaks the relation; empty if nothing does."""
    found = []
    wanted = _EXIT_CODES.get(recorded.relation, recorded.exit_code)
    if exit_code != wanted:
        found.append(f"exit code {exit_code}, the original's is {recorded.exit_code}")
    if stdout != recorded.stdout:
        found.append(f"stdout {stdout!r}, the original's is {recorded.stdout!r}")
    ours = [line for line in lines_of(stderr) if not line.startswith(TIME + "hint: ")]
    return found + _RELATIONS[recorded.relation](recorded.stderr, ours)


def _split(output: str) -> list[str]:
    # Not splitlines(): U+2028 and its like in a server's message do not end a line of a terminal.
    return output.removesuffix("\n").split("\n") if output else []


def _same(theirs: list[str], ours: list[str]) -> list[str]:
    if ours == theirs:
        return []
    return [f"stderr {ours!r}, the original's is {theirs!r}"]


def _escaped(theirs: list[str], ours: list[str]) -> list[str]:
    """Control characters stand as Go's text form writes them, so that each message is one line."""
    messages = "\n".join(theirs).split("\n" + TIME)
    wanted = [messages[0], *(TIME + message for message in messages[1:])]
    patterns = ["".join(map(_either, message)) for message in wanted]
    if len(ours) == len(wanted) and all(
        re.fullmatch(pattern, line) for pattern, line in zip(patterns, ours, strict=True)
    ):
        return []
    return [f"stderr {ours!r}, the original's before escaping is {wanted!r}"]


def _either(character: str) -> str:
    """A pattern for the ways in which one character of the original may be written."""
    number = ord(character)
    if number < 0x20 or number == 0x7F:
        return re.escape(_SHORT.get(character, f"\\x{number:02x}"))
    if 0x80 <= number < 0xA0:
        return f"(?:\\\\u{number:04x}|\\\\xc2\\\\x{number:02x})"
    if character in "\u2028\u2029":  # they end a line in many a viewer
        return f"(?:{character}|\\\\u{number:04x})"
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no UTF-8
        return f"(?:{character}|\\\\x{number - 0xDC00:02x}|\ufffd)"
    return re.escape(character)


def _usage(theirs: list[str], ours: list[str]) -> list[str]:
    """Go's sentence first, in one line; the original's flags stand first, with their types, in a text that may go
    on."""
    found = []
    sentence = "\n".join(theirs).partition("Usage of ")[0].removesuffix("\n")
    first = "" if ours and ours[0].startswith("Usage of ") else "".join(ours[:1])
    if not re.fullmatch("".join(map(_either, sentence)), first):
        found.append(f"first line {ours[:1]!r}, the original's sentence is {sentence!r}")
    flags = [line for line in theirs if line.startswith("  -")]
    own = [line for line in ours if line.startswith("  -")]
    if own[: len(flags)] != flags:
        found.append(f"the usage starts with the flags {own[: len(flags)]!r}, the original's with {flags!r}")
    return found


def _authority(theirs: list[str], ours: list[str]) -> list[str]:
    return _same([line.replace(":authority=:", ":authority=localhost:") for line in theirs], ours)


def _dial_detail(theirs: list[str], ours: list[str]) -> list[str]:
    wanted = re.escape(theirs[0]) + r"( \(last error: .+\))?"
    if len(theirs) == len(ours) == 1 and re.fullmatch(wanted, ours[0]):
        return []
    return [f"stderr {ours!r}, the original's is {theirs!r}, to which only a last error may be added"]


def _unmendable(theirs: list[str], ours: list[str]) -> list[str]:
    if len(ours) == 1 and ours[0].startswith(DIAL) and ours[0] not in (DIAL, BARE_TIMEOUT):
        return []
    return [f"stderr {ours!r}, wanted one line {DIAL!r} with the reason"]


def _client_text(theirs: list[str], ours: list[str]) -> list[str]:
    """The client library's words: all up to the gRPC code is equal, and something follows."""
    head = re.match(r"\{time\} [^:]+: (rpc error: code = \S+ desc = )?", theirs[-1])
    assert head, theirs
    if ours == theirs:
        return []
    if ours[:-1] == theirs[:-1] and ours and ours[-1].startswith(head[0]) and len(ours[-1]) > len(head[0]):
        return []
    return [f"stderr {ours!r}, the original's is {theirs!r}, of which {head[0]!r} binds"]


def _unknown_fields(theirs: list[str], ours: list[str]) -> list[str]:
    """Our response line is the original's without some tokens, among them every unknown field."""
    found = _same(theirs[1:], ours[1:])
    line = ours[0] if ours else ""
    remaining = iter(_tokens(theirs[0]))
    if not line.startswith(RESPONSE) or not all(token in remaining for token in _tokens(line)):
        found.append(f"response line {line!r} is no part of the original's {theirs[0]!r}")
    if _UNKNOWN_FIELD.search(_QUOTED.sub('""', line.removeprefix(RESPONSE))):
        found.append(f"an unknown field in {line!r}")
    return found


def _tokens(text: str) -> list[str]:
    return re.findall(r'"(?:[^"\\]|\\.)*"|[^\s{}]+|[{}]', text)


def _response_line_bound(theirs: list[str], ours: list[str]) -> list[str]:
    """Our response line is a beginning of the original's and a remark; all fits what the kubelet keeps. A failed run's
    line is short, so that the verdict comes soon."""
    found = _same(theirs[1:], ours[1:])
    line = ours[0] if ours else ""
    pairs = zip(line, theirs[0], strict=False)
    shared = next((at for at, (mine, other) in enumerate(pairs) if mine != other), min(len(line), len(theirs[0])))
    if shared < (2048 if theirs[-1].endswith(" AVAILABLE") else 400):
        found.append(f"only {shared} characters of the response line are the original's: {line!r}")
    if len(line.encode(errors="surrogateescape")) > KUBELET_KEEPS // 2:
        found.append(f"the response line has {len(line)} characters")
    return found


def _description_bound(theirs: list[str], ours: list[str]) -> list[str]:
    """Our verdict line is a beginning of the original's, and says how much of it is left out."""
    found = _same(theirs[:-1], ours[:-1])
    cut = re.fullmatch(r"(.*) \.\.\. \((\d+) more characters left out\)", ours[-1] if ours else "")
    if not cut or not theirs[-1].startswith(cut[1]) or len(cut[1]) + int(cut[2]) != len(theirs[-1]):
        found.append(f"stderr {ours!r}, the original's is {theirs!r}, which may only be cut")
    return found


def _no_http_status(theirs: list[str], ours: list[str]) -> list[str]:
    if ours[:-1] == theirs[:-1] and ours[-1].startswith(TIME + "Error calling tfs: rpc error: code = Internal desc = "):
        return []
    return [f"stderr {ours!r}, wanted the code Internal"]


def _exit_only(theirs: list[str], ours: list[str]) -> list[str]:
    return [] if ours else ["no line at all"]


_RELATIONS: dict[Relation, Callable[[list[str], list[str]], list[str]]] = {
    "same": _same,
    "escaped": _escaped,
    "authority": _authority,
    "usage": _usage,
    "dial_detail": _dial_detail,
    "unmendable": _unmendable,
    "client_text": _client_text,
    "unknown_fields": _unknown_fields,
    "response_line_bound": _response_line_bound,
    "description_bound": _description_bound,
    "no_http_status": _no_http_status,
    "many_models": _exit_only,
    "rest": _exit_only,
}
# Where the exit code is not the original's, on purpose (RFC 9113, 8.3.2: such an answer is malformed).
_EXIT_CODES: dict[Relation, int] = {"no_http_status": 3}
