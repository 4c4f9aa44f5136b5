"""A run as the kernel sees it, told by strace."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.flavours import PATIENCE, Flavour
from tests.frozen.roots import SBIN, tool


class Call(NamedTuple):
    """A system call of the program's."""

    name: str
    arguments: str


class Watched(NamedTuple):
    """How a run ended (a signal gives a negative exit code), and its system calls in their order."""

    exit_code: int
    stderr: str
    calls: list[Call]

    def named(self, *names: str) -> list[str]:
        """The arguments of the calls of these names."""
        return [call.arguments for call in self.calls if call.name in names]


def watch(program: Flavour, *argv: str, inject: str = "", cwd: Path | None = None, **env: str) -> Watched:
    """Runs the program, its threads and processes included. `inject`: what strace is to do to it (its `-e inject`).

    `env` is all of the environment but PATH."""
    with tempfile.TemporaryDirectory(prefix="watched-") as folder:
        log = Path(folder) / "log"
        options = ["-f", "-qq", "-s", "256", "-o", str(log), *([f"-einject={inject}"] if inject else [])]
        done = subprocess.run(
            [tool("strace"), *options, *program.command, *argv],
            env={"PATH": SBIN} | env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        # A call during which another thread was heard is told in two parts; the first has the name.
        told = re.findall(r"^\d+ +(\w+)\((.*)$", log.read_text(errors="replace"), re.MULTILINE)
    return Watched(done.returncode, done.stderr.decode(), [Call(*call) for call in told])
