"""Fixtures for the tests of TLS."""

from __future__ import annotations

import pytest

from tests.support.certificates import Certificates, shared


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    """Certificates for everybody, made once."""
    return shared()
