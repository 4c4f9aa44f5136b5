"""-serve with questions that take more than GetModelStatus: labels, and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.support.questions import REQUESTS
from tests.support.sidecar import sidecar
from tests.support.variants import Variant, on_each_interpreter

FAST = "-serve-interval=100ms"
ENDINGS = {"grpc": "pb", "rest": "json"}

both_protocols = pytest.mark.parametrize("protocol", ENDINGS)


def address(tfs: FakeServing, protocol: str) -> str:
    return f"-addr=http://127.0.0.1:{tfs.rest_port}" if protocol == "rest" else f"-addr=:{tfs.port}"


def labels(**versions: int) -> Mapping[str, Mapping[str, int]]:
    """All that a server of the one model `half` knows."""
    return {"half": versions}


@both_protocols
@on_each_interpreter
def test_a_label_that_moves(variant: Variant, protocol: str) -> None:
    """The version that it points to decides, and no other."""
    models = {"half": {1: "AVAILABLE", 2: "AVAILABLE"}}
    with (
        FakeServing(models, labels=labels(stable=1)) as tfs,
        sidecar(variant, address(tfs, protocol), "-model-name=half", "-model-label=stable", FAST) as probe,
    ):
        probe.wait_for_status(200)
        tfs.set("half", 2, "UNLOADING")
        probe.wait_for_line("2 UNLOADING, 1 AVAILABLE")
        assert probe.get("/readyz").status == 200
        tfs.set("half", 2, "AVAILABLE")
        tfs.reload(labels(stable=2))
        tfs.set("half", 1, "END")
        probe.wait_for_line("(2 AVAILABLE)")
        assert probe.get("/readyz").status == 200
        tfs.set("half", 1, "AVAILABLE")
        tfs.set("half", 2, "LOADING")
        refused = probe.wait_until(lambda reply: "Servable state is LOADING" in reply.body)
        assert refused.status == 503
        assert probe.metrics()['tfs_model_ready{model="half"}'] == 0
        tfs.reload(labels(canary=1))
        refused = probe.wait_until(lambda reply: "No matching response found for label: stable" in reply.body)
        assert refused.status == 503
        assert probe.get("/livez").status == 200
        tfs.reload(labels(stable=1))
        probe.wait_for_status(200)


@both_protocols
@on_each_interpreter
def test_a_prediction(variant: Variant, tmp_path: Path, protocol: str) -> None:
    """Each round asks for one, with what is in the file then."""
    request = tmp_path / "request"

    def write(name: str) -> None:
        new = tmp_path / "new"
        new.write_bytes(REQUESTS[f"{name}.{ENDINGS[protocol]}"])
        new.rename(request)

    write("good")
    with (
        FakeServing({"half": {1: "AVAILABLE"}}) as tfs,
        sidecar(variant, address(tfs, protocol), "-model-name=half", f"-predict={request}", FAST) as probe,
    ):
        probe.wait_for_status(200)
        write("bad")
        refused = probe.wait_until(lambda reply: "Error calling model: rpc error: code = InvalidArgument" in reply.body)
        assert refused.status == 503
        assert probe.get("/livez").status == 200
        samples = probe.metrics()
        assert samples['tfs_model_ready{model="half"}'] == 0
        assert samples['tfs_model_version_state{model="half",version="1",state="AVAILABLE"}'] == 1
        request.unlink()
        refused = probe.wait_until(lambda reply: "-predict" in reply.body)
        assert refused.status == 503
        write("good")
        probe.wait_for_status(200)
        tfs.set("half", 1, "LOADING")
        probe.wait_until(lambda reply: "Servable state is LOADING" in reply.body)


@on_each_interpreter
def test_a_model_that_lists_versions_and_does_not_predict(variant: Variant, tmp_path: Path) -> None:
    """A prediction that hangs takes its round's time, and the next round is made all the same."""
    request = tmp_path / "good.pb"
    request.write_bytes(REQUESTS["good.pb"])
    with (
        FakeServing({"half": {1: "AVAILABLE"}}, rest=False, predict_delay=30) as tfs,
        sidecar(
            variant, f"-addr=:{tfs.port}", "-model-name=half", f"-predict={request}", "-serve-interval=300ms"
        ) as probe,
    ):
        probe.wait_until(lambda reply: "Error calling model: " in reply.body)
        assert probe.get("/livez").status == 200
        failures = probe.metrics()['tfs_probe_checks_total{result="failure"}']
        probe.wait_until(
            lambda _: probe.metrics()['tfs_probe_checks_total{result="failure"}'] >= failures + 2, "/healthz"
        )
        assert probe.get("/readyz").status == 503
