"""Fixtures for all tests."""

from __future__ import annotations

import pytest

from tests.flavours import FLAVOURS, Flavour, built

# Modules that assert and hold no tests. Before anything imports them, or pytest could not show what they compared.
pytest.register_assert_rewrite("tests.frozen.expected", "tests.frozen.checkout")


@pytest.fixture(params=list(FLAVOURS))
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Each form of the program in turn."""
    return built(request.param)
