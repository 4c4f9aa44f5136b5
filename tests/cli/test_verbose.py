"""What `-v` tells, and the hint about arguments that are not read."""

from __future__ import annotations

import pytest
from probe.flags import FLAGS
from probe.report import LONGEST
from probe.verbose import details

from probe import flags
from probe.model import Timings

TIME = "2024/01/02 03:04:05 "


def timings(dial: int = 0, call: int = 0, peer: str = "") -> Timings:
    made = Timings()
    made.dial, made.call, made.peer = dial, call, peer
    return made


def told(*argv: str, took: Timings | None = None) -> list[str]:
    text = details(flags.parse(list(argv), {}, 0), took or timings(), TIME)
    assert all(line.startswith(TIME) for line in text.splitlines())
    assert text == "" or text.endswith("\n")
    return [line.removeprefix(TIME) for line in text.splitlines()]


def test_every_option_has_a_line() -> None:
    lines = told("-v", "-model-version=7", "-rpc-timeout=1500ms", '-model-name=a"b')
    assert [line.partition("=")[0] for line in lines] == [f"option -{name}" for name in FLAGS]
    assert "option -v=true" in lines
    assert "option -liveness=false" in lines
    assert "option -model-version=7" in lines
    assert "option -rpc-timeout=1.5s" in lines
    assert 'option -model-name="a\\"b"' in lines


@pytest.mark.parametrize(
    ("took", "lines"),
    [
        (timings(), []),
        (timings(dial=1_500_000, peer="127.0.0.1:8500"), ["connected to 127.0.0.1:8500 in 1.5ms"]),
        (
            timings(dial=1, call=2_000_000_000, peer="unix:/a\nb"),
            ["connected to unix:/a\\nb in 1ns", "call ended after 2s"],
        ),
    ],
)
def test_the_phases_that_ended_have_a_line(took: Timings, lines: list[str]) -> None:
    assert told("-v", took=took)[len(FLAGS) :] == lines


def test_without_v_only_the_arguments_that_nobody_reads_are_told() -> None:
    assert told(took=timings(1, 1, "x")) == []
    assert told("model\x1b", "-v", took=timings(1, 1, "x")) == [
        'hint: flags end at the first argument that is none: "model\\x1b" and what follows it is ignored'
    ]


def test_both() -> None:
    assert len(told("-v", "rest")) == 1 + len(FLAGS)


def test_a_long_value_is_cut() -> None:
    (line,) = (line for line in told("-v", "-model-name=" + "x" * 100_000) if line.startswith("option -model-name"))
    assert len(line) < LONGEST + 100
