"""The program in every form in which people get it, as something that a test can run.

A flavour that was not built is skipped; where CI is set, that is a failure.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from build import platform
from build.shared import checkout

ROOT = checkout.ROOT
VERSION = checkout.VERSION
PATIENCE = 30.0
"""Seconds after which a run counts as hung; every timeout that a test gives is far below."""

# What would steer the program or the grpcio library from outside.
_MEDDLING = re.compile(r"(?i)(https?|grpc|all|no)_proxy|(TFS_PROBE|GRPC|SSL_CERT|OPENSSL|SPIFFE)_.*|PYTHON.*")


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
        """The last line that is no hint."""
        return [line for line in self.lines if not line.startswith("hint: ")][-1]

    @property
    def hint(self) -> str:
        """The last hint; empty where there is none."""
        return ([""] + [line[6:] for line in self.lines if line.startswith("hint: ")])[-1]


@dataclass(frozen=True)
class Flavour:
    """A command line that runs the program, and what its environment needs beyond the test's own."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """This process's environment without the variables that steer the program, then the flavour's, then `env`."""
        kept = {name: value for name, value in os.environ.items() if not _MEDDLING.fullmatch(name)}
        return kept | dict(self.env) | dict(env or {})

    def run(self, *argv: str | bytes, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Outcome:
        """Runs the program to its end."""
        done = subprocess.run(
            [*self.command, *argv],
            env=self.environment(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Outcome(
            done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")
        )

    def start(
        self, *argv: str | bytes, env: Mapping[str, str] | None = None, preexec_fn: Callable[[], None] | None = None,
        stdout: int | None = subprocess.PIPE, stderr: int | None = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Starts the program; the caller waits for it."""
        return subprocess.Popen(
            [*self.command, *argv],
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            preexec_fn=preexec_fn,
        )


# tests/platforms/ runs tests on an executable, an interpreter and a package of its own.
FROZEN = Path(os.environ.get("TEST_EXECUTABLE", ROOT / "dist" / platform.LINUX_AMD64.executable(VERSION)))
INTERPRETER = os.environ.get("TEST_PYTHON", sys.executable)
ZIPAPP = ROOT / "dist" / platform.zipapp(VERSION)
BUILDINFO = ROOT / "dist" / platform.buildinfo(VERSION)
PACKAGE = Path(os.environ.get("TEST_PACKAGE", ROOT / ".cache" / "package" / "bin" / "tfs_model_status_probe"))

MODULE_FLAVOUR = Flavour("module", (sys.executable, "-m", "probe"), {"PYTHONPATH": str(ROOT)})
FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        MODULE_FLAVOUR,
        Flavour("frozen", (str(FROZEN),)),
        Flavour("zipapp", (INTERPRETER, "-I", str(ZIPAPP))),
        Flavour("package", (str(PACKAGE),)),
    )
}


def built(name: str) -> Flavour:
    """The flavour of that name. Skips the test where it was not built, unless this is CI: there it fails."""
    flavour = FLAVOURS[name]
    file = Path(flavour.command[-1])
    if name != "module" and not file.exists():
        missing = f"{file.relative_to(ROOT)} was not built: run `make test`"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return flavour
