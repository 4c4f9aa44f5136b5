"""Whatever a TLS server does, the program ends by itself, in time, with a documented exit code and a clear line.

The table of tests/tls_hostile.py is run on the module, line for line, and a handful of it on every form of the program.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.cli.test_hostile import EXTRA_MEMORY, Run, assert_row, run
from tests.flavours import MODULE_FLAVOUR, Flavour
from tests.hostile import GOOD, Row, answers, hostile
from tests.tls_hostile import PLAIN, ROWS, authority_file, inside


def asked(flavour: Flavour, row: Row, folder: Path) -> Run:
    argv = () if row.name.startswith(PLAIN) else ("-tls", f"-tls-ca-cert={authority_file()}")
    with hostile(row.play, row.receive_buffer, http2=False) as server:
        return run(flavour, folder, f"-addr={server.address}", *argv, *row.argv)


@pytest.fixture(scope="module")
def plain_memory(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The most memory of a run against a good TLS server, in KiB."""
    done = asked(MODULE_FLAVOUR, Row("good", inside(answers(GOOD)), 0), tmp_path_factory.mktemp("plain"))
    assert done.outcome.exit_code == 0, done.outcome
    return done.memory


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, tmp_path: Path, plain_memory: int) -> None:
    done = asked(MODULE_FLAVOUR, row, tmp_path)
    assert_row(row, done.outcome)
    assert done.memory < plain_memory + EXTRA_MEMORY, f"{done.memory - plain_memory} KiB more than a plain run"


# One row of each kind, for the forms of the program that are built.
HANDFUL = (
    "hello-closed",
    "hello-half-then-mute",
    "hello-drips",
    "first-record-empty-without-end",
    "first-random-without-end",
    "chain-of-1000",
    "names-3000",
    "names-controls",
    "names-not-utf-8",
    "issuer-controls",
    "inside-tickets-without-end",
    "inside-empty-records-without-end-after-the-request",
    "inside-renegotiation",
    "inside-alert-after-the-request",
    "inside-closed-after-the-request",
    "inside-answer-then-random",
    "name-then-mute",
    "plain-closed-then-honest",
    "plain-closed-then-drips",
)


@pytest.mark.parametrize("name", HANDFUL)
def test_handful_on_every_flavour(flavour: Flavour, name: str, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.name == name)
    assert_row(row, asked(flavour, row, tmp_path).outcome)


def test_a_certificate_cannot_fake_a_line(tmp_path: Path) -> None:
    """Whole lines of ours, and what turns the direction of text or clears a terminal, in names and issuer."""
    for name in ("names-controls", "issuer-controls"):
        row = next(row for row in ROWS if row.name == name)
        outcome = asked(MODULE_FLAVOUR, row, tmp_path).outcome
        assert len(outcome.lines) == 2
        assert "\\n" in outcome.verdict
        assert "\\x1b" in outcome.verdict


@pytest.mark.parametrize("name", ["closed-then-closed", "closed-then-mute", "plain-closed-then-mute"])
def test_no_descriptor_is_left_open(name: str, tmp_path: Path) -> None:
    """However often a second connection is made: each attempt to connect would leave one."""
    row = next(row for row in ROWS if row.name == name)
    few = Flavour("module", ("prlimit", "--nofile=9", *MODULE_FLAVOUR.command), MODULE_FLAVOUR.env)
    outcome = asked(few, dataclasses.replace(row, argv=("-connect-timeout=800ms",)), tmp_path).outcome
    assert_row(row, outcome)


def test_table_names_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
