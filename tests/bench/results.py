"""What was measured, as plain values and as docs/benchmark.json."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.support.variants import ROOT

from .programs import Program
from .samples import Quartiles, Sample, quartiles

DATA = ROOT / "docs" / "benchmark.json"

WALL, CPU, MEMORY, FAULTS, LIMITED = "wall_ms", "cpu_ms", "memory_mib", "faults", "limited_ms"
FIGURES = (WALL, CPU, MEMORY, FAULTS, LIMITED)
GROUPS = ("rows", "questions")


@dataclass(frozen=True)
class Row:
    """A program's figures. `recorded`: when and where, if it was another time than the other rows'. `tls`: whether it
    asked over TLS."""

    name: str
    size: int
    sha256: str
    runs: int
    limited_runs: int
    figures: Mapping[str, Quartiles]
    is_peer: bool = False
    recorded: str = ""
    tls: bool = False

    def median(self, figure: str) -> float | None:
        return self.figures[figure].median if figure in self.figures else None


@dataclass(frozen=True)
class Hourly:
    """The CPU seconds that watching a model takes in an hour, in this way."""

    name: str
    cpu_seconds: float
    is_peer: bool = False


@dataclass(frozen=True)
class Report:
    """A whole run. `no_limit`: why nothing was measured under a tenth of a core; empty if it was. `no_pods`: the same
    for containerd."""

    date: str
    machine: Mapping[str, str | int | float]
    versions: Mapping[str, str]
    no_limit: str
    runner_mib: float
    rows: tuple[Row, ...] = field(default=())
    questions: tuple[Row, ...] = field(default=())
    """What may be asked, all of one server that replays answers; none in reports of before."""
    no_pods: str = ""
    hourly: tuple[Hourly, ...] = field(default=())
    """On containerd, the sidecar first; none in reports of before."""

    @property
    def where(self) -> str:
        """The machine in a line."""
        machine = self.machine
        return f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, {machine['distribution']}"

    def peer(self, tls: bool) -> Row | None:
        """What the executable is compared with, without TLS or over it."""
        return next((row for row in self.rows if row.is_peer and row.tls == tls), None)


def row(program: Program, samples: list[Sample], limited: list[Sample]) -> Row:
    """The quartiles of a program's samples."""
    figures = {
        WALL: quartiles([sample.wall_ms for sample in samples]),
        CPU: quartiles([sample.cpu_ms for sample in samples]),
        MEMORY: quartiles([sample.memory_mib for sample in samples]),
        FAULTS: quartiles([sample.faults for sample in samples]),
    }
    if limited:
        figures[LIMITED] = quartiles([sample.wall_ms for sample in limited])
    rounded = {figure: Quartiles(*(round(value, 3) for value in spread)) for figure, spread in figures.items()}
    content = program.file.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    runs = (len(samples), len(limited))
    return Row(program.name, len(content), sha256, *runs, rounded, program.is_peer, tls=program.tls)


def today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def machine() -> dict[str, str | int | float]:
    """What the figures depend on, the load of the minute before among it."""
    cpu = "CPU unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    try:
        distribution = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        distribution = "distribution unknown"
    return {
        "cpu": cpu,
        "cores": os.cpu_count() or 1,
        "kernel": platform.release(),
        "distribution": distribution,
        "load": round(os.getloadavg()[0], 2),
    }


def as_json(report: Report) -> str:
    """The report as a file."""
    groups = {group: [_row_as_dict(one) for one in getattr(report, group)] for group in GROUPS}
    hourly = {"hourly": [vars(one) for one in report.hourly]}
    return json.dumps(vars(report) | groups | hourly, indent=2) + "\n"


def _row_as_dict(one: Row) -> dict[str, Any]:
    spreads = {figure: spread._asdict() for figure, spread in one.figures.items()}
    return {name: value for name, value in vars(one).items() if name != "figures"} | {"figures": spreads}


def from_json(text: str) -> Report:
    """The report in a file."""
    content: dict[str, Any] = json.loads(text)
    rows, questions = (tuple(map(_row_from_dict, content.pop(group, ()))) for group in GROUPS)
    hourly = tuple(Hourly(**one) for one in content.pop("hourly", ()))
    return Report(**content, rows=rows, questions=questions, hourly=hourly)


def _row_from_dict(one: dict[str, Any]) -> Row:
    spreads = {figure: Quartiles(**spread) for figure, spread in one.pop("figures").items()}
    return Row(**one, figures=spreads)
