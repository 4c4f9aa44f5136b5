"""The executable for another platform than this machine's, run by its emulator: `python -m
tests.platforms.other_platforms PLATFORM`.

Tests of the program run on it as on the executable for this machine, with each size of pages that the platform's
kernels have. Rows in which a short deadline passes are left out: emulated code takes much longer the first time.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from build.platform import Platform, find
from build.shared.checkout import ROOT, VERSION

PAGE_SIZES = (4096, 16384, 65536)
ON_EACH_SIZE = (
    "tests/program/test_cases.py",
    "tests/program/test_streams.py",
    "tests/program/spiffe/test_servers.py",
    "tests/frozen/test_snapshot.py",
)
"""Run on pages of each size."""
ON_THE_SMALLEST = (
    "tests/program/test_hostile.py",
    "tests/program/test_hostile_questions.py",
    "tests/program/test_gzip.py",
    "tests/program/test_install.py",
    "tests/program/test_questions.py",
    "tests/program/test_rest.py",
    "tests/program/test_serve.py",
    "tests/program/tls",
)
OWN = "tests/platforms/other_platform"
"""Tests of what differs between platforms; they choose the size themselves."""
SLOW = (
    "drip",
    "two-hundred-thousand",
    "busy",
    "byte",
    "before_the_first_answer",
    "test_what_counts_as_ready",
    "test_json",
)
"""Rows with a short deadline or a lot to decode, and those that repeat what another test's do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tests. The exit code is 1 if one failed, and 2 where there is nothing to run."""
    (name,) = sys.argv[1:] if argv is None else argv
    try:
        platform = find(name)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if not platform.emulator:
        print(f"{name} is not emulated: make test runs its tests", file=sys.stderr)
        return 2
    runs = [(OWN, PAGE_SIZES[0], [OWN])]
    for size in PAGE_SIZES:
        tables = [*ON_EACH_SIZE, *(ON_THE_SMALLEST if size == PAGE_SIZES[0] else ())]
        runs.append((f"pages of {size} bytes", size, tables))
    failed = [what for what, size, files in runs if run_pytest(platform, what, size, files)]
    if failed:
        print(f"{name} failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run_pytest(platform: Platform, what: str, page_size: int, files: Sequence[str]) -> int:
    """Runs tests on the platform's executable. Returns pytest's exit code. A missing variant is a failure."""
    print(f"{platform.name}, {what}", flush=True)
    emulator, *options = platform.emulator
    command = [shutil.which(emulator) or emulator, *options, "-p", str(page_size)]
    variables = {
        "CI": "true",
        "TEST_PLATFORM": platform.name,
        "TEST_EXECUTABLE": str(ROOT / "dist" / platform.executable(VERSION)),
        "TEST_EMULATOR": shlex.join(command),
    }
    chosen = ("-k", f"frozen and not ({' or '.join(SLOW)})") if files != [OWN] else ()
    pytest = [sys.executable, "-m", "pytest", "-n", "auto", *chosen, *files]
    return subprocess.run(pytest, cwd=ROOT, env=os.environ | variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
