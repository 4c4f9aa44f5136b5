"""The names under which other folders still import tests.support.variants."""

from __future__ import annotations

from tests.support.runner import HANG_SECONDS as PATIENCE
from tests.support.variants import FROZEN, ROOT, VERSION, Variant, built
from tests.support.variants import Variant as Flavour

__all__ = ["FROZEN", "PATIENCE", "ROOT", "VERSION", "Flavour", "Variant", "built"]
