"""`-rpc-header` -> metadata: what is accepted, and that nothing else is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.cli.rpc_headers import MAX_HEADER_BYTES, RESERVED, metadata, user_agent


def test_order_and_repeats_are_kept_and_capitals_are_not() -> None:
    given_headers = (("B", " 1"), ("a", "2\t"), ("b", ""), ("X.y-z_0", "a b"))
    assert metadata(given_headers) == ((b"b", b"1"), (b"a", b"2"), (b"b", b""), (b"x.y-z_0", b"a b"))


def test_binary_values_are_any_bytes() -> None:
    assert metadata((("K-Bin", "\0größe\udcff\n"),)) == ((b"k-bin", "\0größe".encode() + b"\xff\n"),)


@pytest.mark.parametrize(
    "name", [*RESERVED, "grpc-", "grpc-timeout", "grpc-x-bin", "user-agent", "", " ", "a b", "é", "a:"]
)
def test_names_that_are_rejected(name: str) -> None:
    for spelled in (name, name.upper()):
        with pytest.raises(ValueError, match=re.escape(f'-rpc-header "{spelled}: …"')):
            metadata(((spelled, "value"),))


@given(st.text(max_size=5), st.text(max_size=5))
def test_what_is_sent_is_allowed_in_http2(name: str, value: str) -> None:
    try:
        ((sent, content),) = metadata(((name, value),))
    except ValueError:
        return
    assert re.fullmatch(rb"[a-z0-9_.-]+", sent)
    assert sent.endswith(b"-bin") or re.fullmatch(rb"([!-~]([ -~]*[!-~])?)?", content)


def test_all_together_are_bounded() -> None:
    one = ("a", "x" * (MAX_HEADER_BYTES - 33))
    assert metadata((one,))
    with pytest.raises(ValueError, match="16384 bytes"):
        metadata((one, ("b", "")))


@pytest.mark.parametrize("text", ["a\n", "é", "\x7f", "\0", "\udcff"])
def test_user_agents_that_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"^-user-agent: "):
        user_agent(text)
    assert user_agent("a (b) ~") == b"a (b) ~"
