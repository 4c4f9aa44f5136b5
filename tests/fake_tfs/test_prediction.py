"""The stand-in's labels, metadata and predictions, against what TensorFlow Serving was seen to answer.

tests/data/metadata_captures.json has requests and answers of GetModelMetadata, tests/data/rest_captures.json those of
REST.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_tfs import FakeServing
from tests.fake_tfs.grpc_server import GET_MODEL_METADATA, PREDICT
from tests.fake_tfs.state import Refused
from tests.fake_tfs.test_fake_tfs import Answer, ask
from tests.support.wire import chunk, scalar

DATA = Path(__file__).parents[1] / "data"
CALLS: list[dict[str, str]] = json.loads((DATA / "metadata_captures.json").read_text(encoding="utf-8"))["calls"]
EXCHANGES: list[dict[str, Any]] = json.loads((DATA / "rest_captures.json").read_text(encoding="utf-8"))["exchanges"]
# The server of the captures.
MODELS: dict[str, dict[int, str]] = {
    "half": {123: "AVAILABLE"},
    "two": {1: "AVAILABLE", 2: "AVAILABLE"},
    "ü/ä b": {123: "AVAILABLE"},
    "a b": {123: "AVAILABLE"},
}
LABELS = {"two": {"stable": 1, "canary": 2, "c d/ü": 2}}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServing]:
    with FakeServing(MODELS, labels=LABELS) as running:
        yield running


def metadata_of(server: FakeServing, label: str, model: str = "two") -> Answer:
    spec = chunk(1, chunk(1, model) + chunk(4, label))
    return ask(server.address, spec + chunk(2, "signature_def"), GET_MODEL_METADATA)


def version_in(answer: Answer) -> int:
    assert isinstance(answer, bytes)
    return answer[answer.index(b"\x12\x02\x08") + 3]


@pytest.mark.parametrize("call", CALLS, ids=[call["name"] for call in CALLS])
def test_metadata_as_captured(server: FakeServing, call: dict[str, str]) -> None:
    answer = ask(server.address, bytes.fromhex(call["request"]), GET_MODEL_METADATA)
    if "answer" in call:
        assert answer == bytes.fromhex(call["answer"])
    else:
        assert answer == (call["code"], call["details"])


def is_about_the_models_here(exchange: dict[str, Any]) -> bool:
    """Whether an exchange needs none of what the stand-in lacks: other models, Prometheus, rare methods, HTTP/1.0 with
    keep-alive, other versions of HTTP."""
    if " HTTP/1." not in exchange["request"] or exchange["answer"][:8] not in ("HTTP/1.1", "HTTP/1.0"):
        return False
    if "keep-alive" in exchange["answer"]:
        return False
    target = exchange["request"].split(" ")[1] if exchange["request"].count(" ") == 2 else ""
    return bool(re.fullmatch(r"/v\d/models(/(half|two|nope|HALF)([/:?#].*)?)?", target)) and exchange[
        "request"
    ].startswith(("GET ", "HEAD "))


SAME_MODELS = [exchange for exchange in EXCHANGES if is_about_the_models_here(exchange)]


@pytest.mark.parametrize("exchange", SAME_MODELS, ids=[exchange["request"] for exchange in SAME_MODELS])
def test_rest_as_captured(server: FakeServing, exchange: dict[str, Any]) -> None:
    """All but the headers that tell the time and how the connection goes on."""

    def comparable(answer: str) -> str:
        return re.sub(r"(Date|Connection): [^\r]*\r\n", "", answer)

    with socket.create_connection((server.host, server.rest_port), timeout=5) as connection:
        connection.sendall(f"{exchange['request']}\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
        received = connection.makefile("rb").read()
    assert comparable(received.decode("latin-1")) == comparable(exchange["answer"])


def test_labels_that_are_not_initialized(server: FakeServing) -> None:
    with FakeServing({"two": {1: "AVAILABLE"}}, rest=False, labels_initialized=False) as other:
        assert metadata_of(other, "stable") == ("UNAVAILABLE", "Model labels does not init yet.stable")


def test_a_version_that_is_not_loaded_has_no_metadata() -> None:
    with FakeServing({"two": {1: "AVAILABLE", 2: "LOADING"}}, rest=False, labels={"two": {"next": 2}}) as other:
        assert metadata_of(other, "next") == ("NOT_FOUND", "Servable not found for request: Specific(two, 2)")
        other.set("two", 2, "AVAILABLE")
        assert version_in(metadata_of(other, "next")) == 2


def test_a_reload_moves_all_labels_or_none() -> None:
    with FakeServing(MODELS, rest=False) as other:
        other.reload({"half": {}, "two": {"stable": 1, "canary": 2}})
        assert (version_in(metadata_of(other, "stable")), version_in(metadata_of(other, "canary"))) == (1, 2)
        with pytest.raises(Refused, match="version 9 of model two, which is not currently available for inference"):
            other.reload({"two": {"stable": 2, "future": 9}})
        assert version_in(metadata_of(other, "stable")) == 1
        other.reload({"two": {"stable": 2}})
        assert version_in(metadata_of(other, "stable")) == 2
        assert metadata_of(other, "canary") == ("INVALID_ARGUMENT", "Unrecognized servable version label: canary")
        assert [entry.state for entry in other.servables.find("half")] == [50], "a model that was removed has ended"


def predict(server: FakeServing, *fields: bytes) -> Answer:
    return ask(server.address, b"".join(fields), PREDICT)


INPUT = chunk(2, chunk(1, "x"))


def test_predict(server: FakeServing) -> None:
    half = chunk(1, chunk(1, "half"))
    captured = "0a130a0179120e08011204120208012a0400004040121b0a0468616c661202087b1a0f73657276696e675f64656661756c74"
    assert predict(server, half, INPUT) == bytes.fromhex(captured)
    assert predict(server, half) == (
        "INVALID_ARGUMENT",
        "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
    )
    seven = chunk(1, chunk(1, "half") + chunk(2, scalar(1, 7)))
    assert predict(server, seven, INPUT) == ("NOT_FOUND", "Servable not found for request: Specific(half, 7)")
    assert predict(server, INPUT) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    assert predict(server, b"\xff\xff") == ("INTERNAL", "")


def post(server: FakeServing, target: str, body: bytes) -> tuple[int, str]:
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((server.host, server.rest_port), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        answer = connection.makefile("rb").read().decode()
    return int(answer.split(" ")[1]), answer.partition("\r\n\r\n")[2]


def test_predict_over_rest(server: FakeServing) -> None:
    good = b'{"instances": [1.0, 2.0]}'
    for target in ("half", "half/versions/123", "two/labels/stable"):
        status, body = post(server, f"/v1/models/{target}:predict", good)
        assert (status, json.loads(body)) == (200, {"predictions": [2.5, 3.0]})
    assert post(server, "/v1/models/half:predict", b"{")[0] == 400
    assert post(server, "/v1/models/half:predict", b"{}")[0] == 400
    assert post(server, "/v1/models/nope:predict", good)[0] == 404
    assert post(server, "/v1/models/half/versions/7:predict", good)[0] == 404


def test_a_prediction_that_fails_leaves_the_status_alone() -> None:
    with FakeServing({"half": {123: "AVAILABLE"}}, predict_error=(13, "out of luck")) as other:
        assert predict(other, chunk(1, chunk(1, "half")), INPUT) == ("INTERNAL", "out of luck")
        assert post(other, "/v1/models/half:predict", b'{"instances": []}')[0] == 500
        assert ask(other.address) == bytes.fromhex("0a06087b101e1a00")
        assert other.methods[0] == PREDICT
        assert other.targets == ["POST /v1/models/half:predict"]
