"""The command line, by the rules of Go's `flag` package: what is understood, and Go's own sentence for what is not."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from probe.flags import BOOLEANS, FLAGS, NOT_FROM_ENVIRONMENT, Options, UsageError

from probe import __version__, flags

MOST, LEAST = 2**63 - 1, -(2**63)
DEFAULTS = {name: default for name, (_, default) in FLAGS.items()}


def parsed(*argv: str, env: dict[str, str] | None = None) -> Options:
    variables = {name.encode(): value.encode("utf-8", "surrogateescape") for name, value in (env or {}).items()}
    return flags.parse(list(argv), variables, 0)


def changed(options: Options) -> dict[str, str | int | bool]:
    """The flags whose value is not the default."""
    return {name: value for name, value in options.values.items() if value != DEFAULTS[name]}


def sentence(*argv: str, env: dict[str, str] | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        parsed(*argv, env=env)
    return str(caught.value)


# Arguments -> the flags that they change, and what is left.
UNDERSTOOD: dict[tuple[str, ...], tuple[dict[str, str | int | bool], list[str]]] = {
    (): ({}, []),
    ("-addr=a:1",): ({"addr": "a:1"}, []),
    ("-addr", "a:1"): ({"addr": "a:1"}, []),
    ("--addr=a:1",): ({"addr": "a:1"}, []),
    ("--addr", "a:1"): ({"addr": "a:1"}, []),
    ("-addr=a=b",): ({"addr": "a=b"}, []),
    ("-addr=",): ({"addr": ""}, []),
    ("-addr", ""): ({"addr": ""}, []),
    ("-addr", "-model-name"): ({"addr": "-model-name"}, []),
    ("-addr", "--", "-v"): ({"addr": "--", "v": True}, []),
    ("-addr=a", "-addr=b"): ({"addr": "b"}, []),
    ("-model-version=7", "-model-version=0"): ({}, []),
    ("-install", "/probe"): ({"install": "/probe"}, []),
    ("-v",): ({"v": True}, []),
    ("-v=false",): ({}, []),
    ("-v", "-v=false"): ({}, []),
    ("-v", "true"): ({"v": True}, ["true"]),
    ("-v", "false", "-liveness"): ({"v": True}, ["false", "-liveness"]),
    ("-v", "--", "-liveness"): ({"v": True}, ["-liveness"]),
    ("-v", "-", "-liveness"): ({"v": True}, ["-", "-liveness"]),
    ("", "-v"): ({}, ["", "-v"]),
    ("--",): ({}, []),
    ("-rpc-timeout", "1m30s"): ({"rpc-timeout": 90 * 10**9}, []),
    ("-rpc-timeout=-1s",): ({"rpc-timeout": -(10**9)}, []),
    ("-connect-timeout=0",): ({"connect-timeout": 0}, []),
    ("-model-version", "-7"): ({"model-version": -7}, []),
    ("-model-version=0x10",): ({"model-version": 16}, []),
    ("-model-version=9223372036854775807",): ({"model-version": MOST}, []),
    ("-model-version=-9223372036854775808",): ({"model-version": LEAST}, []),
    ("-engine=grpcio",): ({"engine": "grpcio"}, []),
    ("-model-name=\udcff",): ({"model-name": "\udcff"}, []),
}


@pytest.mark.parametrize("argv", UNDERSTOOD, ids=" ".join)
def test_what_is_understood(argv: tuple[str, ...]) -> None:
    options = parsed(*argv)
    assert (changed(options), options.ignored) == UNDERSTOOD[argv]


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
    ("-engine=go",): 'invalid value "go" for flag -engine: it is native or grpcio',
    ("-engine=",): 'invalid value "" for flag -engine: it is native or grpcio',
    ("-install=",): 'invalid value "" for flag -install: it is a folder or a file name',
    ("-install",): "flag needs an argument: -install",
    ("-model-version", 'a"\\\n\x1b\udcff\u2028é'): (
        'invalid value "a\\"\\\\\\n\\x1b\\xff\\u2028é" for flag -model-version: parse error'
    ),
    ("-bogus", "-h"): "flag provided but not defined: -bogus",
    ("-h",): "",
    ("-help",): "",
    ("--help",): "",
    ("--h=1",): "",
    ("-v", "-help", "-bogus"): "",
}


@pytest.mark.parametrize("argv", SENTENCES, ids=lambda argv: ascii(" ".join(argv)))
def test_the_sentence_for_what_is_not(argv: tuple[str, ...]) -> None:
    assert sentence(*argv) == SENTENCES[argv]


@pytest.mark.parametrize(("text", "value"), BOOLEANS.items())
def test_booleans(text: str, value: bool) -> None:
    assert parsed(f"-liveness={text}").wanted.liveness is value


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
        assert parsed("-model-version", text).wanted.version == expected


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
            flags.integer(text)
    else:
        assert flags.integer(text) == value


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
        ({"TFS_PROBE_MODEL_NAME": "\udcff"}, {"model-name": "\udcff"}),
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
def test_variables(env: dict[str, str], expected: dict[str, str | int | bool]) -> None:
    assert changed(parsed(env=env)) == expected


def test_every_flag_but_those_that_do_something_has_a_variable() -> None:
    for name, (kind, _) in FLAGS.items():
        variable = "TFS_PROBE_" + name.upper().replace("-", "_")
        value = {
            "string": "x",
            "int": "77",
            "duration": "77s",
            "": "true",
            "engine": "grpcio",
            "value": "x: y",
            "path": "x",
        }[kind]
        assert (name in changed(parsed(env={variable: value}))) == (name not in NOT_FROM_ENVIRONMENT)


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
        ("ENGINE", "go", 'invalid value "go" for TFS_PROBE_ENGINE: it is native or grpcio'),
    ],
)
def test_a_malformed_variable_is_called_by_its_name(variable: str, value: str, words: str) -> None:
    assert sentence(env={"TFS_PROBE_" + variable: value}) == words


def test_the_command_line_is_read_before_the_environment() -> None:
    assert sentence("-bogus", env={"TFS_PROBE_V": "x"}) == "flag provided but not defined: -bogus"
    assert sentence("-h", env={"TFS_PROBE_V": "x"}) == ""


# What becomes of it.


def test_options() -> None:
    options = flags.parse(
        [
            "-addr=:1", "-model-name=m", "-model-version=7", "-connect-timeout=1s", "-rpc-timeout=2s", "-timeout=3s",
            "-liveness", "-engine=grpcio", "-v", "-version", "rest",
        ],
        {},
        1000,
    )  # fmt: skip
    call = options.call
    assert (call.address, call.model_name, call.engine) == (":1", "m", "grpcio")
    assert (call.connect_timeout, call.rpc_timeout) == (10**9, 2 * 10**9)
    assert (call.deadline.at, call.deadline.flag) == (1000 + 3 * 10**9, "-timeout")
    assert call.user_agent == f"tfs_model_status_probe/{__version__}".encode()
    assert (options.wanted.version, options.wanted.liveness) == (7, True)
    assert (options.verbose, options.version, options.ignored) == (True, True, ["rest"])


def test_the_original_defaults_and_no_budget_for_the_whole_run() -> None:
    options = parsed()
    call = options.call
    assert (call.address, call.model_name, call.engine) == ("localhost:9000", "default", "native")
    assert (call.connect_timeout, call.rpc_timeout, call.deadline.at) == (3 * 10**9, 10 * 10**9, None)
    assert (options.wanted.version, options.wanted.liveness) == (0, False)
    assert (options.verbose, options.version, options.ignored) == (False, False, [])


def test_a_budget_below_nothing_is_over_before_the_run_began() -> None:
    deadline = flags.parse(["-timeout=-1s"], {}, 10**10).call.deadline
    assert deadline.at == 9 * 10**9


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
)


@given(
    st.lists(arguments, max_size=6),
    st.dictionaries(st.sampled_from(["ADDR", "V", "TIMEOUT", "X"]), st.text(max_size=4)),
)
def test_any_command_line_gives_options_or_a_sentence(argv: list[str], env: dict[str, str]) -> None:
    try:
        options = parsed(*argv, env={"TFS_PROBE_" + name: value for name, value in env.items()})
    except UsageError as error:
        assert str(error) == "" or str(error).startswith(SENTENCES_BEGIN)
        return
    assert list(options.values) == list(FLAGS)
    assert options.ignored == argv[len(argv) - len(options.ignored) :]
