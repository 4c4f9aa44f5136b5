"""What the bench has written down, in docs/ and README.md: that it is of one piece, and that the words agree."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from tests.documents.reading import DOCUMENTS, prose
from tests.support.variants import ROOT

from .picture import COLUMNS, PICTURE, picture
from .programs import CURL, FLOOR_ONE, FLOOR_TWENTY, LABEL, ONE, REST, STATIC, STATIC_TLS, STOCK, TWENTY
from .readme import BEGIN, END, README, with_figures
from .results import CPU, DATA, LIMITED, MEMORY, WALL, Row, from_json
from .table import shown

REPORT = from_json(DATA.read_text())
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
# Milliseconds that the kubelet gives a probe unless it is told otherwise.
KUBELET = 1000.0


def median(name: str, figure: str) -> float:
    """Of the row of that name."""
    (value,) = (row.median(figure) for row in REPORT.rows if row.name == name)
    assert value is not None
    return value


def original() -> Row:
    row = REPORT.peer(tls=False)
    assert row is not None
    return row


def test_the_picture_shows_the_data() -> None:
    drawn = PICTURE.read_text()
    assert drawn == picture(REPORT), "draw it anew: python -m tests.bench --draw"
    texts = ["".join(element.itertext()) for element in ElementTree.fromstring(drawn) if element.tag.endswith("text")]
    for row in (*REPORT.rows, *(row for row in REPORT.questions if row.name not in (FLOOR_ONE, FLOOR_TWENTY))):
        assert row.name in texts
        for figure in COLUMNS:
            if figure in row.figures:
                assert shown(row.median(figure)) in texts
    for one in REPORT.hourly:
        assert {one.name, shown(one.cpu_seconds)} <= set(texts)
    assert any(REPORT.date in text and REPORT.where in text for text in texts)
    assert len(drawn) < 20_000


def test_what_is_written_names_no_folder_of_this_machine() -> None:
    assert str(ROOT) not in DATA.read_text() + PICTURE.read_text()


def test_the_readme_shows_the_data() -> None:
    readme = README.read_text()
    assert readme == with_figures(readme, REPORT), "write it anew: python -m tests.bench --draw"


@pytest.mark.parametrize(
    "wrong",
    ["", BEGIN, END, f"{END}\n\n{BEGIN}\n", f"{BEGIN}\n\n{END}\n" * 2],
    ids=["none", "no end", "no beginning", "reversed", "twice"],
)
def test_a_readme_without_the_marks_is_an_error(wrong: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_figures(f"before\n{wrong}\nafter\n", REPORT)


def test_the_readmes_words_agree_with_the_figures() -> None:
    """Its opening: what our call, the Go program's and a stock freeze's cost."""
    words = " ".join(README.read_text().split(BEGIN)[0].split())
    assert "costs less than the Go program" in words
    for figure in (WALL, CPU, MEMORY):
        assert median(STATIC, figure) < median(original().name, figure)
    (tens,) = re.findall(r"(\w+) times the CPU time of the Go program", words)
    assert round(median(STOCK, CPU) / median(original().name, CPU), -1) == TENS[tens]
    assert "misses the kubelet's deadline of one second in a pod with a tenth of a core" in words
    assert median(STOCK, LIMITED) > KUBELET > 10 * median(STATIC, LIMITED)


@pytest.mark.parametrize("peer", [row for row in REPORT.rows if row.is_peer], ids=lambda row: row.name)
def test_the_executable_costs_no_more_than_it_may(peer: Row) -> None:
    """Than its peer, with TLS or without: one and a half times at most, by the same run."""
    if peer.recorded:
        pytest.skip(f"{peer.name} was measured at another time")
    ours = STATIC_TLS if peer.tls else STATIC
    for figure in (WALL, CPU):
        assert median(ours, figure) <= 1.5 * median(peer.name, figure)


GOALS = {TWENTY: (1.6, ONE), LABEL: (1.4, ONE), REST: (1.15, ONE)}
"""Wall time, as a multiple of another question's to the same server."""


@pytest.mark.parametrize("question", GOALS)
def test_a_question_costs_no_more_than_it_may(question: str) -> None:
    if not REPORT.questions:
        pytest.skip("the questions have not been measured yet: run make bench")
    walls = {row.name: row.median(WALL) or 0.0 for row in REPORT.questions}
    most, base = GOALS[question]
    assert walls[question] <= most * walls[base]
    assert walls[REST] < walls[CURL]


def test_the_sidecar_costs_less_than_exec_probes() -> None:
    """That is one reason to run it."""
    if not REPORT.hourly:
        pytest.skip("nothing has been measured on containerd yet: run make bench as root")
    sidecar, *probes = REPORT.hourly
    assert probes
    for probe in probes:
        assert sidecar.cpu_seconds < probe.cpu_seconds


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_other_figure_stands_in_the_documents(document: str) -> None:
    """What was measured stands where `make bench` writes it, or not at all."""
    before, _, rest = re.sub(r"`[^`]*`", "", prose(document)).partition(re.sub(r"`[^`]*`", "", BEGIN))
    assert not re.findall(r"\d[\d.,]*\s?(?:ms|milliseconds|%|MB)\b", before + rest.partition(END)[2])
