"""Runs one scenario against one program, and puts into placeholders what differs from run to run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.original.scenario import Scenario
from tests.support.canned import Place
from tests.support.runner import Outcome, clean_environment, run


def run_scenario(program: list[str], scenario: Scenario, env: Mapping[str, str] | None = None) -> Outcome:
    """Start the scenario's server and run the program against it, in the server's folder.

    `env` comes on top of this process's environment without the variables that steer the programs.
    """
    executable = str(Path(program[0]).absolute()) if "/" in program[0] else program[0]
    with scenario.server() as place:
        outcome = run([executable, *program[1:], *scenario.argv(place)], clean_environment(env), place.folder)
    return Outcome(outcome.exit_code, restore(outcome.stdout, place), restore(outcome.stderr, place))


def restore(text: str, place: Place) -> str:
    """The output with `{port}`, `{socket}`, `{client}` (the client's own port) and `{program}` put back."""
    text = text.replace(place.socket, "{socket}")
    text = re.sub(rf"(?<!\d){place.port}(?!\d)", "{port}", text)
    text = re.sub(r":\d+->", ":{client}->", text)
    return re.sub(r"(?m)^Usage of .*:$", "Usage of {program}:", text)
