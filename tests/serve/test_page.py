"""The page: whatever a server says is text in it, and nothing else."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from probe.model import AVAILABLE, END, Failure, Query, VersionStatus
from probe.serve.board import Board, Change, Round
from probe.serve.page import render
from probe.serve.site import Shown
from tests.serve.test_metrics import SHOWN, view

TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "span", "main", "article",
    "table", "tr", "td", "b", "br", "footer", "a",
}  # fmt: skip
VOID = ("meta", "br")


class Reader(HTMLParser):
    """Tags in balance, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(current: Round, is_fresh: bool = True, shown: Shown = SHOWN) -> Reader:
    page = render(current, is_fresh, shown, 1_764_100_000)
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert set(reader.tags) <= TAGS
    assert reader.attributes <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "href",
        "title",
        "colspan",
    }
    assert "script" not in page.lower().replace("<p>&lt;script", "")
    return reader


ODD = st.text(max_size=30) | st.sampled_from(["<script>alert(1)</script>", "'\"><img src=x>", "&amp;", "\u202e", "-->"])


@given(ODD, ODD, ODD)
def test_whatever_is_said(name: str, message: str, address: str) -> None:
    failed = view(name, VersionStatus(2, END, error_code=15, error_message=message), VersionStatus(1, AVAILABLE))
    broken = view(name + "2", failure=Failure("dial", message))
    current = Round(
        (failed, broken), 0, 1_764_000_000, changes=(Change(5, name, message, False),), config_error=message
    )
    reader = Reader()
    reader.feed(render(current, True, Shown(address, 1, "2", False), 1_764_100_000))
    reader.close()
    assert reader.open == []
    assert set(reader.tags) <= TAGS
    assert "script" not in reader.tags
    if name.isalnum():
        assert name in reader.text


def test_what_is_on_it() -> None:
    current = Round(
        (view("alpha", VersionStatus(123, AVAILABLE)), view("zeta", VersionStatus(1, END, error_code=5))), 0,
        1_764_099_990,
        is_alive=True, successes=3, failures=4,
    )  # fmt: skip
    text = read(current).text
    for part in ("1/2 ready", "the server answers", "alpha", "123", "AVAILABLE", "NOT_FOUND", "10s ago", "7 rounds"):
        assert part in text
    assert text.index("zeta") < text.index("alpha")


def test_an_old_answer() -> None:
    board = Board((Query("half"),), 1)
    assert "not asked yet" in read(board.latest, False).text
    assert "no answer for long" in read(Round((view("half", VersionStatus(1, AVAILABLE)),), 0, 9), False).text


def test_a_failure_of_all_is_said_once() -> None:
    models = tuple(view(name, failure=Failure("dial", "connection refused", cause="refused")) for name in "abc")
    text = read(Round(models, 0, 9)).text
    assert text.count("connection refused") == 1
    assert text.count("nothing is listening there") == 1
    assert text.count("not ready") == 4


def test_no_model() -> None:
    assert "No model is listed" in read(Round((), 0, 9)).text


def test_what_has_changed_and_when() -> None:
    """The newest change comes first; and the page asks for a new one without a script."""
    model = view("half", VersionStatus(2, AVAILABLE)).copy(since=1_764_099_940)
    changes = (
        Change(1_764_099_940, "half", "Servable state is AVAILABLE (2 AVAILABLE)", True),
        Change(1_764_092_800, "half", "Servable state is LOADING (2 LOADING)", False),
    )
    current = Round((model,), 0, 1_764_099_990, changes=changes)
    text = read(current).text
    assert "since 25 Nov 19:45:40 UTC, 1m ago" in text
    assert text.index("Last changes") < text.index("25 Nov 17:46:40")
    assert text.index("(2 AVAILABLE)") < text.index("(2 LOADING)")
    assert text.index("25 Nov 17:46:40 UTC") < text.index("(2 LOADING)")
    page = render(current, True, SHOWN, 1_764_100_000)
    assert '<meta http-equiv="refresh" content="5">' in page
    assert "Last changes" not in read(Round((model,), 0, 1_764_099_990)).text
