"""Flags that contradict each other, against the rules of grpc_health_probe written down once more."""

from __future__ import annotations

import itertools

from probe.conflicts import RULES, conflict
from probe.flags import FLAGS

NAMES = (
    "tls", "alts", "spiffe", "tls-no-verify", "tls-ca-cert", "tls-client-cert", "tls-client-key", "tls-server-name",
)  # fmt: skip


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
            values = {name: default for name, (_, default) in FLAGS.items()}
            values |= {name: True if FLAGS[name][1] is False else "x" for name in given}
            sentence = conflict(values)
            seen.add(sentence)
            words, colon, remedy = sentence.partition(": ")
            assert words == original(given)
            assert bool(remedy) == bool(words) == bool(colon)
    assert len(seen - {""}) == len(RULES)
