"""The second table of cases, on the pure judge, on every variant over gRPC and REST, and on the second engine."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from probe.cli.flags import parse
from probe.cli.options import options, query, with_queries
from probe.cli.output import compose
from probe.model import STATUS, Failure, ModelStatus, Plan, Query, Report, Result, VersionStatus
from probe.tfs.config_file import read_queries
from probe.tfs.labels import interpret
from probe.tfs.verdict import exit_code, judge
from tests.fake_tfs import FakeServing
from tests.fake_tfs.prediction import resolve
from tests.fake_tfs.state import Refused
from tests.support.questions import QUESTIONS, REQUESTS, Question
from tests.support.runner import Outcome
from tests.support.variants import MODULE, ROOT, Variant, built, on_each_interpreter

VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "report.schema.json").read_text("utf-8")))
HINT = re.compile(r"(\S*: )?hint: ")
JUDGED = [row for row in QUESTIONS if row.judged]
EVERY_ROW = pytest.mark.parametrize("row", QUESTIONS, ids=[row.name for row in QUESTIONS])


@contextlib.contextmanager
def situation(row: Question) -> Iterator[tuple[FakeServing, str]]:
    """A row's server, and a folder with its files and the requests for predictions."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in row.files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        for name, content in REQUESTS.items():
            Path(folder, name).write_bytes(content)
        with FakeServing(row.models, labels=row.labels, **row.conduct) as server:
            yield server, folder


def comparable(lines: list[str], row: Question, places: dict[str, str]) -> list[str]:
    """Lines as the table has them: without hints, with answers cut, and the table's own words where it has any."""
    shown = [line for line in lines if not HINT.match(line)]
    shown = [re.sub(r"(ModelStatusResponse: )model_version_status.*", r"\1", line) for line in shown]
    for place, name in places.items():
        shown = [re.sub(rf"(?<!\d){re.escape(place)}(?!\d)", name, line) for line in shown]
    cut = [expected.removesuffix("…") for expected in row.lines]
    return [
        expected if expected.endswith("…") and line.startswith(start) else line
        for line, expected, start in zip(shown, row.lines, cut, strict=False)
    ] + shown[len(cut) :]


def hints(lines: list[str]) -> int:
    return sum(bool(HINT.match(line)) for line in lines)


def run(row: Question, variant: Variant, protocol: str, *argv: str) -> tuple[Outcome, list[str]]:
    with situation(row) as (server, folder):
        port = server.rest_port if protocol == "rest" else server.port
        address = f"http://127.0.0.1:{port}" if protocol == "rest" else f"127.0.0.1:{port}"
        given = [argument.replace("{folder}", folder) for argument in row.argv]
        outcome = variant.run(f"-addr={address}", *given, *argv)
    return outcome, comparable(outcome.lines, row, {folder: "{folder}", str(port): "{port}"})


def outcome_of(server: FakeServing, model: str) -> ModelStatus | Failure:
    """What the server knows of a model, as a client reports it."""
    try:
        found = server.servables.find(model)
    except Refused as refusal:
        return Failure(STATUS, refusal.message, refusal.code)
    return ModelStatus(tuple(VersionStatus(one.version, one.state, True, one.code, one.message) for one in found))


def label_of(server: FakeServing, asked: Query, label: str) -> int | Failure:
    try:
        return resolve(server.servables, server.labels, asked.model, None, label)
    except Refused as refusal:
        return interpret(Failure(STATUS, refusal.message, refusal.code))


@pytest.mark.parametrize("row", JUDGED, ids=[row.name for row in JUDGED])
def test_judge(row: Question) -> None:
    with situation(row) as (server, folder):
        flags = parse([argument.replace("{folder}", folder) for argument in row.argv], {})
        asked = options(flags, {}, begun=0)
        plan = asked.plan
        assert isinstance(plan, Plan)
        if plan.config_file:
            found = read_queries(plan.config_file, plan.queries, query(flags.values, ""))
            whole = with_queries(plan, found, flags.values)[0]
            assert isinstance(whole, Plan)
            plan = whole
        results = []
        for each in plan.queries:
            names = (each.label,) if each.label is not None else each.labels
            labels = tuple((name, label_of(server, each, name)) for name in names)
            outcome = outcome_of(server, each.model)
            results.append(Result(each, outcome, judge(outcome, each, plan.liveness, labels)))
    report = Report(tuple(results))
    lines = compose(asked, {}, report, exit_code(report), "", 0).splitlines()
    assert exit_code(report) == row.exit_code
    assert comparable(lines, row, {}) == list(row.lines)
    assert hints(lines) == row.hints


@EVERY_ROW
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_program(row: Question, protocol: str, variant: Variant) -> None:
    if protocol not in row.protocols:
        return
    outcome, shown = run(row, variant, protocol)
    assert outcome.exit_code == row.exit_code, outcome
    assert shown == list(row.lines)
    assert hints(outcome.lines) == row.hints
    assert outcome.stdout == ""


@EVERY_ROW
@on_each_interpreter
def test_json(row: Question, variant: Variant) -> None:
    """The object of each row: valid, and of one mind with the lines."""
    protocol = row.protocols[0]
    outcome, _ = run(row, variant, protocol, "-format=json")
    assert outcome.exit_code == row.exit_code, outcome
    assert outcome.stderr == ""
    assert outcome.stdout.count("\n") == 1
    shown = json.loads(outcome.stdout)
    VALIDATOR.validate(shown)
    assert (shown["exit_code"], shown["ready"]) == (row.exit_code, row.exit_code == 0)
    verdicts = [line for line in row.lines if "ModelStatusResponse: " not in line and not line.endswith("models ready")]
    failed_dial = row.exit_code == 2 and len(shown["models"]) > 1
    assert failed_dial or len(shown["models"]) == (0 if verdicts == ["Empty response"] else len(verdicts))


@EVERY_ROW
def test_quiet(row: Question) -> None:
    """Nothing on success; else the lines without hints. In JSON the same object."""
    protocol = row.protocols[0]
    outcome, shown = run(row, MODULE, protocol, "-quiet")
    assert outcome.exit_code == row.exit_code
    assert shown == (list(row.lines) if row.exit_code else [""])
    assert hints(outcome.lines) == 0


@EVERY_ROW
def test_second_engine_agrees(row: Question) -> None:
    if "grpc" not in row.protocols:
        return
    outcome, shown = run(row, built("module"), "grpc", "-engine=grpcio")
    assert outcome.exit_code == row.exit_code, outcome
    # Its texts are its own where no server spoke.
    assert [line.split(" desc = ")[0].split(" (last error")[0] for line in shown] == [
        line.split(" desc = ")[0].split(" (last error")[0] for line in row.lines
    ]
