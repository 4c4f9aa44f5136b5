"""Each cause has its hint; a status, a state and a list of versions have the one that fits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import probe
from probe.cli import hints
from probe.cli.flag_table import FLAGS
from probe.cli.hints import HINTS, LIMIT_FLAGS
from probe.cli.lines import BUDGET
from probe.deadline import CONNECT, RPC, RUN
from probe.model import (
    AVAILABLE,
    CALL,
    CREDENTIALS,
    DIAL,
    END,
    LOADING,
    PREDICT,
    SETUP,
    START,
    STATUS,
    UNKNOWN,
    UNLOADING,
    Failure,
    ModelStatus,
    Query,
    Verdict,
    VersionStatus,
)  # fmt: skip
from probe.tfs.verdict import judge

if TYPE_CHECKING:
    from probe.deadline import Limit
    from probe.model import Kind

PROBE = Path(probe.__file__).parent
WITHOUT_HINT = {
    "": "nothing is known beyond the line itself",
    "no-match": "its hint lists the versions that the server does have",
    "no-label": "its hint is what the server says about the label",
}


def all_causes() -> set[str]:
    """The members of model.Cause, which exists only for the type checker."""
    tree = ast.parse((PROBE / "model.py").read_text(encoding="utf-8"))
    (declared,) = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "Cause"
    )
    assert declared
    return {node.value for node in ast.walk(declared) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def constants() -> Iterator[str]:
    """All strings in the program, except in the two files that list the causes."""
    for path in PROBE.rglob("*.py"):
        if path not in (PROBE / "model.py", PROBE / "cli" / "hints.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def hint(outcome: ModelStatus | Failure, version: int = 0, model: str = "m") -> str:
    query = Query(model, version)
    return hints.hint(judge(outcome, query), outcome, query)


def versions_of(*pairs: tuple[int, int]) -> ModelStatus:
    return ModelStatus(tuple(VersionStatus(version, state) for version, state in pairs))


# The table.


def test_every_cause_has_a_hint_or_a_reason_for_none() -> None:
    """That no other cause exists is what mypy checks: a Cause is a Literal."""
    assert all_causes() == set(HINTS) | set(WITHOUT_HINT)
    assert not set(HINTS) & set(WITHOUT_HINT)


def test_every_cause_occurs() -> None:
    assert all_causes() - set(constants()) == set()


@pytest.mark.parametrize("text", HINTS.values(), ids=HINTS)
def test_a_hint_is_one_short_line_and_names_flags_that_exist(text: str) -> None:
    assert text.isprintable() and len(text.encode()) <= BUDGET.hint // 2 and not text.endswith(".")
    ours = re.sub(r"openssl pkey -in KEY -out PLAIN|ulimit -[vn]|\S+\.whl", "", text)
    named = re.findall(r"(?<![\w-])-([a-z][a-z-]*)", ours)
    assert [name for name in named if name not in FLAGS] == []


KINDS: list[Kind] = [SETUP, CREDENTIALS, DIAL, CALL]


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_has_the_hint_of_its_cause(kind: Kind) -> None:
    for cause, text in HINTS.items():
        assert hint(Failure(kind, "no", 13, cause)) == text
    assert hint(Failure(kind, "no", 13)) == ""


@pytest.mark.parametrize(("limit", "flag"), [(RUN, "-timeout"), (CONNECT, "-connect-timeout"), (RPC, "-rpc-timeout")])
def test_credentials_that_did_not_come_in_time_name_the_flag_that_ended_the_wait(limit: Limit, flag: str) -> None:
    assert LIMIT_FLAGS[limit] == flag and flag[1:] in FLAGS
    text = hint(Failure(CREDENTIALS, "no", cause="spiffe-api", limit=limit))
    assert text.startswith(HINTS["spiffe-api"]) and re.search(rf"(?<!\S){flag}\b", text)


# A status.


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (1, "proxy"),
        (5, '-model-name="m\\n"'),
        (7, "proxy"),
        (8, "--grpc_max_threads"),
        (12, "tensorflow.serving.ModelService"),
        (14, "proxy"),
        (16, "proxy"),
    ],
)
def test_a_status_has_the_hint_that_fits(code: int, word: str) -> None:
    assert word in hint(Failure(STATUS, "", code), model="m\n")
    assert hint(Failure(CALL, "", code)) == "", "only what the server said is about the server"


@pytest.mark.parametrize(
    ("code", "text", "word"),
    [(3, "x", "PredictRequest"), (13, "", "PredictRequest"), (13, "x", "the server's log"), (4, "", "-rpc-timeout")],
)
def test_a_failed_prediction_has_the_hint_that_fits(code: int, text: str, word: str) -> None:
    failure = Failure(PREDICT, text, code)
    assert word in hints.hint(Verdict(40, failure=failure), versions_of((1, AVAILABLE)), Query("m"))


def test_a_malformed_request_is_about_the_url() -> None:
    """TensorFlow Serving's words about a path that is not one of the API's."""
    text = hint(Failure(STATUS, "Malformed request: GET /v1/models/v1/models/m", 3))
    assert text.startswith("check the path of the URL in -addr: ")


@pytest.mark.parametrize("code", [0, 2, 3, 4, 6, 9, 10, 11, 13, 15, 17, 99, -1])
def test_a_status_that_tensorflow_serving_explains_itself_has_none(code: int) -> None:
    assert hint(Failure(STATUS, "text", code)) == ""


# A version.

BROKEN = "Data loss: Can't parse saved_model.pb"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (VersionStatus(7, END, True, 15, BROKEN), ["version 7", "DATA_LOSS", BROKEN, "new number"]),
        (VersionStatus(7, LOADING, True, 0, "odd"), ["version 7", "odd"]),
        (VersionStatus(7, END, True, 0, "OK"), ["version 7", "unloaded"]),
        (VersionStatus(7, END), ["version 7", "unloaded"]),
        (VersionStatus(7, START), ["version 7", "START", "--num_load_threads"]),
        (VersionStatus(7, LOADING), ["version 7", "LOADING", "--num_load_threads"]),
        (VersionStatus(7, UNLOADING), ["version 7", "unloaded"]),
    ],
)
def test_a_state_has_the_hint_that_fits(status: VersionStatus, words: list[str]) -> None:
    text = hint(ModelStatus((status,)))
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    "status",
    [
        VersionStatus(7, UNKNOWN),
        VersionStatus(7, 77),
        VersionStatus(7, AVAILABLE),
        VersionStatus(7, AVAILABLE, True, 15, BROKEN),  # it is AVAILABLE: the error is that of an earlier attempt
    ],
)
def test_other_states_have_none(status: VersionStatus) -> None:
    assert hint(ModelStatus((status,))) == ""


@pytest.mark.parametrize("order", [1, -1])
def test_an_available_version_names_a_newer_one_that_is_loading_or_failed(order: int) -> None:
    def both(*listed: VersionStatus) -> str:
        return hint(ModelStatus(listed[::order]))

    serving = VersionStatus(1, AVAILABLE)
    failed = both(VersionStatus(2, END, True, 15, BROKEN), serving)
    assert "version 1 serves" in failed and "version 2" in failed and BROKEN in failed
    assert "LOADING" in both(VersionStatus(2, LOADING), serving)
    assert both(VersionStatus(2, END), serving) == ""
    assert both(serving, VersionStatus(0, END, True, 15, BROKEN)) == ""


def test_an_unloaded_version_names_those_that_serve() -> None:
    others = versions_of((7, END), (6, AVAILABLE), (5, LOADING), (4, AVAILABLE))
    assert re.search(r"\b6, 4 serve\b", hint(others, 7))
    assert re.search(r"\b6 serves\b", hint(versions_of((7, END), (6, AVAILABLE)), 7))
    assert "serve" not in hint(versions_of((7, END), (6, END)), 7)


def test_a_missing_version_has_the_list_of_those_that_are_there() -> None:
    assert "version 3;" in hint(versions_of((3, END)), 7)
    assert "versions 3, 2;" in hint(versions_of((3, END), (2, END)), 7)
    ten = versions_of(*((number, END) for number in range(10)))
    assert "versions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9;" in hint(ten, 777)
    many = versions_of(*((number, END) for number in range(100, 0, -1)))
    assert "versions 100, 99, 98, 97, 96, 95, 94, 93, 92, 91 and 90 more;" in hint(many, 777)


def test_an_answer_without_versions() -> None:
    assert hint(ModelStatus(())) == HINTS["empty"]
