"""`-alts`: Google Cloud alone has it, so here only its refusals can be seen."""

from __future__ import annotations

import pytest

from probe.cli.conflicts import ALTS_NEEDS_GRPCIO
from tests.fake_tfs import FakeServing
from tests.support.hints import HINTS
from tests.support.variants import Variant, built, on_each_interpreter


@on_each_interpreter
def test_the_native_engine_says_where_it_works(variant: Variant) -> None:
    outcome = variant.run("-alts", "-addr=127.0.0.1:1")
    assert outcome.exit_code == 1
    assert outcome.verdict == f"error: {ALTS_NEEDS_GRPCIO}"


def test_the_static_executable_has_no_other_engine() -> None:
    outcome = built("frozen").run("-alts", "-engine=grpcio")
    assert outcome.exit_code == 1
    assert "the static executable" in outcome.verdict
    assert outcome.hint == HINTS["no-grpcio"]


@pytest.mark.parametrize("budget", [("-connect-timeout=500ms",), ("-timeout=1s",)])
def test_the_library_is_asked_and_ends_in_time(budget: tuple[str, ...]) -> None:
    with FakeServing({"default": {1: "AVAILABLE"}}, rest=False) as server:
        outcome = built("module").run("-alts", "-engine=grpcio", "-addr", server.address, *budget)
    assert outcome.exit_code == 2, outcome
    assert outcome.verdict.startswith("Error dialing grpc service: context deadline exceeded")
    assert all(line.startswith(("Error dialing", "hint: ")) for line in outcome.lines)
    assert outcome.stdout == ""
