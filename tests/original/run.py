"""Runs one scenario against one program, and puts into placeholders what differs from run to run."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.canned import Place
from tests.original.scenario import Scenario

PATIENCE = 30.0
"""Seconds after which a program counts as hung; every scenario's own timeouts are far below."""

_MEDDLING = re.compile(r"(?i)(https?|grpc|all|no)_proxy|TFS_PROBE_.*|GRPC_.*|GODEBUG|PYTHON.*")


class Outcome(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


def run_scenario(program: list[str], scenario: Scenario, env: Mapping[str, str] | None = None) -> Outcome:
    """Start the scenario's server and run the program against it, in the server's folder.

    Output is decoded with surrogateescape, so that odd bytes survive. `env` comes on top of this
    process's environment without the variables that steer the programs. A signal gives a negative exit code.
    """
    executable = str(Path(program[0]).absolute()) if "/" in program[0] else program[0]
    with scenario.server() as place:
        done = subprocess.run(
            [executable, *program[1:], *scenario.argv(place)],
            cwd=place.folder,
            env={name: value for name, value in os.environ.items() if not _MEDDLING.fullmatch(name)} | dict(env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    return Outcome(done.returncode, restore(done.stdout, place), restore(done.stderr, place))


def restore(output: bytes, place: Place) -> str:
    """The output as text, with `{port}`, `{socket}`, `{client}` (the client's own port) and `{program}` put back."""
    text = output.decode("utf-8", "surrogateescape")
    text = text.replace(place.socket, "{socket}")
    text = re.sub(rf"(?<!\d){place.port}(?!\d)", "{port}", text)
    text = re.sub(r":\d+->", ":{client}->", text)
    return re.sub(r"(?m)^Usage of .*:$", "Usage of {program}:", text)
