"""The lines of -wait before the last ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe.cli.progress import REWRITE, Progress
from probe.model import Failure, ModelStatus, Query, Report, Result, VersionStatus
from probe.tfs.verdict import judge

NOW = "2026/11/25 12:00:00 "
SECOND = 1_000_000_000


def report(*outcomes: ModelStatus | Failure, name: str = "m") -> Report:
    queries = [Query(f"{name}{place or ''}") for place in range(len(outcomes))]
    return Report(
        tuple(Result(query, outcome, judge(outcome, query)) for query, outcome in zip(queries, outcomes, strict=True))
    )


LOADING, READY = ModelStatus((VersionStatus(1, 20),)), ModelStatus((VersionStatus(1, 30),))


def test_a_line_for_each_change() -> None:
    progress = Progress(False)
    shown = "Servable state is LOADING"
    assert progress.update(report(LOADING), 0, NOW) == f"{NOW}waiting: {shown} (after 0s)\n"
    assert progress.update(report(LOADING), SECOND, NOW) == ""
    assert progress.update(report(Failure("status", "x", 14)), 61 * SECOND + 5, NOW).endswith(" (after 1m1s)\n")
    assert progress.update(report(LOADING), 62 * SECOND, NOW) == f"{NOW}waiting: {shown} (after 1m2s)\n"
    assert progress.end() == ""


def test_a_line_that_is_rewritten() -> None:
    progress = Progress(True)
    assert progress.end() == "", "nothing was shown"
    first = progress.update(report(LOADING), SECOND, NOW)
    assert first == f"{REWRITE}waiting for 1s: Servable state is LOADING"
    assert progress.update(report(LOADING), 2 * SECOND, NOW) == first.replace("1s", "2s")
    assert progress.end() == REWRITE


def test_several_models() -> None:
    text = Progress(False).update(report(READY, LOADING, READY, name="a"), 0, NOW)
    assert text == f"{NOW}waiting: 2/3 models ready; a1: Servable state is LOADING (after 0s)\n"


def test_no_models() -> None:
    assert Progress(False).update(Report(()), 0, NOW) == f"{NOW}waiting: no model is listed (after 0s)\n"


@given(st.booleans(), st.text(st.characters(exclude_categories=[])), st.text(max_size=2000), st.integers(0, 10**15))
def test_one_bounded_line_whatever_the_server_says(terminal: bool, name: str, text: str, elapsed: int) -> None:
    both = report(Failure("status", text, 14), LOADING, name=name)
    for found in (both, report(Failure("dial", text), name=name)):
        shown = Progress(terminal).update(found, elapsed, NOW)
        body = shown.removeprefix(REWRITE).removesuffix("\n")
        assert "\n" not in body and "\x1b" not in body and "\r" not in body
        assert len(body) < 80 if terminal else len(body.encode("utf-8", "surrogateescape")) < 600
