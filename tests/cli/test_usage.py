"""The text of `-h`, held against the flags; and what a mistyped command line is answered with."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from probe.cli import flags
from probe.cli.flag_table import FLAGS
from probe.cli.flags import UsageError
from probe.cli.usage import EXAMPLES, MAX_PROGRAM_BYTES, render_value, usage, usage_error
from probe.tfs import exit_codes

if TYPE_CHECKING:
    from probe.cli.flag_table import FlagValue

ORIGINAL = """\
Usage of ./probe:
  -addr string
    \tThe hostname:port to check (default "localhost:9000")
  -connect-timeout duration
    \tTimeout for making connection (default 3s)
  -model-name string
    \tThe name of the model (default "default")
  -model-version int
    \tThe version of the model
  -rpc-timeout duration
    \tTimeout for rpc call (default 10s)
"""


def test_the_original_usage_comes_first_letter_for_letter() -> None:
    assert usage("./probe").startswith(ORIGINAL)


def test_every_flag_is_listed_once_under_the_heading_of_its_group() -> None:
    assert re.findall(r"^  -([a-z-]+)", usage("x"), re.MULTILINE) == list(FLAGS)
    for flag in FLAGS.values():
        before = usage("x").partition(f"\n  -{flag.name}")[0]
        headings = re.findall(r"^([A-Z].*):$", before, re.MULTILINE)
        assert headings[-1] == (flag.group or "Usage of x")


def test_a_line_fits_a_terminal() -> None:
    text = usage("tfs_model_status_probe")
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert all(len(line) <= 120 for line in text.splitlines())
    assert [flag.name for flag in FLAGS.values() if not flag.help or flag.help.endswith(".")] == []


def test_the_layout_is_that_of_go() -> None:
    text = usage("x")
    assert re.search(r"^  -v\t\S", text, re.MULTILINE), "a name of one letter has its help on the same line"
    assert re.search(r"^  -liveness\n    \t\S", text, re.MULTILINE)
    assert re.search(r"^  -engine string\n    \t\S", text, re.MULTILINE)
    assert '(default "native")\n' in text
    assert "(default false)" not in text and "(default 0" not in text and "(default )" not in text


@pytest.mark.parametrize(("what", "arguments"), EXAMPLES)
def test_every_example_can_be_typed(what: str, arguments: str) -> None:
    found = flags.parse(shlex.split(arguments), {})
    assert found.leftover == ()
    assert found.values["timeout"] == 900_000_000 or found.values["wait"] or found.values["serve"], (
        "the kubelet's default is a second"
    )
    assert f"  # {what}\n  probe {arguments}\n" in usage("probe")


def test_the_variable_that_is_shown_exists_and_the_exceptions_are_named() -> None:
    ((name, value),) = re.findall(r"TFS_PROBE_([A-Z_]+)=(\S+)", usage("x"))
    assert flags.parse([], {f"TFS_PROBE_{name}".encode(): value.encode()}).sources
    (line,) = (line for line in usage("x").splitlines() if "TFS_PROBE_" in line)
    assert re.findall(r" -([a-z-]+)", line) == [flag.name for flag in FLAGS.values() if not flag.from_environment]


def test_the_exit_codes_are_listed() -> None:
    listed = re.findall(r"^  ([ \d]{3})  \S", usage("x"), re.MULTILINE)
    assert [int(code) for code in listed] == [
        code for code, _, _, _ in exit_codes.TABLE if code < exit_codes.INTERRUPTED
    ]


def test_the_program_cannot_break_the_text() -> None:
    first = usage("x\n\x1b" + "y" * 10_000).splitlines()[0]
    assert first.isprintable() and len(first) < 2 * MAX_PROGRAM_BYTES


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("v", True, "true"),
        ("v", False, "false"),
        ("rpc-timeout", 1_500_000_000, "1.5s"),
        ("model-version", -7, "-7"),
        ("addr", 'a"b', '"a\\"b"'),
        ("engine", "native", '"native"'),
        ("rpc-header", (("a", " b"), ("c", "")), '"a: b", "c:"'),
    ],
)
def test_values_are_shown_as_go_shows_them(name: str, value: FlagValue, text: str) -> None:
    assert render_value(FLAGS[name], value) == text


@pytest.mark.parametrize("name", ["Authorization", "authorization", "Proxy-Authorization", "COOKIE"])
def test_a_secret_header_is_masked(name: str) -> None:
    shown = render_value(FLAGS["rpc-header"], ((name, " Bearer 12345"), ("x-id", "7")))
    assert "12345" not in shown and name in shown and '"x-id:7"' in shown


# What is said about a mistyped command line.


@pytest.mark.parametrize(
    ("argv", "suggestion"),
    [(["-modelname=m"], "-model-name"), (["-timeout=1"], "-timeout=1s"), (["-v", "true"], "=true")],
)
def test_what_is_wrong_comes_first_and_last_with_a_suggestion(argv: list[str], suggestion: str) -> None:
    with pytest.raises(UsageError) as caught:
        flags.parse(argv, {})
    sentence = str(caught.value)
    first, *between, last = usage_error("./probe", caught.value).splitlines()
    assert first == sentence
    assert "\n".join(between).strip() == usage("./probe").strip()
    assert last.startswith(f"hint: {sentence}; ")
    assert suggestion in last.removeprefix(f"hint: {sentence}; ")


def test_without_a_guess_the_last_line_is_the_sentence_alone() -> None:
    error = UsageError("flag provided but not defined: -zzzzzz", "zzzzzz")
    assert usage_error("x", error).endswith("\nhint: flag provided but not defined: -zzzzzz\n")


def test_a_sentence_cannot_break_the_text() -> None:
    with pytest.raises(UsageError) as caught:
        flags.parse(["-x\n\x1b[2J" + "y" * 100_000], {})
    text = usage_error("x", caught.value)
    assert "\x1b" not in text and len(text.encode()) <= 9216
