"""What the author of a mistyped command line probably meant, and values that were not expanded or not unquoted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.cli import flags
from probe.cli.flag_table import FLAGS
from probe.cli.flags import UsageError
from probe.cli.suggest import explain_argument, suggest, suspicious_value

if TYPE_CHECKING:
    from probe.cli.flag_table import FlagValue


def suggestion(*argv: str) -> str:
    with pytest.raises(UsageError) as caught:
        flags.parse(list(argv), {})
    return suggest(caught.value)


@pytest.mark.parametrize(
    ("argument", "flag"),
    [
        ("-adr=x", "addr"),
        ("-address=x", "addr"),
        ("-modelname=m", "model-name"),
        ("-model_name=m", "model-name"),
        ("--model-nmae=m", "model-name"),
        ("-Model-Name=m", "model-name"),
        ("-modelversion", "model-version"),
        ("-timout=1s", "timeout"),
        ("-rpctimeout=1s", "rpc-timeout"),
        ("-conect-timeout=1s", "connect-timeout"),
        ("-livenes", "liveness"),
        ("-tls-cacert=x", "tls-ca-cert"),
        ("-header=x", "rpc-header"),
        ("-name=m", "model-name"),
        ("-model=m", "model-name"),
        ("-ca-cert=x", "tls-ca-cert"),
        ("-key=x", "tls-client-key"),
        ("-live", "liveness"),
    ],
)
def test_the_nearest_flag(argument: str, flag: str) -> None:
    assert re.findall(r"-([a-z-]+)", suggestion(argument)) == [flag]


@pytest.mark.parametrize("argument", ["-zzzzzz", "-health", "-x", "-ad", "-12", "-" + "a" * 100_000, "-\udcff"])
def test_no_guess_is_better_than_a_wild_one(argument: str) -> None:
    assert suggestion(argument) == ""


@given(st.sampled_from([name for name in FLAGS if len(name) > 5]), st.integers(0, 20), st.sampled_from("abcxyz-"))
def test_one_edit_of_a_long_name_is_found(name: str, place: int, letter: str) -> None:
    place %= len(name)
    swapped = name[:place] + name[place + 1 : place + 2] + name[place] + name[place + 2 :]
    for typed in (name[:place] + name[place + 1 :], name[:place] + letter + name[place:], swapped):
        assert typed in FLAGS or f"-{name}?" in suggest(UsageError("", typed))


@pytest.mark.parametrize(
    ("argv", "form"),
    [
        (("-timeout=3",), "-timeout=3s"),
        (("-timeout=abc",), "900ms"),
        (("-timeout", "\u0663"), "900ms"),
        (("-timeout",), "-timeout=VALUE"),
        (("-model-version=latest",), "-model-version"),
        (("-liveness=yes",), "-liveness=false"),
        (("-version=123",), "did you mean -model-version=123?"),
        (("-engine=go",), "write -engine=native or -engine=grpcio"),
        (("-require=newest",), "write -require=any, -require=latest or -require=all"),
        (("-rpc-header=x",), "-rpc-header='name: value'"),
        (("-install=",), "-install=PATH"),
    ],
)
def test_the_right_form_of_a_value(argv: tuple[str, ...], form: str) -> None:
    assert form in suggestion(*argv)


@pytest.mark.parametrize("name", FLAGS)
def test_a_malformed_value_of_any_flag_has_a_suggestion_that_names_it_or_shows_a_form(name: str) -> None:
    for argv in ([f"-{name}"], [f"-{name}="], [f"-{name}=\n"]):
        try:
            flags.parse(argv, {})
        except UsageError as error:
            assert suggest(error)


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("\u2013timeout=1s", "-timeout=1s"),
        ("\u2014-timeout=1s", "-timeout=1s"),
        ("true", "=true"),
        ("FALSE", "=FALSE"),
        ("0", "=0"),
        ("model -timeout=1s", "its own item"),
        ("model", "-name=value"),
        ("", "-name=value"),
    ],
)
def test_why_an_argument_is_left_over(argument: str, word: str) -> None:
    assert word in explain_argument(argument)
    if argument:
        assert word in suggestion("-v", argument)


def test_several_flags_in_one_item() -> None:
    assert "its own item" in suggestion("-v -timeout=1s")


# Values.

SUSPICIOUS = [
    "$(MODEL_NAME)", "x-$(A)-y", "${X}", "$X", "{{ .Values.model }}", '"m"', "'m'", "m -timeout=1s", "m --addr=:1",
    " m", "m\n",
]  # fmt: skip
INNOCENT = ["m", "$", "a$", "()", "{}", '"', '""'[:1], "m-v", "x -y", "a b", "", "-addr"]


def values(**changed: FlagValue) -> dict[str, FlagValue]:
    return {name: flag.default for name, flag in FLAGS.items()} | {
        name.replace("_", "-"): value for name, value in changed.items()
    }


@pytest.mark.parametrize("value", SUSPICIOUS)
def test_a_value_that_was_not_expanded_or_not_unquoted_is_named(value: str) -> None:
    assert suspicious_value(values(model_name=value)).startswith("check -model-name=")


@pytest.mark.parametrize("value", INNOCENT)
def test_other_values_are_not(value: str) -> None:
    assert suspicious_value(values(model_name=value)) == ""


@pytest.mark.parametrize("name", [name for name, flag in FLAGS.items() if flag.kind in ("string", "path")])
def test_every_string_flag_is_looked_at(name: str) -> None:
    assert suspicious_value(values() | {name: "$(X)"}).startswith(f"check -{name}=")


def test_values_of_other_kinds_and_defaults_are_not() -> None:
    assert suspicious_value(values(rpc_header=(("a", "x"),), v=True, model_version=7)) == ""


def test_a_header_is_named_without_its_value() -> None:
    hint = suspicious_value(values(rpc_header=(("a", "x"), ("authorization", " Bearer secret ${TOKEN}"))))
    assert hint.startswith('check -rpc-header="authorization: …"')
    assert "secret" not in hint
