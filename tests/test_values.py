"""Values compare, hash and print; what is secret in them is not printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe import model
from probe.deadline import CONNECT, MAX_WAIT_SECONDS, RUN, SHARE, Deadline
from probe.net.stream import Address
from probe.net.target import Target
from probe.rpc.channel import ChannelOptions, Request
from probe.rpc.events import Data, GoAway, Headers, Reset, Settings
from probe.spiffe.messages import Svid
from probe.tfs.messages import decode_response
from probe.tls.files import Identity
from probe.value import Value
from tests.support.wire import AVAILABLE, entry

SECRET = b"correct horse battery staple"
METADATA = ((b"authorization", SECRET),)

FAILED = model.Result(model.Query("a"), model.Failure(model.CALL, ""), model.Verdict(3))

# Two equal values that were made apart, and a different one.
VALUES: list[tuple[Value, Value, Value]] = [
    (Deadline(1, RUN), Deadline(1, RUN), Deadline(1, SHARE)),
    (model.Query("a"), model.Query("a", 0), model.Query("a", 1)),
    (model.NamedFile("a", "b"), model.NamedFile("a", "b"), model.NamedFile("a", "c")),
    (model.Security(model.TLS), model.Security(model.TLS), model.Security(model.SPIFFE)),
    (model.ClientConfig("a"), model.ClientConfig("a"), model.ClientConfig("a", metadata=METADATA)),
    (model.VersionStatus(1, 30), model.VersionStatus(1, 30), model.VersionStatus(1, 50)),
    (model.Failure(model.CALL, "a"), model.Failure(model.CALL, "a"), model.Failure(model.DIAL, "a")),
    (model.CallTrace("a"), model.CallTrace("a"), model.CallTrace("b")),
    (model.Verdict(0), model.Verdict(0), model.Verdict(1)),
    (model.Report(()), model.Report(()), model.Report((FAILED,))),
    (Address(2, ("a", 1)), Address(2, ("a", 1)), Address(10, ("a", 1))),
    (Target(("a",), "1", b"", "", ""), Target(("a",), "1", b"", "", ""), Target(("a",), "2", b"", "", "")),
    (ChannelOptions("a"), ChannelOptions("a"), ChannelOptions("a", metadata=METADATA)),
    (Request("a", b""), Request("a", b""), Request("a", b"", True)),
    (Data(1, b"", True), Data(1, b"", True), Data(3, b"", True)),
    (Headers(1, (), True), Headers(1, (), True), Headers(1, (), False)),
    (Reset(1, 2), Reset(1, 2), Reset(1, 3)),
    (GoAway(0, 1, b""), GoAway(0, 1, b""), GoAway(0, 1, b"a")),
    (Identity(b"", "", b"", SECRET), Identity(b"", "", b"", SECRET), Identity(b"", "", b"", b"")),
    (Svid("a", b"", SECRET, b""), Svid("a", b"", SECRET, b""), Svid("a", b"", b"", b"")),
    (
        decode_response(entry(1, AVAILABLE) * 100),
        decode_response(entry(1, AVAILABLE) * 100),
        decode_response(entry(1, AVAILABLE) * 101),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("one", "same", "other"), VALUES, ids=lambda value: type(value).__name__)
def test_values_compare_and_hash(one: Value, same: Value, other: Value) -> None:
    assert one is not same
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert {one, same, other} == {one, other}


@pytest.mark.parametrize("one", [one for one, _, _ in VALUES], ids=lambda value: type(value).__name__)
def test_values_print_what_they_hold(one: Value) -> None:
    printed = repr(one)
    assert printed.startswith(type(one).__name__ + "(")
    assert all(f"{name}=" in printed for name in one.__slots__)


@pytest.mark.parametrize("one", [one for one, _, _ in VALUES], ids=lambda value: type(value).__name__)
def test_values_have_no_other_attributes(one: Value) -> None:
    with pytest.raises(AttributeError):
        one.anything = 1  # type: ignore[attr-defined]


def test_values_of_different_types_differ() -> None:
    class One(Value):
        pass

    assert Settings() != One() and Settings() == Settings()
    assert model.Query("a") != ("a", 0)
    assert model.Query("a") != "a"


SECRETS: list[Value] = [
    Identity(b"roots", "source", b"certificate", SECRET),
    Svid("spiffe://a/b", b"certificates", SECRET, b"bundle"),
    model.ClientConfig("address:1", metadata=METADATA),
    ChannelOptions("address:1", metadata=METADATA),
]


@pytest.mark.parametrize("holder", SECRETS, ids=lambda value: type(value).__name__)
def test_secrets_are_not_printed(holder: Value) -> None:
    """Neither by themselves nor as a part of another value."""
    plan = model.Plan(holder, (), Deadline(None, RUN))  # type: ignore[arg-type]
    for printed in (repr(holder), f"{holder}", repr([holder]), repr(plan)):
        assert "***" in printed
        for word in (SECRET.decode(), "horse", SECRET.hex(), "authorization"):
            assert word not in printed


def test_secrets_count_when_values_are_compared() -> None:
    assert Identity(b"", "", b"", SECRET) != Identity(b"", "", b"", SECRET[1:])
    assert model.ClientConfig("a", metadata=METADATA) != model.ClientConfig("a", metadata=((b"authorization", b""),))


# Deadlines.


def test_a_deadline_that_never_comes() -> None:
    never = Deadline(None, RUN)
    assert never.remaining() == MAX_WAIT_SECONDS
    assert never.with_timeout(10**9, CONNECT).limit == CONNECT
    assert never.share(3).remaining() < MAX_WAIT_SECONDS


def test_a_deadline_that_has_passed() -> None:
    over = Deadline(0, RUN)
    assert over.remaining() == 0.0
    assert over.with_timeout(10**9, CONNECT) is over


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_the_earlier_deadline_counts(first: int, second: int) -> None:
    outer = Deadline.after(first, RUN)
    inner = outer.with_timeout(second, CONNECT)
    assert inner.at is not None and outer.at is not None
    assert inner.at <= outer.at
    if first < second:
        assert inner is outer
    if second + 10**9 < first:
        assert inner.limit == CONNECT


@given(st.integers(1, 10))
def test_shares_are_equal_parts(parts: int) -> None:
    whole = Deadline.after(10**12, RUN)
    share = whole.share(parts)
    assert (share is whole) == (parts == 1)
    assert abs(share.remaining() * parts - whole.remaining()) < 1


def test_a_long_wait_is_cut() -> None:
    assert Deadline.after(10**18, RUN).remaining() == MAX_WAIT_SECONDS


def test_a_copy_differs_only_in_what_is_changed() -> None:
    failure = model.Failure(model.CALL, "no answer", 14, "broken", permanent=True, limit=RUN)
    assert failure.copy() == failure
    assert failure.copy(kind=model.PREDICT) == model.Failure(model.PREDICT, "no answer", 14, "broken", True, RUN)
    with pytest.raises(TypeError):
        failure.copy(sort=model.PREDICT)
