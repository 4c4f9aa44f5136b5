"""The standard library in the executable: not there for a plain call, and there for who asks for it.

What the program itself needs of it (`_signal`, for `-install`) is little. So a program of the test's own is frozen in
the same way.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.frozen.checkout import copy_checkout, share_cache

PROGRAM = """\
import _launcher


def run():
    _launcher.prepare()
    _launcher.complete()
    _launcher.complete()
    import codecs
    import io

    text = io.TextIOWrapper(io.BytesIO(b"\\xc3\\xa9t\\xc3\\xa9\\n"), codecs.lookup("UTF8").name).read()
    print(text, text.encode(), flush=True)
    _launcher.end(7)
"""
BUILD = """
import sys
from pathlib import Path
from build import freeze, python_object
print(freeze.freeze(Path(sys.argv[1]), python_object.python_object()))
"""


def test_it_is_there_for_who_asks(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    share_cache(checkout)
    (checkout / "build" / "launcher" / "entry.py").write_text(PROGRAM)
    (tmp_path / "scratch").mkdir()
    built = subprocess.run(
        [sys.executable, "-c", BUILD, tmp_path / "scratch"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    done = subprocess.run([built.stdout.strip()], capture_output=True, text=True, check=False, env={})
    assert (done.returncode, done.stdout, done.stderr) == (7, "été\n b'\\xc3\\xa9t\\xc3\\xa9\\n'\n", "")
