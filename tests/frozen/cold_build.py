"""Builds the executable twice from nothing: `python -m tests.frozen.cold_build`.

Twice CPython's source is fetched and compiled, in folders with different names, and the bytes are compared, also with
a build that uses what this checkout has in its cache. Takes minutes and asks the distribution's mirror, so no test
does it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.flavours import ROOT
from tests.frozen.checkout import copy_checkout, freeze


def main() -> int:
    """Compares the builds, and says how that ended."""
    with tempfile.TemporaryDirectory(prefix="cold-") as folder:
        made = {"this checkout": freeze(ROOT, Path(folder) / "out")}
        print(f"{made['this checkout']}  this checkout, with its cache", flush=True)
        for name in ("one", "another-with-a-longer-name"):
            checkout = copy_checkout(Path(folder) / name / "checkout")
            made[name] = freeze(checkout, Path(folder) / name / "out", {"TZ": "Asia/Tokyo"} if name == "one" else {})
            print(f"{made[name]}  {name}", flush=True)
    same = len(set(made.values())) == 1
    print("the same bytes" if same else "the builds differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
