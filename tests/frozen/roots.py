"""Root file systems to run the executable in.

Each run has its own mount namespace, and its mounts disappear with it: nothing is left on the machine, whatever happens
to the test. Needs root, or a kernel that lets every user open a user namespace.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.variants import ROOT, Variant

UID, GID = 12345, 54321
"""They are in no passwd file."""

PROGRAM = "tfs_model_status_probe"
CACHE = ROOT / ".cache" / "roots"
MIRRORS = ("http://deb.debian.org/debian", "http://archive.debian.org/debian")
# NSS plug-ins of Debian's desktops, built for glibc 2.31.
PLUGINS = ("libnss-mdns", "libnss-myhostname")
SBIN = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def tool(name: str) -> str:
    """Returns the path of a command. Fails the test if it is not installed."""
    found = shutil.which(name, path=SBIN)
    if found is None:
        pytest.fail(f"{name} is not installed: build/system_packages.sh test")
    return found


def root_with(folder: Path, executable: str | Path, files: Mapping[str, str | Path] | None = None) -> Path:
    """Makes a root with the executable and these files: path -> the content, or the file to copy."""
    root = folder / "root"
    root.mkdir(parents=True)
    root.chmod(0o755)
    shutil.copy(executable, root / PROGRAM)
    for name, content in (files or {}).items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copy(content, place)
        else:
            place.write_text(content)
    return root


def inside(
    root: Path,
    *command: str,
    binds: Mapping[str, Path] | None = None,
    network: bool = True,
    limits: tuple[str, ...] = (),
) -> Variant:
    """Returns the program (or a command that runs it) in that root: read-only, under an unknown uid, without /proc or
    other mounts.

    `binds`: further files, each at a path that exists in the root. `network`: whether it has this machine's; otherwise
    it has none, not even a loopback interface. `limits`: options of prlimit.
    """
    is_root = os.geteuid() == 0
    enter: tuple[str, ...]
    place = shlex.quote(str(root))
    mounts = [f"{shlex.quote(str(file))} {shlex.quote(str(root / name))}" for name, file in (binds or {}).items()]
    script = [
        f"mount --bind {place} {place}",
        *(f"mount --bind {mount}" for mount in mounts),
        f"mount -o remount,bind,ro {place}",
        # The tests prove little in a writable root.
        f"if touch {place}/written 2>/dev/null; then echo 'the root is not read-only' >&2; exit 99; fi",
        'exec "$@"',
    ]
    if is_root:
        enter = (tool("chroot"), f"--userspec=+{UID}:+{GID}", "--groups=", str(root))
    else:
        enter = ("unshare", "--user", f"--map-user={UID}", f"--map-group={GID}", f"--root={root}", "--wd=/")
    before = (
        *("unshare", *([] if is_root else ["--map-root-user"]), "--mount", *([] if network else ["--net"])),
        *("sh", "-euc", "\n".join(script), "sh"),
        *(("prlimit", *limits) if limits else ()),
    )
    return Variant("frozen", (*before, *enter, *(command or (f"/{PROGRAM}",))))


def listing(root: Path) -> list[tuple[str, int, int]]:
    """Returns every file's path, kind and mode, and the time of its last change."""
    return sorted((str(path), path.lstat().st_mode, path.lstat().st_mtime_ns) for path in root.rglob("*"))


def debian_11() -> Path:
    """Returns Debian 11 with its glibc 2.31, unpacked once. Do not change it: use `binds`."""

    def finish(root: Path) -> None:
        for place in (PROGRAM, "etc/hosts", "etc/nsswitch.conf"):  # where `binds` go
            (root / place).touch()

    return debian("debian-11", "bullseye", PLUGINS, finish)


def debian(name: str, suite: str, packages: Sequence[str], finish: Callable[[Path], None] | None = None) -> Path:
    """Returns a Debian with these packages, unpacked once. `finish` may change it before it is put in its place."""
    root = CACHE / name
    if root.exists():
        return root
    if os.geteuid() != 0:
        pytest.fail(f"{root.relative_to(ROOT)} is not there, and only root can make it: run the tests once as root")
    unfinished = CACHE / f"{name}.new"
    said = []
    for mirror in MIRRORS:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        made = subprocess.run(
            [
                *("unshare", "--mount", tool("debootstrap"), "--variant=minbase", f"--include={','.join(packages)}"),
                *(suite, str(unfinished), mirror),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PATH": SBIN, "LC_ALL": "C.UTF-8"},
        )
        if made.returncode == 0:
            break
        said.append(f"{mirror}: {' '.join(made.stdout.splitlines()[-1:])}")
    else:
        pytest.fail(f"debootstrap cannot make {name}:\n" + "\n".join(said))
    for unneeded in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"):
        shutil.rmtree(unfinished / unneeded)
    if finish:
        finish(unfinished)
    unfinished.rename(root)
    return root
