"""Go's quoted strings; test_flags.py has the integers."""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.cli.go_syntax import quote

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
    assert quote(text) == QUOTED[text]


def test_a_byte_that_is_not_utf_8_is_quoted_as_that_byte() -> None:
    assert quote(b"a\xff\x80".decode("utf-8", "surrogateescape")) == r'"a\xff\x80"'
    assert quote("\udc7f\udd00") == r'"\udc7f\udd00"', "surrogates that stand for no byte"


@given(st.text())
def test_a_quoted_text_can_be_read_back(text: str) -> None:
    assert ast.literal_eval(quote(text)) == text


@given(st.text(st.characters(codec=None)))
@example("\ud800")
def test_a_quoted_text_is_printable(text: str) -> None:
    assert quote(text).isprintable()
