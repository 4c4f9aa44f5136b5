"""A session: fresh copies, servers, warm programs, then all runs in random order, without a limit and under it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import trustme

from tests.support.variants import ROOT

from .limit import tenth_of_a_core
from .programs import CACHE, MODEL, Program, Servers, compiled, copied
from .results import Row, row
from .samples import PAUSE_UNDER_THE_LIMIT, Failed, Sample, take

# A program whose warm-up takes longer, in milliseconds, is slow.
SLOW = 100.0

CAPTURES, REST_CAPTURES = (ROOT / "tests" / "data" / name for name in ("captures.json", "rest_captures.json"))
# GetModelMetadata of a small model, by the same server as the captures.
METADATA = (
    "0a0a0a0468616c661202087b12b7010a0d7369676e61747572655f64656612a5010a36747970652e676f6f676c65617069732e636f6d2f7465"
    "6e736f72666c6f772e73657276696e672e5369676e61747572654465664d6170126b0a690a0f73657276696e675f64656661756c7412560a1b"
    "0a017812160a03783a3010011a0d120b08ffffffffffffffffff01121b0a017912160a03793a3010011a0d120b08ffffffffffffffffff011a"
    "1a74656e736f72666c6f772f73657276696e672f70726564696374"
)


class Runs(NamedTuple):
    """How often a program is run."""

    fast: int
    slow: int
    limited: int
    limited_slow: int


FULL = Runs(150, 15, 60, 6)
QUICK = Runs(30, 5, 10, 1)


class Measured(NamedTuple):
    """The rows, in the order of the programs; the reason if nothing was measured under the limit; the runner's size."""

    rows: list[Row]
    no_limit: str
    runner_mib: float


def measure(programs: Sequence[Program], runs: Runs) -> Measured:
    """Measures all programs side by side."""
    CACHE.mkdir(parents=True, exist_ok=True)
    # Beside the checkout, since a folder for temporary files may lie in memory or forbid execution.
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=CACHE)))
        servers = stack.enter_context(all_servers(scratch))
        limit = stack.enter_context(tenth_of_a_core())
        runner = compiled("measure", scratch)
        copies = copied(programs, scratch)
        commands = {copy.name: copy.command(servers) for copy in copies}
        warm = take(runner, commands, dict.fromkeys(commands, 2))
        slow = {name for name, samples in warm.samples.items() if samples[-1].wall_ms > SLOW}
        times = {name: runs.slow if name in slow else runs.fast for name in commands}
        taken = take(runner, commands, times)
        limited: dict[str, list[Sample]] = {}
        if limit.procs:
            times = {name: runs.limited_slow if name in slow else runs.limited for name in commands}
            limited = take(runner, commands, times, pause=PAUSE_UNDER_THE_LIMIT, group=limit.procs).samples
        rows = [row(copy, taken.samples[copy.name], limited.get(copy.name, [])) for copy in copies]
    return Measured(rows, limit.reason, taken.runner_mib)


@contextmanager
def all_servers(scratch: Path) -> Iterator[Servers]:
    """The plain server, the one with TLS, and the one that replays answers; `scratch` is for their files."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    certificate = authority.issue_cert("localhost", "127.0.0.1", key_type=trustme.KeyType.ECDSA)
    ca, key, chain = (scratch / f"{name}.pem" for name in ("ca", "key", "chain"))
    authority.cert_pem.write_to_path(str(ca))
    certificate.private_key_pem.write_to_path(str(key))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(chain), append=True)
    # The health service is for the peer, which can ask for nothing else.
    with (
        server() as port,
        server("--health", f"--tls-key={key}", f"--tls-cert={chain}") as tls_port,
        listening([compiled("replay", scratch), *replayed_answers(scratch)]) as replay,
    ):
        yield Servers(port, tls_port, ca, replay)


def replayed_answers(scratch: Path) -> list[Path]:
    """Files with what a real server answers to GetModelStatus, GetModelMetadata and a GET."""
    captures = json.loads(CAPTURES.read_text())
    calls = next(one["calls"] for one in captures["situations"] if one["name"] == "one version")
    exchanges = json.loads(REST_CAPTURES.read_text())["exchanges"]
    get = next(one["answer"] for one in exchanges if one["request"] == f"GET /v1/models/{MODEL} HTTP/1.1")
    answers = {
        "status": bytes.fromhex(calls[0]["response"]),
        "metadata": bytes.fromhex(METADATA),
        "rest": get.encode("latin-1"),
    }
    for name, content in answers.items():
        (scratch / name).write_bytes(content)
    return [scratch / name for name in answers]


@contextmanager
def server(*options: str) -> Iterator[int]:
    """The stand-in server in a process of its own; its port."""
    command = [sys.executable, "-m", "tests.fake_tfs", "--script", "steady", "--model", MODEL, "--no-rest", *options]
    with listening(command) as port:
        yield port


@contextmanager
def listening(command: Sequence[str | Path]) -> Iterator[int]:
    """A server in a process of its own, which prints its port."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            ready = re.fullmatch(r"gRPC port (\d+)\n", line)
            if ready:
                yield int(ready[1])
                return
        raise Failed(f"{command[0]} ended before it listened")
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
