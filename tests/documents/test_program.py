"""The program's own command lines in the documents, on the executable, with what they are shown to say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.documents.known import SESSION, commands_for, is_session
from tests.documents.reading import Block, blocks, read
from tests.fake_tfs import FakeServing
from tests.support.runner import HANG_SECONDS
from tests.support.sidecar import sidecar
from tests.support.variants import VERSION, built

TIME = re.compile(r"(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")
SESSIONS = [block for block in blocks() if is_session(block)]
MARK = "--- what the next command says ---"


def run(session: str, folder: Path) -> list[str]:
    """What each command of a shell session says, with the executable on PATH."""
    (folder / "tfs_model_status_probe").symlink_to(built("frozen").command[0])
    commands = [line.removeprefix(SESSION) for line in session.splitlines() if line.startswith(SESSION)]
    # The mark must not hide a command's exit code from the `echo $?` behind it.
    script = "\n".join(f"(code=$?; echo '{MARK}'; exit $code)\n{command}" for command in commands)
    done = subprocess.run(
        ["sh", "-c", script],
        env=built("frozen").environment({"PATH": f"{folder}:{os.environ['PATH']}"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    return [part.removeprefix("\n") for part in done.stdout.split(MARK)[1:]]


@pytest.mark.parametrize("block", SESSIONS, ids=str)
def test_the_session_is_as_it_is_shown(block: Block, tmp_path: Path) -> None:
    """But for the port and the time."""
    shown = [part.partition("\n") for part in re.split(r"(?m)^\$ ", block.text)[1:]]
    models = re.findall(r"-model-name=(\w+)", block.text)
    with FakeServing({model: {123: "AVAILABLE"} for model in models}, rest=False) as server:
        assert "-addr=:8500 " in block.text
        said = run(block.text.replace("-addr=:8500 ", f"-addr=:{server.port} "), tmp_path)
    assert len(said) == len(shown)
    for (command, _, words), heard in zip(shown, said, strict=True):
        assert TIME.sub("TIME ", heard) == TIME.sub("TIME ", words), command


def test_there_is_a_session() -> None:
    assert [block.document for block in SESSIONS] == ["README.md"]


def test_what_it_says_of_itself() -> None:
    shown = [shlex.split(command.text)[1:] for command in commands_for("test_program.py")]
    alone = [argv for argv in shown if not any(word.startswith("-addr=") for word in argv)]
    assert alone == [["-version"]]
    outcome = built("frozen").run(*alone[0])
    assert outcome.exit_code == 0
    assert re.fullmatch(rf"tfs_model_status_probe {re.escape(VERSION)} \(commit [0-9a-f]+\S*, .*\)\n", outcome.stdout)


def test_the_sidecar_answers_as_the_readme_says() -> None:
    """Each path of the table, and exactly the metrics that are named."""
    section = read("README.md").partition("\n## Sidecar\n")[2].partition("\n## ")[0]
    (command,) = re.findall(r"(?m)^tfs_model_status_probe (.+)$", section)
    paths = [path for row in re.findall(r"(?m)^\| (`/.*?`) \|", section) for path in re.findall(r"`([^`]+)`", row)]
    models = re.findall(r"-model-name=(\w+)", command)
    assert "-serve=:9808" in command.split()
    with FakeServing({model: {123: "AVAILABLE"} for model in models}, rest=False) as server:
        arguments = [
            f"-addr=:{server.port}" if argument == "-addr=:8500" else argument
            for argument in shlex.split(command)
            if not argument.startswith("-serve=")
        ]
        with sidecar(built("frozen"), *arguments) as probe:
            probe.wait_for_status(200)
            assert {path: probe.get(path.replace("NAME", models[0])).status for path in paths} == dict.fromkeys(
                paths, 200
            )
            metrics = {name.partition("{")[0] for name in probe.metrics()}
    named = set(re.findall(r"`(tfs_\w+)`", section))
    assert named == metrics | {"tfs_probe_config_last_reload_successful"}
