"""docs/questions.md: its commands, in its order, in a folder with the files that it says to save."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.cli.flags import parse
from tests.deploy.documents import CONFIG_FILES
from tests.documents.known import is_script
from tests.documents.reading import Block, blocks, lines, prose, read
from tests.fake_tfs import FakeServing
from tests.support.runner import HANG_SECONDS
from tests.support.variants import built

DOCUMENT = "docs/questions.md"
BLOCKS = [block for block in blocks() if block.document == DOCUMENT]
# The languages of the blocks that are files.
FILES = ("proto", "textproto", "json")
COMMANDS = [
    command
    for block in BLOCKS
    if is_script(block)
    for command in lines(block)
    if command.startswith("tfs_model_status_probe ")
]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServing]:
    models = {name: {124: "AVAILABLE"} for name in ("half_plus_two", "half_plus_three")}
    with FakeServing(models) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the files that the document shows, encoded as it says, and those that it leaves to the reader."""
    folder = tmp_path_factory.mktemp("questions")
    names = re.findall(r"Save (?:it|them) as\s+`([^`]+)`", read(DOCUMENT))
    shown = [block.text for block in BLOCKS if block.language in FILES]
    for name, text in zip(names, shown, strict=True):
        (folder / name).write_text(text)
    for name, text in CONFIG_FILES.items():
        (folder / name).write_text(text)
    tools = {
        "client": 'echo "client $*"',
        "protoc": f'exec {shlex.quote(sys.executable)} -m grpc_tools.protoc -I. "$@"',
        "tfs_model_status_probe": f'exec {shlex.quote(built("frozen").command[0])} "$@"',
    }
    for name, script in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    (encode,) = (command for block in BLOCKS if is_script(block) for command in lines(block) if "protoc " in command)
    run(encode, folder)
    return folder


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["sh", "-euc", command],
        cwd=folder,
        env=built("frozen").environment({"PATH": f"{folder}:{os.environ['PATH']}"}),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_succeeds(command: str, folder: Path, server: FakeServing) -> None:
    here = command.replace("-addr=:8500 ", f"-addr=:{server.port} ")
    here = here.replace("-addr=http://localhost:8501 ", f"-addr=http://localhost:{server.rest_port} ")
    assert here != command
    done = run(here, folder)
    assert re.search(r" (Servable state is AVAILABLE|2/2 models ready)$", done.stderr, re.MULTILINE) or (
        "-liveness" in command and "alive" in done.stderr
    )
    assert done.stdout == ("client --port 80\n" if " -- " in command else "")


@pytest.mark.parametrize("name", ["request.pb", "request.json"])
def test_a_request_is_really_sent(name: str, folder: Path, server: FakeServing) -> None:
    """A model that does not take it answers with an error, which is exit code 40."""
    (command,) = (command for command in COMMANDS if f"-predict={name}" in command)
    (folder / f"wrong-{name}").write_bytes(b"" if name.endswith("pb") else b'{"instances": ["text"]}')
    arguments = shlex.split(command.replace(f"-predict={name}", f"-predict=wrong-{name}"))[1:]
    address = f":{server.port}" if name.endswith("pb") else f"http://localhost:{server.rest_port}"
    outcome = built("frozen").run(f"-addr={address}", *arguments[1:], cwd=folder)
    assert outcome.exit_code == 40, outcome


def test_flags_in_the_table_are_flags() -> None:
    """Also those that stand in the text alone."""
    rows = re.findall(r"(?m)^\| [^|]+ \| `(-[^`]+)` \|", prose(DOCUMENT))
    assert len(rows) == 8
    for row in rows:
        assert not parse(row.split(), {}).leftover


def test_blocks_are_files_or_commands() -> None:
    def is_known(block: Block) -> bool:
        return block.language in FILES or is_script(block)

    assert all(map(is_known, BLOCKS))
