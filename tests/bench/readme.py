"""The report as the table of figures in README.md, between two marks there."""

from __future__ import annotations

import re

from tests.support.variants import ROOT

from .picture import COLUMNS, IN_PODS, WITH_TLS
from .programs import OURS, STOCK
from .results import CPU, LIMITED, MEMORY, WALL, Report, Row
from .table import label, one_model, ratio, shown, to_the_sidecar

README = ROOT / "README.md"
BEGIN, END = "<!-- figures: `make bench` writes what stands between these two marks -->", "<!-- figures end -->"


def figures(report: Report) -> str:
    """Ours, what it is compared with, and the freeze that anybody could make."""
    # The picture has no column for what is measured on 0.1 core.
    names = [f"wall time {name}" if figure == LIMITED else name for figure, (name, _) in COLUMNS.items()]
    lines = ["| | " + " | ".join([*names, "size"]) + " |", "|---" + "|--:" * (len(names) + 1) + "|"]
    for row in report.rows:
        if row.name in (*OURS, STOCK) or row.is_peer:
            name = f"**{label(row)}**" if row.name in OURS else label(row)
            lines.append("| " + " | ".join([name, *_cells(row)]) + " |")
    most = max(row.runs for row in report.rows)
    tls = [WITH_TLS] if any(row.tls for row in report.rows) else []
    note = [f"Medians of {most} runs, fewer of slow programs; {report.date}.", f"{report.where}.", *tls]
    return "\n".join([*lines, "", *note, *_questions(report), *_hourly(report)])


def _questions(report: Report) -> list[str]:
    """What the new flags cost, beside a plain question to the same server."""
    if not report.questions:
        return []
    lines = ["", "| what is asked | wall time | to one model | CPU time | peak memory |", "|---|--:|--:|--:|--:|"]
    for row in report.questions:
        wall, cpu, memory = (f"{shown(row.median(figure))} {COLUMNS[figure][1]}" for figure in (WALL, CPU, MEMORY))
        lines.append(f"| {row.name} | {wall} | {ratio(row, one_model(report), WALL)} | {cpu} | {memory} |")
    return [
        *lines,
        "",
        "All ask one compiled server that replays a real one's answers; the floor is a C program that only reads them.",
    ]


def _hourly(report: Report) -> list[str]:
    """What watching a model costs on containerd."""
    if not report.hourly:
        return []
    lines = ["", "| readiness on containerd | CPU time per hour | to the sidecar |", "|---|--:|--:|"]
    for one in report.hourly:
        name = one.name if one.is_peer else f"**{one.name}**"
        lines.append(f"| {name} | {shown(one.cpu_seconds)} s | {to_the_sidecar(report, one)} |")
    return [*lines, "", IN_PODS]


def with_figures(readme: str, report: Report) -> str:
    """The README with the report's table. Raises ValueError where the marks are not there, once and in order."""
    parts = re.fullmatch(f"(.*{re.escape(BEGIN)}\n).*(\n{re.escape(END)}\n.*)", readme, re.DOTALL)
    if parts is None or readme.count(BEGIN) + readme.count(END) != 2:
        raise ValueError(f"README.md wants these two lines, once each: {BEGIN} and {END}")
    return parts[1] + "\n" + figures(report) + "\n" + parts[2]


def _cells(row: Row) -> list[str]:
    cells = []
    for figure, (_, unit) in COLUMNS.items():
        median = row.median(figure)
        cells.append("-" if median is None else f"{shown(median)} {unit}")
    return [*cells, f"{shown(row.size / 2**20)} MiB"]
