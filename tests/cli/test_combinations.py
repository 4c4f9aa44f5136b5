"""Flags of the newer questions that contradict each other, and what precedes what."""

from __future__ import annotations

import itertools

import pytest

from probe.cli.flags import UsageError, parse
from probe.cli.options import Options, options
from probe.model import SETUP, Failure, Plan
from tests.support.variants import Variant, on_each_interpreter

PICKS = ("-model-version=1", "-model-label=stable", "-min-version=2", "-require=latest", "-require=all")
TOGETHER = {("-min-version=2", "-require=latest"), ("-min-version=2", "-require=all")}


def asked(*argv: str) -> Options:
    return options(parse(list(argv), {}), {}, begun=0)


def conflict(*argv: str) -> str:
    plan = asked(*argv).plan
    if isinstance(plan, Plan):
        return ""
    assert plan.kind == SETUP and plan.permanent
    return plan.text


def name(argument: str) -> str:
    return argument.partition("=")[0]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(PICKS, 2)))
def test_what_picks_a_version_excludes_what_else_does(one: str, other: str) -> None:
    for pair in ((one, other), (other, one)):
        text = conflict(*pair)
        if name(one) == name(other) or (one, other) in TOGETHER:
            assert text == ""
        else:
            assert name(one) in text.split() and name(other).rstrip(":") in text.replace(":", "").split()


def test_values_that_pick_nothing_contradict_nothing() -> None:
    assert conflict("-model-version=0", "-model-label=x") == ""
    assert conflict("-require=any", "-model-version=3") == ""
    assert conflict("-require=any", "-model-label=x") == ""


def test_zero_and_the_empty_text_are_values() -> None:
    assert "-min-version" in conflict("-min-version=0", "-model-version=1")
    assert "-model-label" in conflict("-model-label=", "-model-version=1")


@pytest.mark.parametrize("flag", ["-model-version=1", "-model-label=x", "-min-version=2", "-predict=/x"])
def test_a_flag_about_one_model(flag: str) -> None:
    text = conflict(flag, "-model-name=a", "-model-name=b")
    assert name(flag) in text and "-model-name" in text
    assert conflict(flag, "-model-name=a", "-model-name=a") == "", "one model, given twice"
    assert conflict(flag, "-model-name=a", "-model-name=b", "-liveness") == "", "liveness asks for the first alone"


@pytest.mark.parametrize(
    ("flag", "shown"),
    [
        ("-tls", "-tls"),
        ("-spiffe", "-spiffe"),
        ("-gzip", "-gzip"),
        ("-engine=grpcio", "-engine=grpcio"),
        ("-alts", "-alts"),
    ],
)
@pytest.mark.parametrize("url", ["http://h:1", "https://h:1"])
def test_a_url_excludes(flag: str, shown: str, url: str) -> None:
    text = conflict(f"-addr={url}", flag)
    assert shown in text.split() and "-addr" in text


def test_https_is_tls_for_the_other_flags() -> None:
    assert conflict("-addr=https://h:1", "-tls-no-verify") == ""
    assert conflict("-addr=https://h:1", "-tls-ca-cert=/x", "-tls-server-name=y") == ""
    assert "-tls-client-key" in conflict("-addr=https://h:1", "-tls-client-cert=/x")
    assert "-tls" in conflict("-addr=http://h:1", "-tls-no-verify")


def test_a_command_and_json() -> None:
    text = conflict("-wait=1s", "-format=json", "--", "true")
    assert "-format=json" in text and "command" in text
    assert conflict("-wait=1s", "-format=json", "--") == ""
    assert conflict("-wait=1s", "--", "true") == ""


@pytest.mark.parametrize(
    ("flag", "exit_free"), [("-wait=-1s", False), ("-wait=0", True), ("-wait-interval=0", False),
                            ("-wait-interval=-1s", False), ("-wait-interval=1ms", True)]
)  # fmt: skip
def test_times_of_waiting(flag: str, exit_free: bool) -> None:
    assert (conflict(flag) == "") == exit_free
    assert exit_free or name(flag) in conflict(flag)


def test_the_shortest_interval_is_10_ms() -> None:
    plan = asked("-wait=1s", "-wait-interval=1ns").plan
    assert isinstance(plan, Plan) and plan.interval == 10_000_000


def test_names() -> None:
    def names(*argv: str, **environment: str) -> list[str]:
        variables = {f"TFS_PROBE_{key}".encode(): value.encode() for key, value in environment.items()}
        plan = options(parse(list(argv), variables), {}, begun=0).plan
        assert isinstance(plan, Plan)
        return [query.model for query in plan.queries]

    assert names() == ["default"]
    assert names("-model-name=") == [""]
    assert names(MODEL_NAME="a\nb") == ["a", "b"]
    assert names("-model-name=c", MODEL_NAME="a\nb") == ["c"], "argv replaces the variable's list"
    assert names("-model-config-file=/x") == []
    assert names(MODEL_CONFIG_FILE="/x") == []
    assert names("-model-name=a", MODEL_CONFIG_FILE="/x") == ["a"]
    assert names("-model-config-file=/x", "-liveness") == ["default"], "an empty set asks for the default name"


# What is left over.

LEFTOVER = {
    "a boolean's value": ("-liveness", "true"),
    "several flags in one item": ("-timeout=1s", "x -v"),
    "a dash of another kind": ("-v", "\u2013timeout=1s"),
    "a word": ("-require=all", "m"),
    "behind --": ("-timeout=1s", "--", "true"),
    "a command without --": ("-wait=5m", "true"),
    "a command without -- and a flag of its own": ("-wait=5m", "curl", "-v"),
    "before contradictions": ("-model-version=1", "-require=all", "x"),
    "before -version": ("-version", "x"),
    "before -explain": ("-explain=3", "x"),
    "before -install": ("-install=/x", "x"),
}


@on_each_interpreter
@pytest.mark.parametrize("case", LEFTOVER)
def test_leftover_arguments_of_our_flags(case: str, variant: Variant) -> None:
    outcome = variant.run(*LEFTOVER[case])
    assert outcome.exit_code == 2
    first = outcome.stderr.split("\n")[0]
    assert first.startswith("unexpected argument: ")
    assert outcome.stderr.rstrip("\n").split("\n")[-1].startswith("hint: ")
    if case.startswith("a command"):
        assert "put -- before the command" in outcome.stderr


def test_only_variables_of_flags_make_an_argument_an_error() -> None:
    assert parse(["x"], {b"TFS_PROBE_SERVICE_HOST": b"10.0.0.1", b"TFS_PROBE_PORT": b"tcp://x"}).leftover == ("x",)
    assert parse(["-model-name=a", "x"], {b"TFS_PROBE_ADDR": b":1"}).leftover == ("x",)
    with pytest.raises(UsageError):
        parse(["x"], {b"TFS_PROBE_TIMEOUT": b"1s"})


def test_a_command_is_what_follows_two_dashes_with_wait() -> None:
    assert parse(["-wait=1s", "--", "a", "-b"], {}).command == ("a", "-b")
    assert parse(["-wait=1s", "--"], {}).command == ()
    assert parse(["-model-name=m", "--", "a"], {}).command == ()


@pytest.mark.parametrize("flag", ["WAIT", "VERSION", "EXPLAIN", "INSTALL"])
def test_a_variable_never_changes_what_the_program_does(flag: str) -> None:
    values = parse([], {f"TFS_PROBE_{flag}".encode(): b"1"}).values
    assert values == parse([], {}).values


# What precedes what.


@on_each_interpreter
def test_precedence(variant: Variant) -> None:
    everything = ("-install=/nowhere/x", "-explain=3", "-version", "-model-version=1", "-require=all")
    helped = variant.run(*everything, "-h")
    assert (helped.exit_code, helped.stdout) == (0, "") and "-addr" in helped.stderr
    versioned = variant.run(*everything)
    assert versioned.exit_code == 0 and versioned.stdout.startswith("tfs_model_status_probe")
    explained = variant.run("-install=/nowhere/x", "-explain=3", "-model-version=1", "-require=all")
    assert explained.exit_code == 0 and explained.stdout.startswith("3 CALL: ") and explained.stderr == ""


@on_each_interpreter
@pytest.mark.parametrize("code", ["0", "2", "40", "126", "127", "130", "143", "0x20"])
def test_explain(code: str, variant: Variant) -> None:
    outcome = variant.run(f"-explain={code}")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith(f"{int(code, 0)} ")
    assert outcome.stdout.count(f"{int(code, 0)} ") == (2 if code == "2" else 1), "2 has two meanings"


@pytest.mark.parametrize("code", ["7", "x", "-1", "1.0", ""])
def test_explain_an_unknown_code(code: str) -> None:
    with pytest.raises(UsageError, match=f'^invalid value "{code}" for flag -explain: '):
        parse([f"-explain={code}"], {})


def test_a_failure_of_the_plan_is_permanent() -> None:
    plan = asked("-wait=-1s").plan
    assert isinstance(plan, Failure) and plan.permanent
