"""The checkout that a release is made from: git, clones, and commands that run in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from build.shared.checkout import ROOT


class ReleaseError(Exception):
    """The release cannot be made. Each fault is a sentence that says what to do."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(f"- {fault}" for fault in faults) if len(faults) > 1 else "".join(faults))


def run(
    *command: str | Path,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
    group: bool = False,
) -> str:
    """Runs a command and returns its output. Raises ReleaseError with the end of what it printed.

    If this process is stopped meanwhile, the command is killed; with `group`, so are the processes that it started.
    """
    with subprocess.Popen(
        list(map(str, command)),
        cwd=cwd,
        env=os.environ | (env or {}),
        umask=umask,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=group,
    ) as child:
        try:
            printed, complained = child.communicate()
        except BaseException:
            if group:
                os.killpg(child.pid, signal.SIGKILL)
            else:
                child.kill()
            raise
    if child.returncode:
        end = "\n".join((printed + complained).strip().splitlines()[-20:])
        raise ReleaseError(
            f"{' '.join(map(str, command))} ended with {child.returncode}: {end or 'it printed nothing'}"
        )
    return printed


def clear_up_when_stopped() -> None:
    """Makes SIGTERM and SIGINT raise SystemExit, so that temporary files are removed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def git(*arguments: str | Path, root: Path = ROOT) -> str:
    """Returns what git prints, without the last newline. Raises ReleaseError."""
    return run("git", "-C", root, *arguments).rstrip("\n")


def clone(to: Path) -> Path:
    """Returns a clone of the commit that is checked out here, without anything that was built. Raises ReleaseError."""
    # As a URL: with a path, git warns of a shallow repository, such as a workflow's, and shares files with any.
    git("clone", "--quiet", "--no-checkout", ROOT.as_uri(), to)
    git("checkout", "--quiet", "--detach", git("rev-parse", "HEAD"), root=to)
    return to
