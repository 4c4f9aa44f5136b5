"""-timeout=500ms with each of the newer flags: a run ends by itself within 550 ms, with its own line.

The time is measured in the process that waits for the program, from just before it starts; starting an interpreter is
taken off for the module. These are the only tests that read a clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.program.test_deadlines import BUDGET, address_of_mute, full_backlog
from tests.support.hints import HINTS
from tests.support.http1_behaviours import answer, drips, read_request
from tests.support.http2_writer import GREETING, HEAD, HEAD_FIELDS, TRAILERS, data, headers, settings, window_update
from tests.support.namespaces import run_with_resolver
from tests.support.runner import Outcome
from tests.support.scripted_server import Peer, scripted_server
from tests.support.variants import ROOT, Variant, on, on_each_interpreter
from tests.support.wire import AVAILABLE, entry, message

# The budget, the probe's own reserve, and what starting and ending a process may take on a busy machine.
MAX_SECONDS = 0.55
CONFIG = "model_config_list {{ {} }}"
MODEL = 'config {{ name: "{}" base_path: "/m" model_platform: "tensorflow" }}'


FLAGS: dict[str, tuple[str, ...]] = {
    "several models": ("-model-name=a", "-model-name=b", "-model-name=c"),
    "a file": ("-model-config-file={folder}/models.conf",),
    "a label": ("-model-label=stable",),
    "the latest": ("-require=latest",),
    "all": ("-require=all",),
    "a minimum": ("-min-version=2",),
    "a prediction": ("-predict={folder}/request",),
    "waiting": ("-wait=10m",),
    "waiting with a command": ("-wait=10m", "--", "true"),
    "json": ("-format=json",),
    "quiet": ("-quiet",),
    "liveness": ("-liveness",),
}


@contextlib.contextmanager
def stopped(rest: bool = False) -> Iterator[str]:
    """A real server in a process that was stopped after it had opened its ports."""
    process = subprocess.Popen([sys.executable, "-m", "tests.fake_tfs"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout
            kind = "REST" if rest else "gRPC"
            ports = (re.fullmatch(rf"{kind} port (\d+)\n", line) for line in process.stdout)
            port = next(found[1] for found in ports if found)
            process.send_signal(signal.SIGSTOP)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


@contextlib.contextmanager
def dripping() -> Iterator[str]:
    """One byte a second, once the connection stands."""

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_ready()
        answer = HEAD + data(message(entry(1, AVAILABLE)))
        for at in range(len(answer)):
            peer.send(answer[at : at + 1])
            peer.pause(1)

    with scripted_server(behaviour) as server:
        yield server.address


@contextlib.contextmanager
def dripping_http1() -> Iterator[str]:
    with scripted_server(drips(answer()), http2=False) as server:
        yield f"http://{server.address}"


def over_rest(where: Callable[[], AbstractContextManager[str]]) -> Callable[[], AbstractContextManager[str]]:
    @contextlib.contextmanager
    def address() -> Iterator[str]:
        with where() as found:
            yield f"http://{found}"

    return address


# The server, the exit code, and how the verdict begins.
NO_ANSWER = "Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded"
HANGS: dict[str, tuple[Callable[[], AbstractContextManager[str]], int, str]] = {
    "dropped": (full_backlog, 2, "Error dialing grpc service: context deadline exceeded (last error: connect "),
    "mute": (address_of_mute, 2, "Error dialing grpc service: context deadline exceeded (last error: connected to "),
    "stopped": (stopped, 2, "Error dialing grpc service: context deadline exceeded (last error: connected to "),
    "a byte a second": (dripping, 3, NO_ANSWER),
    "dropped, REST": (
        over_rest(full_backlog), 2, "Error dialing grpc service: context deadline exceeded (last error: connect "),
    "mute, REST": (over_rest(address_of_mute), 3, NO_ANSWER),
    "stopped, REST": (over_rest(lambda: stopped(rest=True)), 3, NO_ANSWER),
    "a byte a second, REST": (dripping_http1, 3, NO_ANSWER),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "request").write_bytes(b'{"instances": [1.0]}')
    models = " ".join(MODEL.format(name) for name in "abc")
    (tmp_path / "models.conf").write_text(CONFIG.format(models))
    return tmp_path


def start_seconds(variant: Variant) -> float:
    """What starting and ending the program takes by itself, at most."""
    begun = time.monotonic()
    variant.run("-version")
    return time.monotonic() - begun


def timed(variant: Variant, *argv: str) -> tuple[Outcome, float]:
    begun = time.monotonic()
    outcome = variant.run(*argv)
    return outcome, time.monotonic() - begun - (start_seconds(variant) if variant.name != "frozen" else 0)


def assert_in_time(variant: Variant, *argv: str) -> Outcome:
    """One slow run may be the machine's doing; three in a row are not."""
    for _ in range(3):
        outcome, seconds = timed(variant, *argv)
        if seconds < MAX_SECONDS:
            return outcome
    raise AssertionError(f"{seconds:.3f} s: {outcome}")


def verdicts(outcome: Outcome) -> list[str]:
    if outcome.stdout:
        return [model["verdict"] for model in json.loads(outcome.stdout)["models"]]
    shown = [re.sub(r"^[abc]: ", "", line) for line in outcome.lines]
    return [line for line in shown if line.startswith("Error ")]


@on("frozen")
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("name", HANGS)
def test_hangs(name: str, flag: str, variant: Variant, folder: Path) -> None:
    where, exit_code, verdict = HANGS[name]
    argv = [argument.replace("{folder}", str(folder)) for argument in FLAGS[flag]]
    with where() as address:
        outcome = assert_in_time(variant, f"-addr={address}", BUDGET, *argv)
    assert outcome.exit_code == exit_code, outcome
    shown = verdicts(outcome)
    assert shown and all(line.startswith(verdict) for line in shown), outcome


@on_each_interpreter
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("scheme", ["", "http://"])
def test_a_resolver_that_hangs(scheme: str, flag: str, variant: Variant, folder: Path) -> None:
    argv = [argument.replace("{folder}", str(folder)) for argument in FLAGS[flag]]
    outcome = run_with_resolver(variant, "mute", folder, f"-addr={scheme}tfs.example:8500", BUDGET, *argv)
    assert outcome.exit_code == 2, outcome
    (verdict,) = verdicts(outcome)
    begin = "Error dialing grpc service: context deadline exceeded (last error: lookup tfs.example: the resolver "
    assert verdict.startswith(begin)
    if flag.startswith("waiting"):
        assert outcome.hint == "raise or unset -timeout: it ended the run after 500ms, before -wait=10m0s"
    elif flag not in ("quiet", "json"):
        assert outcome.hint == HINTS["resolver"]


@contextlib.contextmanager
def second_call_hangs(rest: bool) -> Iterator[str]:
    with FakeServing({"m": {1: "AVAILABLE"}}, metadata_delay=60, predict_delay=60) as server:
        yield f"http://127.0.0.1:{server.rest_port}" if rest else server.address


@contextlib.contextmanager
def second_call_drips(rest: bool) -> Iterator[str]:
    """The model is AVAILABLE; the second answer comes as a byte a second."""

    def drip(peer: Peer, answer: bytes) -> None:
        for at in range(len(answer)):
            peer.send(answer[at : at + 1])
            peer.pause(1)

    def http2(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        peer.send(HEAD + data(message(entry(1, AVAILABLE))) + TRAILERS)
        peer.until_request()
        drip(peer, headers(HEAD_FIELDS, stream=3) + data(message(b""), stream=3))

    def http1(peer: Peer) -> None:
        read_request(peer)
        peer.send(answer())
        read_request(peer)
        drip(peer, answer(b"{}"))

    with scripted_server(http1 if rest else http2, http2=False) as server:
        yield f"http://{server.address}" if rest else server.address


@on_each_interpreter
@pytest.mark.parametrize("rest", [False, True], ids=["grpc", "rest"])
@pytest.mark.parametrize("where", [second_call_hangs, second_call_drips])
@pytest.mark.parametrize(("flag", "exit_code", "verdict"), [
    ("-model-label=stable", 3, NO_ANSWER),
    ("-predict={folder}/request", 40, NO_ANSWER.replace("tfs", "model")),
])  # fmt: skip
def test_a_second_call_without_an_answer(
    where: Callable[[bool], AbstractContextManager[str]],
    rest: bool,
    flag: str,
    exit_code: int,
    verdict: str,
    variant: Variant,
    tmp_path: Path,
) -> None:
    (tmp_path / "request").write_bytes(b'{"instances": [1.0]}' if rest else b"\x12\x03\n\x01x")
    with where(rest) as address:
        outcome = assert_in_time(variant, f"-addr={address}", "-model-name=m", BUDGET, flag.format(folder=tmp_path))
    assert outcome.exit_code == exit_code, outcome
    assert verdicts(outcome) == [verdict]


@on_each_interpreter
@pytest.mark.parametrize("flag", ["-model-config-file", "-predict"])
def test_a_fifo_that_nothing_writes_to(flag: str, variant: Variant, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    outcome = assert_in_time(variant, "-addr=127.0.0.1:1", BUDGET, f"{flag}={tmp_path}/fifo")
    assert outcome.exit_code == 1, outcome
    assert outcome.verdict == f"error: {flag}: {tmp_path}/fifo is not a regular file"


@on_each_interpreter
def test_a_file_that_takes_long_to_read(variant: Variant, tmp_path: Path) -> None:
    """As large as it may be."""
    models: list[str] = []
    size = 0
    while size < (4 << 20) - 200:
        models.append(MODEL.format(f"model-{len(models)}"))
        size += len(models[-1]) + 1
    (tmp_path / "models.conf").write_text(CONFIG.format("\n".join(models)))
    outcome = assert_in_time(
        variant, "-addr=127.0.0.1:1", "-timeout=100ms", f"-model-config-file={tmp_path}/models.conf"
    )
    assert outcome.exit_code == 2, outcome
    assert verdicts(outcome)[0].startswith("Error dialing grpc service: context deadline exceeded")


@on_each_interpreter
@pytest.mark.parametrize("rest", [False, True], ids=["grpc", "rest"])
def test_a_large_request_that_nothing_reads(rest: bool, variant: Variant, tmp_path: Path) -> None:
    """The server allows all of it, but the kernel's buffers take only a part."""
    (tmp_path / "request").write_bytes(b" " * ((4 << 20) - 100))

    def http2(peer: Peer) -> None:
        peer.send(settings((4, 8 << 20)), window_update(0, 8 << 20))  # INITIAL_WINDOW_SIZE
        peer.until_request()
        peer.send(HEAD + data(message(entry(1, AVAILABLE))) + TRAILERS)
        peer.pause(60)

    def http1(peer: Peer) -> None:
        read_request(peer)
        peer.send(answer())
        peer.pause(60)

    with scripted_server(http1 if rest else http2, receive_buffer=4096, http2=False) as server:
        address = f"http://{server.address}" if rest else server.address
        outcome = assert_in_time(variant, f"-addr={address}", BUDGET, f"-predict={tmp_path}/request")
    assert outcome.exit_code == 40, outcome
    assert verdicts(outcome) == [NO_ANSWER.replace("tfs", "model")]
