"""Commands that the build runs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

SHOWN_LINES = 15
"""How much of a failed command's output its error quotes."""


class BuildError(Exception):
    """A step of the build failed: which one, and what it printed."""


def run(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Runs a command and returns its output. Raises BuildError with the end of what it printed."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        printed = "\n".join((done.stdout + done.stderr).splitlines()[-SHOWN_LINES:])
        raise BuildError(f"{' '.join(map(str, command[:4]))} … ended with {done.returncode}:\n{printed}")
    return done.stdout
