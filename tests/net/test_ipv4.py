"""Hosts that look like numbers, held against the C library, which accepts many notations."""

from __future__ import annotations

import ipaddress
import socket

from hypothesis import example, given
from hypothesis import strategies as st

from probe.net.ipv4 import looks_numeric, meaning

parts = st.one_of(
    st.sampled_from(
        ["0", "00", "010", "08", "0x", "0x1F", "0XfF", "255", "256", "65535", "65536", "16777216", "", "x"]
    ),
    st.integers(0, 2**33).map(str),
    st.integers(0, 2**33).map(hex),
)
hosts = st.lists(parts, min_size=1, max_size=5).map(".".join)


def as_the_c_library(host: str) -> str:
    """What inet_aton reads, or nothing."""
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return ""


@given(hosts)
@example("2130706433")
@example("127.1")
@example("0x7f.1")
@example("4294967296")
@example("1.2.3.4.5")
@example("08")
def test_the_meaning_is_what_the_c_library_reads(host: str) -> None:
    assert meaning(host) == as_the_c_library(host)


@given(hosts)
@example("10.0.0.1.")
def test_a_numeric_host_is_refused_unless_it_is_in_the_usual_notation(host: str) -> None:
    try:
        ipaddress.IPv4Address(host)
        assert not looks_numeric(host)
    except ValueError:
        # Whatever the C library would take for an address counts as numeric.
        assert looks_numeric(host) or not as_the_c_library(host)


@given(st.from_regex(r"[a-z][a-z0-9.-]{0,10}", fullmatch=True))
def test_names_are_not_numeric(host: str) -> None:
    assert not looks_numeric(host)
    assert meaning(host) == ""
