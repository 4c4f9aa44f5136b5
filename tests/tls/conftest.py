"""Fixtures for the tests of TLS."""

from __future__ import annotations

import pytest

from tests.tls.certificates import Certificates

pytest.register_assert_rewrite("tests.tls.checks")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for everybody, made once."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
