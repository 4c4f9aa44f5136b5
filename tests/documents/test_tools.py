"""The other programs' commands in the documents."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.documents.known import commands_for
from tests.frozen.checkout import copy_checkout
from tests.original.compare import ANSWERS
from tests.support.variants import ROOT, built

TEXTS = [command.text for command in commands_for("test_tools.py")]
# By their first two words.
COMMANDS = {" ".join(shlex.split(text)[:2]): text for text in TEXTS}
VENV = ROOT / ".venv" / "bin"


def run(command: str, folder: Path, **filled: str) -> subprocess.CompletedProcess[str]:
    """Runs it in a folder, with the virtual environment's commands, after filling in what stands for something."""
    for word, value in filled.items():
        assert re.search(rf"\b{word}\b", command), command
        command = re.sub(rf"\b{word}\b", value, command)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTEST"))}
    variables |= {"PATH": f"{VENV}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-euc", command], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_nothing_else_is_named() -> None:
    assert len(TEXTS) == len(COMMANDS)
    assert set(COMMANDS) == {
        "pyi-archive_viewer -l",
        ".venv/bin/python -m",
        "python -m",
        "apt-get source",
        "sudo apt-get",
        "build/system_packages.sh test",
        "git tag",
        "git push",
    }


def test_the_archive_is_listed() -> None:
    done = run(COMMANDS["pyi-archive_viewer -l"], ROOT, FILE=built("frozen").command[0])
    assert done.returncode == 0, done.stderr
    assert "'probe.tfs.native'" in done.stdout


def test_one_file_of_tests() -> None:
    """It is there; these very tests show that pytest can run it."""
    python, _, module, file = shlex.split(COMMANDS[".venv/bin/python -m"])
    assert module == "pytest"
    assert (ROOT / python).exists() and (ROOT / file).exists()


def test_the_originals_answers_are_recorded_anew(tmp_path: Path) -> None:
    """Here those of the executable, which stand in another folder then; that they are the same is tested elsewhere."""
    checkout = copy_checkout(tmp_path / "checkout")
    answers = checkout / ANSWERS.relative_to(ROOT)
    before = answers.read_text()
    done = run(COMMANDS["python -m"], checkout, PATH=built("frozen").command[0])
    assert done.returncode == 0, done.stderr
    assert answers.read_text() != before
    assert json.loads(answers.read_text())["answers"].keys() == json.loads(before)["answers"].keys()


def test_the_source_of_the_c_library_can_be_had() -> None:
    """Of the version that the mirror has now. apt says from where, and fetches nothing; the list of sources is the
    build's, since a stock machine has none."""
    options = "from build import apt, python_source; print(*apt.updated(python_source.CACHE / 'apt', 'deb-src'))"
    found = run(
        f'options=$(python -c "{options}"); apt-cache $options showsrc --only-source glibc; echo $options', ROOT
    )
    assert found.returncode == 0, found.stderr
    *_, version = re.findall(r"(?m)^Version: (\S+)$", found.stdout)
    ours = COMMANDS["apt-get source"].replace("source", f"{found.stdout.splitlines()[-1]} source --print-uris -qq", 1)
    done = run(ours, ROOT, VERSION=version)
    assert done.returncode == 0, done.stderr
    assert f" glibc_{version}.dsc " in done.stdout


def test_the_tests_packages_are_here() -> None:
    """`make test` has run it before."""
    done = run(COMMANDS["build/system_packages.sh test"], ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_packages_that_are_missing_are_named_like_this() -> None:
    """To those who are not root, and by the script that CI runs as root."""
    head = COMMANDS["sudo apt-get"].removesuffix("…").strip()
    assert f"{head} -y " in (ROOT / "build" / "system_packages.sh").read_text()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose origin is a folder beside it."""
    origin, checkout = tmp_path / "origin", tmp_path / "clone"
    for arguments in (
        ["init", "--quiet", "--bare", str(origin)],
        ["clone", "--quiet", str(ROOT), str(checkout)],
        ["-C", str(checkout), "remote", "set-url", "origin", str(origin)],
        ["-C", str(checkout), "config", "user.name", "Somebody"],
        ["-C", str(checkout), "config", "user.email", "somebody@localhost"],
    ):
        subprocess.run(["git", *arguments], check=True)
    return checkout


def test_a_release_is_tagged_and_pushed(clone: Path) -> None:
    """Without a signature, for which no key is here."""
    tag = COMMANDS["git tag"].replace("git tag -s ", "git tag -a ").replace("X.Y.Z", "0.0.1")
    push = COMMANDS["git push"].replace("X.Y.Z", "0.0.1")
    done = run(f"git config tag.gpgsign false; {tag}; {push}", clone)
    assert done.returncode == 0, done.stderr
    pushed = run("git ls-remote --tags origin", clone).stdout
    assert "refs/tags/v0.0.1\n" in pushed
    assert "refs/tags/v0.0.1^{}\n" in pushed
