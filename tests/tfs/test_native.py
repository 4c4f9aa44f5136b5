"""The native engine over scripted streams: how a client comes about, and what its calls give."""

from __future__ import annotations

import _ssl
import posix
import ssl
import sys
from collections.abc import Callable

import hyperframe.frame as h2frame
import pytest

from probe.deadline import RUN, Deadline
from probe.model import (
    ALTS,
    AVAILABLE,
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
)
from probe.net.errors import Permanent, Transient
from probe.net.stream import Address
from probe.tfs.messages import encode_request
from probe.tfs.native import SPIFFE_CAUSES, NativeClient, connect
from tests.support import certificates, tls_server
from tests.support.http2_writer import GREETING, HEAD_FIELDS, PREFACE, goaway, headers, ping
from tests.support.scripted_server import client_frames
from tests.support.scripted_stream import ScriptedStream, answering, good, is_request
from tests.support.spiffe_authority import authority, uri
from tests.support.tls_memory import TlsServerStream
from tests.support.wire import chunk, entry, scalar
from tests.support.workload_api import identity, workload_api

SECOND = 1_000_000_000
ADDRESS = "10.0.0.1:8500"
QUERY, OTHER = Query("default"), Query("other", 7)
ANSWER = entry(123, AVAILABLE)
READY = ModelStatus((VersionStatus(123, AVAILABLE),))
RESET = ConnectionResetError(104, "Connection reset by peer")

Step = ScriptedStream | Exception


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(int(seconds * SECOND), RUN)


class Network:
    """What each attempt to connect meets, in turn."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.addresses: list[str] = []
        self.phases: list[str] = []

    def dial(self, address: Address, _: Deadline) -> ScriptedStream:
        self.addresses.append(str(address))
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step

    def connect(
        self, config: ClientConfig, first: Query = QUERY, seconds: float = 10
    ) -> tuple[NativeClient | Failure, CallTrace]:
        return connect(config, first, soon(seconds), self.phases.append, connect=self.dial)

    def client(self, config: ClientConfig | None = None) -> NativeClient:
        client, _ = self.connect(config or ClientConfig(ADDRESS))
        assert isinstance(client, NativeClient), client
        return client

    def failure(self, config: ClientConfig | None = None, first: Query = QUERY, seconds: float = 10) -> Failure:
        client, trace = self.connect(config or ClientConfig(ADDRESS), first, seconds)
        assert isinstance(client, Failure)
        assert (trace.peer, trace.security) == ("", "")
        return client


def serving(answer: bytes = ANSWER) -> ScriptedStream:
    return ScriptedStream(GREETING, react=answering(answer))


def requests(stream: ScriptedStream) -> list[bytes]:
    """The messages that were sent."""
    return [one.data[5:] for one in stream.frames if isinstance(one, h2frame.DataFrame)]


# In plain text.


def test_a_client_and_its_answers() -> None:
    server = serving()
    network = Network(server)
    client, trace = network.connect(ClientConfig(ADDRESS))
    assert isinstance(client, NativeClient)
    assert (trace.peer, trace.security, trace.spiffe_id) == ("scripted:1", "", "")
    assert trace.dial_ns > 0
    assert network.addresses == [ADDRESS]
    assert network.phases == ["dial"]
    assert client.status((QUERY, OTHER), soon()) == (READY, READY)
    # The first call went out before the server's SETTINGS, and only once; the version asked for stays unset.
    assert requests(server) == [encode_request("default"), encode_request("other")]
    assert client.status((QUERY,), soon()) == (READY,)
    client.close()
    assert server.closed == 1


def test_an_address_that_names_nothing() -> None:
    network = Network()
    failure = network.failure(ClientConfig("default"))
    assert (failure.kind, failure.cause, failure.permanent) == (DIAL, "no-port", True)
    assert network.phases == network.addresses == []


def test_a_name_that_cannot_be_sent() -> None:
    network = Network(serving())
    failure = network.failure(first=Query("\udcff"))
    assert (failure.kind, failure.code, failure.permanent) == (CALL, 13, True)
    assert network.addresses == []
    # Beside others it is the only one that fails.
    first, second, third = network.client().status((QUERY, Query("\udcff"), OTHER), soon())
    assert (first, third) == (READY, READY)
    assert second == failure


def test_an_answer_that_cannot_be_decoded() -> None:
    (failure,) = Network(serving(b"\xff")).client().status((QUERY,), soon())
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code, failure.cause) == (CALL, 13, "unreadable")


def test_a_server_that_is_not_there_before_the_deadline() -> None:
    for cause in ("refused", "dropped"):
        failure = Network(Transient("connect: it is not there", cause)).failure(seconds=0.05)
        assert (failure.kind, failure.cause, failure.permanent) == (DIAL, cause, False)
        assert "it is not there" in failure.text


def test_dialing_has_a_timeout_of_its_own() -> None:
    begun = soon()
    config = ClientConfig(ADDRESS, connect_timeout=SECOND // 50)
    assert Network(Transient("connect: refused", "refused")).failure(config).cause == "refused"
    assert begun.remaining() > 5


def test_a_permanent_error_ends_the_dialing() -> None:
    failure = Network(Permanent("socket: not permitted", "policy")).failure()
    assert failure == Failure(DIAL, "socket: not permitted", cause="policy", permanent=True)


def test_without_time_for_the_call_the_connection_is_still_made() -> None:
    server = serving()
    client = Network(server).client(ClientConfig(ADDRESS, rpc_timeout=0))
    (failure,) = client.status((QUERY,), soon())
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code, failure.cause) == (CALL, 4, "no-time")
    assert requests(server) == []


def test_a_peer_that_is_not_a_server_of_grpc() -> None:
    for content, cause in ((b"HTTP/1.1 200 OK\r\n\r\n", "http1"), (b"220 mail\r\n", "not-http2")):
        server = ScriptedStream(content)
        assert Network(server).failure().cause == cause
        assert server.closed > 0


@pytest.mark.parametrize("step", [b"", RESET])
def test_a_server_that_expects_tls(step: bytes | Exception) -> None:
    other = TlsServerStream(tls_server.context(certificates.shared()))
    failure = Network(ScriptedStream(step, others=(other,))).failure()
    assert (failure.kind, failure.cause, failure.permanent) == (DIAL, "speaks-tls", True)
    assert other.closed == 1


def test_one_second_look_a_run() -> None:
    looks = 0

    class Counted(ScriptedStream):
        def redial(self, deadline: Deadline) -> ScriptedStream:
            nonlocal looks
            looks += 1
            return ScriptedStream(b"")

    streams = [Counted(b"") for _ in range(3)]
    assert Network(*streams, serving()).client().status((QUERY,), soon()) == (READY,)
    assert looks == 1


def test_a_python_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "probe.tls.handshake", None)
    monkeypatch.delattr("probe.tls.handshake", raising=False)
    streams = [ScriptedStream(b"", others=(ScriptedStream(),)), serving()]
    assert Network(*streams).client().status((QUERY,), soon()) == (READY,)


# Labels and predictions.


def metadata(version: int | None) -> bytes:
    """GetModelMetadataResponse with a model_spec, and what follows it."""
    spec = chunk(1, "default") + (chunk(2, scalar(1, version)) if version is not None else b"")
    return chunk(1, spec) + chunk(2, bytes(100_000))


def test_the_version_of_a_label() -> None:
    server = serving(metadata(7))
    client = Network(server).client()
    assert client.version_of_label("default", "stable", soon()) == 7
    assert b"stable" in b"".join(requests(server))
    for answer, expected in ((metadata(0), 0), (metadata(2**63 - 1), 2**63 - 1)):
        assert Network(serving(answer)).client().version_of_label("default", "stable", soon()) == expected


def failed(version: int | Failure | None) -> Failure:
    assert isinstance(version, Failure)
    return version


def test_labels_without_a_version() -> None:
    for answer in (metadata(None), b"", b"\xff" * 100):
        found = failed(Network(serving(answer)).client().version_of_label("default", "stable", soon()))
        assert (found.kind, found.code, found.cause) == (CALL, 13, "unreadable")
    assert failed(Network(serving()).client().version_of_label("default", "\udcff", soon())).permanent


def with_status(code: int, text: str) -> ScriptedStream:
    fields = (*HEAD_FIELDS, ("grpc-status", str(code)), ("grpc-message", text))
    return ScriptedStream(
        GREETING, react=lambda one: headers(fields, end=True, stream=one.stream_id) if is_request(one) else b""
    )


def test_what_the_server_says_of_a_label() -> None:
    unknown = with_status(3, "Unrecognized servable version label: stable")
    assert failed(Network(unknown).client().version_of_label("default", "stable", soon())).cause == "no-label"
    unloaded = with_status(5, "Servable not found for request: Specific(default, 7)")
    assert Network(unloaded).client().version_of_label("default", "stable", soon()) == 7
    refused = with_status(8, "Threadpool is full")
    assert failed(Network(refused).client().version_of_label("default", "stable", soon())).kind == STATUS


def test_a_prediction() -> None:
    server = serving(bytes(5 << 20))  # an answer of any size is good
    client = Network(server).client()
    assert client.predict("default", 7, b"", soon()) is None
    assert client.predict("default", None, b"", soon()) is None
    assert client.is_usable
    assert failed(client.predict("\udcff", None, b"", soon())).permanent
    assert failed(Network(with_status(3, "no inputs")).client().predict("default", None, b"", soon())).code == 3


# A connection that is replaced.


def test_calls_that_were_not_processed_go_to_another_connection() -> None:
    leaving, other = ScriptedStream(GREETING + goaway(0, 0)), serving()
    client = Network(leaving, other).client()
    assert client.status((QUERY, OTHER), soon()) == (READY, READY)
    assert (leaving.closed, other.closed) == (1, 0)
    client.close()
    assert other.closed == 1


def test_a_connection_that_ended_is_replaced_by_the_next_round() -> None:
    ending = ScriptedStream(GREETING, good(1, ANSWER), b"")
    client = Network(ending, serving()).client()
    first, second = client.status((QUERY, OTHER), soon())
    assert first == READY
    assert isinstance(second, Failure) and second.cause == "broken"
    assert client.status((OTHER,), soon()) == (READY,)


# With TLS.


@pytest.fixture(scope="module")
def made() -> certificates.Certificates:
    return certificates.shared()


def grpc_within(answer: bytes = ANSWER) -> Callable[[bytes], bytes]:
    """HTTP/2 within TLS: greets, and answers every call."""
    received = b""
    seen = 0

    def within(content: bytes) -> bytes:
        nonlocal received, seen
        received += content
        frames = client_frames(received)
        out = GREETING if received[: len(PREFACE)] == PREFACE and not seen else b""
        for one in frames[seen:]:
            if is_request(one):
                out += good(one.stream_id, answer)
        seen = len(frames)
        return out

    return within


def secured(made: certificates.Certificates, name: str = "server", **options: object) -> TlsServerStream:
    return TlsServerStream(tls_server.context(made, name, **options), grpc_within())  # type: ignore[arg-type]


def security(made: certificates.Certificates, **more: object) -> Security:
    return Security(TLS, ca=NamedFile(str(made.file("ca.pem")), "-flag"), **more)  # type: ignore[arg-type]


def test_a_secured_client(made: certificates.Certificates) -> None:
    server = secured(made)
    network = Network(server)
    client, trace = network.connect(ClientConfig("localhost:8500", security=security(made)))
    assert isinstance(client, NativeClient)
    assert trace.security.startswith("TLSv1.3, ")
    assert network.phases == ["files", "dial"]
    assert client.status((QUERY, OTHER), soon()) == (READY, READY)
    assert b"https" in server.heard and b"localhost:8500" in server.heard


def test_the_server_s_name_may_be_given(made: certificates.Certificates) -> None:
    server = secured(made, "half")
    config = ClientConfig(ADDRESS, security=security(made, server_name="half.example"))
    assert Network(server).client(config).status((QUERY,), soon()) == (READY,)
    assert b"half.example" in server.heard
    assert Network(secured(made, "half")).failure(ClientConfig(ADDRESS, security=security(made))).cause == "tls-name"


def test_literals_and_names_as_certificates_have_them(made: certificates.Certificates) -> None:
    for address in ("[::1]:8500", "127.0.0.1:8500", "localhost.:8500", "half.example.:8500"):
        monkey = Network(secured(made))
        config = ClientConfig(address, security=security(made))
        if address.startswith("half"):
            config = ClientConfig(ADDRESS, security=security(made, server_name="half.example."))
        assert monkey.client(config).status((QUERY,), soon()) == (READY,)


@pytest.mark.parametrize("name", ["b\u00fccher.example", ".example", "\udcff", "a\0b"])
def test_names_that_no_certificate_can_have(made: certificates.Certificates, name: str) -> None:
    failure = Network().failure(ClientConfig(ADDRESS, security=security(made, server_name=name)))
    assert (failure.kind, failure.cause, failure.permanent) == (SETUP, "tls-bad-name", True)


def test_files_come_first(made: certificates.Certificates) -> None:
    network = Network()
    missing = Security(TLS, ca=NamedFile("/nowhere", "-flag"))
    damaged = made.write("damaged.pem", made.read("ca.pem").replace(b"MII", b"AAA", 1))
    for wanted in (missing, Security(TLS, ca=NamedFile(str(damaged), "-flag"))):
        failure = network.failure(ClientConfig(ADDRESS, security=wanted))
        assert (failure.kind, failure.cause) == (SETUP, "tls-file")
    assert network.addresses == []


def test_the_engine_does_without_alts() -> None:
    failure = Network().failure(ClientConfig(ADDRESS, security=Security(ALTS)))
    assert (failure.kind, failure.cause, failure.permanent) == (SETUP, "alts", True)


@pytest.mark.parametrize("cause", ["memory", "tls-random"])
def test_a_machine_that_cannot_start_tls(
    made: certificates.Certificates, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    """OpenSSL does not say what is missing."""

    def fail(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(_ssl, "_SSLContext", fail)
    if cause == "tls-random":
        monkeypatch.setattr(posix, "getrandom", fail)
    failure = Network().failure(ClientConfig(ADDRESS, security=security(made)))
    assert (failure.kind, failure.cause, failure.permanent) == (SETUP, cause, True)


@pytest.mark.parametrize(
    ("others", "cause"),
    [
        ((ScriptedStream(GREETING),), "tls-plain"),
        ((ScriptedStream(b"220 mail\r\n"),), "tls-closed"),
        ((ScriptedStream(RESET),), "tls-closed"),
        ((), "tls-closed"),
    ],
)
def test_a_server_that_expects_plain_text(
    made: certificates.Certificates, others: tuple[ScriptedStream, ...], cause: str
) -> None:
    server = ScriptedStream(b"", others=others)
    steps: tuple[Step, ...] = (server, Transient("", "no-time"))
    failure = Network(*steps).failure(ClientConfig(ADDRESS, security=security(made)), seconds=0.1)
    assert (failure.kind, failure.cause) == (DIAL, cause)
    assert all(other.closed == 1 for other in others)


def test_a_client_certificate_that_the_server_wants(made: certificates.Certificates) -> None:
    names = {"certificate": "client.pem", "key": "client.key"}
    shown = {what: NamedFile(str(made.file(name)), "-flag") for what, name in names.items()}
    server = secured(made, client_ca="ca")
    config = ClientConfig("127.0.0.1:8500", security=security(made, **shown))
    assert Network(server).client(config).status((QUERY,), soon()) == (READY,)
    # Without one, TLS 1.3 says so after the handshake.
    failure = Network(secured(made, client_ca="ca")).failure(
        ClientConfig("127.0.0.1:8500", security=security(made)), seconds=1
    )
    assert (failure.kind, failure.cause) == (DIAL, "tls-client")


def test_a_proxy_that_refuses_the_client_certificate_within_http2(made: certificates.Certificates) -> None:
    page = headers(((":status", "400"), ("content-type", "text/html")), end=True)

    def within(content: bytes) -> bytes:
        return GREETING + page if content.startswith(PREFACE) else b""

    context = tls_server.context(made, client_ca="ca")
    context.verify_mode = ssl.CERT_OPTIONAL
    client = Network(TlsServerStream(context, within)).client(ClientConfig("127.0.0.1:8500", security=security(made)))
    (failure,) = client.status((QUERY,), soon())
    assert isinstance(failure, Failure) and failure.cause == "tls-client"


# With SPIFFE.

DOMAIN, THEIRS = "ours.test", "theirs.test"


def spiffe_server(domain: str = DOMAIN, name: str = "") -> TlsServerStream:
    key, chain = authority(domain).identity(names=[uri(name)] if name else None).pem
    made = certificates.shared()
    made.write("spiffe.pem", chain)
    made.write("spiffe.key", key)
    made.write("spiffe-ca.pem", authority(DOMAIN).pem)
    return secured(made, "spiffe", client_ca="spiffe-ca")


def test_a_client_with_a_spiffe_identity() -> None:
    domain = authority(DOMAIN)
    with workload_api(identity(domain.identity("/probe"), domain)) as api:
        network = Network(spiffe_server())
        config = ClientConfig("10.0.0.1:8500", security=Security(SPIFFE, workload_api=api.unix))
        client, trace = network.connect(config)
        assert isinstance(client, NativeClient), client
        assert network.phases == ["credentials", "dial"]
        assert trace.spiffe_id == f"spiffe://{DOMAIN}/probe"
        assert f"spiffe://{DOMAIN}/serving" in trace.security
        assert client.status((QUERY,), soon()) == (READY,)
        # A server of another domain, and what is not a server of SPIFFE's.
        for server in (spiffe_server(THEIRS), secured(certificates.shared())):
            failure, trace = Network(server).connect(config)
            assert isinstance(failure, Failure) and failure.cause == "spiffe-peer"
            assert trace.spiffe_id == f"spiffe://{DOMAIN}/probe"
            assert server.closed > 0
        forged = spiffe_server(DOMAIN, f"spiffe://{THEIRS}/serving")  # our own authority vouches for another domain
        failure, _ = Network(forged).connect(config)
        assert isinstance(failure, Failure) and failure.cause == "spiffe-peer"
        for script, cause in (((GREETING,), "spiffe-plain"), ((b"220 mail\r\n",), "spiffe-plain")):
            failure, _ = Network(ScriptedStream(*script)).connect(config)
            assert isinstance(failure, Failure) and failure.cause == cause


def test_no_spiffe_identity_no_connection() -> None:
    network = Network()
    failure = network.failure(ClientConfig(ADDRESS, security=Security(SPIFFE, workload_api="")))
    assert failure.cause == "spiffe-socket"
    assert network.addresses == []
    with workload_api(identity(authority(DOMAIN).identity("/probe", ca=True), authority(DOMAIN))) as api:
        failure = network.failure(ClientConfig(ADDRESS, security=Security(SPIFFE, workload_api=api.unix)))
    assert failure.cause == "spiffe-api"


def test_causes_of_tls_and_of_spiffe_do_not_mix() -> None:
    assert all(cause.startswith("tls-") for cause in SPIFFE_CAUSES)
    assert all(cause.startswith("spiffe-") for cause in SPIFFE_CAUSES.values())


def test_a_status_is_the_server_s() -> None:
    fields = (*HEAD_FIELDS, ("grpc-status", "5"), ("grpc-message", "Could not find any versions of model default"))
    server = ScriptedStream(GREETING + ping() + headers(fields, end=True))
    (failure,) = Network(server).client().status((QUERY,), soon())
    assert failure == Failure(STATUS, "Could not find any versions of model default", 5)


def test_deadlines_name_their_limit() -> None:
    (failure,) = Network(ScriptedStream(GREETING)).client().status((QUERY,), soon(0.02))
    assert isinstance(failure, Failure)
    assert (failure.cause, failure.limit) == ("run-timeout", RUN)
