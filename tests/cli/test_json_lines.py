"""The JSON object of any report: valid by the published schema, and never longer than its bound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe import model
from probe.cli.json_lines import MAX_BYTES, SCHEMA_VERSION, render_json
from probe.model import CallTrace, Failure, ModelStatus, Query, Report, Result, VersionStatus
from probe.tfs.config_file import FileNote
from probe.tfs.exit_codes import TABLE
from probe.tfs.verdict import exit_code, judge

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

numbers = st.integers(-(2**63), 2**63 - 1)
codes = st.one_of(st.integers(0, 20), st.integers(-(2**31), 2**31 - 1))
words = st.text(st.characters(exclude_categories=[]), max_size=40)
versions = st.builds(
    VersionStatus, numbers, st.sampled_from([0, 10, 20, 30, 40, 50, 60, -1]), st.booleans(), codes, words
)
answers = st.builds(lambda entries: ModelStatus(tuple(entries[:2]), tuple(entries[2:])), st.lists(versions, max_size=5))
failures = st.builds(
    Failure,
    st.sampled_from(["setup", "credentials", "dial", "call", "status"]),
    words,
    codes,
    st.sampled_from(["", "refused", "call-timeout"]),
    st.booleans(),
)
queries = st.builds(Query, words, st.integers(0, 3), st.none(), st.sampled_from(["any", "latest", "all"]))
traces = st.one_of(st.none(), st.builds(CallTrace, words, words, words, st.integers(0, 10**12), st.integers(0, 10**12)))


def result(query: Query, outcome: ModelStatus | Failure, trace: CallTrace | None, liveness: bool) -> Result:
    return Result(query, outcome, judge(outcome, query, liveness), trace)


results = st.builds(result, queries, st.one_of(answers, failures), traces, st.booleans())


def rendered(report: Report, **more: Any) -> Any:
    text = render_json(report, exit_code(report), "127.0.0.1:8500", 1_234_567, **more)
    assert text.endswith("\n") and text.count("\n") == 1
    assert len(text.encode()) <= MAX_BYTES
    shown = json.loads(text)
    VALIDATOR.validate(shown)
    return shown


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema_version"] == {
        "description": "Changes only with a major version of the program.",
        "const": SCHEMA_VERSION,
    }


def test_the_schema_closes_every_object() -> None:
    def objects(node: Any) -> list[Any]:
        if isinstance(node, list):
            return [found for item in node for found in objects(item)]
        if not isinstance(node, dict):
            return []
        return [node] * (node.get("type") == "object") + [found for item in node.values() for found in objects(item)]

    found = objects(SCHEMA)
    assert len(found) == 5
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])


def test_the_schema_knows_every_kind_and_exit_code() -> None:
    kinds = get_args(getattr(model, "Kind", None)) or ("setup", "credentials", "dial", "call", "status", "predict")
    assert set(SCHEMA["$defs"]["failure"]["properties"]["kind"]["enum"]) == set(kinds)
    reported = {row[0] for row in TABLE} - {102, 126, 127, 130, 143}  # others end the process without a report
    assert set(SCHEMA["properties"]["exit_code"]["enum"]) == reported
    assert set(SCHEMA["$defs"]["model"]["properties"]["exit_code"]["enum"]) == reported


@given(st.lists(results, max_size=4))
@settings(max_examples=200)
def test_any_report_is_valid(found: list[Result]) -> None:
    shown = rendered(Report(tuple(found)))
    assert [each["exit_code"] for each in shown["models"]] == [each.verdict.exit_code for each in found]
    assert shown["models_omitted"] == 0


def many(count: int, versions: int, characters: int) -> Report:
    entries = tuple(VersionStatus(number, 50, True, 13, "x" * characters) for number in range(versions, 0, -1))
    status = ModelStatus(entries[:1], entries[1:])
    return Report(tuple(result(Query("m" * characters + str(at)), status, None, False) for at in range(count)))


@pytest.mark.parametrize(
    ("models", "versions", "characters", "omits"),
    [
        (1, 5000, 0, False),
        (1, 400, 5000, False),
        (100, 400, 10, False),
        (200, 3, 5000, False),
        (600, 1, 5000, False),
        (5000, 1, 100, True),
        (1, 1, 2_000_000, False),
    ],
)
def test_the_bound(models: int, versions: int, characters: int, omits: bool) -> None:
    shown = rendered(many(models, versions, characters))
    assert len(shown["models"]) + shown["models_omitted"] == models
    assert bool(shown["models_omitted"]) == omits
    assert all(len(each["versions"]) + each["versions_omitted"] == versions for each in shown["models"])


def test_the_deciding_version_is_never_omitted() -> None:
    entries = tuple(VersionStatus(number, 30 if number == 1 else 50) for number in range(3000, 0, -1))
    shown = rendered(Report((result(Query("m"), ModelStatus(entries[:32], entries[32:]), None, False),)))
    (only,) = shown["models"]
    assert (only["version"], only["state"], only["ready"]) == ("1", "AVAILABLE", True)
    assert {"version": "1", "state": "AVAILABLE", "error_code": "OK", "error_message": ""} in only["versions"]


def test_no_text_is_taken_for_the_models() -> None:
    text = '"models":[]'
    report = Report((result(Query(text), Failure("dial", text), CallTrace(text), False),))
    shown = json.loads(render_json(report, 2, text, 0, text, (FileNote(text, False),)))
    assert (shown["address"], shown["peer"], shown["notes"], shown["models"][0]["name"]) == (text, text, [text], text)


GOOD: Any = rendered(
    Report(
        (
            result(Query("m"), ModelStatus((VersionStatus(1, 30), VersionStatus(2, 50, True, 5, "x"))), None, False),
            result(Query("n"), Failure("call", "no", 14), None, False),
        )
    )
)
PLACES: dict[str, list[str | int]] = {
    "run": [],
    "timings": ["timings_ms"],
    "model": ["models", 0],
    "version": ["models", 0, "versions", 0],
    "failure": ["models", 1, "failure"],
}


def at(whole: Any, path: list[str | int]) -> Any:
    for step in path:
        whole = whole[step]
    return whole


@pytest.mark.parametrize("place", PLACES)
def test_mutated_objects_fail(place: str) -> None:
    """Each member left out, of another type, and one too many."""
    members = list(at(GOOD, PLACES[place]))
    for name in members:
        without = json.loads(json.dumps(GOOD))
        del at(without, PLACES[place])[name]
        assert not VALIDATOR.is_valid(without), name
        other = json.loads(json.dumps(GOOD))
        at(other, PLACES[place])[name] = {"x": 1}
        assert not VALIDATOR.is_valid(other), name
    more = json.loads(json.dumps(GOOD))
    at(more, PLACES[place])["more"] = 1
    assert not VALIDATOR.is_valid(more)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["ready"], True),
        (["exit_code"], 0),
        (["exit_code"], 99),
        (["schema_version"], 2),
        (["models", 0, "ready"], False),
        (["models", 0, "version"], 1),
        (["models", 0, "version"], None),
        (["models", 0, "state"], "READY"),
        (["models", 0, "versions", 0, "error_code"], "NotFound"),
        (["models", 0, "hint"], ""),
        (["models", 1, "failure", "code"], None),
        (["models", 1, "failure", "kind"], "dial"),
        (["models", 1, "failure", "kind"], "other"),
        (["models", 1, "failure", "retryable"], "yes"),
    ],
)
def test_contradictions_fail(path: list[str | int], value: Any) -> None:
    mutated = json.loads(json.dumps(GOOD))
    at(mutated, path[:-1])[path[-1]] = value
    assert not VALIDATOR.is_valid(mutated)
