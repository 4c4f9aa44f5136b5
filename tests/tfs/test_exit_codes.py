"""The exit codes: users' scripts and Kubernetes manifests depend on their numbers."""

from __future__ import annotations

import re

from probe.cli.flag_table import FLAGS
from probe.tfs.exit_codes import TABLE

CONTRACT = {
    "OK": 0, "SETUP": 1, "USAGE": 2, "DIAL": 2, "CALL": 3, "NOT_FOUND": 10, "EMPTY": 11, "NO_MATCH": 12,
    "CREDENTIALS": 20, "UNKNOWN": 30, "START": 31, "LOADING": 32, "UNLOADING": 33, "END": 34, "PREDICT": 40,
    "UNEXPECTED": 100, "INTERNAL": 101, "DAMAGED": 102, "NOT_EXECUTABLE": 126, "COMMAND_NOT_FOUND": 127,
    "INTERRUPTED": 130, "TERMINATED": 143,
}  # fmt: skip


def test_exit_codes_keep_their_numbers() -> None:
    assert {name: code for code, name, _, _ in TABLE} == CONTRACT


def test_every_exit_code_is_explained() -> None:
    assert [name for _, name, meaning, check in TABLE if not meaning or not check] == []


def test_the_table_names_flags_that_exist() -> None:
    named = [flag for row in TABLE for text in row[2:] for flag in re.findall(r"(?<![\w-])-([a-z][a-z-]*)", text)]
    assert named and [flag for flag in named if flag not in FLAGS] == []
