"""The runs: a plan in random order, the small runner in C that follows it, and what came out. Knows no program."""

from __future__ import annotations

import random
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

# Milliseconds before a run. Under the limit: until the quota is full again, and then at any moment of its period.
PAUSE = (4.0, 8.0)
PAUSE_UNDER_THE_LIMIT = (110.0, 210.0)
# Seconds after which the runner counts as hung.
PATIENCE = 1800.0


class Sample(NamedTuple):
    """What one run cost. Memory is its peak; of a program with child processes, that of the largest."""

    wall_ms: float
    cpu_ms: float
    memory_mib: float
    faults: int


class Quartiles(NamedTuple):
    """The spread of a figure."""

    lower: float
    median: float
    upper: float


class Taken(NamedTuple):
    """All samples, by the program's name, and below which peak no program's can be seen: the runner's own."""

    samples: dict[str, list[Sample]]
    runner_mib: float


class Failed(Exception):
    """A run that did not do what it is measured for."""


def take(
    runner: Path,
    commands: Mapping[str, Sequence[str]],
    runs: Mapping[str, int],
    *,
    pause: tuple[float, float] = PAUSE,
    group: Path | None = None,
) -> Taken:
    """Runs every command so many times, all in one random order; `group`: a control group's cgroup.procs to join."""
    order = [name for name in commands for _ in range(runs[name])]
    random.shuffle(order)
    numbers = {name: number for number, name in enumerate(commands)}
    plan = "".join(
        "\t".join([str(numbers[name]), str(round(random.uniform(*pause) * 1000)), *commands[name]]) + "\n"
        for name in order
    )
    command = [str(runner), *([str(group)] if group else [])]
    done = subprocess.run(command, input=plan, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise Failed(f"the runner: {done.stderr.strip()}")
    return _read(done.stdout, list(commands))


def quartiles(figures: Sequence[float]) -> Quartiles:
    """Lower quartile, median, upper quartile."""
    if len(figures) == 1:
        return Quartiles(figures[0], figures[0], figures[0])
    return Quartiles(*statistics.quantiles(figures, n=4, method="inclusive"))


def _read(printed: str, names: list[str]) -> Taken:
    *lines, last = printed.splitlines()
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for line in lines:
        number, wall, cpu, memory, minor, major, exit_code = map(int, line.split())
        if exit_code:
            raise Failed(f"{names[number]} ended with {exit_code}: nothing is measured of a call that fails")
        samples[names[number]].append(Sample(wall / 1e6, cpu / 1e3, memory / 1024, minor + major))
    return Taken(samples, int(last.removeprefix("runner ")) / 1024)
