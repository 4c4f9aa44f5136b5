"""Durations as Go reads and writes them. The tables hold what Go's own `time` package was seen to answer (1.19)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.cli import duration
from probe.cli.duration import UNITS

MINUTE, HOUR = 60 * 10**9, 3600 * 10**9
MOST, LEAST = 2**63 - 1, -(2**63)

nanoseconds = st.one_of(
    st.integers(LEAST, MOST), st.integers(-(10**12), 10**12), st.integers(-(10**6), 10**6).map(lambda n: n * 10**9)
)


@given(nanoseconds)
@example(0)
@example(MOST)
@example(LEAST)
def test_what_is_written_is_read_back(value: int) -> None:
    assert duration.parse(duration.render(value)) == value


WRITTEN = {
    0: "0s",
    1: "1ns",
    999: "999ns",
    1000: "1µs",
    1100: "1.1µs",
    999_999: "999.999µs",
    1_000_000: "1ms",
    2_200_000: "2.2ms",
    3_300_000_000: "3.3s",
    900_000_000: "900ms",
    999_999_999: "999.999999ms",
    10**9: "1s",
    59_999_999_999: "59.999999999s",
    MINUTE: "1m0s",
    90 * 10**9: "1m30s",
    4 * MINUTE + 5_001_000_000: "4m5.001s",
    HOUR: "1h0m0s",
    5 * HOUR + 6 * MINUTE + 7_001_000_000: "5h6m7.001s",
    8 * MINUTE + 1: "8m0.000000001s",
    -1: "-1ns",
    -1500: "-1.5µs",
    -90 * MINUTE: "-1h30m0s",
    MOST: "2562047h47m16.854775807s",
    LEAST: "-2562047h47m16.854775808s",
}


@pytest.mark.parametrize(("value", "text"), WRITTEN.items())
def test_writing(value: int, text: str) -> None:
    assert duration.render(value) == text


READ = {
    "0": 0,
    "+0": 0,
    "-0": 0,
    "0s": 0,
    "5s": 5 * 10**9,
    "-5s": -5 * 10**9,
    "+5s": 5 * 10**9,
    "5.s": 5 * 10**9,
    ".5s": 500_000_000,
    "5.6s": 5_600_000_000,
    "1.004s": 1_004_000_000,
    "100.00100s": 100_001_000_000,
    "10ns": 10,
    "11us": 11_000,
    "12\u00b5s": 12_000,
    "12\u03bcs": 12_000,
    "13ms": 13_000_000,
    "15m": 15 * MINUTE,
    "16h": 16 * HOUR,
    "1m30s": 90 * 10**9,
    "1.5h": 90 * MINUTE,
    "3h30m": 210 * MINUTE,
    "10.5s4m": 4 * MINUTE + 10_500_000_000,
    "-2m3.4s": -(2 * MINUTE + 3_400_000_000),
    "1h2m3s4ms5us6ns": HOUR + 2 * MINUTE + 3_004_005_006,
    "39h9m14.425s": 39 * HOUR + 9 * MINUTE + 14_425_000_000,
    "52763797000ns": 52_763_797_000,
    "9007199254740993ns": 2**53 + 1,
    "9223372036854775807ns": MOST,
    "9223372036854775.807us": MOST,
    "9223372036s854ms775us807ns": MOST,
    "-9223372036854775808ns": LEAST,
    "-9223372036854775.808us": LEAST,
    "-9223372036s854ms775us808ns": LEAST,
    "0.3333333333333333333h": 20 * MINUTE,
    "0.9223372036854775807h": 3_320_413_933_267,
    "0.9223372036854775808h": 3_320_413_933_267,
    "0.9223372036854775809h": 3_320_413_933_267,
    "0.100000000000000000000h": 6 * MINUTE,
    "0.830103483285477580700h": 49 * MINUTE + 48_372_539_827,
    "0.9ns": 0,
    "1.9ns": 1,
    "1s1s": 2 * 10**9,
}


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_reading(text: str, value: int) -> None:
    assert duration.parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "3", "-", "+", "s", ".", "-.", ".s", "+.s", "1d", "1 s", " 1s", "1s ", "1S", "--1s", "+-1s", "1e3s", "1_0s",
        "0x1s", "1,5s", "1..5s", "1.5.5s", "1s2", "00", "-00", "1", "\u0661s", "\u00b2s", "1h-1m", "1\ns", "s1", "inf",
        "9223372036854775808ns", "-9223372036854775809ns", "9223372036854775.808us", "9223372036854ms775us808ns",
        "3000000h", "9223372036854775808", "10000000000000000000000s", "2562047h47m16.854775808s",
        "9223372036854775807.1us", "9223372036854775807ns1ns", "9223372036854775807ns2ns",
        "-9223372036854775807ns2ns", "\udcff", "1\udcffs",
    ],
)  # fmt: skip
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        duration.parse(text)


terms = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 99), st.integers(0, 10**12)),
        st.one_of(st.just(""), st.from_regex("[0-9]{1,12}", fullmatch=True)),
        st.sampled_from(list(UNITS)),
    ),
    min_size=1,
    max_size=4,
)


@given(terms, st.sampled_from(["", "+", "-"]))
def test_a_sum_of_terms_is_their_exact_sum_but_for_less_than_a_nanosecond_each(
    sum_of: list[tuple[int, str, str]], sign: str
) -> None:
    text = sign + "".join(f"{whole}.{part}{unit}" if part else f"{whole}{unit}" for whole, part, unit in sum_of)
    exact = sum(Fraction(f"{whole}.{part or 0}") * UNITS[unit] for whole, part, unit in sum_of)
    if exact > 2**63:
        with pytest.raises(ValueError):
            duration.parse(text)
        return
    value = duration.parse(text)
    assert (value < 0) == (sign == "-" and value != 0)
    # Go's floating point cuts each fraction to whole nanoseconds, and may be one off.
    assert exact - 1 - len(sum_of) < abs(value) <= exact + len(sum_of)
    if not any(part for _, part, _ in sum_of):
        assert abs(value) == exact


@given(st.one_of(st.text(), st.text("0123456789.+-hmsnuµ", max_size=12)))
def test_any_text_is_a_duration_in_64_bits_or_a_value_error(text: str) -> None:
    try:
        value = duration.parse(text)
    except ValueError:
        return
    assert LEAST <= value <= MOST
    assert duration.parse(duration.render(value)) == value
