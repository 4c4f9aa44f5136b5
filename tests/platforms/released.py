"""The case table on an executable that was built on another machine, such as a release's:
`python -m tests.platforms.released FILE`.

It runs on machines of the executable's own platform, where nothing but Python and what runs the table was installed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.platforms.other_pythons import run_pytest


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the table. The exit code is 1 if a row failed, and 2 where there is no such executable."""
    arguments = sys.argv[1:] if argv is None else argv
    file = Path(arguments[0]) if arguments else Path()
    if not file.is_file():
        print(f"There is no executable at {file}: name one, as in make cases FILE=dist/…", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="released-") as folder:
        copy = Path(shutil.copy(file, folder))
        copy.chmod(0o755)  # which a download has lost
        return 1 if run_pytest({"TEST_EXECUTABLE": str(copy)}, "-k", "frozen") else 0


if __name__ == "__main__":
    sys.exit(main())
