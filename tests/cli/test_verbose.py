"""What `-v` prints, and the hint about arguments that are ignored."""

from __future__ import annotations

import re

import pytest

from probe.cli import flags
from probe.cli.flag_table import FLAGS
from probe.cli.verbose import details, leftover_hint
from probe.model import CallTrace

NOW = "2024/01/02 03:04:05 "
ROOM = 9000


def printed(
    *argv: str, env: dict[str, str] | None = None, trace: CallTrace | None = None, total_ns: int = 0, room: int = ROOM
) -> list[str]:
    environment = {name.encode("utf-8", "surrogateescape"): value.encode() for name, value in (env or {}).items()}
    text = details(flags.parse(list(argv), environment), environment, trace, NOW, total_ns, room)
    assert text.endswith("\n") and len(text.encode()) <= room
    assert all(line.startswith(NOW) for line in text.splitlines())
    return [line.removeprefix(NOW) for line in text.splitlines()]


def test_options_that_were_set_have_a_line_each_and_the_others_one_together() -> None:
    *options, defaults = printed("-v", "-model-version=7", "-rpc-timeout=1500ms", '-model-name=a"b', "-timeout=0")
    assert sorted(options) == [
        'option -model-name="a\\"b"',
        "option -model-version=7",
        "option -rpc-timeout=1.5s",
        "option -timeout=0s",
        "option -v=true",
    ]
    named = re.findall(r" -([a-z-]+)=", defaults)
    assert set(named) == {flag.name for flag in FLAGS.values() if flag.default} - {"model-name", "rpc-timeout"}
    assert ' -addr="localhost:9000"' in defaults and " -connect-timeout=3s" in defaults


def test_an_option_from_a_variable_says_so() -> None:
    lines = printed("-v", env={"TFS_PROBE_ADDR": ":1", "TFS_PROBE_MODEL_NAME": "m"})
    assert 'option -addr=":1" (from TFS_PROBE_ADDR)' in lines
    assert 'option -model-name="m" (from TFS_PROBE_MODEL_NAME)' in lines


def test_a_misspelt_variable_is_named_but_not_those_of_kubernetes() -> None:
    env = {
        "TFS_PROBE_MODEL": "m",
        "TFS_PROBE_SERVICE_HOST": "10.0.0.1",
        "TFS_PROBE_SERVICE_PORT_GRPC": "80",
        "TFS_PROBE_PORT_80_TCP": "tcp://10.0.0.1:80",
        "TFS_PROBE_VERSION": "1.0.1",
        "TFS_PROBE_\udcff\n": "x",
        "SSL_CERT_FILE": "x",
    }
    named = [line for line in printed("-v", env=env) if not line.startswith(("option ", "defaults "))]
    assert [re.findall(r"TFS_PROBE_\S+?(?=:)", line) for line in named] == [
        ["TFS_PROBE_MODEL"],
        ["TFS_PROBE_VERSION"],
        ["TFS_PROBE_\\xff\\n"],
    ]


def test_a_secret_header_is_masked() -> None:
    assert "12345" not in "".join(printed("-v", "-rpc-header=Authorization: 12345"))


@pytest.mark.parametrize(
    ("trace", "total_ns", "expected"),
    [
        (None, 5, []),
        (CallTrace(), 1_500_000, ["no connection after 1.5ms"]),
        (CallTrace(spiffe_id="spiffe://a/\n"), 1, ["SPIFFE ID spiffe://a/\\n", "no connection after 1ns"]),
        (
            CallTrace("unix:/a\nb", dial_ns=1_500_000, call_ns=2_000_000),
            4_000_000,
            [
                "connected to unix:/a\\nb",
                "time 4ms: 1.5ms to connect and send the request, 2ms for the answer, 500µs for the rest",
            ],
        ),
        (
            CallTrace("127.0.0.1:1", "TLSv1.3, X", "spiffe://a/b", 1, 2),
            4,
            [
                "SPIFFE ID spiffe://a/b",
                "connected to 127.0.0.1:1 (TLSv1.3, X)",
                "time 4ns: 1ns to connect and send the request, 2ns for the answer, 1ns for the rest",
            ],
        ),
    ],
)
def test_the_phases(trace: CallTrace | None, total_ns: int, expected: list[str]) -> None:
    assert printed("-v", trace=trace, total_ns=total_ns)[2:] == expected


def test_a_long_value_is_cut() -> None:
    (line,) = (line for line in printed("-v", "-model-name=" + "x" * 100_000) if line.startswith("option -model-name"))
    assert len(line) < 500


def test_lines_without_room_are_left_out_and_counted() -> None:
    env = {f"TFS_PROBE_X{number}": "" for number in range(500)}
    lines = printed("-v", env=env, trace=CallTrace("peer", dial_ns=1))
    (place,) = (place for place, line in enumerate(lines) if line.startswith("... ("))
    assert 0 < place < len(lines) - 1, "the options at the beginning and the phases at the end stay"
    assert lines[0] == "option -v=true" and lines[-1].startswith("time ")
    assert lines[place] == f"... ({505 - len(lines)} more lines left out)"


@pytest.mark.parametrize("room", [0, 101, 1000])
def test_there_may_be_no_room_at_all(room: int) -> None:
    text = details(flags.parse(["-v"], {}), {}, CallTrace("peer", dial_ns=1), NOW, 1, room)
    assert len(text.encode()) <= max(room, 100)


def test_arguments_that_are_ignored_have_a_hint() -> None:
    assert leftover_hint(flags.parse([], {}), NOW) == ""
    text = leftover_hint(flags.parse(["model\x1b" + "x" * 10_000, "-v"], {}), NOW)
    assert text.startswith(NOW + 'hint: "model\\x1bx') and text.endswith("\n")
    assert text.count("\n") == 1 and len(text) < 1500
