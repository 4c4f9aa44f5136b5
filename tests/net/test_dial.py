"""From a target to a connection: which errors are retried, in which order addresses are tried, and what is reported.

The connections are scripted; so are the pauses between attempts.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.deadline import CONNECT, SHARE, Deadline
from probe.model import DIAL, Failure
from probe.net.dial import FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, dial, failure, literal_family
from probe.net.errors import Permanent, Transient
from probe.net.stream import Address
from probe.net.target import LOOPBACK, Target, parse
from tests.support.scripted_stream import ScriptedStream

SECOND = 1_000_000_000
LOCAL = Target(LOOPBACK, "8500", b"", "localhost:8500", "localhost")
ONE = Target(("127.0.0.1",), "8500", b"", "127.0.0.1:8500", "127.0.0.1")

Step = ScriptedStream | Exception


def soon() -> Deadline:
    return Deadline.after(60 * SECOND, CONNECT)


def refused(address: str = "127.0.0.1:8500") -> Transient:
    return Transient(f"connect {address}: connection refused", "refused")


class Network:
    """What each attempt to connect meets, in turn."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.attempts: list[str] = []
        self.deadlines: list[Deadline] = []
        self.pauses: list[float] = []

    def connect(self, address: Address, deadline: Deadline) -> ScriptedStream:
        self.attempts.append(str(address))
        self.deadlines.append(deadline)
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def dial(
        self,
        target: Target = ONE,
        deadline: Deadline | None = None,
        handshake: Callable[[ScriptedStream], ScriptedStream] = lambda stream: stream,
    ) -> ScriptedStream:
        return dial(target, deadline or soon(), handshake, sleep=self.pauses.append, connect=self.connect)  # type: ignore[arg-type]


def test_the_first_address_that_accepts_wins() -> None:
    first, second = ScriptedStream(), ScriptedStream()
    network = Network(first, second)
    assert network.dial(LOCAL) is first
    assert network.attempts == ["127.0.0.1:8500"]
    network = Network(refused(), second)
    assert network.dial(LOCAL) is second
    assert network.attempts == ["127.0.0.1:8500", "[::1]:8500"]
    assert network.pauses == []


def test_an_address_gets_its_share_of_the_time() -> None:
    """One whose packets are dropped must not use up the others' time."""
    network = Network(refused(), ScriptedStream())
    deadline = soon()
    network.dial(LOCAL, deadline)
    first, last = network.deadlines
    assert first.limit == SHARE
    assert first.at is not None and deadline.at is not None and first.at < deadline.at - 29 * SECOND
    assert last == deadline


def test_transient_errors_are_retried_after_growing_pauses() -> None:
    stream = ScriptedStream()
    network = Network(*(refused() for _ in range(20)), stream)
    assert network.dial() is stream
    assert network.pauses[0] == FIRST_PAUSE_SECONDS
    assert network.pauses == sorted(network.pauses)
    assert network.pauses[-1] == MAX_PAUSE_SECONDS
    assert len(network.pauses) == 20


def test_permanent_errors_end_the_dialing() -> None:
    forbidden = Permanent("socket: operation not permitted", "policy")
    network = Network(forbidden)
    with pytest.raises(Permanent) as caught:
        network.dial()
    assert caught.value is forbidden
    assert network.pauses == []


def test_a_permanent_error_of_one_address_leaves_the_others() -> None:
    """A policy may forbid just its family."""
    forbidden, stream = Permanent("socket: operation not permitted", "policy"), ScriptedStream()
    assert Network(forbidden, stream).dial(LOCAL) is stream
    assert Network(forbidden, refused(), refused(), stream).dial(LOCAL) is stream
    for steps in ((forbidden, forbidden), (forbidden, Transient("", "no-time"))):
        with pytest.raises(Permanent) as caught:
            Network(*steps).dial(LOCAL)
        assert caught.value is forbidden


def test_without_time_nothing_is_attempted() -> None:
    network = Network()
    with pytest.raises(Transient) as caught:
        network.dial(deadline=Deadline(0, CONNECT))
    assert caught.value.cause == "no-time"
    assert network.attempts == []


class StopWatch(Deadline):
    """A deadline that passes when a test says so."""

    def __init__(self) -> None:
        super().__init__(None, CONNECT)
        self.is_over = False

    def remaining(self) -> float:
        return 0.0 if self.is_over else 60.0

    def share(self, parts: int) -> Deadline:
        return self


def over_after(*errors: Exception, target: Target = LOCAL) -> Transient:
    """What is reported when the deadline passes during the last of these attempts."""
    deadline = StopWatch()

    class Last(Network):
        def connect(self, address: Address, share: Deadline) -> ScriptedStream:
            deadline.is_over = len(self.attempts) == len(errors) - 1
            return super().connect(address, share)

    with pytest.raises(Transient) as caught:
        Last(*errors).dial(target, deadline)
    return caught.value


def test_what_is_reported_of_several_addresses() -> None:
    dropped = Transient("connect [::1]:8500: timed out", "dropped")
    nothing = Transient("", "no-time")
    first, second = refused(), refused("[::1]:8500")
    assert over_after(first, second) is first
    assert over_after(first, dropped) is dropped
    assert over_after(dropped, first) is dropped
    assert over_after(first, nothing) is first
    assert over_after(nothing, first) is first


def test_the_last_attempt_is_reported_unless_it_did_not_begin() -> None:
    closed = Transient("connected to 127.0.0.1:8500: closed", "closed")
    assert over_after(refused(), closed, target=ONE) is closed
    assert over_after(closed, Transient("", "no-time"), target=ONE) is closed


def test_after_the_deadline_no_further_address_is_tried() -> None:
    only = refused()
    assert over_after(only) is only


# The handshake.


@pytest.mark.parametrize("kind", [Transient, Permanent])
def test_a_stream_that_the_handshake_rejects_is_closed(kind: type[Transient] | type[Permanent]) -> None:
    rejected, accepted = ScriptedStream(), ScriptedStream()

    def handshake(stream: ScriptedStream) -> ScriptedStream:
        if stream is rejected:
            raise kind("connected to scripted:1: no", "tls-alpn")
        return stream

    network = Network(rejected, accepted)
    if kind is Permanent:
        with pytest.raises(Permanent):
            network.dial(LOCAL, handshake=handshake)
    else:
        assert network.dial(LOCAL, handshake=handshake) is accepted
    assert (rejected.closed, accepted.closed) == (1, 0)


def test_a_reset_during_the_handshake_is_transient() -> None:
    rejected, accepted = ScriptedStream(), ScriptedStream()

    def handshake(stream: ScriptedStream) -> ScriptedStream:
        if stream is rejected:
            raise ConnectionResetError(104, "Connection reset by peer")
        return stream

    assert Network(rejected, accepted).dial(LOCAL, handshake=handshake) is accepted
    assert rejected.closed == 1


def test_whatever_ends_the_handshake_closes_the_stream() -> None:
    stream = ScriptedStream()

    def handshake(_: ScriptedStream) -> ScriptedStream:
        raise MemoryError

    with pytest.raises(MemoryError):
        Network(stream).dial(handshake=handshake)
    assert stream.closed == 1


# Addresses.


def test_a_unix_socket_is_one_address() -> None:
    network = Network(ScriptedStream())
    network.dial(Target((), "", b"/run/a.sock", "localhost", "localhost"))
    assert network.attempts == ["unix:/run/a.sock"]


def test_a_service_has_a_port() -> None:
    network = Network(ScriptedStream())
    network.dial(Target(("127.0.0.1",), "http", b"", "", ""))
    assert network.attempts == [f"127.0.0.1:{socket.getservbyname('http', 'tcp')}"]


@pytest.mark.parametrize("service", ["\u00b2", "\u0663", "\udcff", "no-such-service", "-1"])
def test_an_unknown_service_ends_the_dialing(service: str) -> None:
    target = parse(f"127.0.0.1:{service}")
    assert isinstance(target, Target)
    with pytest.raises(Permanent) as caught:
        Network().dial(target)
    assert caught.value.cause == "address"


def test_names_are_looked_up_and_literals_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_lookup(*_: object) -> None:
        raise AssertionError("a literal was looked up")

    monkeypatch.setattr("_socket.getaddrinfo", no_lookup)
    network = Network(refused(), refused(), ScriptedStream())
    network.dial(Target(("127.0.0.2", "::1", "10.0.0.1"), "1", b"", "", ""))
    assert network.attempts == ["127.0.0.2:1", "[::1]:1", "10.0.0.1:1"]


def test_a_lookup_gives_its_addresses_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET6, 1, 6, "", ("fd00::1", 1, 0, 0)), (socket.AF_INET, 1, 6, "", ("10.0.0.1", 1))]
    monkeypatch.setattr("_socket.getaddrinfo", lambda *_: found)
    network = Network(refused(), ScriptedStream())
    network.dial(Target(("name.example",), "1", b"", "", ""))
    assert network.attempts == ["[fd00::1]:1", "10.0.0.1:1"]


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("127.0.0.1", socket.AF_INET),
        ("::1", socket.AF_INET6),
        ("fe80::1%lo", 0),
        ("127.1", 0),
        ("name", 0),
        ("a\0b", 0),
        ("\udcff", 0),
        ("", 0),
    ],
)
def test_literals(host: str, family: int) -> None:
    assert literal_family(host) == family


# As a value.


@given(st.text(max_size=5), st.sampled_from(["refused", "policy"]))
def test_a_dial_s_end_as_a_value(text: str, cause: str) -> None:
    permanent = failure(Permanent(text, cause))  # type: ignore[arg-type]
    assert permanent == Failure(DIAL, text, cause=cause, permanent=True)  # type: ignore[arg-type]
    transient = failure(Transient(text, cause))  # type: ignore[arg-type]
    assert (transient.kind, transient.cause, transient.permanent) == (DIAL, cause, False)
    # Go's words for a deadline that has passed, with the last error if there was one.
    assert transient.text.startswith("context deadline exceeded")
    assert transient.text.endswith(f"{text})" if text else "exceeded")
