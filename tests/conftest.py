"""Fixtures for all tests."""

from __future__ import annotations

import pytest

from tests.flavours import FLAVOURS, Flavour, built


@pytest.fixture(params=list(FLAVOURS))
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Each form of the program in turn."""
    return built(request.param)
