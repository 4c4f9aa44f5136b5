"""The report as text."""

from __future__ import annotations

from .programs import FLOOR, ONE
from .results import CPU, FAULTS, LIMITED, MEMORY, WALL, Hourly, Report, Row

HEADS = {
    WALL: "wall ms",
    CPU: "CPU ms",
    MEMORY: "peak MiB",
    FAULTS: "page faults",
    "size": "bytes",
    LIMITED: "ms on 0.1 core",
}
# Where a peer is missing, by whether it would have asked over TLS.
ADVICE = {
    False: "To compare with the original: make bench PEER=/path/to/tfs_model_status_probe",
    True: "To compare calls over TLS: make bench TLS_PEER=/path/to/grpc_health_probe",
}
RATIOS = (WALL, CPU, MEMORY, LIMITED)
# A core of the machine that is this busy with other things (load average per core) disturbs what is measured.
BUSY = 0.25


def shown(figure: float | None) -> str:
    """Three digits that count."""
    if figure is None:
        return "-"
    if figure < 100:
        return f"{figure:.2f}" if figure < 10 else f"{figure:.1f}"
    return f"{figure:,.0f}"


def table(report: Report) -> str:
    """The medians, the ratios, and what has to be known to read them."""
    medians = [["", *HEADS.values()]]
    for row in (*report.rows, *report.questions):
        cells = [f"{row.size:,}" if head == "size" else shown(row.median(head)) for head in HEADS]
        medians.append([label(row), *cells])
    return "\n".join([*_aligned(medians), "", *_aligned(_ratios(report)), "", *_hourly(report), *_notes(report)]) + "\n"


def _hourly(report: Report) -> list[str]:
    """What watching a model costs on containerd, or why that is not known."""
    if not report.hourly:
        return [f"Nothing was measured on containerd: {report.no_pods}.", ""] if report.no_pods else []
    lines = [["on containerd", "CPU s per hour", "to the sidecar"]]
    lines += [[one.name, shown(one.cpu_seconds), to_the_sidecar(report, one)] for one in report.hourly]
    return [*_aligned(lines), ""]


def to_the_sidecar(report: Report, one: Hourly) -> str:
    """How many times the sidecar's CPU time."""
    return shown(one.cpu_seconds / report.hourly[0].cpu_seconds)


def one_model(report: Report) -> Row:
    """What the other questions are compared with. There are questions."""
    return next(row for row in report.questions if row.name == ONE)


def ratio(row: Row, base: Row, figure: str) -> str:
    """How many times the base's median."""
    mine, its = row.median(figure), base.median(figure)
    if mine is None or not its:
        return "-"
    return f"{mine / its:.2f}"


def _ratios(report: Report) -> list[list[str]]:
    # Only of what was measured in one run, and of calls of one kind: with TLS, or without.
    bases = [row for row in report.rows if row.name == FLOOR or (row.is_peer and not row.recorded)]
    lines = [["ratios of medians", "", *(HEADS[figure] for figure in RATIOS)]]
    for base in bases:
        for row in report.rows:
            if row is not base and not row.recorded and row.tls == base.tls:
                lines.append([label(row), f"to {base.name}", *(ratio(row, base, figure) for figure in RATIOS)])
    for row in report.questions:
        if row.name != ONE:
            base = one_model(report)
            lines.append([row.name, f"to {base.name}", *(ratio(row, base, figure) for figure in RATIOS)])
    return lines


def _notes(report: Report) -> list[str]:
    machine = report.machine
    lines = [f"{report.date}, {report.where}; {', '.join(f'{name} {what}' for name, what in report.versions.items())}"]
    runs = ", ".join(f"{row.name} {row.runs} and {row.limited_runs}" for row in (*report.rows, *report.questions))
    lines.append(f"Runs without and under the limit: {runs}.")
    lines.append(f"No peak below {shown(report.runner_mib)} MiB can be seen: what runs the programs has that itself.")
    if report.no_limit:
        lines.append(f"Nothing was measured under a tenth of a core: {report.no_limit}.")
    if float(machine["load"]) > BUSY * int(machine["cores"]):
        lines.append(
            f"The machine was busy (load {machine['load']} before the run): ratios hold better than milliseconds."
        )
    for tls, how in ADVICE.items():
        peer = report.peer(tls)
        if peer is None:
            lines.append(how)
        elif peer.recorded:
            lines.append(f"{peer.name} was not measured now: its figures are of {peer.recorded}, and give no ratios.")
    return lines


def label(row: Row) -> str:
    """The row's name, and when it was measured if that was another time."""
    return f"{row.name}, recorded {row.recorded.partition(',')[0]}" if row.recorded else row.name


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
