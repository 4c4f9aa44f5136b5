"""Command lines and servers for which the original's answers are on record, in answers.json."""

from __future__ import annotations

from tests.original.calls import failed_calls, played
from tests.original.command_lines import addresses, durations, flags
from tests.original.content import (
    asked_versions,
    errors,
    several_versions,
    shapes,
    states,
)
from tests.original.scenario import Scenario

__all__ = ["SCENARIOS", "Scenario"]

SCENARIOS: tuple[Scenario, ...] = (
    *states(),
    *several_versions(),
    *asked_versions(),
    *errors(),
    *shapes(),
    *failed_calls(),
    *played(),
    *flags(),
    *durations(),
    *addresses(),
)
