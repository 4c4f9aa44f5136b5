"""The name under which other folders still import tests.support.canned."""

from __future__ import annotations

from tests.support.canned import refused

__all__ = ["refused"]
