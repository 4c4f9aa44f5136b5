"""The launcher offers more than a plain call needs: the standard library, and the garbage collector for commands that
last.

The program itself uses little of it, so these tests freeze a program of their own in the same way.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from build.archive_contents import is_left_out
from build.inspect_artifact import inspect
from build.shared.checkout import ROOT
from tests.frozen.checkout import copy_checkout, share_cache

PROGRAM = """\
import _launcher
import sys


def run():
    _launcher.prepare()
    {"library": use_library, "collector": use_collector}[sys.argv[1]]()
    _launcher.end(7)


def use_library():
    _launcher.complete()
    _launcher.complete()
    import codecs
    import io

    text = io.TextIOWrapper(io.BytesIO(b"\\xc3\\xa9t\\xc3\\xa9\\n"), codecs.lookup("UTF8").name).read()
    print(text, text.encode(), flush=True)


class Cycle:
    collected = 0

    def __init__(self):
        self.itself = self

    def __del__(self):
        Cycle.collected += 1


def use_collector():
    import gc

    enabled = [gc.isenabled()]
    for _ in range(10000):
        Cycle()
    collected = [Cycle.collected]
    gc.enable()
    enabled.append(gc.isenabled())
    for _ in range(10000):
        Cycle()
    collected.append(Cycle.collected > 19000)
    _launcher.write(1, ascii((enabled, collected)).encode(), 1.0, 9)
    _launcher.complete()  # without it the import of `_signal` crashes
    import _signal

    _launcher.write(1, ascii(_signal.getitimer(_signal.ITIMER_REAL)).encode(), 1.0, 9)
"""
BUILD = """
import sys
from pathlib import Path
from build import freeze, platform, python_object, toolchain
tools = toolchain.toolchain(platform.LINUX_AMD64)
print(freeze.freeze(Path(sys.argv[1]), python_object.python_object(tools), tools))
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test's own program, frozen."""
    folder = tmp_path_factory.mktemp("other")
    checkout = copy_checkout(folder / "checkout")
    share_cache(checkout)
    (checkout / "build" / "launcher" / "entry.py").write_text(PROGRAM)
    (folder / "scratch").mkdir()
    command = [sys.executable, "-c", BUILD, str(folder / "scratch")]
    built = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.strip())


def test_an_executable_without_the_programs_modules_fails_the_inspection(program: Path) -> None:
    faults = inspect(program, [])
    missing = {fault.removeprefix("it lacks the module ") for fault in faults}
    assert {"probe", "probe.__main__"} < missing
    assert not any(map(is_left_out, missing))


def test_the_standard_library_is_there_on_request(program: Path) -> None:
    done = subprocess.run([program, "library"], capture_output=True, text=True, check=False, env={})
    assert (done.returncode, done.stdout, done.stderr) == (7, "été\n b'\\xc3\\xa9t\\xc3\\xa9\\n'\n", "")


def test_a_command_that_lasts_can_enable_the_collector(program: Path) -> None:
    """It is off at first. No alarm is armed after a write has ended."""
    done = subprocess.run([program, "collector"], capture_output=True, text=True, check=False, env={})
    expected = "([False, True], [0, True])(0.0, 0.0)"
    assert (done.returncode, done.stdout, done.stderr) == (7, expected, "")


def test_the_alarm_is_in_one_place() -> None:
    """A command that lasts arms none, so nothing ends it, or what it executes. A write disarms the one that it arms."""
    sources = {file.name: file.read_text() for file in (ROOT / "build" / "launcher").glob("*.[ch]")}
    timers = re.compile(r"\b(?:setitimer|alarm|timer_create)\(")
    assert [name for name, text in sources.items() if timers.search(text)] == ["process.c"]
    functions = re.findall(r"^void (\w+)\(.*?^\}", sources["process.c"], re.MULTILINE | re.DOTALL)
    bodies = re.split(r"^void \w+\(", sources["process.c"], flags=re.MULTILINE)[1:]
    setting = [name for name, body in zip(functions, bodies, strict=True) if timers.search(body)]
    assert setting == ["arm_alarm", "write_in_time"]
