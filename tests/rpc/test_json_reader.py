"""Reading JSON piece by piece, held against the standard library.

Strategy: one generator makes valid texts, another damages them, a third throws bytes. The library says whether they are
JSON; its value, walked in order, says what must be reported.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.rpc.json_paths import ARRAY, OBJECT
from probe.rpc.json_reader import MAX_DEPTH, MAX_TEXT_CHARACTERS, PIECE_BYTES, JsonReader
from probe.rpc.json_tokens import MAX_NUMBER_CHARACTERS, JsonError
from tests.peak_memory import MAX_PEAK_KIBIBYTES, peak_of
from tests.rpc.http1_messages import pieces

EXAMPLES = settings(max_examples=400, derandomize=True, deadline=None, database=None)
Reported = list[tuple[str, Any]]

PATHS = ("", ".a", ".a.a", ".a[]", ".a[].b", ".", "[]", "[].b", "[][]", "[].a.b")


def read(data: bytes, wanted: tuple[str, ...] = PATHS, at: list[int] | None = None, stop_after: int = -1) -> Reported:
    """What is reported of a complete text, cut at these positions."""
    reported: Reported = []

    def take(path: str, value: Any) -> bool:
        reported.append((path, value))
        return len(reported) == stop_after

    reader = JsonReader(wanted, take)
    for piece in pieces(data, at or []):
        reader.feed(piece)
    reader.end()
    return reported


def ours(data: bytes, at: list[int] | None = None) -> Reported | None:
    """Our reading; None where the bytes are refused. Any other exception fails the test."""
    try:
        return read(data, at=at)
    except JsonError:
        return None


def constant(name: str) -> None:
    raise ValueError(name)


def theirs(data: bytes) -> Reported | None:
    """What the library's reading of the same bytes contains at the wanted paths."""
    try:
        value = json.loads(data.decode(), parse_constant=constant, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return None
    reported: Reported = []
    walk(value, "", reported)
    return reported


class Pairs(list[tuple[str, Any]]):
    """An object's members in order, equal keys included."""


def walk(value: Any, path: str | None, reported: Reported) -> None:
    if isinstance(value, Pairs):
        for key, member in value:
            inner = None if path is None or "." in key or "[" in key else f"{path}.{clean(key)}"
            walk(member, inner, reported)
    elif isinstance(value, list):
        for item in value:
            walk(item, None if path is None else f"{path}[]", reported)
    if path in PATHS:
        assert path is not None
        kept = OBJECT if isinstance(value, Pairs) else ARRAY if isinstance(value, list) else value
        reported.append((path, clean(kept) if isinstance(kept, str) else kept))


def clean(text: str) -> str:
    """The text without surrogates, and cut."""
    text = "".join("\ufffd" if "\ud800" <= character < "\ue000" else character for character in text)
    return text[:MAX_TEXT_CHARACTERS]


def same(one: Reported | None, other: Reported | None) -> bool:
    """Whether two readings are equal, telling 1, 1.0 and true from one another."""
    return repr(one) == repr(other)


keys = st.sampled_from(("a", "b", "", "a.a", "a[]", "[]", "\ud800"))
texts = st.one_of(st.text(max_size=8), st.text(st.sampled_from('\ud800\udc00"\\/\b\f\n\r\t\0\x7fü😀'), max_size=8))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(keys, inner)), max_leaves=12
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Valid texts: escaped or not, with white space or not."""
    text = json.dumps(
        draw(values),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from((None, 1))),
        separators=draw(st.sampled_from(((",", ":"), (" ,", "\t: ")))),
    )
    return text.encode("utf-8", "ignore")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    text = bytearray(draw(documents()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 2))] = draw(
            st.sampled_from(
                (b"", b'"', b"\\", b"\\u", b"\\ud83d", b",", b":", b"[", b"}", b"-", b"0", b".", b"e", b"\xff")
            )
        )
    return bytes(text)


tokens = st.lists(st.sampled_from((*'{}[]:,"\\ ', "true", "null", "1", "-0", "1e5", '"a"', '"\\u00e9"'))).map(
    lambda parts: "".join(parts).encode()
)
cuts = st.lists(st.integers(0, 200), max_size=5)

ODD = (
    b"", b" ", b"\xef\xbb\xbf{}", b"nul", b"nulll", b"true false", b"[1,]", b"[,1]", b"{,}", b'{"a":1,}', b'{"a"}',
    b"{1:2}", b'{"a":1 "b":2}', b"[1 2]", b"[}", b"{]", b"]", b"NaN", b"-Infinity", b"+1", b"01", b"-", b"-01", b"1.",
    b".5", b"1.e5", b"1e", b"1e+", b"1e+5", b"1E-5", b"-0", b"-0.0", b"1e999", b"1e5.5", b"--1", b"0x1", b'"\t"',
    b'"\n"', b'"\x00"', b'"\x7f"', b'"\\x"', b'"\\u12g4"', b'"\\u12"', b'"\\', b'"', b'"\\ud800"', b'"\\udc00"',
    b'"\\ud83d\\ude00"', b'"\\ud83d\\ud83d\\ude00"', b'"\\ud83d\\u0041"', b'"\\ud83d\\n"', b'"\\ud83d\\u"',
    b'"\\ud83d\\x"', b'"\\u 123"', b'"\xc3"', b'"\xc3\xbc"', b'"\xed\xa0\x80"', b'"\xf0\x9f\x98\x80"', b'"\xf8"',
    b"\xff", b"'a'", b"// c\n1", b"\x0b1", b"\xc2\xa01", b"1\x00", b'{"a":1}{"a":1}', b"1\xc3", b"[]\xe2\x82",
    b"\xd9\xa1", b"1\xd9\xa1", b'"\\u\xd9\xa1123"',
)  # fmt: skip


@pytest.mark.parametrize("data", ODD)
def test_odd_texts_are_judged_as_the_library_judges_them(data: bytes) -> None:
    assert same(ours(data), theirs(data))
    assert same(ours(data, list(range(len(data)))), theirs(data))


@EXAMPLES
@given(st.one_of(documents(), documents(), damaged(), tokens, st.binary(max_size=20)), cuts)
@example(b'{"a": [{"b": 1}, 2], "a": {"a": "x"}}', [])
def test_texts_are_read_as_the_library_reads_them(data: bytes, at: list[int]) -> None:
    assert same(ours(data), theirs(data))
    assert same(ours(data, at), ours(data))
    assert same(ours(data, list(range(len(data)))), ours(data))


@EXAMPLES
@given(st.one_of(documents(), damaged()), st.integers(1, 3), cuts)
def test_nothing_is_looked_at_once_enough_is_known(data: bytes, stop_after: int, at: list[int]) -> None:
    def outcome(at: list[int]) -> Reported | None:
        try:
            return read(data, at=at, stop_after=stop_after)
        except JsonError:
            return None

    assert same(outcome(at), outcome([]))
    whole = ours(data)
    if whole is not None:
        assert same(outcome(at), whole[:stop_after])


def test_what_follows_enough_may_be_anything() -> None:
    assert read(b'{"a":1,\xff\xff', (".a",), stop_after=1) == [(".a", 1)]
    with pytest.raises(JsonError, match="invalid UTF-8"):
        read(b'{"a":1,"b":"\xff\xff\xff\xff"}', (".a",))


# Bounds.


@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_bounded(open_: bytes, close: bytes) -> None:
    assert read(open_ * MAX_DEPTH + b"1" + close * MAX_DEPTH, ("",)) in ([("", ARRAY)], [("", OBJECT)])
    with pytest.raises(JsonError, match="more than 100 levels"):
        read(open_ * (MAX_DEPTH + 1) + b"1" + close * (MAX_DEPTH + 1), ("",))


@pytest.mark.parametrize("at", [[], list(range(300))])
def test_numbers_are_bounded(at: list[int]) -> None:
    number = b"1" * MAX_NUMBER_CHARACTERS
    assert read(b"[" + number + b"]", ("[]",), at) == [("[]", int(number))]
    with pytest.raises(JsonError, match="a number of more than 256 characters"):
        read(b"[" + number + b"1]", ("[]",), at)


@pytest.mark.parametrize("character", ["a", "ü", '\\"', "\\u00fc", "😀"])
def test_long_texts_are_kept_up_to_a_bound(character: str) -> None:
    data = '"' + character * (MAX_TEXT_CHARACTERS + 10) + '"'
    assert read(data.encode(), ("",)) == [("", json.loads(data)[:MAX_TEXT_CHARACTERS])]


def test_a_large_piece_is_read_like_small_ones() -> None:
    data = b'["' + "ü".encode() * PIECE_BYTES + b'",' + b" " * PIECE_BYTES + b"1234567]"
    assert read(data, ("[]",), list(range(0, len(data), 1000))) == read(data, ("[]",))
    assert read(data, ("[]",))[1] == ("[]", 1234567)


HOSTILE = {
    "open arrays": (b"", b"["),
    "empty arrays": (b"[", b"[],"),
    "two million numbers": (b"[", b"1,"),
    "texts": (b"[", b'"",'),
    "keys": (b"{", b'"":1,'),
    "long keys": (b'{"', b"k"),
    "escapes": (b'"', b"\\n"),
    "quotes": (b'{"a":"', b'\\"'),
    "surrogates": (b'{"a":"', b"\\ud83d\\ude00"),
    "digits": (b"[", b"1"),
    "white space": (b"", b" "),
    "broad characters": (b'{"a":"', "😀".encode()),
    "invalid UTF-8": (b'"', b"\xf0"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_takes_bounded_memory_and_linear_time(name: str) -> None:
    prefix, pattern = HOSTILE[name]
    started = time.monotonic()
    peak = peak_of(
        "from probe.rpc.json_reader import JsonReader\n"
        "reader = JsonReader(('', '.a', '[]'), lambda path, value: False)",
        prefix,
        pattern,
    )
    assert peak <= MAX_PEAK_KIBIBYTES
    assert time.monotonic() - started < 60


def test_the_memory_that_is_measured_is_that_of_the_reader() -> None:
    keeping = "class Keeper(list): feed = list.append\nreader = Keeper()"
    assert peak_of(keeping, b"", b"x", mebibytes=16) > MAX_PEAK_KIBIBYTES
