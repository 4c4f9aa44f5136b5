"""What the completions of all shells know about a flag's value."""

from __future__ import annotations

from probe.cli.flag_table import Flag
from probe.tfs.exit_codes import TABLE


def takes_files(flag: Flag) -> bool:
    """Whether the value is the name of a file or a directory."""
    return flag.kind == "path" or flag.metavar == "file"


def codes() -> dict[str, str]:
    """Every exit code with what it means; 2 has two meanings."""
    meanings: dict[str, str] = {}
    for code, _, meaning, _ in TABLE:
        text = str(code)
        meanings[text] = f"{meanings[text]}; {meaning[0].lower()}{meaning[1:]}" if text in meanings else meaning
    return meanings
