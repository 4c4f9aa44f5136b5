"""The README's way from nothing to a first answer, run as it stands there, with loopback in GitHub's place.

Two things are not as they stand: `OWNER`, and the port of the first answer, since 8500 may be taken here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from tests.documents.known import commands_for, is_script
from tests.documents.reading import Command, blocks
from tests.fake_tfs import FakeServing
from tests.frozen.roots import tool
from tests.images.github import FRONT, STORE, Downloads
from tests.support.runner import HANG_SECONDS
from tests.support.variants import FROZEN, VERSION, built

OWNER = "octo-org"
COMMANDS = commands_for("test_download.py")
CHECK = "sha256sum --check --ignore-missing checksums.txt"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """What a release has, as far as it is asked for here: another file's sum is in the list as well."""
    folder = tmp_path / "releases" / f"v{VERSION}"
    folder.mkdir(parents=True)
    content = Path(built("frozen").command[0]).read_bytes()
    (folder / FROZEN.name).write_bytes(content)
    sums = f"{hashlib.sha256(content).hexdigest()}  {FROZEN.name}\n{hashlib.sha256().hexdigest()}  NOTICE\n"
    (folder / "checksums.txt").write_text(sums)
    return folder


@pytest.fixture
def home(release: Path, tmp_path: Path) -> Iterator[Path]:
    """A home folder whose curl finds GitHub on loopback, and trusts it."""
    authority = trustme.CA()
    home = tmp_path / "home"
    home.mkdir()
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(FRONT, STORE).configure_cert(context)
    serving = {"repository": f"{OWNER}/tfs-model-status-probe", "folder": release.parent}
    handler = type("Serving", (Downloads,), serving)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        ways = (f'connect-to = "{host}:443:127.0.0.1:{server.server_port}"\n' for host in (FRONT, STORE))
        (home / ".curlrc").write_text("".join(ways) + f'cacert = "{home / "ca.pem"}"\nnoproxy = "*"\n')
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield home
        server.shutdown()
        thread.join()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Where somebody begins."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def shell(script: str, home: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs it in that folder, until the first command that fails."""
    tool("curl")
    variables = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C"}
    return subprocess.run(
        ["sh", "-euc", script],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def steps(port: int) -> str:
    """The block of the README."""
    (block,) = (block.text for block in blocks() if is_script(block) and "curl" in block.text)
    assert block.count("OWNER") == block.count("localhost:8500") == 1
    return block.replace("OWNER", OWNER).replace("localhost:8500", f"localhost:{port}")


def test_from_an_empty_folder_to_the_first_answer(home: Path, empty: Path) -> None:
    with FakeServing({"half_plus_two": {123: "AVAILABLE"}}, rest=False) as server:
        done = shell(steps(server.port), home, empty)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{FROZEN.name}: OK\n"
    assert done.stderr.endswith(" Servable state is AVAILABLE\n")
    assert {file.name for file in empty.iterdir()} == {FROZEN.name, "checksums.txt"}


def test_a_damaged_download_is_not_run(release: Path, home: Path, empty: Path) -> None:
    with (release / FROZEN.name).open("ab") as file:
        file.write(b"\n")
    done = shell(steps(1), home, empty)
    assert done.returncode != 0
    assert done.stdout == f"{FROZEN.name}: FAILED\n"
    assert not os.access(empty / FROZEN.name, os.X_OK)


def test_a_release_that_is_not_there(release: Path, home: Path, empty: Path) -> None:
    shutil.rmtree(release)
    done = shell(steps(1), home, empty)
    assert done.returncode != 0
    assert "404" in done.stderr
    assert not list(empty.iterdir())


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_no_other_command_is_shown(command: Command) -> None:
    """SECURITY.md has but the comparison of sums from the block above, of what was downloaded in the same way."""
    block = " ".join(steps(8500).replace(OWNER, "OWNER").split())
    assert command.text in block
    assert command.document == "README.md" or command.text == CHECK
