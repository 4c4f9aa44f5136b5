"""The lines of several models: within one budget, and everything that is left out is counted."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.cli.lines import BUDGET, VERBOSE_BUDGET, Budget
from probe.cli.many import render_many
from probe.model import Failure, ModelStatus, Query, Report, Result, VersionStatus
from probe.tfs.verdict import judge

NOW = "2026/11/25 12:00:00 "
KEPT_BYTES = 9216
VERDICT = re.compile(r": (Servable state is|Model not found: |Error calling tfs: |Empty response)")

names = st.one_of(
    st.text(st.characters(exclude_categories=[]), max_size=8),
    st.integers(0, 3000).map(lambda size: "n" * size),
    st.integers(0, 300).map(lambda size: "ü\n" * size),
)
words = st.one_of(st.text(max_size=10), st.integers(0, 5000).map(lambda size: "x" * size))
versions = st.builds(
    VersionStatus, st.integers(0, 9), st.sampled_from([10, 20, 30, 50, 60]), st.just(True), st.just(13), words
)
outcomes = st.one_of(
    st.lists(versions, max_size=3).map(lambda entries: ModelStatus(tuple(entries))),
    st.builds(Failure, st.sampled_from(["call", "status"]), words, st.sampled_from([3, 5, 8, 14])),
)


def result(name: str, outcome: ModelStatus | Failure) -> Result:
    query = Query(name)
    return Result(query, outcome, judge(outcome, query))


results = st.builds(result, names, outcomes)
crowds = st.one_of(
    st.lists(results, min_size=2, max_size=5),
    st.builds(lambda each, count: each * count, st.lists(results, min_size=1, max_size=3), st.integers(2, 300)),
)


def number_of(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def check_lines(report: Report, text: str) -> None:
    assert len(text.encode("utf-8", "surrogateescape")) <= KEPT_BYTES
    lines = text.split("\n")
    assert lines.pop() == ""
    assert all(line.startswith(NOW) for line in lines)
    assert not [one for line in lines for one in line if unicodedata.category(one) in ("Cc", "Cs")]
    ready = sum(not each.verdict.exit_code for each in report.results)
    total = len(report.results)
    assert lines[-1] == f"{NOW}{ready}/{total} models ready"
    verdicts = [
        line for line in lines[:-1] if re.search(r": (Servable state|Model not found|Error calling|Empty)", line)
    ]
    good = sum(line.endswith(": Servable state is AVAILABLE") for line in verdicts)
    hidden_bad = number_of(r"\.\.\. (\d+) more models? not ready, not listed", text)
    hidden_good = number_of(r"\.\.\. (\d+) ready models? not listed", text)
    assert good + hidden_good == ready
    assert len(verdicts) - good + hidden_bad == total - ready
    assert not (hidden_bad and good), "models that are not ready come first"


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(crowds, st.sampled_from([BUDGET, VERBOSE_BUDGET]), st.booleans(), st.sampled_from(["", "an advice " * 50]))
@settings(max_examples=60)
def test_any_report(found: list[Result], budget: Budget, quiet: bool, advice: str) -> None:
    report = Report(tuple(found))
    check_lines(report, render_many(report, NOW, budget, advice, quiet))


def test_verdicts_come_before_hints_and_hints_before_answers() -> None:
    loading = ModelStatus((VersionStatus(1, 20, True, 0, "x" * 500),))
    report = Report(tuple(result(f"m{number}", loading) for number in range(60)))
    text = render_many(report, NOW, BUDGET, "", False)
    assert text.count(": Servable state is LOADING\n") == 60
    assert text.count(": hint: ") < 60
    assert "ModelStatusResponse" not in text


def test_thousands_of_models() -> None:
    status = ModelStatus((VersionStatus(1, 30),))
    text = render_many(Report(tuple(result("m", status) for _ in range(2_000))), NOW, BUDGET, "", False)
    check_lines(Report(tuple(result("m", status) for _ in range(2_000))), text)
