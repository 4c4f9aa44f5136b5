"""Runs a program to its end, and reports how it ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

HANG_SECONDS = 30.0
"""A run that takes longer counts as hung; every timeout that a test gives the program is far below."""

# What would steer the program, the original or the grpcio library from outside.
_STEERING = re.compile(
    r"(?i)(https?|grpc|all|no)_proxy|(TFS_PROBE|GRPC|SSL_CERT|OPENSSL|SPIFFE|COVERAGE)_.*|GODEBUG|PYTHON.*"
)


class Outcome(NamedTuple):
    """How a run ended. A signal gives a negative exit code."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """The lines of stderr without their timestamps."""
        return [
            re.sub(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "", line) for line in self.stderr.removesuffix("\n").split("\n")
        ]

    @property
    def verdict(self) -> str:
        """The last line that is not a hint."""
        return [line for line in self.lines if not line.startswith("hint: ")][-1]

    @property
    def hint(self) -> str:
        """The last hint, or an empty string."""
        return ([""] + [line[6:] for line in self.lines if line.startswith("hint: ")])[-1]


def clean_environment(*additions: Mapping[str, str] | None) -> dict[str, str]:
    """This process's environment without the variables that steer the programs, then the additions in turn."""
    kept = {name: value for name, value in os.environ.items() if not _STEERING.fullmatch(name)}
    for addition in additions:
        kept.update(addition or {})
    return kept


def run(command: Sequence[str | bytes], env: Mapping[str, str], cwd: Path | None = None) -> Outcome:
    """Runs a command to its end. Output is decoded with surrogateescape, so that odd bytes survive."""
    done = subprocess.run(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    return Outcome(
        done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")
    )


def start_session(command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts a command as the leader of its own session; `wait_for` ends it."""
    return subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What a process that leads its own session writes until it ends. Kills it, and all it started, if it hangs."""
    with process:
        try:
            return process.communicate(timeout=HANG_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("the program did not end by itself")


class Measured(NamedTuple):
    """A finished run, and the most memory that it had."""

    outcome: Outcome
    peak_kib: int


# A small program between pytest's process and the measured one: the memory that a process had before it executed
# another program would count as the other's.
_MEASURE = """
import os, sys
child = os.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as report:
    report.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}")
"""


def run_measured(command: Sequence[str], env: Mapping[str, str], folder: Path) -> Measured:
    """Runs a command to its end and measures its memory. Output must be UTF-8. The folder takes a report."""
    report = folder / "report"
    measure = (sys.executable, "-I", "-S", "-c", _MEASURE, str(report))
    stdout, stderr = wait_for(start_session([*measure, *command], env))
    exit_code, memory = (int(word) for word in report.read_text().split())
    return Measured(Outcome(exit_code, stdout.decode(), stderr.decode()), memory)
