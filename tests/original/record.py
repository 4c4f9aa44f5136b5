"""Asks the original program every scenario and writes down what it answers: `answers.json`.

    python -m tests.original.record PATH_TO_ORIGINAL

The answers are facts about another program: they change only with the scenarios, never because ours
fails a test.
"""

from __future__ import annotations

import json
import re
import sys

from tests.original.compare import ANSWERS, RESPONSE, lines_of
from tests.original.run import run_scenario
from tests.original.scenario import Scenario
from tests.original.scenarios import SCENARIOS

ORIGIN = {
    "program": "codycollier/tfs-model-status-probe",
    "version": "1.0.2",
    "commit": "be5a7c1634ae74f40e28937257ef913f0e72c089",
    "libraries": {
        "go": "1.19.8",
        "google.golang.org/grpc": "1.33.2",
        "google.golang.org/protobuf": "1.25.0",
        "github.com/golang/protobuf": "1.4.1",
        "golang.org/x/net": "0.7.0",
    },
    "recorded": "2026-11-22",
    "normalised": [
        "{time} stands for the date and time at the head of a line; a line without it goes on from the one before",
        "{port}, {socket}, {client} and {program} stand for the server's port and socket, the client's own port and"
        " the program's path",
        "protobuf's Go library writes one or two spaces between the fields of a text, and a no-break space into its"
        " errors, at the whim of the build: one plain space here",
        "arguments of more than 200 characters are shortened to their beginning and their length",
    ],
}


QUOTED_OR_SPACES = re.compile(r'("(?:[^"\\]|\\.)*")| +')


def main(argv: list[str]) -> int:
    if len(argv) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    answers = {scenario.name: answer(argv[0], scenario) for scenario in SCENARIOS}
    text = json.dumps({"origin": ORIGIN, "answers": answers}, indent=1)
    ANSWERS.write_text(text + "\n", encoding="ascii")
    return 0


def answer(program: str, scenario: Scenario) -> dict[str, object]:
    outcome = run_scenario([program], scenario)
    return {
        "argv": [shorten(argument) for argument in scenario.args],
        "exit_code": outcome.exit_code,
        "stdout": outcome.stdout,
        "stderr": [settle(line) for line in lines_of(outcome.stderr)],
    }


def settle(line: str) -> str:
    """Undoes the variations that protobuf's Go library makes on purpose, so that programs do not rely on its format."""
    line = line.replace("proto:\u00a0", "proto: ")
    return QUOTED_OR_SPACES.sub(lambda found: found[1] or " ", line) if line.startswith(RESPONSE) else line


def shorten(argument: str) -> str:
    return argument if len(argument) <= 200 else f"{argument[:40]}… ({len(argument)} characters)"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
