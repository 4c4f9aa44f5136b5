"""Dockerfile.example without a builder: the test itself does what its steps say, from a release on loopback.

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
from urllib.parse import urlsplit

import pytest

from build.platform import LINUX_AMD64
from tests.fake_tfs import FakeServing
from tests.frozen.expected import check
from tests.frozen.roots import PROGRAM, inside, root_with
from tests.images.dockerfiles import REPOSITORY, argument, in_one_stage
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


def test_the_steps_by_hand(releases: str, frozen: Variant, server: FakeServing, tmp_path: Path) -> None:
    checksum = hashlib.sha256(Path(frozen.command[0]).read_bytes()).hexdigest()
    _, add = in_one_stage(LINUX_AMD64, **{argument(LINUX_AMD64): checksum})
    said, mode, url, target = add[1:]
    url = url.replace("OWNER", REPOSITORY.split("/")[0])
    assert urlsplit(url).netloc == "github.com"
    with urllib.request.urlopen(releases + urlsplit(url).path) as answer:
        content = answer.read()
    assert said == f"--checksum=sha256:{hashlib.sha256(content).hexdigest()}"
    assert target == f"/bin/{PROGRAM}"
    (tmp_path / "downloaded").write_bytes(content)
    (tmp_path / "downloaded").chmod(int(mode.removeprefix("--chmod="), 8))
    check(inside(root_with(tmp_path, tmp_path / "downloaded")), server.address)
