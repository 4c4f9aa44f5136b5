"""The metrics: which series there are, and that any name makes a line that Prometheus can read."""

from __future__ import annotations

import re
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from probe.model import AVAILABLE, END, LOADING, CallTrace, Failure, ModelStatus, Query, Result, VersionStatus
from probe.serve.board import MAX_ENDED, MAX_PENDING, Board, ModelView, Round, trimmed, with_series
from probe.serve.metrics import label, render
from probe.serve.site import Shown
from probe.tfs.verdict import judge
from tests.support.prometheus import need

SECOND = 1_000_000_000
SHOWN = Shown(":8500", 5 * SECOND, "2.0.0", True)
LINE = re.compile(r'[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\[\\n"])*"(,[a-z]+="(?:[^"\\\n]|\\[\\n"])*")*\})? [0-9.]+')


def view(name: str, *versions: VersionStatus, failure: Failure | None = None) -> ModelView:
    query = Query(name)
    outcome = failure or ModelStatus(versions)
    result = Result(query, outcome, judge(outcome, query), CallTrace())
    return ModelView(result, with_series(ModelStatus(versions)))


def samples(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in lines:
        assert LINE.fullmatch(line), line
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def states(found: dict[str, float], model: str, version: int) -> set[str]:
    """The states that are 1."""
    begin = f'tfs_model_version_state{{model="{model}",version="{version}",state="'
    assert sum(name.startswith(begin) for name in found) in (0, 6)
    return {name[len(begin) : -2] for name, value in found.items() if name.startswith(begin) and value}


def test_states() -> None:
    model = view(
        "half", VersionStatus(125, LOADING), VersionStatus(124, END, error_code=15), VersionStatus(123, AVAILABLE),
        VersionStatus(122, END), VersionStatus(121, 77),
    )  # fmt: skip
    found = samples(render(Round((model,), at_ns=0, is_alive=True), True, SHOWN))
    assert [states(found, "half", version) for version in range(125, 120, -1)] == [
        {"LOADING"}, {"END"}, {"AVAILABLE"}, set(), {"UNKNOWN"},
    ]  # fmt: skip
    assert not any('version="122"' in name for name in found)
    assert found['tfs_model_ready{model="half"}'] == found["tfs_probe_up"] == 1


def test_the_newest_version_has_series_though_it_has_ended() -> None:
    found = samples(render(Round((view("half", VersionStatus(2, END), VersionStatus(1, END)),), 0), True, SHOWN))
    assert states(found, "half", 2) == {"END"}
    assert not any('version="1"' in name for name in found)


def test_a_failed_upgrade_is_forgotten_after_the_next_one() -> None:
    failed = VersionStatus(124, END, error_code=15)
    before = with_series(ModelStatus((failed, VersionStatus(123, AVAILABLE), VersionStatus(122, END, error_code=5))))
    assert [version.version for version in before] == [124, 123]
    after = with_series(ModelStatus((VersionStatus(125, AVAILABLE), failed, VersionStatus(123, END))))
    assert [version.version for version in after] == [125]
    nothing = with_series(ModelStatus((VersionStatus(125, END), failed, VersionStatus(123, END))))
    assert [version.version for version in nothing] == [125, 124]


def test_without_an_answer_that_counts_all_is_0_and_all_is_there() -> None:
    fresh = Round((view("half", VersionStatus(1, AVAILABLE)),), 0, is_alive=True)
    before = samples(render(fresh, True, SHOWN))
    after = samples(render(fresh, False, SHOWN))
    assert before.keys() == after.keys()
    assert states(after, "half", 1) == set()
    assert after['tfs_model_ready{model="half"}'] == after["tfs_probe_up"] == 0
    lost = Round((view("half", VersionStatus(1, AVAILABLE), failure=Failure("dial", "refused")),), 0)
    assert samples(render(lost, True, SHOWN)) == after


def test_an_answer_grows_old() -> None:
    board = Board((Query("half"),), 5 * SECOND)
    assert board.current(0)[1] is False
    board.latest = Round((view("half", VersionStatus(1, AVAILABLE)),), at_ns=7 * SECOND, is_alive=True, successes=3)
    assert board.current(22 * SECOND) == (board.latest, True)
    current, is_fresh = board.current(22 * SECOND + 1)
    assert not is_fresh
    assert not current.is_alive
    assert current.successes == 3
    failure = current.report.results[0].verdict.failure
    assert failure is not None
    assert failure.text == "the last answer is 15s old"


def test_series_exist_from_the_start() -> None:
    board = Board((Query("half"), Query("third")), SECOND)
    found = samples(render(board.latest, False, SHOWN))
    assert {name: value for name, value in found.items() if value} == {
        'tfs_probe_build_info{version="2.0.0"}': 1,
        "tfs_probe_config_last_reload_successful": 1,
    }
    assert {'tfs_model_ready{model="half"}', 'tfs_model_ready{model="third"}', "tfs_probe_up"} < found.keys()
    assert 'tfs_probe_checks_total{result="failure"}' in found


@given(st.text(st.characters(codec=None), max_size=20) | st.text('\\"\n\r\udcff x', max_size=20))
def test_any_name(name: str) -> None:
    assert re.fullmatch(r'(?:[^"\\\n]|\\[\\n"])*', label(name))
    label(name).encode()


@given(st.lists(st.text('\\"\n\udcff\udcfe\\x', max_size=4), max_size=2, min_size=2, unique=True))
def test_names_stay_different(names: list[str]) -> None:
    if "\\" not in names[0] + names[1]:
        assert label(names[0]) != label(names[1])


def test_a_long_history_is_cut() -> None:
    versions = [VersionStatus(number, END, error_code=number % 2) for number in range(5000, 0, -1)]
    query = Query("half")
    status = ModelStatus((*versions, VersionStatus(0, AVAILABLE)))
    result = trimmed(Result(query, status, judge(status, query)))
    assert isinstance(result.outcome, ModelStatus)
    kept = len(result.outcome.first)
    assert kept == MAX_PENDING + MAX_ENDED + 1
    assert kept + result.outcome.omitted == 5001
    assert result.outcome.first[-1].state == AVAILABLE


def test_promtool_finds_nothing() -> None:
    need("promtool")
    rounds = [
        Board((Query('a"\n\\b'), Query("half")), SECOND).latest,
        Round(
            (view("half", VersionStatus(1, AVAILABLE)), view("\udcffé", VersionStatus(2, LOADING))), 0, 7, "", 8, True
        ),
    ]
    for number, current in enumerate(rounds):
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=render(current, number > 0, SHOWN).encode(),
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
