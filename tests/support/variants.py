"""The variants in which people get the program, each as a command that a test can run.

A variant that was not built is skipped; where CI is set, that is a failure.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from build import platform
from build.shared import checkout
from tests.support.runner import Outcome, clean_environment, run

ROOT = checkout.ROOT
VERSION = checkout.VERSION


@dataclass(frozen=True)
class Variant:
    """A command line that runs the program, and what its environment needs beyond the test's own."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """This process's environment without the variables that steer the program, then the variant's, then `env`."""
        return clean_environment(self.env, env)

    def run(self, *argv: str | bytes, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Outcome:
        """Runs the program to its end."""
        return run([*self.command, *argv], self.environment(env), cwd)

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


# tests/platforms/ runs tests on an executable, an interpreter and a package of its own. An executable for another
# platform than this machine's is run by an emulator's command.
FROZEN = Path(os.environ.get("TEST_EXECUTABLE", ROOT / "dist" / platform.LINUX_AMD64.executable(VERSION)))
EMULATOR = tuple(shlex.split(os.environ.get("TEST_EMULATOR", "")))
INTERPRETER = os.environ.get("TEST_PYTHON", sys.executable)
ZIPAPP = ROOT / "dist" / platform.zipapp(VERSION)
BUILDINFO = ROOT / "dist" / platform.LINUX_AMD64.buildinfo(VERSION)
PACKAGE = Path(os.environ.get("TEST_PACKAGE", ROOT / ".cache" / "package" / "bin" / "tfs_model_status_probe"))

# `make coverage` measures the module; the other variants run the same code or are not Python's to measure.
_COVERAGE = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
MODULE = Variant("module", (sys.executable, "-m", "probe"), {"PYTHONPATH": str(ROOT), **_COVERAGE})
VARIANTS = {
    variant.name: variant
    for variant in (
        MODULE,
        Variant("frozen", (*EMULATOR, str(FROZEN))),
        Variant("zipapp", (INTERPRETER, "-I", str(ZIPAPP))),
        Variant("package", (str(PACKAGE),)),
    )
}

EVERY_VARIANT = bool(os.environ.get("EVERY_VARIANT"))
"""Whether tables that need one or two variants run on all of them, as before a release."""


def on(*names: str) -> pytest.MarkDecorator:
    """For a test with the fixture `variant`: the variants that it runs on."""
    return pytest.mark.parametrize("variant", list(VARIANTS) if EVERY_VARIANT else names, indirect=True)


on_each_interpreter = on("module", "frozen")
"""For what starting the program cannot change: the zipapp and the package run the module's code on its interpreter."""


def built(name: str) -> Variant:
    """The variant of that name. Skips the test where it was not built; in CI, fails it."""
    variant = VARIANTS[name]
    if name != "module":
        _require(Path(variant.command[-1]))
    return variant


def built_for(row: platform.Platform) -> Path:
    """The executable for that platform. Skips the test where it was not built; in CI, fails it."""
    file = FROZEN if row == platform.LINUX_AMD64 else ROOT / "dist" / row.executable(VERSION)
    _require(file)
    return file


def _require(file: Path) -> None:
    if not file.exists():
        missing = f"{file.relative_to(ROOT)} was not built: run `make test`"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
