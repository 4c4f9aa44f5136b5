"""Flags that contradict each other, against the rules of grpc_health_probe written down once more."""

from __future__ import annotations

import itertools

from probe.conflicts import ALONE, TOGETHER, conflict
from probe.flags import FLAGS

NAMES = (
    "tls", "alts", "spiffe", "tls-no-verify", "tls-ca-cert", "tls-client-cert", "tls-client-key", "tls-server-name",
)  # fmt: skip


def allowed(given: frozenset[str]) -> bool:
    """main.go of grpc_health_probe, from `if flALTS && flSPIFFE` on."""
    return not (
        {"alts", "spiffe"} <= given
        or {"tls", "alts"} <= given
        or {"tls", "spiffe"} <= given
        or ("tls" not in given and given & {"tls-no-verify", "tls-ca-cert", "tls-client-cert", "tls-server-name"})
        or ("tls-client-cert" in given) != ("tls-client-key" in given)
        or {"tls-no-verify", "tls-ca-cert"} <= given
        or {"tls-no-verify", "tls-server-name"} <= given
    )


def test_every_combination() -> None:
    for number in range(len(NAMES) + 1):
        for given in map(frozenset, itertools.combinations(NAMES, number)):
            values = {name: default for name, (_, default) in FLAGS.items()}
            values |= {name: True if FLAGS[name][1] is False else "x" for name in given}
            sentence = conflict(values)
            assert (sentence == "") == allowed(given), given
            # It names flags that were given, and one that is missing at most.
            assert not sentence or sum(f"-{name}" in sentence for name in given) >= 1


def test_every_rule_can_be_broken() -> None:
    defaults = {name: default for name, (_, default) in FLAGS.items()}
    for one, other, sentence in TOGETHER:
        assert f"-{one}" in sentence and f"-{other}" in sentence
        assert conflict(defaults | {one: True, other: True, **({"tls": True} if "tls-" in one else {})}) == sentence
    for one, other in ALONE[:-2]:
        assert conflict(defaults | {one: True}) == (
            f"specified -{one} without specifying -{other}: add -{other}, or leave -{one} away"
        )
