"""Builds the executable on Debian 13, in a root file system, and runs the case table on it:
`python -m tests.platforms.debian_13`.

The root file system and the CPython that is compiled in it stay in .cache. Needs root, and on the first run minutes.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from build.platform import LINUX_AMD64
from build.shared.checkout import ROOT, VERSION
from tests.frozen.checkout import copy_checkout
from tests.frozen.roots import SBIN, debian
from tests.platforms.other_pythons import run_pytest

CACHE = ROOT / ".cache" / "debian-13"
PACKAGES = (
    *("ca-certificates", "git", "python3", "python3-venv", "libpython3.13"),
    *("dpkg-dev", "gcc", "make", "libc6-dev", "libssl-dev", "libzstd-dev", "zlib1g-dev"),
)
SOURCES = """\
deb http://deb.debian.org/debian trixie main
deb http://deb.debian.org/debian trixie-updates main
deb http://deb.debian.org/debian-security trixie-security main
"""
GROUP = "freeze"
"""The dependency group with the tools that the build runs."""
INSIDE = """\
python3 -m venv /checkout/.venv
/checkout/.venv/bin/pip install --quiet --no-index --find-links=/wheels --group /checkout/pyproject.toml:{group}
cd /checkout
.venv/bin/python -m build.freeze /out
"""


def main() -> int:
    """Builds the executable and runs the table. The exit code is 1 if one of both failed."""
    begun = time.monotonic()
    executable = build()
    print(f"{time.monotonic() - begun:.0f} s for the build", flush=True)
    subprocess.run([executable, "-version"], check=True)
    return 1 if run_pytest({"TEST_EXECUTABLE": str(executable)}, "-k", "frozen") else 0


def build() -> Path:
    """Returns the executable, built in Debian 13. Raises CalledProcessError."""
    root = debian_13()
    wheels, out = CACHE / "wheels", CACHE / "dist"
    for folder in (wheels, out, CACHE / "python"):
        folder.mkdir(parents=True, exist_ok=True)
    download = ("--quiet", "--only-binary=:all:", "--dest", wheels, "--group", GROUP)
    subprocess.run([sys.executable, "-m", "pip", "download", *download], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="debian-13-") as scratch:
        checkout = copy_checkout(Path(scratch) / "checkout")
        (checkout / ".cache" / "python").mkdir(parents=True)
        binds = {checkout: "checkout", CACHE / "python": "checkout/.cache/python", wheels: "wheels", out: "out"}
        run_inside(root, INSIDE.format(group=GROUP), binds)
    return out / LINUX_AMD64.executable(VERSION)


def debian_13() -> Path:
    """Returns Debian 13 with what the build needs, unpacked once: most of a gigabyte."""

    def finish(root: Path) -> None:
        (root / "etc" / "apt" / "sources.list").write_text(SOURCES)
        for name in ("checkout", "wheels", "out"):
            (root / name).mkdir()

    return debian("debian-13-build", "trixie", PACKAGES, finish)


def run_inside(root: Path, script: str, binds: dict[Path, str]) -> None:
    """Runs a shell script in a root file system that stays as it is, with folders of this machine at places in it."""
    place = shlex.quote(str(root))
    mounts = [
        f"mount --bind {place} {place}",
        f"mount -t proc proc {place}/proc",
        f"mount --rbind /dev {place}/dev",
        *(f"mount -t tmpfs tmpfs {place}/{name}" for name in ("tmp", "root")),
        *(f"mount --bind {shlex.quote(str(folder))} {place}/{name}" for folder, name in binds.items()),
        f'exec chroot {place} /bin/sh -euc "$1"',
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "MAKE"))}
    subprocess.run(
        ["unshare", "--mount", "sh", "-euc", "\n".join(mounts), "sh", script],
        env=environment | {"PATH": SBIN, "HOME": "/root", "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"},
        stdin=subprocess.DEVNULL,
        check=True,
    )


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("debootstrap", path=SBIN):
        sys.exit("Debian 13 is made by debootstrap, as root: build/system_packages.sh test")
    sys.exit(main())
