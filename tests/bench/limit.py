"""A tenth of a core: a control group of our own, made beside or below the one we are in, and removed afterwards.

Both versions of control groups are known. Nothing that exists is changed: where a new group has no CPU quota, or none
can be made, there is no limit here, and the answer says why.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PERIOD, QUOTA = 100_000, 10_000
"""Microseconds; every PERIOD the group may use QUOTA, on all cores together."""

# By version: what to write into which file of the group. The period of version 1 is this one by default.
SETTINGS = {2: {"cpu.max": f"{QUOTA} {PERIOD}"}, 1: {"cpu.cfs_period_us": f"{PERIOD}", "cpu.cfs_quota_us": f"{QUOTA}"}}


class Limit(NamedTuple):
    """Where a process joins the group; None, with the reason, if there is no group."""

    procs: Path | None
    reason: str = ""


@contextmanager
def tenth_of_a_core() -> Iterator[Limit]:
    """A group with the quota, for as long as the block lasts. Its processes have to be gone by then."""
    reasons = ["no control groups for CPU are mounted"]
    for version, parent in _parents():
        group = parent / f"tfs_model_status_probe_bench_{os.getpid()}"
        try:
            group.mkdir()
        except OSError as error:
            reasons.append(f"no control group can be made: {error.strerror}")
            continue
        try:
            try:
                for name, value in SETTINGS[version].items():
                    (group / name).write_text(value)
            except OSError:
                reasons.append("new control groups have no CPU quota")
                continue
            if subprocess.run(
                ["sh", "-c", 'echo 0 >"$0"', group / "cgroup.procs"], stderr=subprocess.DEVNULL
            ).returncode:
                reasons.append("no process can be moved into a control group")
                continue
            yield Limit(group / "cgroup.procs")
            return
        finally:
            group.rmdir()
    yield Limit(None, reasons[-1])


def _parents() -> Iterator[tuple[int, Path]]:
    """The groups below which ours may be made, our own first, then those above it."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        version = 1 if controllers else 2
        for mount in _mounts(version):
            own = mount / path.lstrip("/")
            yield version, own
            yield from ((version, above) for above in own.parents if above.is_relative_to(mount))


def _mounts(version: int) -> list[Path]:
    """Where the hierarchy of version 2 is mounted, or that of version 1 which has the CPU controller."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ", 1)
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" if version == 2 else kind == "cgroup" and "cpu" in options.split(","):
            found.append(Path(before.split(" ")[4]))
    return found
