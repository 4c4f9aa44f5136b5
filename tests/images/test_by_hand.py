"""Dockerfile.example without a builder: the test itself does what its one step says, from a release on loopback.

It proves less than test_dockerfiles.py, and runs where no image can be built: without root, and without a mirror.
"""

from __future__ import annotations

import hashlib
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import pytest

from tests.fake_tfs import FakeServing
from tests.frozen.expected import check
from tests.frozen.roots import PROGRAM, inside, root_with
from tests.images.dockerfiles import EXAMPLE, REPOSITORY, instructions
from tests.support.variants import FROZEN, VERSION, Variant


class Quiet(SimpleHTTPRequestHandler):
    """A folder's files, without a word."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def releases(frozen: Variant, tmp_path: Path) -> Iterator[str]:
    """The URL of a server with the executable at the path that it has at GitHub's."""
    place = tmp_path / "served" / REPOSITORY / "releases" / "download" / f"v{VERSION}"
    place.mkdir(parents=True)
    (place / FROZEN.name).write_bytes(Path(frozen.command[0]).read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "served")) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_the_steps_by_hand(releases: str, frozen: Variant, server: FakeServing, checksum: str, tmp_path: Path) -> None:
    steps = instructions(EXAMPLE.replace("OWNER", REPOSITORY.split("/")[0]))
    assert [step[0] for step in steps] == ["ARG", "FROM", "ARG", "ARG", "ADD"]
    values = dict(step[1].split("=") for step in steps if step[0] == "ARG") | {"TFS_PROBE_SHA256": checksum}
    said, mode, url, target = (Template(word).substitute(values) for word in steps[-1][1:])
    assert urlsplit(url).netloc == "github.com"
    with urllib.request.urlopen(releases + urlsplit(url).path) as answer:
        content = answer.read()
    assert said == f"--checksum=sha256:{hashlib.sha256(content).hexdigest()}"
    assert target == f"/bin/{PROGRAM}"
    (tmp_path / "downloaded").write_bytes(content)
    (tmp_path / "downloaded").chmod(int(mode.removeprefix("--chmod="), 8))
    check(inside(root_with(tmp_path, tmp_path / "downloaded")), server.address)
