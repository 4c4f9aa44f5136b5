"""What the backstop prints: a code and lines for each phase, before anything has gone wrong."""

from __future__ import annotations

import pytest

from probe.cli.backstop import PHASES, output_phase
from probe.model import AVAILABLE, DIAL, STATUS, Failure, ModelStatus, Query, Report, Result, VersionStatus
from probe.tfs.exit_codes import CALL, CREDENTIALS, PREDICT
from probe.tfs.verdict import judge
from tests.support.text import has_control

TEXTS = {"files": 2, "credentials": CREDENTIALS, "dial": 2, "call": CALL, "predict": PREDICT}


def report(outcome: ModelStatus | Failure) -> Report:
    return Report((Result(Query("m"), outcome, judge(outcome, Query("m"))),))


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_ends_as_its_own_deadline_does(phase: str) -> None:
    code, lines = {str(name): value for name, value in PHASES.items()}[phase]
    assert code == TEXTS[phase]
    *before, verdict, hint = lines.decode().splitlines()
    assert "context deadline exceeded" in verdict and hint.startswith("hint: ")
    assert before == (["ModelStatusResponse: <nil>"] if phase == "call" else [])
    assert lines.endswith(b"\n")


def test_all_phases_are_there() -> None:
    assert set(PHASES) == set(TEXTS)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (ModelStatus((VersionStatus(1, AVAILABLE),)), "Servable state is AVAILABLE"),
        (Failure(STATUS, "no\n", 14), "Error calling tfs: rpc error: code = Unavailable desc = no\\n"),
        (Failure(DIAL, "\x1b" * 100_000), "Error dialing grpc service: "),
    ],
)
def test_once_the_outcome_is_known_it_stays(outcome: ModelStatus | Failure, verdict: str) -> None:
    code, lines = output_phase(report(outcome), 7)
    first, hint = lines.decode().splitlines()
    assert code == 7 and first.startswith(verdict) and hint.startswith("hint: ")
    assert not has_control(first) and len(lines) < 2048


def test_a_report_on_nothing() -> None:
    assert output_phase(Report(()), 11)[0] == 11


def test_a_byte_that_is_not_utf_8_stays_one() -> None:
    assert b"\\xff" in output_phase(report(Failure(DIAL, "\udcff")), 2)[1]
