"""Runs tests/hours/loop.py against real servers, and judges what the process holds."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from tests.support import canned, tls_server
from tests.support.certificates import shared
from tests.support.http2_writer import GOOD

CALLS = 10_000
MAX_SECONDS = 600
MAX_GROWTH_KIB = 512
"""Of 8,000 calls: a leak of 100 bytes each is more."""


def assert_flat(command: Sequence[str], env: Mapping[str, str]) -> None:
    """A quarter of the calls each is plain, with TLS, refused, and for a name that does not exist."""
    certificates = shared()
    with (
        canned.canned_http2(canned.Script(lambda _: GOOD)) as plain,
        tls_server.serving(tls_server.context(certificates)) as secured,
        canned.refused() as refused,
    ):
        done = subprocess.run(
            [
                *command,
                f"127.0.0.1:{plain.port}",
                secured,
                str(certificates.file("ca.pem")),
                f"127.0.0.1:{refused.port}",
                str(CALLS),
            ],
            env=env,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    memory, descriptors, threads = zip(*(map(int, line.split()) for line in done.stdout.splitlines()), strict=True)
    assert len(memory) == 5
    assert max(memory) - memory[0] < MAX_GROWTH_KIB, memory
    assert set(descriptors) == {descriptors[0]}, descriptors
    assert max(threads) <= 2, threads  # a lookup may just be ending
