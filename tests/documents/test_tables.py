"""The README's tables, held against the program."""

from __future__ import annotations

import re

from probe.flags import FLAGS
from probe.usage import value
from probe.verdict import ExitCode
from tests.support.variants import ROOT, VERSION

README = (ROOT / "README.md").read_text()


def table(head: str) -> list[list[str]]:
    """The cells of the rows of the table that begins with this line."""
    rows = README.split(head + "\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_flag_stands_there_with_its_default() -> None:
    described = {row[0].strip("`-"): row[1] for row in table("| flag | default | |")}
    assert list(described) == list(FLAGS)
    for name, (_, default) in FLAGS.items():
        shown = re.findall(r"`([^`]+)`", described[name])
        if shown:
            assert shown[0] in (value(name, default).strip('"'), "0" if not default else None), name
        else:
            assert not default, name


def test_every_exit_code_stands_there() -> None:
    codes = {int(code) for row in table("| code | what it means | line on stderr |") for code in row[0].split(", ")}
    assert codes == {code for name, code in vars(ExitCode).items() if name.isupper()}


def test_the_version_is_the_programs() -> None:
    named = set(re.findall(r"tfs_model_status_probe_(\d+\.\d+\.\d+)", README))
    assert named == {VERSION}
