"""Clones of this checkout in which a release is made, or refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from release import changelog
from tests.frozen.checkout import copy_checkout, share_cache
from tests.support.variants import ROOT

AUTHOR = ("-c", "user.name=Somebody", "-c", "user.email=somebody@localhost", "-c", "commit.gpgsign=false")


class Done(NamedTuple):
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str


def clone(to: Path) -> Path:
    """This checkout, with what is not committed yet as a commit, no tags, and nothing left to release in the
    changelog."""
    checkout = copy_checkout(to)
    git(checkout, "config", "tag.gpgsign", "false")
    for tag in git(checkout, "tag").split():
        git(checkout, "tag", "--delete", tag)
    release_entries(checkout)
    if git(checkout, "status", "--porcelain"):
        commit(checkout)
    return checkout


def release_entries(checkout: Path) -> None:
    """Makes the changelog's entries that are not released a part of the newest release."""
    log = checkout / "CHANGELOG.md"
    text = log.read_text()
    if changelog.unreleased(text):
        heading = re.search(r"^## \[\d.*\n", text, re.MULTILINE)
        assert heading
        before, unreleased, entries = text[: heading.start()].partition("## [Unreleased]\n")
        log.write_text(f"{before}{unreleased}\n{heading[0]}{entries}{text[heading.end() :].lstrip()}")


def equipped(to: Path) -> Path:
    """A clone with the tools that are installed here, and the CPython that was compiled here."""
    checkout = clone(to)
    share_cache(checkout)
    # A folder of links and not a link: .gitignore means a folder.
    (checkout / ".venv").mkdir()
    for part in (ROOT / ".venv").iterdir():
        (checkout / ".venv" / part.name).symlink_to(part)
    return checkout


def only_amd64(checkout: Path) -> Path:
    """Makes a clone a project with one platform, where a test is of something else, and a second one takes minutes."""
    table = checkout / "build" / "platform.py"
    one, count = re.subn(r"(?m)^PLATFORMS = .*$", "PLATFORMS = (LINUX_AMD64,)", table.read_text())
    assert count == 1
    table.write_text(one)
    commit(checkout)
    return checkout


def commit(checkout: Path) -> None:
    """Commits everything in a clone."""
    git(checkout, "add", "--all")
    git(checkout, *AUTHOR, "commit", "--quiet", "--allow-empty", "--message", "tests: as it is now")


def git(checkout: Path, *arguments: str) -> str:
    """What git prints."""
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def run(checkout: Path, module: str, *arguments: str | Path) -> Done:
    """A step of a release, in a clone."""
    return _run(checkout, sys.executable, "-m", f"release.{module}", *arguments)


def make(checkout: Path, *arguments: str) -> Done:
    """A target of the Makefile, in an equipped clone."""
    return _run(checkout, "make", "--old-file=.venv/ready", *arguments)


def _run(checkout: Path, *command: str | Path) -> Done:
    # A make that runs the tests hands its own options down, and the command line's variables with them.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))}
    done = subprocess.run(
        list(map(str, command)), cwd=checkout, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return Done(done.returncode, done.stdout, done.stderr)
