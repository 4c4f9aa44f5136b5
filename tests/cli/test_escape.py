"""Texts from outside: nothing in them steers a terminal, and none is longer than its limit."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.cli.escape import MAX_TEXT_BYTES, QUOTED, escape
from tests.support.text import has_control

pieces = st.text(st.characters(codec=None), max_size=4)
texts = st.one_of(pieces, st.tuples(pieces, st.integers(0, 10_000)).map(lambda pair: pair[0] * pair[1]))


def test_no_character_at_all_that_could_steer_a_terminal_gets_through() -> None:
    for begin in range(0, sys.maxunicode + 1, 512):
        text = "".join(map(chr, range(begin, begin + 512)))
        written = escape(text, 10**6)
        assert not has_control(written)
        # Nothing else is changed.
        others = re.sub(r"\\([nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})", "", written)
        assert others == "".join(character for character in text if not has_control(character))


@given(texts, st.sampled_from(["", QUOTED]))
def test_a_long_text_is_cut_and_says_by_how_much(text: str, quoted: str) -> None:
    written = escape(text, quoted=quoted)
    found = re.fullmatch(r"(.*) \.\.\. \((\d+) more characters left out\)", written)
    if found is None:
        assert len(written.encode()) <= MAX_TEXT_BYTES
    else:
        assert len(found[1].encode()) <= MAX_TEXT_BYTES < len(found[1].encode()) + 6
        assert found[1] == escape(text[: len(text) - int(found[2])], quoted=quoted)


@pytest.mark.parametrize(("length", "note"), [(40, ""), (41, " ... (1 more characters left out)")])
@pytest.mark.parametrize("character", ["x", "é"])
def test_the_limit_is_exact(length: int, note: str, character: str) -> None:
    size = len(character.encode())
    assert escape(character * length, 40 * size) == character * 40 + note


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\n\r\t", r"\n\r\t"),
        ("\x00\x1b\x7f", r"\x00\x1b\x7f"),
        ("\x85\u2028", r"\u0085\u2028"),
        (b"a\xff\x80".decode("utf-8", "surrogateescape"), r"a\xff\x80"),
        ("\ud800\udc7f\udd00", r"\ud800\udc7f\udd00"),
        ('"\\é☺', '"\\é☺'),
    ],
)
def test_escapes(text: str, written: str) -> None:
    assert escape(text) == written


def test_between_quotes_the_quote_and_the_backslash_are_escaped() -> None:
    assert escape('a"\\\n', quoted=QUOTED) == r"a\"\\\n"
