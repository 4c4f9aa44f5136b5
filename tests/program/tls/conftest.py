"""Fixtures for the tests of TLS."""

from __future__ import annotations

import pytest

from tests.support.certificates import Certificates, shared


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    """The certificates that all tests share."""
    return shared()
