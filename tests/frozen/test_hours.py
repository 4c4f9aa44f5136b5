"""10,000 calls in one process of the static executable: memory, descriptors and threads stay flat.

The program itself makes few, so this freezes tests/hours/loop.py in the same way.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.frozen.checkout import copy_checkout, share_cache
from tests.frozen.test_other_programs import BUILD
from tests.hours import loop
from tests.hours.figures import assert_flat

RUN = """

def run():
    import _launcher

    _launcher.prepare()
    import sys

    _launcher.write(1, report(sys.argv[1:]).encode(), 1.0, 9)
    _launcher.end(0)
"""


def test_the_static_executable(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    share_cache(checkout)
    source = Path(loop.__file__).read_text().partition("\nif __name__")[0]
    (checkout / "build" / "launcher" / "entry.py").write_text(source + RUN)
    (tmp_path / "scratch").mkdir()
    command = [sys.executable, "-c", BUILD, str(tmp_path / "scratch")]
    built = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert_flat([built.stdout.strip()], {})
