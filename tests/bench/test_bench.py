"""The bench itself: that it measures all that it shows, and that what it has written down is of one piece."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from tests.flavours import ROOT, built

from . import programs
from .limit import tenth_of_a_core
from .picture import COLUMNS, PICTURE, picture
from .programs import FLOOR, STATIC, Program
from .results import DATA, FIGURES, LIMITED, Report, as_json, from_json, machine, today
from .samples import Failed, quartiles
from .session import Runs, measure
from .table import HEADS, shown, table

FEW = Runs(fast=3, slow=1, limited=1, limited_slow=1)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of a few runs."""
    built("frozen")
    measured = measure([programs.floor(tmp_path_factory.mktemp("floor")), programs.static()], FEW)
    rows = tuple(measured.rows)
    return Report(today(), machine(), {STATIC: "2.0.0"}, measured.no_limit, measured.runner_mib, rows)


def test_every_figure_is_measured(report: Report) -> None:
    assert [row.name for row in report.rows] == [FLOOR, STATIC]
    for row in report.rows:
        assert set(row.figures) == set(FIGURES) - ({LIMITED} if report.no_limit else set())
        assert all(spread.lower > 0 for spread in row.figures.values())
        assert (row.runs, row.limited_runs) == (3, 0 if report.no_limit else 1)
        assert row.size > 0
    assert report.no_limit in table(report)
    (line,) = (line for line in table(report).splitlines() if line.startswith(f"{STATIC}  ") and "to floor" not in line)
    assert len(line.split()) == 1 + len(HEADS)
    assert "-" not in line.split() or report.no_limit


def test_memory_is_the_programs_own(report: Report) -> None:
    """And not that of what started it: this process is far larger."""
    floor, static = (row.median("memory_mib") for row in report.rows)
    assert floor is not None and static is not None
    assert floor < 2 < static < 20


def test_the_file_gives_the_report_back(report: Report) -> None:
    assert from_json(as_json(report)) == report


def test_a_call_that_fails_is_not_measured() -> None:
    false = shutil.which("false")
    assert false
    with pytest.raises(Failed, match=r"^no probe ended with 1: "):
        measure([Program("no probe", Path(false))], FEW)


def test_the_control_group_is_gone_afterwards() -> None:
    with tenth_of_a_core() as limit:
        if limit.procs is None:
            pytest.skip(limit.reason)
        assert limit.procs.exists()
    assert not limit.procs.parent.exists()


def test_quartiles() -> None:
    assert quartiles([4, 1, 3, 2, 5]) == (2, 3, 4)
    assert quartiles([7]) == (7, 7, 7)


def test_a_recorded_peer_is_marked_and_gives_no_ratios(report: Report) -> None:
    recorded = replace(report.rows[1], name="peer", is_peer=True, recorded="2001-02-03, some machine")
    mixed = replace(report, rows=(*report.rows, recorded))
    assert "\npeer, recorded 2001-02-03 " in table(mixed)
    assert "to peer" not in table(mixed)
    assert ">recorded 2001-02-03, on another machine<" in picture(mixed)
    measured = replace(report, rows=(*report.rows, replace(recorded, recorded="")))
    assert "to peer" in table(measured)
    assert "recorded" not in table(measured) + picture(measured)


# What is in docs/.


def test_the_picture_shows_the_data() -> None:
    report = from_json(DATA.read_text())
    drawn = PICTURE.read_text()
    assert drawn == picture(report), "draw it anew: python -m tests.bench --draw"
    texts = ["".join(element.itertext()) for element in ElementTree.fromstring(drawn) if element.tag.endswith("text")]
    for row in report.rows:
        assert row.name in texts
        for figure in COLUMNS:
            if figure in row.figures:
                assert shown(row.median(figure)) in texts
    assert any(report.date in text and report.where in text for text in texts)
    assert len(drawn) < 20_000


def test_what_is_written_names_no_folder_of_this_machine() -> None:
    assert str(ROOT) not in DATA.read_text() + PICTURE.read_text()
