"""Which engine asks, by the address and the configuration."""

from __future__ import annotations

import importlib
import sys

import pytest

import probe.tfs
from probe.deadline import RUN, Deadline
from probe.model import DIAL, SETUP, CallTrace, ClientConfig, Failure, Query
from probe.tfs.client import connect
from probe.tfs.grpcio import GrpcioClient
from probe.tfs.native import NativeClient
from tests.fake_tfs import FakeServing
from tests.support.canned import refused

SECOND = 1_000_000_000


def connected(config: ClientConfig) -> tuple[object, CallTrace]:
    return connect(config, Query("m"), Deadline.after(20 * SECOND, RUN), lambda phase: None)


@pytest.mark.parametrize(("engine", "kind"), [("native", NativeClient), ("grpcio", GrpcioClient)])
def test_the_engine_that_was_chosen(engine: str, kind: type) -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        client, trace = connected(ClientConfig(server.address, engine=engine))  # type: ignore[arg-type]
        assert isinstance(client, NativeClient | GrpcioClient) and type(client) is kind
        assert trace.peer == server.address and trace.dial_ns > 0
        client.close()


def test_a_url_asks_the_rest_api() -> None:
    with refused() as place:
        config = ClientConfig(f"http://127.0.0.1:{place.port}", connect_timeout=SECOND // 20)
        failure, _ = connected(config)
    assert isinstance(failure, Failure) and failure.kind == DIAL


@pytest.fixture
def without_grpcio(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delitem(sys.modules, "probe.tfs.grpcio")
    monkeypatch.delattr(probe.tfs, "grpcio")
    return monkeypatch


def test_a_library_that_is_not_installed_is_named(without_grpcio: pytest.MonkeyPatch) -> None:
    without_grpcio.setitem(sys.modules, "grpc", None)
    failure, trace = connected(ClientConfig("127.0.0.1:1", engine="grpcio"))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.cause, failure.permanent) == (SETUP, "no-grpcio", True)
    assert "grpc" in failure.text.partition("(")[2]
    assert trace == CallTrace()


def test_the_static_executable_says_that_it_has_one_engine(without_grpcio: pytest.MonkeyPatch) -> None:
    without_grpcio.setattr(probe.tfs, "__path__", [])  # as if the module were not among its files
    importlib.invalidate_caches()
    failure, _ = connected(ClientConfig("127.0.0.1:1", engine="grpcio"))
    assert isinstance(failure, Failure)
    assert failure.cause == "no-grpcio" and "static executable" in failure.text
