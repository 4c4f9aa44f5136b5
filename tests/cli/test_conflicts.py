"""Flags that contradict each other, against the rules of grpc_health_probe written down once more."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from probe.cli.conflicts import ALTS_NEEDS_GRPCIO, GRPCIO_LACKS, RULES, find_conflict
from probe.cli.flag_table import FLAGS

if TYPE_CHECKING:
    from probe.cli.flag_table import FlagValue

NAMES = (
    "tls", "alts", "spiffe", "tls-no-verify", "tls-ca-cert", "tls-client-cert", "tls-client-key", "tls-server-name",
)  # fmt: skip


def with_flags(*names: str, engine: str = "native") -> dict[str, FlagValue]:
    """The flags' values where those with these names are set."""
    values = {name: flag.default for name, flag in FLAGS.items()}
    return values | {name: True if FLAGS[name].kind == "bool" else "x" for name in names} | {"engine": engine}


def original(given: frozenset[str]) -> str:
    """What main.go of grpc_health_probe says, from `if flALTS && flSPIFFE` on."""
    if {"alts", "spiffe"} <= given:
        return "-alts and -spiffe are mutually incompatible"
    if {"tls", "alts"} <= given:
        return "cannot specify -tls with -alts"
    for name in ("tls-no-verify", "tls-ca-cert", "tls-client-cert", "tls-server-name"):
        if name in given and "tls" not in given:
            return f"specified -{name} without specifying -tls"
    for one, other in (("tls-client-cert", "tls-client-key"), ("tls-client-key", "tls-client-cert")):
        if one in given and other not in given:
            return f"specified -{one} without specifying -{other}"
    if {"tls-no-verify", "tls-ca-cert"} <= given:
        return "cannot specify -tls-ca-cert with -tls-no-verify (CA cert would not be used)"
    if {"tls-no-verify", "tls-server-name"} <= given:
        return "cannot specify -tls-server-name with -tls-no-verify (server name would not be used)"
    return "-tls and -spiffe are mutually incompatible" if {"tls", "spiffe"} <= given else ""


def test_every_combination() -> None:
    seen = set()
    for number in range(len(NAMES) + 1):
        for given in map(frozenset, itertools.combinations(NAMES, number)):
            sentence = find_conflict(with_flags(*given))
            if "alts" in given and not original(given):
                assert sentence == ALTS_NEEDS_GRPCIO
                continue
            seen.add(sentence)
            words, colon, remedy = sentence.partition(": ")
            assert words == original(given)
            assert bool(remedy) == bool(words) == bool(colon)
    assert len(seen - {""}) == len(RULES)


@pytest.mark.parametrize(("flag", "sentence"), GRPCIO_LACKS)
def test_what_the_grpcio_engine_lacks(flag: str, sentence: str) -> None:
    needed = () if flag == "spiffe" else ("tls",)
    assert find_conflict(with_flags(flag, *needed, engine="grpcio")) == sentence
    assert find_conflict(with_flags(flag, *needed)) == ""


def test_alts_with_the_grpcio_engine() -> None:
    assert find_conflict(with_flags("alts", engine="grpcio")) == ""
