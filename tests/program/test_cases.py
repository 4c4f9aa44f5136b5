"""The table of cases, on the pure judge, on every variant of the program, and on the second engine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from probe.cli.flags import parse
from probe.cli.options import options
from probe.cli.output import compose
from probe.model import Plan, Report, Result
from probe.tfs.exit_codes import TABLE
from probe.tfs.verdict import exit_code, judge
from tests.fake_tfs import FakeServing
from tests.support.cases import CASES, Case
from tests.support.certificates import shared
from tests.support.runner import Outcome
from tests.support.variants import ROOT, Variant, built

NAMES = [case.name for case in CASES]
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=NAMES)

# Exit codes that no server and no command line bring about, and the tests that show them.
SHOWN_ELSEWHERE = {
    "CREDENTIALS": "tests/spiffe",
    "USAGE": "test_environment.py, and the recorded command lines of the original",
    "INTERNAL": "test_streams.py",
    "INTERRUPTED": "test_streams.py",
    "TERMINATED": "test_streams.py",
    "PREDICT": "test_a_model_that_does_not_answer",
    "NOT_EXECUTABLE": "test_a_command_after_waiting",
    "COMMAND_NOT_FOUND": "test_a_command_after_waiting",
    "DAMAGED": "the launcher of the static executable",
}


def run(case: Case, variant: Variant, *argv: str) -> tuple[Outcome, list[str]]:
    """Runs a row; gives the outcome, and its lines with the port's place held, hints left out."""
    with case.server() as port:
        given = [argument.replace("{folder}", str(shared().folder)) for argument in case.argv]
        outcome = variant.run(f"-addr=127.0.0.1:{port}", *given, *argv)
    shown = [re.sub(rf"\b{port}\b", "{port}", line) for line in outcome.lines if not line.startswith("hint: ")]
    return outcome, shown


@EVERY_CASE
def test_judge(case: Case) -> None:
    asked = options(parse(["-addr=127.0.0.1:1", *case.argv], {}), {}, begun=0)
    assert isinstance(asked.plan, Plan)
    (query,) = asked.plan.queries
    report = Report((Result(query, case.outcome, judge(case.outcome, query, asked.plan.liveness)),))
    shown = compose(asked, {}, report, exit_code(report) != 0, "", 0).splitlines()
    assert exit_code(report) == case.exit_code
    assert tuple(line for line in shown if not line.startswith("hint: ")) == case.lines
    assert any(line.startswith("hint: ") for line in shown) == case.hinted


@EVERY_CASE
def test_program(case: Case, variant: Variant) -> None:
    outcome, shown = run(case, variant)
    assert outcome.exit_code == case.exit_code, outcome
    assert tuple(shown) == case.lines
    assert bool(outcome.hint) == case.hinted
    assert outcome.stdout == ""


@EVERY_CASE
def test_second_engine_agrees(case: Case) -> None:
    outcome, shown = run(case, built("module"), "-engine=grpcio")
    assert outcome.exit_code == case.exit_code, outcome
    assert len(shown) == len(case.lines)
    # Its texts are its own where no server spoke; up to the reason the verdict's line is the same.
    kind = case.lines[-1].split(" desc = ")[0].split(" (last error")[0].split("connected to")[0]
    assert shown[-1].startswith(kind)


def test_a_model_that_does_not_answer(variant: Variant, tmp_path: Path) -> None:
    request = tmp_path / "request"
    request.write_bytes(b"")
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False, predict_error=(3, "no inputs")) as server:
        outcome = variant.run(f"-addr={server.address}", "-model-name=m", f"-predict={request}")
    assert outcome.exit_code == 40, outcome
    assert outcome.verdict.startswith("Error calling model: rpc error: code = InvalidArgument desc = no inputs")


@pytest.mark.parametrize(
    ("command", "exit_code", "stdout"),
    [
        (("echo", "-v", "ready"), 0, "-v ready\n"),
        (("sh", "-c", "exit 7"), 7, ""),
        (("/nowhere/command",), 127, ""),
        (("no-such-command",), 127, ""),
        (("/etc/passwd",), 126, ""),
        (("/",), 126, ""),
    ],
)
def test_a_command_after_waiting(variant: Variant, command: tuple[str, ...], exit_code: int, stdout: str) -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        outcome = variant.run(f"-addr={server.address}", "-model-name=m", "-wait=20s", "--", *command)
    assert (outcome.exit_code, outcome.stdout) == (exit_code, stdout), outcome
    assert ("error: " in outcome.verdict) == (exit_code in (126, 127))


def test_every_exit_code_has_a_row() -> None:
    shown = {case.exit_code for case in CASES}
    assert {name for code, name, _, _ in TABLE if code not in shown} <= set(SHOWN_ELSEWHERE)


def test_every_case_of_2_0_0_is_still_one() -> None:
    """The same command line gives the same exit code and lines. No row has had to change. Hints are not recorded: they
    may change at any time."""
    old = json.loads((ROOT / "tests" / "data" / "cases_2.0.0.json").read_text(encoding="utf-8"))
    assert old
    today = [(list(case.argv), case.exit_code, list(case.lines)) for case in CASES]
    changed = [case["name"] for case in old if (case["argv"], case["exit_code"], case["lines"]) not in today]
    assert changed == []
