"""The README's tables, compared with the program's."""

from __future__ import annotations

import re

from probe.cli.flag_table import FLAGS
from probe.cli.usage import render_value
from probe.tfs.exit_codes import TABLE
from tests.support.variants import ROOT, VERSION

README = (ROOT / "README.md").read_text()


def table(head: str) -> list[list[str]]:
    """The cells of the rows of the table that begins with this line."""
    rows = README.split(head + "\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_flag_stands_there_with_its_default() -> None:
    described = {row[0].strip("`-"): row[1] for row in table("| flag | default | |")}
    assert list(described) == list(FLAGS)
    for name, flag in FLAGS.items():
        shown = re.findall(r"`([^`]+)`", described[name])
        if shown:
            assert shown[0] in (render_value(flag, flag.default).strip('"'), "0" if not flag.default else None), name
        else:
            assert not flag.default, name


def test_every_exit_code_stands_there() -> None:
    codes = {int(code) for row in table("| code | what it means | line on stderr |") for code in row[0].split(", ")}
    assert codes == {code for code, _, _, _ in TABLE}


def test_the_version_is_the_programs() -> None:
    named = set(re.findall(r"tfs_model_status_probe_(\d+\.\d+\.\d+)", README))
    assert named == {VERSION}
