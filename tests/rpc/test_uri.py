"""Percent-encoding and paths, held against urllib."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.rpc.uri import path_segments, percent_decode, percent_encode
from tests.rpc.http1_messages import EXAMPLES

names = st.binary(max_size=20).map(lambda name: name.decode("utf-8", "surrogateescape"))
segments = st.lists(st.one_of(st.binary(max_size=3), st.sampled_from((b"%", b"%4", b"%41", b"%fF", b"%%", b"%g1"))))


@EXAMPLES
@given(names)
def test_names_survive_the_way_there_and_back(name: str) -> None:
    encoded = percent_encode(name)
    assert encoded.decode() == quote_from_bytes(name.encode("utf-8", "surrogateescape"), safe="")
    assert percent_decode(encoded) == name


@EXAMPLES
@given(segments.map(b"".join))
def test_segments_are_decoded_as_the_library_does(segment: bytes) -> None:
    assert percent_decode(segment).encode("utf-8", "surrogateescape") == unquote_to_bytes(segment)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/", ("",)),
        (b"/readyz", ("readyz",)),
        (b"/readyz/a%2Fb%FF?verbose=/x", ("readyz", "a/b\udcff")),
        (b"//x/", ("", "x", "")),
        (b"HTTP://host:1/readyz/m", ("readyz", "m")),
        (b"https://host?a/b", ("",)),
        (b"*", None),
        (b"host:80", None),
        (b"ftp://host/", None),
    ],
)
def test_a_target_has_a_path_or_none(target: bytes, expected: tuple[str, ...] | None) -> None:
    assert path_segments(target) == expected
    if expected is not None and not target.startswith(b"//"):
        assert len(expected) == max(urlsplit(target).path.count(b"/"), 1)
