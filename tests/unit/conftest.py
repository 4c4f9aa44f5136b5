"""Settings of hypothesis for this folder: every run tries the same cases, however slow the machine is."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", max_examples=100, derandomize=True, deadline=None, database=None)
settings.load_profile("unit")
