"""Builds the executable twice from nothing: `python -m tests.frozen.cold_build [PLATFORM]`.

It fetches and compiles CPython's source twice, in folders with different names, and compares the bytes, also with a
build that uses this checkout's cache. It needs minutes and the distribution's mirror, so no test runs it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from build.platform import LINUX_AMD64, find
from tests.frozen.checkout import copy_checkout, freeze, share_cache


def main() -> int:
    """Compares the builds, and prints the result."""
    platform = find(sys.argv[1]) if len(sys.argv) > 1 else LINUX_AMD64
    with tempfile.TemporaryDirectory(prefix="cold-") as folder:
        names = (
            "with-this-cache",
            "one",
            "another-with-a-longer-name",
        )  # no spaces: CPython's own build does not allow them
        checkouts = {name: copy_checkout(Path(folder) / name / "checkout") for name in names}
        share_cache(checkouts["with-this-cache"])
        made = {}
        for name, checkout in checkouts.items():
            env = {"TZ": "Asia/Tokyo"} if name == "one" else {}
            made[name] = freeze(checkout, checkout.parent / "out", env, platform)
            print(f"{made[name]}  {name}", flush=True)
    same = len(set(made.values())) == 1
    print("the same bytes" if same else "the builds differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
