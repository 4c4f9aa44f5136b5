"""Hints held against what a real TensorFlow Serving answered (tests/data/captures.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from probe.cli.hints import RETRIES, hint
from probe.model import AVAILABLE, END, LOADING, START, STATUS, UNLOADING, Failure, ModelStatus, Query
from probe.rpc.status import proto_name
from probe.tfs import exit_codes
from probe.tfs.messages import decode_response
from probe.tfs.proto.serving_pb2 import GetModelStatusResponse
from probe.tfs.verdict import judge

CAPTURES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "captures.json").read_text())
CODES = {proto_name(code): code for code in range(17)}


def decoded(call: dict[str, Any]) -> ModelStatus | Failure:
    """The outcome of a captured call."""
    if "code" in call:
        return Failure(STATUS, call["details"], CODES[call["code"]])
    if "text" in call:
        return decode_response(text_format.Parse(call["text"], GetModelStatusResponse()).SerializeToString())
    return decode_response(bytes.fromhex(call["response"]))


OUTCOMES = [
    pytest.param(decoded(call), id=f"{situation['name']}: {call['what']}")
    for situation in CAPTURES["situations"]
    for call in situation["calls"]
    if "method" not in call
]
LIVES = [
    pytest.param(decode_response(bytes.fromhex(answer)), id=f"{life['script']} {place}")
    for life in CAPTURES["lives"]
    for place, answer in enumerate(life["answers"])
]


def said(outcome: ModelStatus | Failure) -> str:
    query = Query("half")
    return hint(judge(outcome, query), outcome, query)


@pytest.mark.parametrize("outcome", [*OUTCOMES, *LIVES])
def test_the_server_is_alive_whatever_it_answers(outcome: ModelStatus | Failure) -> None:
    """What TensorFlow Serving sends of its own counts, and no hint calls it a proxy's."""
    assert judge(outcome, Query("half"), liveness=True).exit_code == exit_codes.OK
    assert "TensorFlow Serving itself never answers this" not in said(outcome)


@pytest.mark.parametrize("outcome", [*OUTCOMES, *LIVES])
def test_hints_about_versions(outcome: ModelStatus | Failure) -> None:
    if isinstance(outcome, Failure):
        return
    versions = list(outcome)
    chosen = judge(outcome, Query("half")).version
    text = said(outcome)
    if chosen is None:
        assert not versions
    elif chosen.state == AVAILABLE:
        newer = [other for other in versions if other.version > chosen.version]
        pending = [other for other in newer if other.state != END or other.error_code]
        assert bool(text) == bool(pending)
        assert not pending or f"version {pending[0].version}" in text
    elif chosen.error_code:
        assert chosen.error_message[:100] in text
    elif chosen.state in (START, LOADING):
        assert "wait" in text
    elif chosen.state == UNLOADING:
        assert "is being unloaded" in text
    else:
        assert "without an error" in text


def test_a_failed_load_is_retried_without_an_error() -> None:
    """N3: the hint about LOADING says so, because the answers do not: this load has failed once already."""
    (life,) = (life for life in CAPTURES["lives"] if life["script"] == "broken-version")
    loading = decode_response(bytes.fromhex(life["answers"][-1]))
    assert [(version.state, version.error_code) for version in loading] == [(LOADING, 0), (AVAILABLE, 0)]
    assert said(loading).endswith(RETRIES)
