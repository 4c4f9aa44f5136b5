"""The text behind `-h` and the flags themselves say the same."""

from __future__ import annotations

import ast
import re
import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from probe.flags import FLAGS, NOT_FROM_ENVIRONMENT

from probe import flags, usage

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
    assert usage.usage("./probe").startswith(ORIGINAL)


def test_every_flag_is_described_once() -> None:
    described = [name for _, group in usage.GROUPS for name, _ in group]
    assert sorted(described) == sorted(FLAGS)
    shown = re.findall(r"^  -([a-z-]+)", usage.usage("x"), re.MULTILINE)
    assert shown == described


def test_a_line_of_help_fits_a_terminal_and_says_something() -> None:
    text = usage.usage("tfs_model_status_probe")
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert all(len(line) <= 120 for line in text.splitlines())
    assert all(what and not what.endswith(".") for _, group in usage.GROUPS for _, what in group)


def test_the_layout_is_that_of_go() -> None:
    text = usage.usage("x")
    assert "\n  -v\tSay how" in text  # a name of one letter has its line for itself
    assert "\n  -liveness\n    \tSucceed" in text
    assert "\n  -engine string\n    \tnative, or" in text
    assert '(default "native")\n' in text
    assert "(default false)" not in text and "(default 0" not in text


@pytest.mark.parametrize(("what", "arguments"), usage.EXAMPLES)
def test_every_example_can_be_typed(what: str, arguments: str) -> None:
    options = flags.parse(shlex.split(arguments), {}, 0)
    assert options.ignored == []
    assert options.call.deadline.at == 900_000_000, "the kubelet's default is a second"
    assert f"  # {what}\n  probe {arguments}\n" in usage.usage("probe")


def test_there_are_four_examples() -> None:
    assert len(usage.EXAMPLES) == 4


def test_the_variable_that_is_shown_exists() -> None:
    (name, value) = re.findall(r"TFS_PROBE_([A-Z_]+)=(\S+)", usage.usage("x"))[0]
    assert flags.parse([], {f"TFS_PROBE_{name}".encode(): value.encode()}, 0).values["rpc-timeout"] == 2 * 10**9
    (exempt,) = re.findall(r"Every flag but (.+) can", usage.usage("x"))
    assert exempt == " and ".join(f"-{name}" for name in NOT_FROM_ENVIRONMENT)


@pytest.mark.parametrize(
    ("name", "what", "text"),
    [
        ("v", True, "true"),
        ("v", False, "false"),
        ("rpc-timeout", 1_500_000_000, "1.5s"),
        ("model-version", -7, "-7"),
        ("addr", 'a"b', '"a\\"b"'),
        ("engine", "native", '"native"'),
    ],
)
def test_values_are_shown_as_go_does(name: str, what: str | int | bool, text: str) -> None:
    assert usage.value(name, what) == text


# What Go's strconv.Quote was seen to answer (1.19).
QUOTED = {
    "": '""',
    "abc": '"abc"',
    'a"b\\c': r'"a\"b\\c"',
    "\a\b\f\n\r\t\v": r'"\a\b\f\n\r\t\v"',
    "\x00\x1b\x7f": r'"\x00\x1b\x7f"',
    "\x80\x9f\xa0\xad": r'"\u0080\u009f\u00a0\u00ad"',
    "é☺\U0001f600": '"é☺\U0001f600"',
    "\u2028\u202e\ufeff": r'"\u2028\u202e\ufeff"',
    "\U000e0001\U0010ffff": r'"\U000e0001\U0010ffff"',
    "'": '"\'"',
}


@pytest.mark.parametrize("text", QUOTED, ids=ascii)
def test_quoting(text: str) -> None:
    assert usage.quote(text) == QUOTED[text]


def test_a_byte_that_is_no_utf_8_is_quoted_as_that_byte() -> None:
    assert usage.quote(b"a\xff\x80".decode("utf-8", "surrogateescape")) == r'"a\xff\x80"'
    assert usage.quote("\udc7f\udd00") == r'"\udc7f\udd00"', "what stands for no byte"


@given(st.text())
def test_what_is_quoted_can_be_read_back(text: str) -> None:
    assert ast.literal_eval(usage.quote(text)) == text


@given(st.text(st.characters(codec=None)))
@example("\ud800")
def test_what_is_quoted_is_printable(text: str) -> None:
    assert usage.quote(text).isprintable()
