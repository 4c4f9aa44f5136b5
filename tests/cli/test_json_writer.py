"""Writing JSON, held against the standard library's reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.cli.json_writer import to_json

EXAMPLES = settings(max_examples=300, derandomize=True, deadline=None, database=None)
texts = st.text(st.characters(exclude_categories=()))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(texts, inner)),
    max_leaves=10,
)


def replaced(value: Any) -> Any:
    """The value as it should come back: without surrogates, with lists for tuples. The last of equal keys counts."""
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= character < "\ue000" else character for character in value)
    if isinstance(value, (list, tuple)):
        return [replaced(item) for item in value]
    if isinstance(value, dict):
        return {replaced(key): replaced(item) for key, item in value.items()}
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, telling 1 from true."""
    return json.dumps(one) == json.dumps(other)


@EXAMPLES
@given(values, st.booleans())
def test_the_library_reads_what_is_written(value: Any, ascii_only: bool) -> None:
    written = to_json(value, ascii_only)
    assert same(json.loads(written.encode()), replaced(value))
    assert all(character.isprintable() or ord(character) >= 0xA0 for character in written)
    assert "\n" not in written
    if ascii_only:
        assert written.isascii()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, True, None], "b": ()}, '{"a":[1,true,null],"b":[]}'),
        ('"\\/\b\f\n\r\t\0\x7f\x85', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u007f\\u0085"'),
        ("ü😀\udcff\ud83d\ude00", '"ü😀\ufffd\ufffd\ufffd"'),
    ],
)
def test_the_form_is_compact(value: Any, written: str) -> None:
    assert to_json(value) == written


@pytest.mark.parametrize(("value", "written"), [(1.5, "1.500"), (-0.0004, "-0.000"), (12.3456, "12.346")])
def test_a_float_has_three_decimals(value: float, written: str) -> None:
    assert to_json(value) == written


def test_ascii_escapes_all_else() -> None:
    assert to_json("ü😀\udcff", ascii_only=True) == '"\\u00fc\\ud83d\\ude00\\ufffd"'


@pytest.mark.parametrize("value", [float("inf"), float("nan"), b"", {1}, object()])
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="has no form in JSON"):
        to_json([value])
