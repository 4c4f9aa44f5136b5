"""Debian 13's Podman, which builds with Buildah, on a machine that has no container engine.

It lives in a mount and a network namespace of its own, and what it stores in memory: when the process that holds the
namespaces ends, nothing is left. Its network has no way out, so what a Dockerfile downloads comes from the servers that
a test started in it. Needs root, to make Debian 13 and to enter it.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pytest

from build.platform import Platform
from tests.frozen.roots import GID, SBIN, UID, debian, tool
from tests.support.variants import Variant

PATIENCE = 120.0
"""Seconds after which a command of the engine counts as hung."""

# The virtual package that containers-common needs is none that debootstrap can resolve; netavark is what provides it.
PACKAGES = ("podman", "crun", "netavark", "ca-certificates", "skopeo", "docker-registry")
CONFIGURATION = {
    "etc/containers/containers.conf": (
        '[containers]\ncgroups = "disabled"\nnetns = "host"\n'
        'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
    ),
    "etc/containers/registries.conf": 'unqualified-search-registries = ["docker.io"]\n',
    "etc/containers/storage.conf": (
        '[storage]\ndriver = "vfs"\ngraphroot = "/var/lib/containers/storage"\nrunroot = "/run/containers/storage"\n'
    ),
}
IN_MEMORY = ("run", "tmp", "var/tmp", "var/cache", "var/lib/containers")
# A warning on stderr for each command; the lines of the program are compared.
ENVIRONMENT = {"PATH": SBIN, "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}


def debian_13() -> Path:
    """Debian 13 with Podman, unpacked once: half a gigabyte, and most of a minute."""

    def finish(root: Path) -> None:
        for name in ("etc/hosts", *CONFIGURATION):  # where files are bound
            (root / name).touch()
        for name in IN_MEMORY:
            (root / name).mkdir(exist_ok=True)

    return debian("debian-13-containers", "trixie", PACKAGES, finish)


class Engine:
    """Podman in its namespaces; a context manager."""

    def __init__(self, folder: Path, files: Mapping[str, Path]) -> None:
        """`folder` is seen inside under the same path. `files`: what stands in Debian's place, by path."""
        self._root = debian_13()
        self._folder = folder
        self._files = {name: folder / Path(name).name for name in CONFIGURATION} | dict(files)
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Engine:
        for name, content in CONFIGURATION.items():
            (self._folder / Path(name).name).write_text(content)
        root, folder = shlex.quote(str(self._root)), shlex.quote(str(self._folder))
        script = [
            "ip link set lo up",
            f"mount --bind {root} {root}",
            f"mount -t proc proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
            f"mount --rbind /sys {root}/sys",
            # crun refuses to start anything where both versions of cgroups are mounted.
            f"umount {root}/sys/fs/cgroup/unified 2>/dev/null || :",
            *(f"mount -t tmpfs tmpfs {root}/{place}" for place in IN_MEMORY),
            *(f"mount --bind {shlex.quote(str(file))} {root}/{name}" for name, file in self._files.items()),
            f"mkdir -p {root}{folder}",
            f"mount --bind {folder} {root}{folder}",
            f"mount -o remount,bind,ro {root}",
            # Not chroot: a container's namespace is entered at its root, which must be Debian's and not this machine's.
            f"cd {root}",
            f"{tool('pivot_root')} . .",
            "umount -l .",
            "echo ready",
            "exec cat",
        ]
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "sh", "-euc", "\n".join(script)],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            self.__exit__(None, None, None)
            pytest.fail("the namespaces for Podman were not made; what is missing stands on stderr")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._holder is not None
        self._holder.communicate(timeout=PATIENCE)

    def enter(self, *spaces: str) -> tuple[str, ...]:
        """What stands before a command that is to run in these of the namespaces: `--mount`, `--net`."""
        assert self._holder is not None
        return (tool("nsenter"), f"--target={self._holder.pid}", *spaces)

    def command(self, *spaces: str) -> tuple[str, ...]:
        """Podman's command line up to its first argument."""
        return (*self.enter("--mount", *spaces), "podman")

    def skopeo(self, *argv: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs skopeo there, which looks at images without Podman."""
        return self._run(*self.enter("--mount", "--net"), "skopeo", *argv)

    def wrapper(self, folder: Path) -> Path:
        """A command `podman` for those that look for one on PATH."""
        file = folder / "podman"
        file.write_text(f'#!/bin/sh\nexec {shlex.join(self.command("--net"))} "$@"\n')
        file.chmod(0o755)
        return file

    def podman(self, *argv: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs it, without a way out."""
        return self._run(*self.command("--net"), *argv)

    def _run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(map(str, command)),
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def build(self, tag: str, context: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """Builds the Dockerfile in that folder; asks no registry."""
        return self.podman(
            "build", "--pull=never", "--no-cache", "--isolation=chroot", f"--tag={tag}", *options, context
        )

    def content(self, image: str, row: Platform, to: Path) -> Path:
        """Returns a new folder with all that is in an image for a platform, whether it runs here or not."""
        container = self.podman("create", f"--platform={row.oci}", "--pull=never", image, "/none")
        assert container.returncode == 0, container.stderr
        copied = self.podman("cp", f"{container.stdout.strip()}:/", to)
        self.podman("rm", container.stdout.strip())
        assert copied.returncode == 0, copied.stderr
        return to

    def program(self, image: str, *entry: str, options: Sequence[str] = ()) -> Variant:
        """What is in an image, run as a pod would under a strict securityContext; on this machine's network, where the
        tests' servers are. `entry`: the command; without, the image's own."""
        run = ("run", "--rm", "--read-only", "--network=host", f"--user={UID}:{GID}", "--cap-drop=all", *options)
        entrypoint = (f"--entrypoint={entry[0]}",) if entry else ()
        return Variant("frozen", (*self.command(), *run, *entrypoint, image, *entry[1:]), ENVIRONMENT)
