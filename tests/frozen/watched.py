"""The system calls of a run, as strace reports them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.frozen.roots import SBIN, tool
from tests.support.runner import HANG_SECONDS
from tests.support.variants import Variant


class Call(NamedTuple):
    """A system call."""

    name: str
    arguments: str


class Watched(NamedTuple):
    """How a run ended (a signal gives a negative exit code), and its system calls in order."""

    exit_code: int
    stderr: str
    calls: list[Call]

    def named(self, *names: str) -> list[str]:
        """Returns the arguments of the calls with these names."""
        return [call.arguments for call in self.calls if call.name in names]


def watch(program: Variant, *argv: str, inject: str = "", cwd: Path | None = None, **env: str) -> Watched:
    """Runs the program, including its threads and processes. `inject`: the argument of strace's `-e inject`.

    `env` is the whole environment except PATH."""
    with tempfile.TemporaryDirectory(prefix="watched-") as folder:
        log = Path(folder) / "log"
        options = ["-f", "-qq", "-s", "256", "-o", str(log), *([f"-einject={inject}"] if inject else [])]
        done = subprocess.run(
            [tool("strace"), *options, *program.command, *argv],
            env={"PATH": SBIN} | env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=HANG_SECONDS,
            check=False,
        )
        # strace reports a call in two parts if another thread interrupts it; the first has the name.
        told = re.findall(r"^\d+ +(\w+)\((.*)$", log.read_text(errors="replace"), re.MULTILINE)
    return Watched(done.returncode, done.stderr.decode(), [Call(*call) for call in told])
