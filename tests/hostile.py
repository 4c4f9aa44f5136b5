"""The name under which other folders still import tests.support.http2_writer."""

from __future__ import annotations

from tests.support.http2_writer import GOOD, GREETING

__all__ = ["GOOD", "GREETING"]
