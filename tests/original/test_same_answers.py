"""The original's recorded answers, held against ours: same command line, same server, same exit code and lines."""

from __future__ import annotations

import pytest

from tests.flavours import built
from tests.original.compare import differences, recorded
from tests.original.run import run_scenario
from tests.original.scenarios import SCENARIOS, Scenario

NAMES = [scenario.name for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_module_answers_as_the_original_did(scenario: Scenario) -> None:
    module = built("module")
    assert differences(recorded(scenario), *run_scenario(list(module.command), scenario, module.env)) == []
