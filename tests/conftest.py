"""Fixtures for all tests."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.support.variants import VARIANTS, Variant, built

# Modules that assert and hold no tests. Before anything imports them, or pytest could not show what they compared.
pytest.register_assert_rewrite("tests.frozen.expected", "tests.frozen.checkout")

# `make cases` installs only what the case table needs.
if find_spec("hypothesis"):
    from hypothesis import settings

    # Every run tries the same cases, however slow the machine is.
    settings.register_profile("fixed", max_examples=100, derandomize=True, deadline=None, database=None)
    settings.load_profile("fixed")


@pytest.fixture(params=list(VARIANTS))
def variant(request: pytest.FixtureRequest) -> Variant:
    """Each variant of the program in turn."""
    return built(request.param)
