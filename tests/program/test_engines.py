"""The second engine: chosen by a flag, missing where it is not installed, and free of proxies."""

from __future__ import annotations

import pytest

from tests.fake_tfs import FakeServing
from tests.support.hints import HINTS
from tests.support.variants import built


@pytest.mark.parametrize("variant_name", ["package", "frozen"])
def test_a_missing_engine_names_the_remedy(variant_name: str) -> None:
    outcome = built(variant_name).run("-engine=grpcio")
    assert outcome.exit_code == 1
    assert outcome.verdict.startswith("error: ") and "grpcio and protobuf" in outcome.verdict
    assert outcome.hint == HINTS["no-grpcio"]


def test_an_unknown_engine_is_a_usage_error() -> None:
    outcome = built("module").run("-engine=http")
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith('invalid value "http" for flag -engine: must be native or grpcio\nUsage of ')


def test_both_engines_say_who_asks_and_ask_the_same() -> None:
    asked = []
    for engine in ("native", "grpcio"):
        with FakeServing({"half": {1: "AVAILABLE"}}) as server:
            assert built("module").run(f"-engine={engine}", "-addr", server.address, "-model-name=half").exit_code == 0
            metadata = dict(server.metadata[0])
            asked.append(server.requests)
        assert str(metadata["user-agent"]).startswith("tfs_model_status_probe/")
    assert asked[0] == asked[1] == [bytes.fromhex("0a060a0468616c66")]
