"""Everything that a run prints: the report's lines, and what the command line adds to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.cli import flags
from probe.cli.lines import BUDGET
from probe.cli.options import options
from probe.cli.output import compose
from probe.model import (
    AVAILABLE,
    DIAL,
    END,
    LOADING,
    STATUS,
    CallTrace,
    Failure,
    ModelStatus,
    Query,
    Report,
    Result,
    VersionStatus,
)
from probe.tfs.config_file import FileNote
from probe.tfs.verdict import exit_code, judge

NOW = "2024/01/02 03:04:05 "
READY = ModelStatus((VersionStatus(1, AVAILABLE),))
MISSING = Failure(STATUS, "no", 5)


def lines(
    *argv: str,
    outcome: ModelStatus | Failure = READY,
    env: dict[str, str] | None = None,
    notes: tuple[FileNote, ...] = (),
) -> list[str]:
    environment = {name.encode(): value.encode() for name, value in (env or {}).items()}
    asked = options(flags.parse(list(argv), environment), environment, 0)
    query = Query("m")
    trace = CallTrace("127.0.0.1:1", dial_ns=1, call_ns=1)
    report = Report((Result(query, outcome, judge(outcome, query), trace),))
    text = compose(asked, environment, report, exit_code(report) != 0, NOW, 3, notes)
    assert text.endswith("\n") and len(text.encode()) <= BUDGET.total
    assert all(line.startswith(NOW) for line in text.splitlines())
    return [line.removeprefix(NOW) for line in text.splitlines()]


def test_a_plain_success_is_the_originals_two_lines() -> None:
    assert lines() == [
        "ModelStatusResponse: model_version_status:{version:1 state:AVAILABLE status:{}}",
        "Servable state is AVAILABLE",
    ]


def test_leftover_arguments_have_a_hint_before_the_lines() -> None:
    first, *rest = lines("rest")
    assert first.startswith('hint: "rest" ') and rest == lines()


def test_version_0_has_a_hint_where_it_was_given() -> None:
    assert [line for line in lines("-model-version=0") if line.startswith("hint: -model-version=0")]
    assert not [line for line in lines("-model-version=7") if line.startswith("hint: -model-version=0")]


def test_v_prints_before_the_lines() -> None:
    found = lines("-v", "-model-name=m")
    assert found[0].startswith("option -") and found[-2:] == lines()
    assert "connected to 127.0.0.1:1" in found


def test_a_model_name_that_was_not_given_is_the_likely_mistake() -> None:
    assert "-model-name" in lines(outcome=MISSING)[-1] and '"default"' in lines(outcome=MISSING)[-1]
    assert '"default"' not in lines("-model-name=m", outcome=MISSING)[-1]
    assert '"default"' not in lines(outcome=MISSING, env={"TFS_PROBE_MODEL_NAME": "m"})[-1]
    assert '"default"' not in lines(outcome=Failure(STATUS, "no", 14))[-1]

    assert '"default"' not in lines("-model-config-file=/x", outcome=MISSING)[-1]


def test_a_timeout_that_ends_a_wait_is_the_likely_mistake() -> None:
    refused = Failure(DIAL, "no", cause="refused")
    expected = "hint: raise or unset -timeout: it ended the run after 900ms, before -wait=5m0s"
    assert lines("-wait=5m", "-timeout=900ms", outcome=refused)[-1] == expected
    loading = ModelStatus((VersionStatus(1, LOADING),))
    inherited = lines("-wait=5m", outcome=loading, env={"TFS_PROBE_TIMEOUT": "900ms"})
    assert inherited[-1] == expected.replace("-timeout", "TFS_PROBE_TIMEOUT")
    for other in (
        lines("-wait=5m", "-timeout=900ms"),
        lines("-wait=1s", "-timeout=2s", outcome=refused),
        lines("-timeout=2s", outcome=refused),
        lines("-wait=5m", "-timeout=900ms", outcome=Failure(DIAL, "no", cause="http1", permanent=True)),
    ):
        assert "raise or unset" not in other[-1]


def test_what_the_server_probably_misreads_in_the_file_is_a_hint() -> None:
    notes = (
        FileNote("line 3: the server reads 0123 as octal, which is 83: omit the leading zeros", True),
        FileNote("line 4: ${X} looks like a template that was not filled in", True),
        FileNote("line 5: ModelConfig has no field new here; the server may refuse it", False),
    )
    plain = lines("-model-config-file=/x")
    first, *rest = lines("-model-config-file=/x", notes=notes)
    assert first == f"hint: -model-config-file, {notes[0].text} (and 1 more, listed by -v)" and rest == plain
    assert lines("-model-config-file=/x", notes=notes[2:]) == plain
    verbose = lines("-model-config-file=/x", "-v", notes=notes)
    assert [line for line in verbose if "line " in line] == [f"-model-config-file: {note.text}" for note in notes]


def test_hints_before_the_lines_count_for_the_budget() -> None:
    names = [f"-model-name={'m' * 90}{number}" for number in range(60)]
    asked = options(flags.parse([*names, "rest"], {}), {}, 0)
    failed = tuple(
        Result(Query(name), MISSING, judge(MISSING, Query(name))) for name in asked.flags.values["model-name"]
    )
    text = compose(asked, {}, Report(failed), 10, NOW, 3)
    assert text.startswith(f'{NOW}hint: "rest" ') and len(text.encode()) <= BUDGET.total


@pytest.mark.parametrize("outcome", [MISSING, Failure(DIAL, "no", cause="refused")])
def test_a_suspicious_value_is_the_likely_mistake_of_a_failed_run_only(outcome: Failure) -> None:
    assert lines("-addr=$(HOST):1", outcome=outcome)[-1].startswith("hint: check -addr=")
    assert lines("-addr=$(HOST):1") == lines()


@given(
    st.lists(st.sampled_from(["-model-name=", "-addr=", "-user-agent=", "-tls-server-name=", "-rpc-header=a:"])),
    st.sampled_from([0, 10, 500, 10_000]),
    st.sampled_from(["x", "\n", "é", "\udcff", "$(X)"]),
    st.sampled_from([0, 1, 50]),
)
def test_all_lines_together_are_bounded(flag_names: list[str], length: int, character: str, versions: int) -> None:
    outcome = ModelStatus((VersionStatus(1, END, True, 15, character * length),) * versions)
    argv = [name + character * length for name in flag_names if name != "-rpc-header=a:"]
    for some in (argv, ["-v", *argv]):
        lines(*some, outcome=outcome)
    lines("-addr=x", "r" * length, outcome=outcome)
