"""The second engine: kinds and causes are the native engine's, texts are the library's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from probe.deadline import CONNECT, RPC, RUN, Deadline
from probe.model import (
    ALTS,
    CALL,
    DIAL,
    SETUP,
    SPIFFE,
    STATUS,
    TLS,
    CallTrace,
    ClientConfig,
    Failure,
    ModelStatus,
    NamedFile,
    Query,
    Security,
    VersionStatus,
)  # fmt: skip
from probe.tfs import grpcio
from probe.tfs.grpcio import GrpcioClient, connect
from tests.fake_tfs import FakeServing
from tests.support.canned import Place, canned_grpc, mute, refused
from tests.support.certificates import shared
from tests.support.wire import AVAILABLE, END, chunk, entry, status

SECOND = 1_000_000_000
QUERY = Query("m")
READY = ModelStatus((VersionStatus(1, 30),))
SHORT = SECOND // 10


def soon(seconds: float = 20) -> Deadline:
    return Deadline.after(int(seconds * SECOND), RUN)


def dialed(config: ClientConfig, first: Query = QUERY, deadline: Deadline | None = None) -> GrpcioClient | Failure:
    phases: list[str] = []
    client, trace = connect(config, first, deadline or soon(), phases.append)
    assert phases in ([], ["dial"])
    if isinstance(client, Failure):
        assert trace == CallTrace()
    else:
        assert trace.peer == config.address and trace.dial_ns > 0
    return client


def asked(config: ClientConfig, *queries: Query, deadline: Deadline | None = None) -> tuple[ModelStatus | Failure, ...]:
    client = dialed(config)
    assert isinstance(client, GrpcioClient), client
    try:
        return client.status(queries or (QUERY,), deadline or soon())
    finally:
        client.close()


def failed(outcome: object) -> Failure:
    assert isinstance(outcome, Failure), outcome
    return outcome


# Calls.


def test_several_models_on_one_connection() -> None:
    with FakeServing({"m": {1: "AVAILABLE"}, "n": {2: "LOADING"}}, rest=False) as server:
        found = asked(ClientConfig(server.address), QUERY, Query("n", 7), Query("nope"), Query("\udcff"))
        assert len(server.requests) == 3
    assert found[:2] == (READY, ModelStatus((VersionStatus(2, 20),)))
    assert (failed(found[2]).kind, failed(found[2]).code) == (STATUS, 5)
    assert (failed(found[3]).kind, failed(found[3]).permanent) == (CALL, True)


def test_an_answer_is_read_field_by_field() -> None:
    answer = entry(2, END, status(15, "broken")) + chunk(1, b"\x08\x01")
    with canned_grpc(answer) as place:
        (found,) = asked(ClientConfig(f"127.0.0.1:{place.port}"))
    assert found == ModelStatus((VersionStatus(2, 50, True, 15, "broken"), VersionStatus(1, 0, False)))


def test_metadata_and_user_agent() -> None:
    metadata = ((b"a", b"b"), (b"k-bin", b"\xff"))
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        assert asked(ClientConfig(server.address, metadata=metadata, user_agent=b"me", gzip=True)) == (READY,)
        sent = dict(server.metadata[0])
    assert (sent["a"], sent["k-bin"]) == ("b", b"\xff") and str(sent["user-agent"]).startswith("me ")


@pytest.mark.parametrize("code", [2, 3, 5, 7, 8, 9, 12, 16])
def test_a_status_of_the_servers_own(code: int) -> None:
    with canned_grpc(None, code, "text") as place:
        (found,) = asked(ClientConfig(f"127.0.0.1:{place.port}"))
    assert found == Failure(STATUS, "text", code)


@pytest.mark.parametrize("code", [1, 4, 13, 14])
def test_a_status_that_the_library_gives_too_counts_as_its_own(code: int) -> None:
    with canned_grpc(None, code, "text") as place:
        found = failed(asked(ClientConfig(f"127.0.0.1:{place.port}"))[0])
    assert (found.kind, found.code, found.text) == (CALL, code, "text")
    assert found.cause == ("call-timeout" if code == 4 else "")


def test_an_answer_that_is_not_one() -> None:
    with canned_grpc(b"\xff") as place:
        found = failed(asked(ClientConfig(f"127.0.0.1:{place.port}"))[0])
    assert (found.kind, found.code, found.cause) == (CALL, 13, "unreadable")


@pytest.mark.parametrize(
    ("rpc_timeout", "deadline", "cause", "limit"),
    [
        (SHORT, None, "call-timeout", None),
        (0, None, "no-time", RPC),
        (20 * SECOND, soon(0), "run-timeout", RUN),
    ],
)
def test_no_answer_in_time(rpc_timeout: int, deadline: Deadline | None, cause: str, limit: str | None) -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False, delay=20) as server:
        found = failed(asked(ClientConfig(server.address, rpc_timeout=rpc_timeout), deadline=deadline)[0])
    assert (found.kind, found.code, found.cause, found.limit) == (CALL, 4, cause, limit)


# Dialing.


def test_nothing_listens() -> None:
    with refused() as place:
        found = failed(dialed(ClientConfig(f"127.0.0.1:{place.port}", connect_timeout=SHORT)))
    assert found.kind == DIAL and found.text.startswith("context deadline exceeded (last error: ")


def test_a_server_that_says_nothing() -> None:
    with mute() as place:
        found = failed(dialed(ClientConfig(f"127.0.0.1:{place.port}", connect_timeout=SHORT)))
    assert found.kind == DIAL and found.text.startswith("context deadline exceeded")


def test_no_time_to_dial() -> None:
    assert dialed(ClientConfig("127.0.0.1:1", connect_timeout=0)) == Failure(
        DIAL, "context deadline exceeded", cause="no-time"
    )


@pytest.mark.parametrize("address", ["", "127.0.0.1", "grpc://127.0.0.1:1", "127.1:8500"])
def test_an_address_that_is_none(address: str) -> None:
    found = failed(dialed(ClientConfig(address)))
    assert (found.kind, found.permanent) == (DIAL, True)


def test_a_name_that_is_not_unicode() -> None:
    found = failed(dialed(ClientConfig("127.0.0.1:1"), Query("\udcff")))
    assert (found.kind, found.permanent) == (CALL, True)


@pytest.mark.parametrize("form", ["localhost:{port}", ":{port}", "0.0.0.0:{port}", "dns:///127.0.0.1:{port}"])
def test_addresses(form: str) -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        assert asked(ClientConfig(form.format(port=server.port))) == (READY,)


@pytest.mark.parametrize("form", ["unix:{}", "unix://{}"])
def test_unix_sockets(form: str) -> None:
    with canned_grpc(entry(1, AVAILABLE), unix_socket=True) as place:
        assert asked(ClientConfig(form.format(place.socket))) == (READY,)


# Security.


def secured(host: str = "127.0.0.1", **more: Any) -> tuple[Callable[[int], ClientConfig], FakeServing]:
    security = Security(TLS, ca=NamedFile(str(shared().file("ca.pem")), "-tls-ca-cert"), **more)
    server = FakeServing({"m": {1: "AVAILABLE"}}, rest=False, tls=shared().pair("server"))
    return lambda port: ClientConfig(f"{host}:{port}", security=security, connect_timeout=5 * SECOND), server


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "", "0.0.0.0"])
def test_tls(host: str) -> None:
    config, serving = secured(host)
    with serving as server:
        assert asked(config(server.port)) == (READY,)


def test_a_name_of_its_own() -> None:
    config, serving = secured(server_name="localhost")
    with serving as server:
        assert asked(config(server.port)) == (READY,)


@pytest.mark.parametrize(
    ("security", "cause"),
    [
        (Security(SPIFFE), "native-only"),
        (Security(TLS, verify=False), "native-only"),
        (Security(TLS, ca=NamedFile("/nowhere.pem", "-tls-ca-cert")), "tls-file"),
    ],
)
def test_what_cannot_be_set_up(security: Security, cause: str) -> None:
    found = failed(dialed(ClientConfig("127.0.0.1:1", security=security)))
    assert (found.kind, found.cause, found.permanent) == (SETUP, cause, True)


def test_alts_is_the_librarys_affair() -> None:
    with refused() as place:
        config = ClientConfig(f"127.0.0.1:{place.port}", security=Security(ALTS), connect_timeout=SHORT)
        assert failed(dialed(config)).kind == DIAL


# Labels and predictions.


def test_labels() -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False, labels={"m": {"stable": 1}}) as server:
        client = dialed(ClientConfig(server.address))
        assert isinstance(client, GrpcioClient)
        assert client.version_of_label("m", "stable", soon()) == 1
        assert failed(client.version_of_label("m", "nope", soon())).cause == "no-label"
        assert failed(client.version_of_label("m", "\udcff", soon())).permanent
        client.close()


@pytest.mark.parametrize(("answer", "kind"), [(b"\xff", CALL), (b"", CALL)])
def test_metadata_that_is_none(answer: bytes, kind: str) -> None:
    with canned_grpc(answer) as place:
        client = dialed(ClientConfig(f"127.0.0.1:{place.port}"))
        assert isinstance(client, GrpcioClient)
        assert failed(client.version_of_label("m", "stable", soon())).kind == kind
        client.close()


def test_predictions() -> None:
    with canned_grpc(b"anything") as place:
        client = dialed(ClientConfig(f"127.0.0.1:{place.port}"))
        assert isinstance(client, GrpcioClient)
        assert client.predict("m", None, b"", soon()) is None
        assert failed(client.predict("\udcff", 1, b"", soon())).permanent
        client.close()
    with canned_grpc(None, 3, "no") as place:
        client = dialed(ClientConfig(f"127.0.0.1:{place.port}"))
        assert isinstance(client, GrpcioClient)
        assert client.predict("m", 1, b"", soon()) == Failure(STATUS, "no", 3)
        client.close()


# A library that hangs.


class HungThreads:
    """Threads in which nothing ever ends."""

    def submit(self, *_: object) -> Future[object]:
        return Future()


def hung(monkeypatch: pytest.MonkeyPatch, place: Place) -> GrpcioClient:
    monkeypatch.setattr(grpcio, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(grpcio, "LAST_ERROR_SECONDS", 0.0)
    client = dialed(ClientConfig(f"127.0.0.1:{place.port}", rpc_timeout=SHORT))
    assert isinstance(client, GrpcioClient) and client.is_usable
    client.close()
    client._threads = HungThreads()  # type: ignore[assignment]
    return client


def test_a_library_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with canned_grpc(entry(1, AVAILABLE)) as place:
        client = hung(monkeypatch, place)
        (found,) = client.status((QUERY,), soon())
        assert (failed(found).code, failed(found).cause, failed(found).limit) == (4, "call-timeout", RPC)
        assert not client.is_usable
        client.close()  # and this does not hang either
        again = hung(monkeypatch, place)
        late = again.dial(b"", soon().with_timeout(SHORT, CONNECT))
        assert late == Failure(DIAL, "context deadline exceeded", limit=CONNECT)
        assert not again.is_usable
