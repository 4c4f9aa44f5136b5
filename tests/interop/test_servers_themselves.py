"""The servers behave as facts.py says, in the eyes of grpcio's client. The program under test has no part in this."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme

from . import facts, servers
from .servers import SERVERS, Server, TlsFiles

# How the end of a call that is cut looks to the C core.
CUT = {
    "grpcio": grpc.StatusCode.CANCELLED,
    "grpclib": grpc.StatusCode.INTERNAL,  # what the gRPC specification makes of RST_STREAM with NO_ERROR
    "grpc-js": grpc.StatusCode.UNAVAILABLE,
    "nginx": grpc.StatusCode.CANCELLED,
}
AWKWARD_NAMES = ["nope", "", "two words", "mod\u00e8le \u6a21\u578b \U0001f600", "100%", "%41", "a\nb\tc", "toString"]
ENOUGH = 30  # seconds; a bound for what hangs, never waited for


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param](None) as running:
        yield running


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.target) as opened:
        yield opened


def method(channel: grpc.Channel, path: str = facts.METHOD) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
    # Without serializers, bytes go in and come out.
    return channel.unary_unary(path)


def ask(channel: grpc.Channel, model: str) -> bytes:
    return method(channel)(facts.request(model), timeout=ENOUGH)


def failure(channel: grpc.Channel, model: str, path: str = facts.METHOD) -> grpc.Call:
    with pytest.raises(grpc.RpcError) as caught:
        method(channel, path)(facts.request(model), timeout=ENOUGH)
    assert isinstance(caught.value, grpc.Call)
    return caught.value


def test_builder_of_wire_bytes_agrees_with_captured_ones() -> None:
    assert facts.request("half") == bytes.fromhex("0a060a0468616c66")
    assert facts.request("half", 123) == bytes.fromhex("0a0a0a0468616c661202087b")
    assert facts.request("half", -1) == bytes.fromhex("0a130a0468616c66120b08ffffffffffffffffff01")
    assert facts.entry(123, facts.AVAILABLE) == facts.ANSWERS["half"]
    assert facts.entry(1, facts.LOADING) == facts.ANSWERS["loading"]
    assert facts.entry(2, facts.END, facts.NOT_FOUND, "no") == bytes.fromhex("0a0c080210321a06080512026e6f")


@pytest.mark.parametrize("model", facts.ANSWERS)
def test_answers(channel: grpc.Channel, model: str) -> None:
    assert ask(channel, model) == facts.ANSWERS[model]


def test_big_answer_needs_flow_control_and_begins_with_the_available_version() -> None:
    big = facts.ANSWERS["big"]
    assert len(big) > 3 * 65_535
    assert big.startswith(facts.entry(9999, facts.AVAILABLE))


def test_asking_for_one_version_is_understood(channel: grpc.Channel) -> None:
    assert method(channel)(facts.request("half", 123), timeout=ENOUGH) == facts.ANSWERS["half"]


@pytest.mark.parametrize("model", AWKWARD_NAMES)
def test_any_other_model_is_not_found(channel: grpc.Channel, model: str) -> None:
    call = failure(channel, model)
    assert call.code() is grpc.StatusCode.NOT_FOUND
    assert call.details() == "Could not find any versions of model " + model


def test_broken_is_an_internal_error(channel: grpc.Channel) -> None:
    call = failure(channel, "broken")
    assert call.code() is grpc.StatusCode.INTERNAL
    assert call.details() == "n\u00e4ive 100%\nfail"


def test_slow_says_nothing_while_others_are_answered(channel: grpc.Channel) -> None:
    silent = method(channel).future(facts.request("slow"), timeout=ENOUGH)
    for model in facts.ANSWERS:
        assert ask(channel, model) == facts.ANSWERS[model]
    assert silent.cancel()  # false, had it ended by then


def test_slow_makes_deadlines_pass(channel: grpc.Channel) -> None:
    ask(channel, "half")  # connected: from here on the time is the server's
    with pytest.raises(grpc.RpcError) as caught:
        method(channel)(facts.request("slow"), timeout=0.2)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_gone_ends_the_call_and_not_the_server(server: Server, channel: grpc.Channel) -> None:
    assert failure(channel, "gone").code() is CUT[server.stack]
    # On a connection of its own: the library may not have noticed yet that the other one was cut.
    with grpc.insecure_channel(server.target, [("grpc.use_local_subchannel_pool", 1)]) as another:
        assert ask(another, "half") == facts.ANSWERS["half"]


@pytest.mark.parametrize(
    "path", ["/tensorflow.serving.ModelService/HandleReloadConfigRequest", "/grpc.health.v1.Health/Check"]
)
def test_other_methods_are_unimplemented(channel: grpc.Channel, path: str) -> None:
    assert failure(channel, "half", path).code() is grpc.StatusCode.UNIMPLEMENTED


def test_nginx_without_upstream_is_a_bad_gateway() -> None:
    with servers.nginx_without_upstream() as server, grpc.insecure_channel(server.target) as channel:
        call = failure(channel, "half")
    assert call.code() is grpc.StatusCode.UNAVAILABLE
    assert "502" in str(call.details())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_files(directory: Path, authority: trustme.CA, ask_client: bool) -> TlsFiles:
    pair = authority.issue_cert("127.0.0.1")
    files = TlsFiles(directory / "key.pem", directory / "certificate.pem", directory / "ca.pem" if ask_client else None)
    pair.private_key_pem.write_to_path(str(files.key))
    for blob in pair.cert_chain_pems:
        blob.write_to_path(str(files.certificate), append=True)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    return files


def secure_channel(server: Server, authority: trustme.CA, client: trustme.LeafCert | None = None) -> grpc.Channel:
    key = chain = None
    if client is not None:
        key = client.private_key_pem.bytes()
        chain = b"".join(blob.bytes() for blob in client.cert_chain_pems)
    return grpc.secure_channel(server.target, grpc.ssl_channel_credentials(authority.cert_pem.bytes(), key, chain))


@pytest.mark.parametrize("stack", SERVERS)
def test_tls(stack: str, tmp_path: Path, authority: trustme.CA) -> None:
    files = tls_files(tmp_path, authority, ask_client=False)
    with SERVERS[stack](files) as server, secure_channel(server, authority) as channel:
        assert ask(channel, "big") == facts.ANSWERS["big"]


@pytest.mark.parametrize("stack", SERVERS)
def test_tls_with_client_certificates(stack: str, tmp_path: Path, authority: trustme.CA) -> None:
    files = tls_files(tmp_path, authority, ask_client=True)
    client = authority.issue_cert("client@example.com")
    with SERVERS[stack](files) as server:
        with secure_channel(server, authority, client) as channel:
            assert ask(channel, "half") == facts.ANSWERS["half"]
        with secure_channel(server, authority) as channel, pytest.raises(grpc.RpcError):
            ask(channel, "half")


@pytest.mark.parametrize("stack", SERVERS)
def test_server_that_cannot_start_says_why(stack: str, tmp_path: Path) -> None:
    absent = TlsFiles(tmp_path / "absent.key", tmp_path / "absent.pem")
    with pytest.raises(RuntimeError, match=r"(?is)before it was ready:.*no such file"), SERVERS[stack](absent):
        pytest.fail("it started")


@pytest.mark.parametrize("stack", SERVERS)
def test_nothing_is_left_behind(stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ZeroDivisionError), SERVERS[stack](None) as server:
        raise ZeroDivisionError
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port))
    assert not list(tmp_path.iterdir())
