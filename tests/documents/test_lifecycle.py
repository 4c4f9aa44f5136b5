"""docs/lifecycle.md: what each question answers in each moment of a model's life.

EXPECTED was written down from what a real server was captured to answer (tests/data/captures.json and
metadata_captures.json), not from what the program prints. The program is asked on the stand-in's scripts; the table
in the document is made of EXPECTED alone: `python -m tests.documents.test_lifecycle` writes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.fake_tfs import FakeServing
from tests.program.test_question_deadlines import stopped
from tests.support.variants import MODULE, ROOT

DOCUMENT = ROOT / "docs" / "lifecycle.md"
BEGIN, END = "<!-- table: written by tests/documents/test_lifecycle.py -->\n", "<!-- end of the table -->\n"
QUESTIONS: dict[str, tuple[str, ...]] = {
    "readiness": (),
    "`-require=latest`": ("-require=latest",),
    "`-liveness`": ("-liveness",),
    "`-model-label=stable`": ("-model-label=stable",),
}
Codes = tuple[int, int, int, int]


class Moment(NamedTuple):
    """A moment, what a server answers then, and the exit codes of the questions by gRPC and by REST."""

    name: str
    versions: str
    codes: Codes
    rest: Codes
    script: str = ""
    steps: int = 0
    label: int | None = None
    """The version that `stable` points to."""


def moment(name: str, versions: str, codes: Codes, script: str, steps: int = 0, label: int | None = 1) -> Moment:
    """A moment in which both protocols give the same codes."""
    return Moment(name, versions, codes, codes, script, steps, label)


EXPECTED = [
    moment("first load", "ports closed", (2, 2, 2, 2), "slow-first-load"),
    moment("first load done", "1 AVAILABLE", (0, 0, 0, 0), "slow-first-load", 1),
    moment("upgrade: found", "125 START, 123 AVAILABLE", (0, 31, 0, 0), "upgrade", 1, 123),
    moment("upgrade: loading", "125 LOADING, 123 AVAILABLE", (0, 32, 0, 0), "upgrade", 2, 123),
    moment("upgrade done, label not moved", "125 AVAILABLE, 123 END", (0, 0, 0, 34), "upgrade", 3, 123),
    moment("upgrade done, label moved", "125 AVAILABLE, 123 END", (0, 0, 0, 0), "upgrade", 3, 125),
    moment("upgrade done, label dropped", "125 AVAILABLE, 123 END", (0, 0, 0, 12), "upgrade", 3, None),
    moment("broken upgrade: retrying", "124 LOADING, 123 AVAILABLE", (0, 32, 0, 0), "broken-version", 2, 123),
    moment("broken upgrade", "124 END with an error, 123 AVAILABLE", (0, 34, 0, 0), "broken-version", 3, 123),
    moment("broken upgrade, label on it", "124 END with an error, 123 AVAILABLE", (0, 34, 0, 34), "broken-version", 3,
           124),
    moment("rollback: loading", "125 AVAILABLE, 123 LOADING", (0, 0, 0, 32), "rollback", 2, 123),
    moment("rollback done", "125 END, 123 AVAILABLE", (0, 0, 0, 0), "rollback", 3, 123),
    moment("removal, while requests hold it", "1 UNLOADING", (33, 33, 0, 33), "held-removal", 1),
    moment("removed", "1 END", (34, 34, 0, 34), "removal", 1),
    moment("model added, nothing found yet", "model not found", (10, 10, 0, 10), "added-model"),
    moment("added model that cannot be loaded", "1 END with an error", (34, 34, 0, 34), "added-broken-model", 2),
    moment("empty configuration", "model not found", (10, 10, 0, 10), "empty-config", 0, None),
    Moment("all gRPC threads busy", "RESOURCE_EXHAUSTED by gRPC", (3, 3, 0, 3), (0, 0, 0, 0), "busy", 0, 1),
    Moment("server stopped", "no answer", (2, 2, 2, 2), (3, 3, 3, 3)),
]  # fmt: skip


def table() -> str:
    head = ["moment", "what the server reports", *QUESTIONS]
    rows = [head, ["---"] * len(head)]
    for each in EXPECTED:
        codes = [
            str(grpc) if grpc == rest else f"{grpc}, REST {rest}"
            for grpc, rest in zip(each.codes, each.rest, strict=True)
        ]
        rows.append([each.name, each.versions, *codes])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


@contextlib.contextmanager
def living(each: Moment) -> Iterator[Callable[[bool], str]]:
    """A server in that moment; gives its address by protocol."""
    if not each.script:
        with stopped() as grpc, stopped(rest=True) as rest:
            yield lambda over_rest: f"http://{rest}" if over_rest else grpc
        return
    labels = {"m": {} if each.label is None else {"stable": each.label}}
    with FakeServing(labels=labels, closed=True) as server:
        run = server.run_script(each.script, model="m", manual=True)
        for _ in range(each.steps):
            assert run.advance()
        yield lambda over_rest: f"http://127.0.0.1:{server.rest_port}" if over_rest else server.address


@pytest.mark.parametrize("each", EXPECTED, ids=[each.name for each in EXPECTED])
def test_moment(each: Moment) -> None:
    with living(each) as address:
        found = [
            tuple(
                MODULE.run(
                    f"-addr={address(rest)}", "-model-name=m", "-connect-timeout=300ms", "-rpc-timeout=1s", *argv
                ).exit_code
                for argv in QUESTIONS.values()
            )
            for rest in (False, True)
        ]
    assert found == [each.codes, each.rest]


def test_every_script_of_the_stand_in_has_a_moment() -> None:
    from tests.fake_tfs.scripts import SCRIPTS

    # The same states as others, or a process that ends.
    same = {"steady", "loading", "slow-upgrade", "empty-folder", "failed-first-load"}
    assert {each.script for each in EXPECTED} - {""} == set(SCRIPTS) - same


def test_the_document_has_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0] == table()


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
