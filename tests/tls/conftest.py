"""Fixtures for the tests of TLS in memory."""

from __future__ import annotations

import pytest

from tests.support import certificates


@pytest.fixture(scope="session")
def made() -> certificates.Certificates:
    """The certificates that all tests share."""
    return certificates.shared()
