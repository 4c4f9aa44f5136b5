"""The Workload API's client, in process: a real API on sockets, and scripted ones that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from probe.deadline import RPC, RUN, Deadline
from probe.model import CREDENTIALS, Failure
from probe.spiffe.messages import Svid
from probe.spiffe.workload_api import fetch_svid
from tests.support.canned import mute, refused
from tests.support.http2_writer import GREETING, HEAD, HEAD_FIELDS, data, goaway, headers, reset
from tests.support.scripted_server import Peer, scripted_server
from tests.support.spiffe_authority import authority
from tests.support.wire import chunk, message
from tests.support.workload_api import federated, identity, svid, workload_api

SECOND = 1_000_000_000
DOMAIN, THEIRS = "ours.test", "theirs.test"


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(int(seconds * SECOND), RUN)


def fetch(address: str, seconds: float = 10, timeout: float = 10) -> Svid | Failure:
    return fetch_svid(address, b"agent/1", int(timeout * SECOND), soon(seconds))


def failure(address: str, seconds: float = 10, timeout: float = 10) -> Failure:
    found = fetch(address, seconds, timeout)
    assert isinstance(found, Failure)
    assert found.kind == CREDENTIALS
    return found


def test_an_identity_and_its_bundles() -> None:
    ours, theirs = authority(DOMAIN), authority(THEIRS)
    own, second = ours.identity("/probe"), theirs.identity("/probe")
    answer = identity(own, ours) + identity(second, theirs) + federated("spiffe://far.test", b"bundle")
    with workload_api(answer, b"a second answer is not read") as api:
        for address in (api.unix, api.tcp):
            assert fetch(address) == Svid(
                f"spiffe://{DOMAIN}/probe",
                own.der,
                own.key_der,
                ours.bundle,
                ((f"spiffe://{THEIRS}/probe", theirs.bundle), ("spiffe://far.test", b"bundle")),
            )
        assert [metadata["user-agent"] for metadata in api.metadata] == ["agent/1"] * 2


def test_an_api_without_an_identity_for_us() -> None:
    for answer in (b"", federated(f"spiffe://{DOMAIN}", b"bundle"), chunk(9, b"unknown")):
        with workload_api(answer) as api:
            assert failure(api.unix).cause == "spiffe-none"
    with workload_api(status=grpc.StatusCode.PERMISSION_DENIED, details="no identity issued") as api:
        denied = failure(api.unix)
    assert denied.cause == "spiffe-none"
    assert "no identity issued" in denied.text


@pytest.mark.parametrize(
    "answer", [b"\xff" * 20, svid("spiffe://a/b", b"c", b"k", b"b")[:-1], chunk(1, chunk(1, b"\xff"))]
)
def test_an_answer_that_cannot_be_decoded(answer: bytes) -> None:
    with workload_api(answer) as api:
        assert failure(api.unix).cause == "spiffe-api"


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED])
def test_other_statuses(status: grpc.StatusCode) -> None:
    with workload_api(status=status, details="the reason") as api:
        found = failure(api.unix)
    assert (found.cause, found.limit) == ("spiffe-api", None)
    assert "the reason" in found.text


def test_a_stream_that_ends_without_an_answer() -> None:
    with workload_api(ends=True) as api:
        assert failure(api.unix).cause == "spiffe-api"


def test_time() -> None:
    """Dialing and call share the timeout."""
    with workload_api(silent=True) as api:
        for seconds, timeout, limit in ((10, 0.05, RPC), (0.05, 10, RUN)):
            found = failure(api.unix, seconds, timeout)
            assert (found.cause, found.limit) == ("spiffe-api", limit)
    with mute() as place:
        assert failure(f"tcp://127.0.0.1:{place.port}", timeout=0.05).limit == RPC
    with refused() as place:
        found = failure(f"tcp://127.0.0.1:{place.port}", timeout=0.05)
    assert (found.cause, found.limit) == ("spiffe-api", RPC)


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    found = failure(f"unix://{tmp_path}/agent.sock", timeout=0.05)
    assert (found.cause, found.limit) == ("spiffe-api", RPC)
    assert "agent.sock" in found.text


# How the connection behaves.


def answering(*pieces: bytes) -> Callable[[Peer], None]:
    def behave(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        peer.send(*pieces)

    return behave


GOOD = HEAD + data(message(svid("spiffe://ours.test/probe", b"certificates", b"key", b"bundle")))


def test_the_stream_is_cancelled_after_the_first_answer() -> None:
    with scripted_server(answering(GOOD)) as server:
        found = fetch(f"tcp://{server.address}")
    assert isinstance(found, Svid)
    assert found.spiffe_id == "spiffe://ours.test/probe"


@pytest.mark.parametrize(
    "pieces",
    [
        (reset(2),),
        (headers(((":status", "404"), ("content-type", "text/html")), end=True),),
        (headers((*HEAD_FIELDS, ("grpc-status", "0")), end=True),),
        (b"\0\0\0\x09\0\0\0\0\1",),
    ],
)
def test_answers_that_are_none(pieces: tuple[bytes, ...]) -> None:
    with scripted_server(answering(*pieces)) as server:
        assert failure(f"tcp://{server.address}").cause == "spiffe-api"


def test_an_agent_that_restarts_is_asked_again() -> None:
    """It has not processed the call (RFC 9113, 8.7)."""
    begun = []

    def behave(peer: Peer) -> None:
        begun.append(peer)
        if len(begun) == 1:
            peer.send(GREETING)
            peer.until_request()
            peer.send(goaway(0, 0))
        else:
            answering(GOOD)(peer)

    with scripted_server(behave) as server:
        assert isinstance(fetch(f"tcp://{server.address}"), Svid)
    assert len(begun) == 2


# Addresses.


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/run/agent.sock",
        "unix:agent.sock",
        "unix://",
        "unix:///run/agent.sock?query",
        "unix:///run/agent.sock#fragment",
        "unix://host/run/agent.sock",
        "unix:///" + "p" * 200,
        "tcp:127.0.0.1:80",
        "tcp://localhost:80",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:http",
        "tcp://127.0.0.1:80/path",
        "tcp://127.0.0.1:99999",
        "tcp://[::1]",
        "http://127.0.0.1:80",
        "udp://127.0.0.1:80",
    ],
)
def test_malformed_addresses(address: str) -> None:
    assert failure(address).cause == "spiffe-socket"
