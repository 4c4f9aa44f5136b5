"""The original's recorded answers compared with ours: same command line, same server, same exit code and lines."""

from __future__ import annotations

import pytest

from tests.original.compare import differences, recorded
from tests.original.run import run_scenario
from tests.original.scenarios import SCENARIOS, Scenario
from tests.support.variants import Variant, on


@on("frozen")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_ours_answers_as_the_original_did(scenario: Scenario, variant: Variant) -> None:
    assert differences(recorded(scenario), *run_scenario(list(variant.command), scenario, variant.env)) == []
