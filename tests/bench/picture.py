"""The report as docs/benchmark.svg: a row for each program, a column of bars for each figure; and below, in bars of
their own, what watching a model costs in an hour.

A column's scale is made for the executable and its peers. The bar of a program that goes far beyond is cut short, which
a gap in it shows. Every bar bears its number. Calls over TLS, and the questions that need more than one plain call,
stand in groups of their own below.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from tests.support.variants import ROOT

from .programs import CURL, FLOOR, FLOOR_ONE, FLOOR_TWENTY, ONE, OURS
from .results import CPU, LIMITED, MEMORY, WALL, Report, Row
from .table import shown

WITH_TLS = "-tls: TLS 1.3, certificate verified; grpc_health_probe asks the health service."
REPLAYED = f"From {ONE} to {CURL}: of one server that replays a real one's answers."
IN_PODS = "Exec probes: containerd, its shim and runc included. The sidecar: as the kubelet and Prometheus ask it."
PICTURE = ROOT / "docs" / "benchmark.svg"

# Title and unit of each column.
COLUMNS = {
    WALL: ("wall time", "ms"),
    CPU: ("CPU time", "ms"),
    MEMORY: ("peak memory", "MiB"),
    LIMITED: ("on 0.1 core", "ms"),
}

# All in pixels.
MARGIN, NAMES, COLUMN, BAR = 20, 232, 148, 96
TOP, LINE, THICK, FOOT, CAPTION_LINE = 84, 34, 16, 21, 17
# The longest bar of an hour's CPU time.
WIDE_BAR = 480
# Before each group but the first.
BREAK = 14
# Which share of the available width the longest bar of the executable and its peers takes.
FILLED = 0.62

STYLE = """\
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.card { fill: #ffffff; stroke: #d0d7de }
.title { font-size: 15px; font-weight: 600 }
.head, .ours { font-weight: 600 }
.small, .unit { font-size: 11px; font-weight: 400; fill: #59636e }
.bar { fill: #9aa4af }
.ours.bar { fill: #0969da }
.gap { stroke: #ffffff; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.card { fill: #0d1117; stroke: #30363d }
.small, .unit { fill: #9198a1 }
.bar { fill: #646d78 }
.ours.bar { fill: #4493f8 }
.gap { stroke: #0d1117 }
}"""


def picture(report: Report) -> str:
    """The whole picture."""
    columns = [figure for figure in COLUMNS if any(figure in row.figures for row in report.rows)]
    width = MARGIN + NAMES + COLUMN * len(columns) + MARGIN // 2
    tops = _tops(report)
    bottom = tops[-1] + LINE
    caption = _caption(report)
    height = bottom + _hourly_height(report) + FOOT + CAPTION_LINE * len(caption)
    title = "What one call costs"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        _text(MARGIN, 30, title, "title"),
    ]
    for number, figure in enumerate(columns):
        name, unit = COLUMNS[figure]
        x = MARGIN + NAMES + COLUMN * number
        parts.append(f'<text class="head" x="{x}" y="62">{name} <tspan class="unit">{unit}</tspan></text>')
        parts += _bars(report, figure, x)
    parts += [_name(report, row, y) for row, y in zip(_rows(report), tops, strict=True)]
    parts += _hourly(report, bottom)
    first = height - CAPTION_LINE * len(caption)
    parts += [_text(MARGIN, first + CAPTION_LINE * number, line, "small") for number, line in enumerate(caption)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _groups(report: Report) -> list[list[Row]]:
    """The rows of plain calls, of those over TLS, and of questions."""
    questions = [row for row in report.questions if row.name not in (FLOOR_ONE, FLOOR_TWENTY)]
    groups = [row for row in report.rows if not row.tls], [row for row in report.rows if row.tls], questions
    return [group for group in groups if group]


def _rows(report: Report) -> list[Row]:
    return [row for group in _groups(report) for row in group]


def _tops(report: Report) -> list[int]:
    """Where each row begins."""
    breaks = [BREAK * number for number, group in enumerate(_groups(report)) for _ in group]
    return [TOP + LINE * number + before for number, before in enumerate(breaks)]


def _is_ours(report: Report, row: Row) -> bool:
    return row.name in OURS or (row in report.questions and not row.is_peer)


def _bars(report: Report, figure: str, x: int) -> list[str]:
    reference = max(row.median(figure) or 0.0 for row in report.rows if row.name in OURS or row.is_peer)
    scale = BAR * FILLED / reference
    parts = []
    for row, y in zip(_rows(report), _tops(report), strict=True):
        median = row.median(figure)
        if median is None:
            continue
        length = min(max(median * scale, 1.0), BAR)
        kind = "ours" if _is_ours(report, row) else ""
        parts.append(_bar(x, y, length, kind))
        if median * scale > BAR:
            gap = x + BAR - 16
            parts.append(f'<path class="gap" d="M{gap} {y + THICK + 2}l8 -{THICK + 4}"/>')
        parts.append(_text(x + length + 6, y + 13, shown(median), kind))
    return parts


def _hourly_height(report: Report) -> int:
    return BREAK + LINE * (len(report.hourly) + 1) if report.hourly else 0


def _hourly(report: Report, top: int) -> list[str]:
    """Below the calls: what watching a model costs on containerd, in bars of the whole width."""
    if not report.hourly:
        return []
    y = top + BREAK + 13
    heading = (
        f'<text class="head" x="{MARGIN}" y="{y}">CPU time per hour on containerd <tspan class="unit">s</tspan></text>'
    )
    parts = [heading]
    scale = WIDE_BAR / max(one.cpu_seconds for one in report.hourly)
    for number, one in enumerate(report.hourly, 1):
        y = top + BREAK + LINE * number
        length = max(one.cpu_seconds * scale, 1.0)
        kind = "" if one.is_peer else "ours"
        parts.append(_text(MARGIN, y + 13, one.name, kind))
        parts.append(_bar(MARGIN + NAMES, y, length, kind))
        parts.append(_text(MARGIN + NAMES + length + 6, y + 13, shown(one.cpu_seconds), kind))
    return parts


def _bar(x: int, y: int, length: float, kind: str) -> str:
    return f'<rect class="{f"{kind} bar".strip()}" x="{x}" y="{y}" width="{length:.1f}" height="{THICK}" rx="2"/>'


def _name(report: Report, row: Row, y: int) -> str:
    if not row.recorded:
        return _text(MARGIN, y + 13, row.name, "ours" if _is_ours(report, row) else "")
    date, _, where = row.recorded.partition(", ")
    recorded = f"recorded {date}" if where == report.where else f"recorded {date}, on another machine"
    return _text(MARGIN, y + 6, row.name, "") + "\n" + _text(MARGIN, y + 20, recorded, "small")


def _caption(report: Report) -> list[str]:
    most = max(row.runs for row in report.rows)
    tls = f" {WITH_TLS}" if any(row.tls for row in report.rows) else ""
    return [
        f"{FLOOR}: a C program that sends the same bytes and reads the answer. A bar with a gap is cut short.",
        f"Medians of {most} runs in random order, fewer of slow programs.{tls}",
        *([REPLAYED] if report.questions else []),
        *([IN_PODS] if report.hourly else []),
        f"{report.date}, {report.where}",
    ]


def _text(x: float, y: int, text: str, kind: str) -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{x:.0f}" y="{y}">{escape(text)}</text>'
