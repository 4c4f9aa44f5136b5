"""The command line, by the rules of Go's `flag` package: what is understood, and Go's own sentence for what is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.cli import flags
from probe.cli.flag_table import FLAGS
from probe.cli.flags import BOOLEANS, HelpRequested, ParsedFlags, UsageError
from probe.cli.go_syntax import parse_integer

if TYPE_CHECKING:
    from probe.cli.flag_table import Flag, FlagValue, Kind

MOST, LEAST = 2**63 - 1, -(2**63)


def parsed(*argv: str, env: dict[str, str] | None = None) -> ParsedFlags:
    variables = {name.encode(): value.encode("utf-8", "surrogateescape") for name, value in (env or {}).items()}
    return flags.parse(list(argv), variables)


def changed(found: ParsedFlags) -> dict[str, FlagValue]:
    """The flags whose value is not the default."""
    return {name: value for name, value in found.values.items() if value != FLAGS[name].default}


def usage_error(*argv: str, env: dict[str, str] | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parsed(*argv, env=env)
    return caught.value


def sentence(*argv: str, env: dict[str, str] | None = None) -> str:
    return str(usage_error(*argv, env=env))


# Arguments -> the flags that they change, and what is left.
UNDERSTOOD: dict[tuple[str, ...], tuple[dict[str, FlagValue], tuple[str, ...]]] = {
    (): ({}, ()),
    ("-addr=a:1",): ({"addr": "a:1"}, ()),
    ("-addr", "a:1"): ({"addr": "a:1"}, ()),
    ("--addr=a:1",): ({"addr": "a:1"}, ()),
    ("--addr", "a:1"): ({"addr": "a:1"}, ()),
    ("-addr=a=b",): ({"addr": "a=b"}, ()),
    ("-addr=",): ({"addr": ""}, ()),
    ("-addr", ""): ({"addr": ""}, ()),
    ("-addr", "-model-name"): ({"addr": "-model-name"}, ()),
    ("-addr", "--", "-v"): ({"addr": "--", "v": True}, ()),
    ("-addr=a", "-addr=b"): ({"addr": "b"}, ()),
    ("-model-version=7", "-model-version=0"): ({}, ()),
    ("-install", "/probe"): ({"install": "/probe"}, ()),
    ("-v",): ({"v": True}, ()),
    ("-v=false",): ({}, ()),
    ("-v", "-v=false"): ({}, ()),
    ("-addr=a", "true"): ({"addr": "a"}, ("true",)),
    ("-addr=a", "false", "-liveness"): ({"addr": "a"}, ("false", "-liveness")),
    ("-addr=a", "--", "-liveness"): ({"addr": "a"}, ("-liveness",)),
    ("-addr=a", "-", "-liveness"): ({"addr": "a"}, ("-", "-liveness")),
    ("", "-v"): ({}, ("", "-v")),
    ("-rpc-header=a: b", "-rpc-header", "c:"): ({"rpc-header": (("a", " b"), ("c", ""))}, ()),
    ("--",): ({}, ()),
    ("-rpc-timeout", "1m30s"): ({"rpc-timeout": 90 * 10**9}, ()),
    ("-rpc-timeout=-1s",): ({"rpc-timeout": -(10**9)}, ()),
    ("-connect-timeout=0",): ({"connect-timeout": 0}, ()),
    ("-model-version", "-7"): ({"model-version": -7}, ()),
    ("-model-version=0x10",): ({"model-version": 16}, ()),
    ("-model-version=9223372036854775807",): ({"model-version": MOST}, ()),
    ("-model-version=-9223372036854775808",): ({"model-version": LEAST}, ()),
    ("-engine=grpcio",): ({"engine": "grpcio"}, ()),
    ("-model-name=\udcff",): ({"model-name": ("\udcff",)}, ()),
}


@pytest.mark.parametrize("argv", UNDERSTOOD, ids=" ".join)
def test_what_is_understood(argv: tuple[str, ...]) -> None:
    found = parsed(*argv)
    assert (changed(found), found.leftover) == UNDERSTOOD[argv]


SENTENCES: dict[tuple[str, ...], str] = {
    ("-bogus",): "flag provided but not defined: -bogus",
    ("--bogus=1",): "flag provided but not defined: -bogus",
    ("-Addr=1",): "flag provided but not defined: -Addr",
    ("-addr ",): "flag provided but not defined: -addr ",
    ("-1",): "flag provided but not defined: -1",
    ("-helpme",): "flag provided but not defined: -helpme",
    ("-addr",): "flag needs an argument: -addr",
    ("-v", "--rpc-timeout"): "flag needs an argument: -rpc-timeout",
    ("---x",): "bad flag syntax: ---x",
    ("-=",): "bad flag syntax: -=",
    ("-=x",): "bad flag syntax: -=x",
    ("--=x",): "bad flag syntax: --=x",
    ("---",): "bad flag syntax: ---",
    ("-rpc-timeout", "abc"): 'invalid value "abc" for flag -rpc-timeout: parse error',
    ("-rpc-timeout=",): 'invalid value "" for flag -rpc-timeout: parse error',
    ("-rpc-timeout=3",): 'invalid value "3" for flag -rpc-timeout: parse error',
    ("-rpc-timeout=3000000h",): 'invalid value "3000000h" for flag -rpc-timeout: parse error',
    ("-model-version=x",): 'invalid value "x" for flag -model-version: parse error',
    ("-model-version=9223372036854775808",): (
        'invalid value "9223372036854775808" for flag -model-version: value out of range'
    ),
    ("-model-version=-9223372036854775809",): (
        'invalid value "-9223372036854775809" for flag -model-version: value out of range'
    ),
    ("-v=x",): 'invalid boolean value "x" for -v: parse error',
    ("-v=",): 'invalid boolean value "" for -v: parse error',
    ("-v=tRUE",): 'invalid boolean value "tRUE" for -v: parse error',
    ("-engine=go",): 'invalid value "go" for flag -engine: must be native or grpcio',
    ("-engine=",): 'invalid value "" for flag -engine: must be native or grpcio',
    ("-install=",): 'invalid value "" for flag -install: must be a directory or a file name',
    ("-install",): "flag needs an argument: -install",
    ("-model-version", 'a"\\\n\x1b\udcff\u2028é'): (
        'invalid value "a\\"\\\\\\n\\x1b\\xff\\u2028é" for flag -model-version: parse error'
    ),
    ("-bogus", "-h"): "flag provided but not defined: -bogus",
    ("-rpc-header=x",): (
        'invalid value "x" for flag -rpc-header: invalid RPC header, expected \'key: value\', got "x"'
    ),
    # Arguments left over beside a flag of ours.
    ("-v", "true"): 'unexpected argument: "true"',
    ("-v", "false", "-liveness"): 'unexpected argument: "false"',
    ("-v", "--", "-liveness"): 'unexpected argument: "-liveness"',
    ("-addr=a", "-timeout=1s", "\u2013v"): 'unexpected argument: "\u2013v"',
}


@pytest.mark.parametrize("argv", SENTENCES, ids=lambda argv: ascii(" ".join(argv)))
def test_the_sentence_for_what_is_not(argv: tuple[str, ...]) -> None:
    assert sentence(*argv) == SENTENCES[argv]


@pytest.mark.parametrize("argv", [("-h",), ("-help",), ("--help",), ("--h=1",), ("-v", "-help", "-bogus")])
def test_help(argv: tuple[str, ...]) -> None:
    with pytest.raises(HelpRequested):
        parsed(*argv)


@pytest.mark.parametrize(
    ("argv", "flag", "value"),
    [
        (("-bogus=1",), "bogus", None),
        (("-addr",), "addr", None),
        (("---timeout=1",), "timeout=1", None),
        (("-timeout=3",), "timeout", "3"),
        (("-v=x",), "v", "x"),
        (("-v", "rest", "more"), "", "rest"),
    ],
)
def test_an_error_says_what_it_is_about(argv: tuple[str, ...], flag: str, value: str | None) -> None:
    error = usage_error(*argv)
    assert (error.flag, error.value) == (flag, value)


@pytest.mark.parametrize(("text", "value"), BOOLEANS.items())
def test_booleans(text: str, value: bool) -> None:
    assert parsed(f"-liveness={text}").values["liveness"] is value


# Integers.

INTEGER = re.compile(
    "[+-]?(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[bB](?P<bin>(?:_?[01])+)|0(?:[oO](?=[_0-7]))?(?P<oct>(?:_?[0-7])*)"
    "|(?P<dec>[1-9](?:_?[0-9])*))"
)
BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}


def go_integer(text: str) -> int | None:
    """strconv.ParseInt(text, 0, …) as a regular expression; no limit of 64 bits."""
    found = INTEGER.fullmatch(text)
    if not found:
        return None
    name, digits = next((name, digits) for name, digits in found.groupdict().items() if digits is not None)
    value = int(digits.replace("_", "") or "0", BASES[name])
    return -value if text[0] == "-" else value


@given(
    st.one_of(
        st.text("+-0012789aFxXoObB_", max_size=7),
        st.text(max_size=5),
        st.builds(
            "{}{}{}{}".format,
            st.sampled_from(["", "+", "-"]),
            st.sampled_from(["", "0", "0x", "0X", "0o", "0O", "0b", "0B", "0_", "0x_", "00"]),
            st.one_of(st.integers(0, 20), st.integers(0, 2**65)).map(str),
            st.sampled_from(["", "", "_1", "_", "__1", " ", "\n", "f", ".0", "\u0663", "\u00b2"]),
        ),
    )
)
@example("0")
@example("0_")
@example("0o")
@example("-0o_7")
def test_integers_are_those_of_go(text: str) -> None:
    expected = go_integer(text)
    if expected is None:
        assert sentence(f"-model-version={text}").endswith(": parse error")
    elif not LEAST <= expected <= MOST:
        assert sentence(f"-model-version={text}").endswith(": value out of range")
    else:
        assert parsed("-model-version", text).values["model-version"] == expected


# What Go's strconv was seen to answer (1.19); None: a syntax error.
GO_INTEGERS = {
    "0": 0, "-0": 0, "+0": 0, "00": 0, "1": 1, "+1": 1, "-1": -1, "12345": 12345, "012345": 5349, "-012345": -5349,
    "0x12345": 74565, "-0X12345": -74565, "12345x": None, "-12345x": None, "0b1101": 13, "0o17": 15, "0O17": 15,
    "1_2_3_4_5": 12345, "_12345": None, "1__2345": None, "12345_": None, "0x_1_2": 18, "0x1__2": None, "0_1_7": 15,
    "0_": None, "0__1": None, "08": None, "0b": None, "0o": None, "0x": None, "0b2": None, "0xg": None, "": None,
    "+": None, "-": None, "+-1": None, "1 ": None, " 1": None, "1\n": None, "1e3": None, "1.0": None, "0d1": None,
    "98765432100": 98765432100, "9223372036854775807": MOST, "-9223372036854775808": LEAST, "0x7fffffffffffffff": MOST,
    "-0x8000000000000000": LEAST, "0o777777777777777777777": MOST, "\u0663": None, "\u00b2": None, "1\u0663": None,
}  # fmt: skip


@pytest.mark.parametrize("text", GO_INTEGERS, ids=ascii)
def test_integers_of_every_kind(text: str) -> None:
    value = GO_INTEGERS[text]
    assert go_integer(text) == value
    if value is None:
        with pytest.raises(ValueError):
            parse_integer(text)
    else:
        assert parse_integer(text) == value


# The environment.


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, {}),
        ({"TFS_PROBE_ADDR": "a:1"}, {"addr": "a:1"}),
        ({"TFS_PROBE_RPC_TIMEOUT": "2s"}, {"rpc-timeout": 2 * 10**9}),
        ({"TFS_PROBE_LIVENESS": "1", "TFS_PROBE_V": "t"}, {"liveness": True, "v": True}),
        ({"TFS_PROBE_MODEL_VERSION": "0x7"}, {"model-version": 7}),
        ({"TFS_PROBE_ENGINE": "grpcio"}, {"engine": "grpcio"}),
        ({"TFS_PROBE_MODEL_NAME": "\udcff\na"}, {"model-name": ("\udcff", "a")}),
        ({"TFS_PROBE_ADDR": ""}, {}),
        ({"TFS_PROBE_RPC_TIMEOUT": ""}, {}),
        # What Kubernetes makes of a Service named tfs-probe.
        ({"TFS_PROBE_SERVICE_HOST": "10.0.0.1", "TFS_PROBE_PORT": "tcp://10.0.0.1:80", "TFS_PROBE_": "x"}, {}),
        # Names that only resemble ours.
        ({"tfs_probe_addr": "a:1", "TFS_PROBE_addr": "a:1", "TFS_PROBE_MODEL-NAME": "x", "XTFS_PROBE_ADDR": "x"}, {}),
        ({"TFS_PROBE__ADDR": "a:1", "TFS_PROBE_RPC__TIMEOUT": "x", "TFS_PROBEADDR": "x"}, {}),
        ({"TFS_PROBE_VERSION": "1.0.1"}, {}),
        ({"TFS_PROBE_HELP": "1", "TFS_PROBE_H": "1"}, {}),
    ],
)
def test_variables(env: dict[str, str], expected: dict[str, FlagValue]) -> None:
    assert changed(parsed(env=env)) == expected


def test_a_repeatable_flag_takes_one_value_per_line() -> None:
    found = parsed(env={"TFS_PROBE_RPC_HEADER": "a: b\n\nc:d\n"})
    assert changed(found) == {"rpc-header": (("a", " b"), ("c", "d"))}
    assert changed(parsed("-rpc-header=e:f", env={"TFS_PROBE_RPC_HEADER": "a: b"})) == {"rpc-header": (("e", "f"),)}
    assert sentence(env={"TFS_PROBE_RPC_HEADER": "a: b\nx"}).startswith('invalid value "x" for TFS_PROBE_RPC_HEADER: ')


def test_the_sources_of_what_was_set() -> None:
    found = parsed("-addr=a", env={"TFS_PROBE_ADDR": "b", "TFS_PROBE_V": "1", "TFS_PROBE_TIMEOUT": ""})
    assert found.sources == {"addr": "", "v": "TFS_PROBE_V"}


VALUES: dict[Kind, str] = {
    "string": "x", "int": "77", "duration": "77s", "bool": "true", "header": "x: y", "path": "x", "code": "3",
}  # fmt: skip


def value_of(flag: Flag) -> str:
    """A value that is not the default."""
    return flag.choices[-1] if flag.choices else VALUES[flag.kind]


@pytest.mark.parametrize("name", FLAGS)
def test_every_flag_but_those_that_replace_the_probe_has_a_variable(name: str) -> None:
    flag = FLAGS[name]
    assert (name in changed(parsed(env={flag.variable: value_of(flag)}))) == flag.from_environment
    assert flag.from_environment == (name not in ("version", "install", "explain", "serve", "wait"))


def test_no_variable_is_one_that_kubernetes_sets_for_a_service() -> None:
    assert [name for name in FLAGS if name == "service-host" or f"-{name}".endswith(("-port", "-host"))] == []


# Arguments left over.


@pytest.mark.parametrize("name", FLAGS)
def test_an_argument_left_over_is_an_error_beside_a_flag_that_the_original_lacks(name: str) -> None:
    flag = FLAGS[name]
    original = name in ("addr", "connect-timeout", "model-name", "model-version", "rpc-timeout")
    for argv, env in ([f"-{name}={value_of(flag)}"], {}), ([], {flag.variable: value_of(flag)}):
        if original or (env and not flag.from_environment):
            assert parsed(*argv, "rest", env=env).leftover == ("rest",)
        else:
            assert sentence(*argv, "rest", env=env) == 'unexpected argument: "rest"'


def test_after_wait_and_two_hyphens_the_arguments_are_a_command() -> None:
    found = parsed("-wait=1m", "--", "python", "-v")
    assert (found.command, found.leftover) == (("python", "-v"), ())
    assert parsed("-wait=1m", "--").command == ()
    for argv in ("-wait=1m", "python"), ("-wait=0", "--", "python"), ("-v", "--", "python"):
        assert sentence(*argv) == 'unexpected argument: "python"'


def test_variables_that_set_nothing_are_no_flags_of_ours() -> None:
    env = {"TFS_PROBE_PORT": "tcp://10.0.0.1:80", "TFS_PROBE_SERVICE_HOST": "10.0.0.1", "TFS_PROBE_TIMEOUT": ""}
    assert parsed("rest", env=env).leftover == ("rest",)


def test_argv_wins_even_with_the_default() -> None:
    assert changed(parsed("-addr=localhost:9000", env={"TFS_PROBE_ADDR": "a:1"})) == {}
    assert changed(parsed("-liveness=false", env={"TFS_PROBE_LIVENESS": "true"})) == {}
    assert changed(parsed("-rpc-timeout=10s", env={"TFS_PROBE_RPC_TIMEOUT": "nonsense"})) == {}


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("RPC_TIMEOUT", "3", 'invalid value "3" for TFS_PROBE_RPC_TIMEOUT: parse error'),
        ("MODEL_VERSION", "1" * 20, f'invalid value "{"1" * 20}" for TFS_PROBE_MODEL_VERSION: value out of range'),
        ("LIVENESS", "yes", 'invalid boolean value "yes" for TFS_PROBE_LIVENESS: parse error'),
        ("ENGINE", "go", 'invalid value "go" for TFS_PROBE_ENGINE: must be native or grpcio'),
    ],
)
def test_a_malformed_variable_is_called_by_its_name(variable: str, value: str, words: str) -> None:
    assert sentence(env={"TFS_PROBE_" + variable: value}) == words


def test_the_command_line_is_read_before_the_environment() -> None:
    assert sentence("-bogus", env={"TFS_PROBE_V": "x"}) == "flag provided but not defined: -bogus"
    with pytest.raises(HelpRequested):
        parsed("-h", env={"TFS_PROBE_V": "x"})


# Any command line.

arguments = st.one_of(
    st.sampled_from(
        ["-", "--", "-h", "-v", "--v=1", "-addr", "-model-version=9", "-rpc-timeout=1s", "-engine", "native"]
    ),
    st.text(st.characters(codec=None, exclude_characters="\0"), max_size=6),
    st.builds("-{}={}".format, st.sampled_from(list(FLAGS)), st.text(max_size=5)),
)


SENTENCES_BEGIN = (
    "flag provided but not defined: -",
    "flag needs an argument: -",
    "bad flag syntax: -",
    'invalid value "',
    'invalid boolean value "',
    'unexpected argument: "',
)


@given(
    st.lists(arguments, max_size=6),
    st.dictionaries(st.sampled_from(["ADDR", "V", "TIMEOUT", "X"]), st.text(max_size=4)),
)
def test_any_command_line_gives_values_or_a_sentence(argv: list[str], env: dict[str, str]) -> None:
    try:
        found = parsed(*argv, env={"TFS_PROBE_" + name: value for name, value in env.items()})
    except HelpRequested:
        return
    except UsageError as error:
        assert str(error).startswith(SENTENCES_BEGIN)
        return
    assert list(found.values) == list(FLAGS)
    assert list(found.leftover) == argv[len(argv) - len(found.leftover) :]
