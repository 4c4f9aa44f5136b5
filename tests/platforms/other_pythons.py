"""The case table on the package and the zipapp, on other Pythons: `python -m tests.platforms.other_pythons [PYTHON]`.

The tests themselves run on the Python that runs this. Without an argument, it takes every supported Python that is on
this machine, and names those that are not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from build.bundle import wheel
from build.shared.checkout import ROOT

SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")
TABLE = "tests/program/test_cases.py"
"""The file with the table's tests."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the table for each Python. The exit code is 1 if a row failed, and 2 where there is no Python."""
    arguments = sys.argv[1:] if argv is None else argv
    given = [(version_of(Path(name)), Path(name)) for name in arguments]
    pythons = {version: python for version, python in given if version} or dict(found_here())
    if not pythons or len(pythons) < len(given):
        print("No supported Python is there: name one, as in make cases WITH=/path/to/python3.13", file=sys.stderr)
        return 2
    if not arguments:
        for version in SUPPORTED:
            if not any(f"{other}.".startswith(f"{version}.") for other in pythons):
                print(f"skipped: Python {version} is not on this machine", flush=True)
    failed = [version for version, python in pythons.items() if run_table(version, python)]
    if failed:
        print(f"The case table failed with Python {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def found_here() -> Iterator[tuple[str, Path]]:
    """Yields the version and the path of the supported Pythons that are installed here, one for each."""
    for version in SUPPORTED:
        installed = shutil.which(f"python{version}")
        managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for python in (*managed, *([Path(installed)] if installed else ())):
            actual = version_of(python)
            if actual and actual.startswith(f"{version}."):
                yield actual, python
                break


def version_of(python: Path) -> str | None:
    """Returns the version of an interpreter that can make virtual environments, or None."""
    question = "import ensurepip, platform, venv; print(platform.python_version())"
    try:
        done = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def run_table(version: str, python: Path) -> int:
    """Runs the table on the zipapp and on the package, installed for this Python. Returns pytest's exit code."""
    print(f"Python {version}", flush=True)
    package = install(python, ROOT / ".cache" / f"package-{version}")
    variables = {"TEST_PYTHON": str(python), "TEST_PACKAGE": str(package)}
    return run_pytest(variables, "-k", "zipapp or package")


def install(python: Path, folder: Path) -> Path:
    """Installs the package into a new virtual environment, without a network. Returns the program's command."""
    subprocess.run([str(python), "-m", "venv", "--clear", str(folder)], check=True)
    with tempfile.TemporaryDirectory(prefix="wheel-") as scratch:
        wheel(Path(scratch))
        (made,) = Path(scratch).glob("*.whl")
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--no-index", "--no-deps", str(made)]
        subprocess.run(pip, check=True, env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return folder / "bin" / "tfs_model_status_probe"


def run_pytest(variables: Mapping[str, str], *options: str) -> int:
    """Runs the table with these variables, which tests/support/variants.py reads. A missing variant is a failure."""
    command = [sys.executable, "-m", "pytest", TABLE, *options]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "CI": "true", **variables}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
