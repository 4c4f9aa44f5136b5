"""Builds the executable twice from nothing: `python -m tests.frozen.cold_build`.

Twice CPython's source is fetched and compiled, in folders with different names, and the bytes are compared, also with
a build that uses what this checkout has in its cache. Takes minutes and asks the distribution's mirror, so no test
does it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.frozen.checkout import copy_checkout, freeze, share_cache


def main() -> int:
    """Compares the builds, and says how that ended."""
    with tempfile.TemporaryDirectory(prefix="cold-") as folder:
        names = ("with-this-cache", "one", "another-with-a-longer-name")  # no spaces: CPython's own build has no room
        checkouts = {name: copy_checkout(Path(folder) / name / "checkout") for name in names}
        share_cache(checkouts["with-this-cache"])
        made = {}
        for name, checkout in checkouts.items():
            made[name] = freeze(checkout, checkout.parent / "out", {"TZ": "Asia/Tokyo"} if name == "one" else {})
            print(f"{made[name]}  {name}", flush=True)
    same = len(set(made.values())) == 1
    print("the same bytes" if same else "the builds differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
