"""What test_serve_names.py plays in a network of its own: a server that moves to another address, and its name with it.

python -m tests.program.renamed FOLDER WAY COMMAND...
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.fake_tfs import FakeServing
from tests.support.nameserver import PORT, Network, publish
from tests.support.sidecar import sidecar
from tests.support.variants import Variant

NAME = "tfs.example"
FIRST, SECOND = "10.0.0.1", "10.0.0.2"
NETWORK = Network(
    {NAME: {"A": [FIRST]}},
    setup=[["ip", "addr", "add", f"{address}/32", "dev", "lo"] for address in (FIRST, SECOND)],
    listens_at=(),
)
MODELS = {"half": {1: "AVAILABLE"}}


def refuses(server: FakeServing) -> None:
    """The server ends, and its address stays."""
    server.stop()


def vanishes(_: FakeServing) -> None:
    """The address is gone, as a pod's: no packet comes back."""
    subprocess.run(["ip", "addr", "del", f"{FIRST}/32", "dev", "lo"], check=True)
    subprocess.run(["ip", "route", "add", "blackhole", f"{FIRST}/32"], check=True)


WAYS: dict[str, Callable[[FakeServing], None]] = {way.__name__: way for way in (refuses, vanishes)}


def main(folder: Path, way: str, command: tuple[str, ...]) -> None:
    moved = dataclasses.replace(NETWORK, records={NAME: {"A": [SECOND]}})
    flags = (f"-addr={NAME}:{PORT}", "-model-name=half", "-serve-interval=500ms")
    with (
        FakeServing(MODELS, rest=False, host=FIRST, port=PORT) as first,
        sidecar(Variant("inside", command), *flags) as probe,
    ):
        probe.wait_for_status(200)
        WAYS[way](first)
        probe.wait_for_status(503)
        with FakeServing(MODELS, rest=False, host=SECOND, port=PORT) as second:
            publish(moved, folder)
            probe.wait_for_status(200)
            assert second.requests
        assert probe.end() == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], tuple(sys.argv[3:]))
