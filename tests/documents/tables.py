"""README's tables of flags and exit codes, from the program's. `python -m tests.documents.tables` writes them."""

from __future__ import annotations

import re

from probe.cli.flag_table import FLAGS, Flag
from probe.cli.usage import render_value
from probe.tfs.exit_codes import TABLE
from tests.support.variants import ROOT

README = ROOT / "README.md"
FLAGS_HEAD = "| flag | default | meaning |\n|---|---|---|\n"
CODES_HEAD = "| code | meaning | what to check |\n|---|---|---|\n"


def with_tables(readme: str) -> str:
    """The README with the program's rows in both tables."""
    readme = _with_rows(readme, FLAGS_HEAD, [_flag(flag) for flag in FLAGS.values()])
    return _with_rows(readme, CODES_HEAD, [_row(str(code), *texts) for code, _, *texts in TABLE])


def _with_rows(readme: str, head: str, rows: list[str]) -> str:
    before, _, rest = readme.partition(head)
    return before + head + "".join(f"{row}\n" for row in rows) + re.sub(r"\A(\|.*\n)*", "", rest)


def _row(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _flag(flag: Flag) -> str:
    shown = render_value(flag, flag.default).strip('"') if flag.default else ""
    return _row(f"`-{flag.name} {flag.metavar}".rstrip() + "`", f"`{shown}`" if shown else "", flag.help)


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
