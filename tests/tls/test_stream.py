"""A TLS stream against OpenSSL's server, in memory."""

from __future__ import annotations

import _ssl
import gc
import ssl
import tracemalloc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.deadline import RUN, Deadline
from probe.net.errors import StreamError, Transient
from probe.tls.context import insecure_context
from probe.tls.stream import TlsStream
from tests.support import tls_server
from tests.support.certificates import Certificates, shared
from tests.support.scripted_stream import ScriptedStream
from tests.support.tls_memory import TlsServerStream

SECOND = 1_000_000_000
TLS_1_2 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(int(seconds * SECOND), RUN)


def connected(server: TlsServerStream, context: _ssl._SSLContext | None = None, sends: bool = False) -> TlsStream:
    """A stream after its handshake; the server has seen its end."""
    stream = TlsStream(server, context or insecure_context("h2"), "localhost", sends)
    stream.handshake(soon())
    stream.send(b"", soon())
    return stream


def echoing(made: Certificates, **options: object) -> TlsServerStream:
    return TlsServerStream(tls_server.context(made, **options), lambda content: content)  # type: ignore[arg-type]


@pytest.mark.parametrize("versions", [TLS_1_2, (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)])
def test_bytes_go_both_ways(made: Certificates, versions: tuple[ssl.TLSVersion, ssl.TLSVersion]) -> None:
    server = echoing(made, versions=versions)
    stream = connected(server)
    assert stream.peer == server.peer
    assert stream.protocol == "h2"
    assert server.tls.version() and stream.description.startswith(f"{server.tls.version()}, ")
    stream.send(b"question", soon())
    assert stream.receive(soon()) == b"question"
    assert b"question" not in server.sent


def test_all_of_a_large_message_is_sent(made: Certificates) -> None:
    server = echoing(made)
    stream = connected(server)
    content = bytes(range(256)) * 4000
    stream.send(content, soon())
    assert server.heard == content
    received = b""
    while len(received) < len(content):
        received += stream.receive(soon())
    assert received == content


def test_the_certificates_are_there_to_be_looked_at(made: Certificates) -> None:
    stream = connected(echoing(made, name="chained"))
    assert len(stream.chain()) == 2
    assert ("DNS", "localhost") in (stream.chain()[0].get_info()["subjectAltName"] or ())


def test_the_verified_chain_ends_with_what_is_trusted(made: Certificates) -> None:
    context = insecure_context("h2")
    context.verify_mode = _ssl.CERT_REQUIRED
    context.load_verify_locations(None, None, made.read("ca.pem").decode())
    stream = connected(echoing(made, name="chained"), context)
    assert len(stream.verified_chain()) == 3
    trusted = stream.verified_chain()[-1].public_bytes(_ssl.ENCODING_DER)
    assert trusted == ssl.PEM_cert_to_DER_cert(made.read("ca.pem").decode())


# How a connection ends.


def test_a_peer_that_closes_as_tls_demands(made: Certificates) -> None:
    server = echoing(made)
    stream = connected(server)
    server.say(b"goodbye")
    server.close_notify()
    assert stream.receive(soon()) == b"goodbye"
    assert stream.receive(soon()) == b""
    assert stream.receive(soon()) == b""


@pytest.mark.parametrize("step", [b"", ConnectionResetError(104, "Connection reset by peer")])
def test_a_peer_that_just_leaves(made: Certificates, step: bytes | BaseException) -> None:
    """HTTP/2 knows whether anything is missing."""
    server = echoing(made)
    stream = connected(server)
    server.say(b"goodbye")
    server.script.append(step)
    assert stream.receive(soon()) == b"goodbye"
    assert stream.receive(soon()) == b""


def test_our_goodbye_is_sent_with_close_notify(made: Certificates) -> None:
    server = echoing(made)
    stream = connected(server)
    stream.try_send(b"goodbye")
    stream.close()
    assert server.heard == b"goodbye"
    assert server.closed == 1
    assert server.tls.read(1) == b""  # without close_notify it would want more


def test_trying_to_send_never_fails(made: Certificates) -> None:
    server = echoing(made)
    stream = connected(server)
    stream.try_send(b"")
    stream.try_send(b"after close_notify")
    assert server.heard == b""


def test_errors_of_the_stream_below_pass(made: Certificates) -> None:
    server = echoing(made)
    stream = connected(server)
    server.script.append(OSError(113, "No route to host"))
    with pytest.raises(OSError, match=r"route"):
        stream.receive(soon())
    with pytest.raises(TimeoutError):
        stream.receive(soon(0.01))


def test_a_damaged_record(made: Certificates) -> None:
    server = echoing(made)
    stream = connected(server)
    server.say(b"answer")
    damaged = bytearray(server.script[-1])  # type: ignore[arg-type]
    damaged[-1] ^= 1
    server.script[-1] = bytes(damaged)
    with pytest.raises(StreamError) as caught:
        while stream.receive(soon()):
            pass
    assert caught.value.cause == "tls-handshake"
    with pytest.raises(StreamError):
        stream.send(b"question", soon())


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_after_the_handshake_end_the_connection(content: bytes) -> None:
    server = echoing(shared())
    stream = connected(server)
    server.script.append(content)
    server.script.append(b"")
    try:
        while stream.receive(soon()):
            pass
    except StreamError as error:
        assert error.cause.startswith("tls-")
    stream.close()


def test_tls_1_3_refuses_a_client_after_the_handshake(made: Certificates) -> None:
    """The server learns of the missing certificate only then."""
    server = echoing(made, client_ca="ca")
    stream = connected(server)
    assert stream.requested
    assert stream.explain_close() is not None
    with pytest.raises(StreamError) as caught:
        stream.receive(soon())
    assert caught.value.cause == "tls-client"
    assert stream.alert == 116


def test_what_a_close_means_depends_on_what_was_requested(made: Certificates) -> None:
    assert connected(echoing(made)).explain_close() is None
    for sends, cause in ((False, "tls-client"), (True, "tls-refused")):
        explained = connected(echoing(made, client_ca="ca"), sends=sends).explain_close()
        assert explained is not None and explained[1] == cause


def test_a_second_connection_is_plain(made: Certificates) -> None:
    other = ScriptedStream()
    stream = TlsStream(ScriptedStream(others=(other,)), insecure_context("h2"), None)
    assert stream.redial(soon()) is other
    with pytest.raises(Transient):
        stream.redial(soon())


# Fit for hours.


class Context(_ssl._SSLContext):
    """A context that can be watched."""


def watched_context() -> Context:
    context = Context(_ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = _ssl.CERT_NONE
    return context


@pytest.mark.parametrize("ends", ["close", "abort"])
def test_a_closed_stream_is_freed_without_the_collector(made: Certificates, ends: str) -> None:
    """The cycle through OpenSSL's message callback is one that the collector cannot see."""
    gc.collect()
    gc.disable()
    try:
        context = watched_context()
        server = echoing(made, alpn=())
        stream = connected(server, context)
        stream.send(b"question", soon())
        stream.receive(soon())
        below, above = weakref.ref(server), weakref.ref(context)
        getattr(stream, ends)()
        del server, context, stream
        assert (below(), above()) == (None, None)
    finally:
        gc.enable()


def test_closed_streams_take_no_memory(made: Certificates) -> None:
    secured = tls_server.context(made)

    def connect() -> None:
        stream = connected(TlsServerStream(secured))
        stream.try_send(b"goodbye")
        stream.close()

    for _ in range(20):
        connect()
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(100):
            connect()
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 100 * 100  # bytes; each stream has buffers of thousands


def test_a_stream_that_is_closed_late_leaves_its_successor_s_callback(made: Certificates) -> None:
    """A channel is replaced before the old one is closed, and both have the same context."""
    context = insecure_context("h2")
    first = connected(echoing(made), context)
    second = TlsStream(echoing(made, client_ca="ca"), context, "localhost")
    first.close()
    second.handshake(soon())
    assert second.requested
    second.close()
    assert context._msg_callback is None  # type: ignore[attr-defined]
