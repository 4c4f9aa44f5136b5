"""Whatever a TLS server does, the program ends by itself, in time, with a documented exit code and a clear line.

The table in tls_rows.py is run on the module, line for line, and a handful of it on every variant.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.program.http2_rows import Row
from tests.program.test_hostile import EXTRA_MEMORY, assert_row, run
from tests.program.tls_rows import PLAIN, ROWS, inside
from tests.support.behaviours import answers
from tests.support.http2_writer import GOOD
from tests.support.runner import Measured
from tests.support.scripted_server import scripted_server
from tests.support.tls_peer import authority_file
from tests.support.variants import MODULE, Variant


def asked(variant: Variant, row: Row, folder: Path) -> Measured:
    argv = () if row.name.startswith(PLAIN) else ("-tls", f"-tls-ca-cert={authority_file()}")
    with scripted_server(row.behaviour, row.receive_buffer, http2=False) as server:
        return run(variant, folder, f"-addr={server.address}", *argv, *row.argv)


@pytest.fixture(scope="module")
def plain_memory(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The most memory of a run against a good TLS server, in KiB."""
    done = asked(MODULE, Row("good", inside(answers(GOOD)), 0), tmp_path_factory.mktemp("plain"))
    assert done.outcome.exit_code == 0, done.outcome
    return done.peak_kib


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, tmp_path: Path, plain_memory: int) -> None:
    done = asked(MODULE, row, tmp_path)
    assert_row(row, done.outcome)
    assert done.peak_kib < plain_memory + EXTRA_MEMORY, f"{done.peak_kib - plain_memory} KiB more than a plain run"


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
def test_handful_on_every_variant(variant: Variant, name: str, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.name == name)
    assert_row(row, asked(variant, row, tmp_path).outcome)


def test_a_certificate_cannot_fake_a_line(tmp_path: Path) -> None:
    """Whole lines of ours, and what turns the direction of text or clears a terminal, in names and issuer."""
    for name in ("names-controls", "issuer-controls"):
        row = next(row for row in ROWS if row.name == name)
        outcome = asked(MODULE, row, tmp_path).outcome
        assert len(outcome.lines) == 2
        assert "\\n" in outcome.verdict
        assert "\\x1b" in outcome.verdict


@pytest.mark.parametrize("name", ["closed-then-closed", "closed-then-mute", "plain-closed-then-mute"])
def test_no_descriptor_is_left_open(name: str, tmp_path: Path) -> None:
    """However often a second connection is made: each attempt to connect would leave one."""
    row = next(row for row in ROWS if row.name == name)
    few = Variant("module", ("prlimit", "--nofile=9", *MODULE.command), MODULE.env)
    outcome = asked(few, dataclasses.replace(row, argv=("-connect-timeout=800ms",)), tmp_path).outcome
    assert_row(row, outcome)


def test_table_names_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
