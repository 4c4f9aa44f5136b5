"""What the sidecar uses: memory, CPU, and nothing more after many rounds."""

from __future__ import annotations

import time

import pytest

from tests import soak
from tests.fake_tfs import FakeServing
from tests.support.sidecar import sidecar
from tests.support.variants import built

ROUNDS = 5_000  # `make soak` runs 100,000


@pytest.mark.parametrize(("models", "max_mib"), [(1, 16), (50, 24)])
def test_memory(models: int, max_mib: int) -> None:
    """After rounds, and after requests of every kind."""
    names = [f"model_{number}" for number in range(models)]
    with (
        FakeServing({name: {123: "AVAILABLE"} for name in names}, rest=False) as tfs,
        sidecar(
            built("frozen"), f"-addr=:{tfs.port}", "-serve-interval=1s", *[f"-model-name={name}" for name in names]
        ) as probe,
    ):
        probe.wait_for_status(200)
        for _ in range(100):
            for path in ("/", "/metrics", "/readyz"):
                assert probe.get(path).status == 200
            probe.get("/readyz", headers={"Accept": "application/json"})
        assert probe.status("VmHWM") < max_mib * 1024


def test_cpu() -> None:
    """With one model, in plain text, every second: at most 0.3% of a core."""
    with (
        FakeServing({"half": {123: "AVAILABLE"}}, rest=False) as tfs,
        sidecar(built("frozen"), f"-addr=:{tfs.port}", "-model-name=half", "-serve-interval=1s") as probe,
    ):
        probe.wait_for_status(200)
        rounds, before, seconds = soak.rounds(probe), probe.cpu_seconds(), 10
        time.sleep(seconds)
        spent = probe.cpu_seconds() - before
        assert soak.rounds(probe) - rounds >= seconds - 1
    assert spent / seconds < 0.003


def test_nothing_wakes_a_sidecar_between_rounds() -> None:
    """The thread that answers waits for clients alone."""
    with (
        FakeServing({"half": {123: "AVAILABLE"}}, rest=False) as tfs,
        sidecar(built("frozen"), f"-addr=:{tfs.port}", "-model-name=half", "-serve-interval=1h") as probe,
    ):
        probe.wait_for_status(200)
        time.sleep(0.5)  # until the last client's connection is closed
        before = probe.status("voluntary_ctxt_switches")
        time.sleep(2)
        assert probe.status("voluntary_ctxt_switches") == before


def test_5000_rounds() -> None:
    samples = soak.soak(built("frozen"), ROUNDS)
    assert soak.problems(samples) == []
    assert max(taken.rounds for taken in samples if taken.name == "plain") >= ROUNDS
