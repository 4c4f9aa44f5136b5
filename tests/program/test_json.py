"""-format=json: exactly one object on stdout for every end but a usage error."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from tests.program.test_cases import EVERY_CASE
from tests.program.test_questions import VALIDATOR
from tests.support.behaviours import answers
from tests.support.canned import refused
from tests.support.cases import Case
from tests.support.certificates import shared
from tests.support.http2_writer import GOOD, HEAD, TRAILERS, data
from tests.support.runner import Outcome
from tests.support.scripted_server import scripted_server
from tests.support.variants import MODULE, Variant, on_each_interpreter
from tests.support.wire import entry, message

JSON = "-format=json"


def shown(outcome: Outcome) -> Any:
    assert outcome.stdout.endswith("\n") and outcome.stdout.count("\n") == 1
    found = json.loads(outcome.stdout)
    VALIDATOR.validate(found)
    assert found["exit_code"] == outcome.exit_code
    return found


@EVERY_CASE
@on_each_interpreter
def test_first_table(case: Case, variant: Variant) -> None:
    with case.server() as port:
        given = [argument.replace("{folder}", str(shared().folder)) for argument in case.argv]
        outcome = variant.run(f"-addr=127.0.0.1:{port}", *given, JSON)
    found = shown(outcome)
    assert outcome.exit_code == case.exit_code
    assert outcome.stderr == ""
    assert found["models"][0]["verdict"] == case.lines[-1].replace("{port}", str(port))
    assert bool(found["models"][0]["hint"]) == case.hinted or case.name.startswith("version 0")


@on_each_interpreter
def test_a_contradiction_is_an_object(variant: Variant) -> None:
    outcome = variant.run("-model-version=1", "-require=all", JSON)
    assert outcome.exit_code == 1 and outcome.stderr == ""
    (only,) = shown(outcome)["models"]
    assert only["failure"]["kind"] == "setup" and not only["failure"]["retryable"]


@on_each_interpreter
@pytest.mark.parametrize("argv", [("-bogus",), ("-format=xml",), ("-timeout=1",), ("-timeout=1s", "x")])
def test_a_usage_error_is_text(argv: tuple[str, ...], variant: Variant) -> None:
    outcome = variant.run(JSON, *argv)
    assert outcome.exit_code == 2
    assert outcome.stdout == "" and "Usage of" in outcome.stderr


def test_verbose_lines_stay_on_stderr() -> None:
    with scripted_server(answers(GOOD)) as server:
        outcome = MODULE.run(f"-addr={server.address}", JSON, "-v")
    assert shown(outcome)["ready"]
    assert any(line.startswith("connected to ") for line in outcome.lines)


def test_nothing_on_success_with_quiet() -> None:
    with scripted_server(answers(GOOD)) as server:
        outcome = MODULE.run(f"-addr={server.address}", JSON, "-quiet")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "", "")
    with refused() as place:
        outcome = MODULE.run(f"-addr=127.0.0.1:{place.port}", "-connect-timeout=50ms", JSON, "-quiet")
    assert shown(outcome)["models"][0]["failure"]["kind"] == "dial"


@on_each_interpreter
def test_undecodable_bytes_become_replacement_characters(variant: Variant) -> None:
    answer = HEAD + data(message(entry(1, 50, b"\x08\x0f\x12\x03a\xe2\x80"))) + TRAILERS
    with scripted_server(answers(answer)) as server:
        outcome = variant.run(f"-addr={server.address}".encode(), b"-model-name=a\xff", JSON)
        assert shown(outcome)["models"][0]["name"] == "a\ufffd"


@on_each_interpreter
def test_with_wait_only_the_last_round_counts(variant: Variant) -> None:
    with refused() as place:
        outcome = variant.run(f"-addr=127.0.0.1:{place.port}", "-wait=400ms", "-connect-timeout=50ms", JSON)
    assert shown(outcome)["models"][0]["failure"]["cause"] == "refused"
    assert outcome.stderr == "", "no progress"


def test_a_bug_of_ours_is_an_object() -> None:
    code = (
        "import sys, probe.__main__ as program\n"
        "def bug(*_, **__): raise KeyError('x\\n')\n"
        "program.check = bug\n"
        "program.run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, JSON], capture_output=True, text=True, check=False, env=MODULE.environment()
    )
    found = shown(Outcome(done.returncode, done.stdout, done.stderr))
    assert (found["exit_code"], found["models"][0]["failure"]["message"]) == (101, r"internal error: KeyError: 'x\n'")


def test_the_published_schema_is_a_draft_of_2020() -> None:
    assert VALIDATOR.schema["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
