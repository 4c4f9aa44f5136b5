"""The zipapp: `python -m build.bundle [OUTDIR]` makes OUTDIR/tfs_model_status_probe_VERSION.pyz (default: dist).

shiv packs it, but it runs straight from the zip, as pure Python can. shiv's bootstrap would unpack it below the user's
home directory first, and a container's user may have none.

The same commit gives the same bytes: the time in the archive is SOURCE_DATE_EPOCH, by default the commit's, and owners
and permissions are fixed.
"""

from __future__ import annotations

import functools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import shiv
from shiv import builder, pip
from shiv.bootstrap.environment import Environment
from shiv.constants import BUILD_AT_TIMESTAMP_FORMAT

from build.platform import PACKAGE, zipapp
from build.shared.checkout import ROOT, VERSION, epoch

ENTRY_POINT = "tfs_model_status_probe.__main__:run"
INTERPRETER = "/usr/bin/env python3"
# What the archive runs. sys.path[0] is the archive itself, and zipimport goes into its folders.
MAIN = """\
import sys

sys.path[0] += "/site-packages"
from {module} import {fn}

{fn}()
"""


def main() -> int:
    """Builds the wheel, installs it beside nothing else, and packs that."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bundle-") as scratch:
        wheels, site = Path(scratch, "wheels"), Path(scratch, "site")
        wheel(wheels)
        pip.install(
            [
                "--quiet",
                "--no-index",
                "--no-deps",
                "--no-compile",
                f"--find-links={wheels}",
                f"--target={site}",
                PACKAGE,
            ]
        )
        # Scripts contain the path of the Python that installed them.
        shutil.rmtree(site / "bin")
        target = out / zipapp(VERSION)
        pack(site, Path(scratch, "made.pyz"))
        # The archive appears whole or not at all.
        shutil.copyfile(Path(scratch, "made.pyz"), target.with_suffix(".new"))
        target.with_suffix(".new").chmod(0o755)
        target.with_suffix(".new").replace(target)
    print(target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target)
    return 0


def wheel(folder: Path) -> None:
    """Makes the wheel with the tools that are installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the wheel could not be built:\n{done.stdout}{done.stderr}")


def pack(site: Path, target: Path) -> None:
    """Writes the archive of a folder with installed packages."""
    built_at = datetime.fromtimestamp(epoch(), timezone.utc).strftime(BUILD_AT_TIMESTAMP_FORMAT)
    environment = Environment(built_at=built_at, shiv_version=shiv.__version__, entry_point=ENTRY_POINT)
    builder.MAIN_TEMPLATE = MAIN
    # Otherwise the permissions of files depend on the builder's umask.
    builder.write_to_zipapp = functools.partial(_entry, builder.write_to_zipapp)
    builder.create_archive([site], target, INTERPRETER, ENTRY_POINT, environment)


def _entry(write: Callable[..., None], *entry: Any, **options: Any) -> None:
    write(*entry, **options | {"stat": os.stat_result((stat.S_IFREG | 0o644, *[0] * 9))})


if __name__ == "__main__":
    sys.exit(main())
