"""Handshakes against OpenSSL's server and against other peers, in memory: what is accepted, and why not."""

from __future__ import annotations

import _ssl
import ssl

import pytest

from probe.deadline import RUN, Deadline
from probe.model import SETUP, TLS, Failure, NamedFile, Security
from probe.net.errors import Permanent, Transient
from probe.tls.context import verifying_context
from probe.tls.files import Identity, read
from probe.tls.handshake import secure, speaks_tls
from probe.tls.stream import TlsStream
from tests.support import tls_server
from tests.support.certificates import Certificates
from tests.support.http2_writer import GREETING
from tests.support.scripted_stream import ScriptedStream
from tests.support.tls_memory import TlsServerStream

SECOND = 1_000_000_000
TLS_1_1 = (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1)
TLS_1_2 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
RESET = ConnectionResetError(104, "Connection reset by peer")


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(int(seconds * SECOND), RUN)


def security(made: Certificates, ca: str = "ca", client: str = "") -> Security:
    def named(name: str) -> NamedFile:
        return NamedFile(str(made.file(name)), "-flag")

    certificate, key = (named(f"{client}.pem"), named(f"{client}.key")) if client else (None, None)
    return Security(TLS, ca=named(f"{ca}.pem"), certificate=certificate, key=key)


def context(wanted: Security) -> _ssl._SSLContext:
    identity = read(wanted)
    assert isinstance(identity, Identity), identity
    made = verifying_context(wanted, identity, "h2")
    assert not isinstance(made, Failure), made
    return made


def secured(made: Certificates, server: ScriptedStream, name: str = "localhost", **wanted: str) -> TlsStream:
    return secure(server, context(security(made, **wanted)), name, soon(), "h2", sends_certificate="client" in wanted)


def serving(made: Certificates, **options: object) -> TlsServerStream:
    return TlsServerStream(tls_server.context(made, **options))  # type: ignore[arg-type]


def rejected(made: Certificates, server: ScriptedStream, name: str = "localhost", **wanted: str) -> Permanent:
    with pytest.raises(Permanent) as caught:
        secured(made, server, name, **wanted)
    assert caught.value.text.startswith("connected to scripted:1: ")
    assert server.closed == 1
    return caught.value


@pytest.mark.parametrize("server", ["server", "server-rsa", "chained"])
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "half.example"])
def test_good_servers(made: Certificates, server: str, name: str) -> None:
    stream = secured(made, serving(made, name=server), name)
    assert stream.protocol == "h2"
    assert stream.description.startswith("TLSv1.3, ")


@pytest.mark.parametrize("ca", ["between", "server", "self-signed"])
def test_every_certificate_of_the_file_is_trusted(made: Certificates, ca: str) -> None:
    """A root, an intermediate, or the server's own, as in Go."""
    server = {"between": "chained", "server": "server", "self-signed": "self-signed"}[ca]
    assert secured(made, serving(made, name=server), ca=ca).protocol == "h2"


@pytest.mark.parametrize("versions", [TLS_1_2, (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)])
def test_a_client_certificate_is_shown_where_it_is_requested(
    made: Certificates, versions: tuple[ssl.TLSVersion, ssl.TLSVersion]
) -> None:
    server = serving(made, client_ca="ca", versions=versions)
    stream = secured(made, server, client="client")
    stream.send(b"question", soon())
    assert server.heard == b"question"
    assert server.tls.getpeercert()


CERTIFICATES = {
    "half": "tls-name",
    "wide": "tls-name",
    "partial-wildcard": "tls-name",
    "common-name": "tls-name",
    "expired": "tls-expired",
    "early": "tls-not-yet",
    "of-other-ca": "tls-untrusted",
    "self-signed": "tls-untrusted",
    "headless": "tls-untrusted",
    "for-clients": "tls-certificate",
}


@pytest.mark.parametrize("server", CERTIFICATES)
def test_certificates_that_are_rejected(made: Certificates, server: str) -> None:
    found = rejected(made, serving(made, name=server))
    assert found.cause == CERTIFICATES[server]


def test_a_second_connection_shows_what_the_certificate_contains(made: Certificates) -> None:
    other = serving(made, name="half")
    server = TlsServerStream(tls_server.context(made, name="half"), others=(other,))
    found = rejected(made, server)
    assert found.cause == "tls-name"
    assert "half.example" in found.text
    assert (server.closed, other.closed) == (1, 1)
    # Where it cannot be had the cause is the same.
    for useless in (ScriptedStream(b""), ScriptedStream(b"220 mail\r\n")):
        server = TlsServerStream(tls_server.context(made, name="half"), others=(useless,))
        found = rejected(made, server)
        assert found.cause == "tls-name"
        assert "half.example" not in found.text
        assert useless.closed == 1


def test_a_caller_may_explain_certificates_itself(made: Certificates) -> None:
    other = serving(made, name="of-other-ca")
    server = TlsServerStream(tls_server.context(made, name="of-other-ca"), others=(other,))
    seen = []

    def explain(error: object, name: object, chain: list[object], peer: object) -> tuple[str, str]:
        seen.append((name, len(chain), peer))
        return "words", "spiffe-peer"

    with pytest.raises(Permanent) as caught:
        secure(server, context(security(made)), "localhost", soon(), "h2", explain=explain)  # type: ignore[arg-type]
    assert (caught.value.text, caught.value.cause) == ("words", "spiffe-peer")
    assert seen == [("localhost", 1, "scripted:1")]


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
def test_a_server_without_our_protocol(made: Certificates, alpn: tuple[str, ...]) -> None:
    assert rejected(made, serving(made, alpn=alpn)).cause == "tls-alpn"


def test_a_server_without_our_versions(made: Certificates) -> None:
    with pytest.warns(DeprecationWarning):
        server = serving(made, versions=TLS_1_1, ciphers=tls_server.NO_SECURITY)
    assert rejected(made, server).cause == "tls-version"


def test_a_server_that_is_too_weak(made: Certificates) -> None:
    assert rejected(made, serving(made, name="weak", ciphers=tls_server.NO_SECURITY)).cause == "tls-weak"


@pytest.mark.parametrize(
    ("client", "cause"),
    [("", "tls-client"), ("client-of-other-ca", "tls-refused"), ("client-expired", "tls-refused")],
)
def test_a_server_that_refuses_the_client(made: Certificates, client: str, cause: str) -> None:
    wanted = {"client": client} if client else {}
    assert rejected(made, serving(made, client_ca="ca", versions=TLS_1_2), **wanted).cause == cause


@pytest.mark.parametrize(("client", "cause"), [("", "tls-client"), ("client", "tls-refused")])
def test_a_server_that_leaves_after_it_saw_the_client(made: Certificates, client: str, cause: str) -> None:
    wanted = {"client": client} if client else {}
    server = TlsServerStream(tls_server.context(made, client_ca="ca", versions=TLS_1_2), leaves_after=1)
    assert rejected(made, server, **wanted).cause == cause


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"HTTP/1.1 400 Bad Request\r\n", "tls-http1"), (GREETING, "tls-plain"), (b"220 mail\r\n", "tls-not")],
)
def test_peers_that_do_not_speak_tls(made: Certificates, content: bytes, cause: str) -> None:
    assert rejected(made, ScriptedStream(content)).cause == cause


@pytest.mark.parametrize("step", [b"", RESET])
def test_a_peer_that_closes_without_a_word(made: Certificates, step: bytes | BaseException) -> None:
    server = ScriptedStream(step)
    with pytest.raises(Transient) as caught:
        secured(made, server)
    assert caught.value.cause == "tls-closed"
    assert server.closed == 1


@pytest.mark.parametrize("speaks", [True, False])
def test_such_a_peer_may_speak_in_plain_text(made: Certificates, speaks: bool) -> None:
    server = ScriptedStream(b"")
    looked: list[object] = []

    def look(stream: object, deadline: Deadline) -> bool:
        looked.append(stream)
        assert deadline.remaining() <= 1
        return speaks

    with pytest.raises((Permanent, Transient)) as caught:
        secure(server, context(security(made)), "localhost", soon(), "h2", speaks_plaintext=look)
    assert isinstance(caught.value, Permanent if speaks else Transient)
    assert caught.value.cause == ("tls-plain" if speaks else "tls-closed")
    assert looked == [server]


def test_a_peer_that_closes_within_the_handshake_speaks_tls(made: Certificates) -> None:
    flight = ScriptedStream(b"\x16\x03\x03\x00\x7a\x02", b"")

    def look(*_: object) -> bool:
        raise AssertionError("its first bytes were TLS's")

    with pytest.raises(Transient) as caught:
        secure(flight, context(security(made)), "localhost", soon(), "h2", speaks_plaintext=look)
    assert caught.value.cause == "tls-closed"


@pytest.mark.parametrize(("script", "cause"), [((), "mute"), ((b"\x16\x03\x03",), "slow")])
def test_a_peer_that_is_silent(made: Certificates, script: tuple[bytes, ...], cause: str) -> None:
    server = ScriptedStream(*script)
    with pytest.raises(Transient) as caught:
        secure(server, context(security(made)), "localhost", soon(0.02), "h2")
    assert caught.value.cause == cause
    assert server.closed == 1


def test_other_errors_close_the_stream(made: Certificates) -> None:
    for error in (OSError(113, "No route to host"), MemoryError()):
        server = ScriptedStream(error)
        with pytest.raises(type(error)):
            secured(made, server)
        assert server.closed == 1


# A second look at a peer that closed a connection in plain text.


def test_a_second_look(made: Certificates) -> None:
    for other, expected in (
        (serving(made), True),
        (serving(made, client_ca="ca", versions=TLS_1_2), True),
        (ScriptedStream(b"\x15\x03\x01\x00\x02\x02\x46", b""), True),
        (ScriptedStream(b"HTTP/1.1 400 Bad Request\r\n"), False),
        (ScriptedStream(b""), False),
        (ScriptedStream(RESET), False),
        (ScriptedStream(OSError(113, "No route to host")), False),
    ):
        assert speaks_tls(ScriptedStream(others=(other,)), soon(), "h2") == expected
        assert other.closed == 1
    assert not speaks_tls(ScriptedStream(), soon(), "h2")
    assert not speaks_tls(ScriptedStream(others=(ScriptedStream(),)), soon(0.02), "h2")


# Contexts that cannot be made.


def fault(made: Certificates, wanted: Security) -> Failure:
    identity = read(wanted)
    assert isinstance(identity, Identity), identity
    failure = verifying_context(wanted, identity, "h2")
    assert isinstance(failure, Failure)
    assert failure.kind == SETUP and failure.permanent
    return failure


def test_a_damaged_certificate(made: Certificates) -> None:
    pem = made.read("ca.pem").replace(b"MII", b"AAA", 1)
    damaged = made.write("damaged.pem", pem)
    assert fault(made, Security(TLS, ca=NamedFile(str(damaged), "-flag"))).cause == "tls-file"


def test_certificates_and_keys_that_do_not_fit(made: Certificates) -> None:
    def wanted(certificate: str, key: str) -> Security:
        one, other = (NamedFile(str(made.file(name)), "-flag") for name in (certificate, key))
        return Security(TLS, verify=False, certificate=one, key=other)

    assert fault(made, wanted("client.pem", "server.key")).cause == "tls-mismatch"
    made.write("damaged.key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    assert fault(made, wanted("client.pem", "damaged.key")).cause == "tls-file"


def test_without_verification_every_certificate_will_do(made: Certificates) -> None:
    unverified = context(Security(TLS, verify=False))
    for name in ("expired", "half", "of-other-ca", "self-signed"):
        assert secure(serving(made, name=name), unverified, "localhost", soon(), "h2").protocol == "h2"
