"""Names, in a network namespace with a nameserver of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from probe.tfs import exit_codes
from tests.support.hints import HINTS
from tests.support.nameserver import PORT, Network, run_in_network
from tests.support.variants import Variant, on_each_interpreter

NAME = "tfs.example"
IPV4, IPV6 = {NAME: {"A": ["127.0.0.1"]}}, {NAME: {"AAAA": ["::1"]}}
BOTH = {NAME: {"A": ["127.0.0.1"], "AAAA": ["::1"]}}
SERVICE = {"tfs.team.svc.cluster.local": {"A": ["127.0.0.1"]}}
KUBERNETES = "nameserver 127.0.0.1\nsearch team.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
BUDGET_SECONDS, GRACE_SECONDS = 2.0, 0.5  # for starting an interpreter on a busy machine
TIMEOUT = f"-timeout={BUDGET_SECONDS}s"

FOUND: Mapping[str, tuple[Network, str]] = {
    "both families": (Network(BOTH), NAME),
    "AAAA is never answered": (Network(IPV4, {"AAAA": "drop"}), NAME),
    "A is never answered": (Network(IPV6, {"A": "drop"}), NAME),
    "AAAA fails": (Network(IPV4, {"AAAA": "servfail"}), NAME),
    "A fails": (Network(IPV6, {"A": "servfail"}), NAME),
    "AAAA is refused": (Network(IPV4, {"AAAA": "refused"}), NAME),
    "AAAA is unknown": (Network(IPV4, {"AAAA": "nxdomain"}), NAME),
    "A is unknown": (Network(IPV6, {"A": "nxdomain"}), NAME),
    "no IPv4 address": (Network(IPV6, {"A": "empty"}), NAME),
    "half an answer to AAAA": (Network(IPV4, {"AAAA": "half"}), NAME),
    "truncated answers": (Network(BOTH, {"A": "truncated", "AAAA": "truncated"}), NAME),
    "A truncated, AAAA never answered": (Network(IPV4, {"A": "truncated", "AAAA": "drop"}), NAME),
    "slow": (Network(BOTH, {"A": 0.5, "AAAA": 0.5}), NAME),
    "slower than a third of the time": (Network(BOTH, {"A": 0.8, "AAAA": 0.8}), NAME),
    "slow, and no IPv6 address": (Network(IPV4, {"A": 0.68}), NAME),
    "slow AAAA": (Network(IPV4, {"AAAA": 1.9}), NAME),
    "one question at a time": (Network(IPV4, {"AAAA": "drop"}, "nameserver 127.0.0.1\noptions single-request\n"), NAME),
    "few attempts": (Network(IPV4, {"AAAA": "drop"}, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"), NAME),
    "a nameserver that is down": (Network(IPV4, {}, "nameserver 127.0.0.2\nnameserver 127.0.0.1\n"), NAME),
    "no resolv.conf": (Network(IPV4, {}, ""), NAME),
    "hosts alone": (Network({}, {}, "", f"127.0.0.1 {NAME}\n"), NAME),
    "a Service": (Network(SERVICE, {}, KUBERNETES), "tfs"),
    "a Service, AAAA never answered": (Network(SERVICE, {"AAAA": "drop"}, KUBERNETES), "tfs"),
    "a Service by its full name": (Network(SERVICE, {}, KUBERNETES), "tfs.team.svc.cluster.local."),
    "a name beyond the cluster": (Network(IPV4, {}, KUBERNETES), NAME),
    "a name beyond the cluster, AAAA never answered": (Network(IPV4, {"AAAA": "drop"}, KUBERNETES), NAME),
    "a name beyond the cluster, AAAA fails": (Network(IPV4, {"AAAA": "servfail"}, KUBERNETES), NAME),
    "the first address refuses": (Network({NAME: {"A": ["127.0.0.9", "127.0.0.1"]}}), NAME),
}
"""Networks in which the name can be found, and the name."""

LOST: Mapping[str, tuple[Network, str, str]] = {
    "unknown": (Network(), "unresolved", "name or service not known"),
    "no address": (Network({NAME: {}}), "unresolved", "no address"),
    "never answered": (Network(BOTH, {"A": "drop", "AAAA": "drop"}), "resolver", "the resolver is not answering"),
    "both fail": (Network(BOTH, {"A": "servfail", "AAAA": "servfail"}), "unresolved", "temporary failure"),
    "slower than the time": (Network(BOTH, {"A": 5, "AAAA": 5}), "resolver", "the resolver is not answering"),
}
"""Networks in which it cannot, the cause, and a part of the line."""


@on_each_interpreter
@pytest.mark.parametrize("case", FOUND)
def test_found(variant: Variant, tmp_path: Path, case: str) -> None:
    network, name = FOUND[case]
    asked = run_in_network(network, variant, tmp_path, f"-addr={name}:{PORT}", TIMEOUT)
    assert asked.outcome.exit_code == exit_codes.OK, asked
    assert asked.seconds < BUDGET_SECONDS + GRACE_SECONDS


@on_each_interpreter
@pytest.mark.parametrize("case", LOST)
def test_lost(variant: Variant, tmp_path: Path, case: str) -> None:
    network, cause, part = LOST[case]
    asked = run_in_network(network, variant, tmp_path, f"-addr={NAME}:{PORT}", TIMEOUT)
    assert asked.outcome.exit_code == exit_codes.DIAL
    assert part in asked.outcome.verdict
    assert asked.outcome.hint == HINTS[cause]
    assert BUDGET_SECONDS <= asked.seconds < BUDGET_SECONDS + GRACE_SECONDS


@on_each_interpreter
def test_without_a_budget_of_its_own(variant: Variant, tmp_path: Path) -> None:
    """-connect-timeout is enough: the original's default is 3 seconds."""
    network = Network(IPV4, {"AAAA": "drop"})
    asked = run_in_network(network, variant, tmp_path, f"-addr={NAME}:{PORT}")
    assert asked.outcome.exit_code == exit_codes.OK
    assert asked.seconds < 3


@on_each_interpreter
def test_a_good_resolver_is_asked_once(variant: Variant, tmp_path: Path) -> None:
    asked = run_in_network(Network(BOTH), variant, tmp_path, f"-addr={NAME}:{PORT}", TIMEOUT)
    assert sorted(asked.questions) == [(NAME, "A"), (NAME, "AAAA")]


# Link-local addresses and their zones, over a pair of virtual interfaces.

VETH = ("ip link add veth0 type veth peer name veth1", "ip link set veth0 up", "ip link set veth1 up")
NEAR, FAR = "fe80::1", "fe80::2"
ADDRESSES = (f"ip addr add {NEAR}/64 dev veth0 nodad", f"ip addr add {FAR}/64 dev veth1 nodad")
LINK = Network(setup=[command.split() for command in (*VETH, *ADDRESSES)], listens_at=[f"{FAR}%veth1"])


@on_each_interpreter
def test_zone(variant: Variant, tmp_path: Path) -> None:
    asked = run_in_network(LINK, variant, tmp_path, f"-addr=[{FAR}%veth0]:{PORT}", TIMEOUT)
    assert asked.outcome.exit_code == exit_codes.OK, asked


@on_each_interpreter
@pytest.mark.parametrize(
    ("address", "cause"),
    [
        (f"[{FAR}%nowhere]", "zone"),
        (f"[{FAR}%]", "zone"),
        ("[::1%nowhere]", "zone"),
        ("localhost%lo", "zone"),
        (f"[{FAR}]", "invalid"),
    ],
)
def test_zone_that_cannot_be(variant: Variant, tmp_path: Path, address: str, cause: str) -> None:
    """It ends at once: no retry makes an interface."""
    asked = run_in_network(LINK, variant, tmp_path, f"-addr={address}:{PORT}", TIMEOUT)
    assert asked.outcome.exit_code == exit_codes.DIAL
    assert asked.outcome.hint == HINTS[cause]
    assert asked.seconds < BUDGET_SECONDS
