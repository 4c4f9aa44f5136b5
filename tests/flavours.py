"""The names under which other folders still import tests.support.variants."""

from __future__ import annotations

from tests.support.runner import HANG_SECONDS as PATIENCE
from tests.support.variants import BUILDINFO, FROZEN, ROOT, VERSION, ZIPAPP, Variant, built
from tests.support.variants import Variant as Flavour

__all__ = ["BUILDINFO", "FROZEN", "PATIENCE", "ROOT", "VERSION", "ZIPAPP", "Flavour", "Variant", "built"]
