"""Two sides that do not fit together: the run ends at once, with its own line and hint.

No row may use up its time: none of these lines may speak of a deadline, the commonest complaint about both programs
that this one follows.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.interop import servers
from tests.support.certificates import UNUSUAL_KEYS, Certificates
from tests.support.hints import HINTS
from tests.support.runner import Outcome
from tests.support.tls_server import NO_SECURITY, context, serving
from tests.support.variants import Variant, on_each_interpreter

STACKS = list(servers.SERVERS)
TLS_1_0, TLS_1_1 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
# Those of CPython as its own source configures it, which the distribution's may widen.
CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"


def ciphers_of_tls_1_2() -> list[str]:
    """Each cipher suite that a client offers."""
    offering = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    offering.set_ciphers(CIPHERS)
    return [cipher["name"] for cipher in offering.get_ciphers() if cipher["protocol"] == "TLSv1.2"]


def ask(variant: Variant, address: str, *argv: str) -> Outcome:
    return variant.run(f"-addr={address}", "-timeout=20s", *argv)


def check_refused(outcome: Outcome, words: str, hint: str, exit_code: int = 2) -> None:
    """No connection, or no call, and why."""
    assert outcome.exit_code == exit_code, outcome
    assert words in outcome.verdict
    assert outcome.hint == HINTS[hint]
    assert "deadline" not in outcome.stderr
    if exit_code == 2:
        assert outcome.verdict.startswith("Error dialing grpc service: connected to ")
        assert len(outcome.lines) == 2


@contextlib.contextmanager
def server(stack: str, certificates: Certificates, kind: str) -> Iterator[str]:
    """A maker's server: in plain text, with TLS, or with TLS and a wish for a client certificate."""
    client_ca = "ca" if kind == "mutual" else ""
    with servers.SERVERS[stack](None if kind == "plain" else certificates.tls("server", client_ca)) as running:
        yield running.target


@pytest.fixture(scope="module", params=STACKS)
def plain(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[str]:
    with server(request.param, certificates, "plain") as address:
        yield address


@pytest.fixture(scope="module", params=STACKS)
def secured(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[str]:
    with server(request.param, certificates, "tls") as address:
        yield address


@pytest.fixture(scope="module", params=STACKS)
def mutual(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[tuple[str, str]]:
    with server(request.param, certificates, "mutual") as address:
        yield request.param, address


@on_each_interpreter
def test_tls_asked_of_a_plain_server(variant: Variant, plain: str, certificates: Certificates) -> None:
    check_refused(ask(variant, plain, *certificates.trusting()), "it speaks HTTP/2 in plain text, not TLS", "tls-plain")


@on_each_interpreter
def test_plain_asked_of_a_tls_server(variant: Variant, secured: str) -> None:
    check_refused(ask(variant, secured), "speaks TLS", "speaks-tls")


@on_each_interpreter
def test_plain_asked_of_a_server_that_wants_a_client_certificate(variant: Variant, mutual: tuple[str, str]) -> None:
    check_refused(ask(variant, mutual[1]), "speaks TLS", "speaks-tls")


# nginx lets a client without a certificate connect, and answers every call with a page.
OF_NGINX = "code = Internal desc = unexpected HTTP status code received from server: 400"


@on_each_interpreter
def test_no_client_certificate(variant: Variant, mutual: tuple[str, str], certificates: Certificates) -> None:
    stack, address = mutual
    outcome = ask(variant, address, *certificates.trusting())
    if stack == "nginx":
        check_refused(outcome, OF_NGINX, "tls-client", 3)
    else:
        check_refused(outcome, "a client certificate", "tls-client")


@pytest.mark.parametrize("client", ["client-of-other-ca", "client-expired"])
@on_each_interpreter
def test_a_client_certificate_that_is_refused(
    variant: Variant, mutual: tuple[str, str], certificates: Certificates, client: str
) -> None:
    stack, address = mutual
    outcome = ask(variant, address, *certificates.trusting(), *certificates.showing(client))
    if stack == "nginx":
        check_refused(outcome, OF_NGINX, "tls-refused", 3)
    else:
        check_refused(outcome, "certificate", "tls-refused")


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@on_each_interpreter
def test_client_certificates_in_both_versions(
    variant: Variant, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    """In TLS 1.3 the refusal comes when the handshake is over."""
    with serving(context(certificates, versions=(version, version), client_ca="ca")) as address:
        trusting = certificates.trusting()
        check_refused(ask(variant, address, *trusting), "client certificate", "tls-client")
        outcome = ask(variant, address, *trusting, *certificates.showing("client-of-other-ca"))
        check_refused(outcome, "certificate", "tls-refused")


@on_each_interpreter
def test_a_plain_http1_server(variant: Variant, certificates: Certificates) -> None:
    with FakeServing({"default": {1: "AVAILABLE"}}) as tfs:
        outcome = ask(variant, f"127.0.0.1:{tfs.rest_port}", *certificates.trusting())
    check_refused(outcome, "it speaks HTTP/1 in plain text, not TLS", "tls-http1")


@pytest.mark.parametrize("version", [TLS_1_0, TLS_1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@on_each_interpreter
def test_old_versions(variant: Variant, certificates: Certificates, version: ssl.TLSVersion) -> None:
    old = context(certificates, versions=(version, version), ciphers=NO_SECURITY)
    with serving(old) as address:
        for argv in (certificates.trusting(), ("-tls", "-tls-no-verify")):
            check_refused(ask(variant, address, *argv), "TLS 1.2", "tls-version")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [TLS_1_0, TLS_1_1])
def test_old_versions_are_served_to_who_takes_them(certificates: Certificates, version: ssl.TLSVersion) -> None:
    """What the test above relies on."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.set_ciphers(NO_SECURITY)
    client.minimum_version = client.maximum_version = version
    client.load_verify_locations(certificates.file("ca.pem"))
    with serving(context(certificates, versions=(version, version), ciphers=NO_SECURITY)) as address:
        place = ("127.0.0.1", int(address.rpartition(":")[2]))
        with socket.create_connection(place) as raw, client.wrap_socket(raw, server_hostname="localhost") as connection:
            assert connection.version() in ("TLSv1", "TLSv1.1")


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@on_each_interpreter
def test_http2_is_not_agreed_on(
    variant: Variant, certificates: Certificates, alpn: tuple[str, ...], version: ssl.TLSVersion
) -> None:
    with serving(context(certificates, versions=(version, version), alpn=alpn)) as address:
        outcome = ask(variant, address, *certificates.trusting())
    check_refused(outcome, "it speaks TLS, but does not offer HTTP/2 in it (ALPN)", "tls-alpn")


@on_each_interpreter
def test_http2_is_refused_by_an_alert(variant: Variant, certificates: Certificates) -> None:
    """OpenSSL's own server does so; Python's goes on without a word."""
    files = ("-cert", certificates.file("server.pem"), "-key", certificates.file("server.key"))
    command = ("openssl", "s_server", "-accept", "127.0.0.1:0", *files, "-alpn", "http/1.1")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as openssl:
        try:
            assert openssl.stdout
            port = next(line.rpartition(b":")[2] for line in openssl.stdout if line.startswith(b"ACCEPT "))
            outcome = ask(variant, f"127.0.0.1:{int(port)}", *certificates.trusting())
        finally:
            openssl.kill()
    check_refused(outcome, "(ALPN)", "tls-alpn")


@pytest.fixture(scope="module")
def dh_parameters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of RFC 7919, for servers whose ciphers need them."""
    file = tmp_path_factory.mktemp("dh") / "dh.pem"
    group = ("-algorithm", "DH", "-pkeyopt", "group:ffdhe2048")
    subprocess.run(["openssl", "genpkey", "-genparam", *group, "-out", file], check=True)
    return file


@pytest.mark.parametrize("cipher", ciphers_of_tls_1_2())
@on_each_interpreter
def test_each_cipher(variant: Variant, certificates: Certificates, dh_parameters: Path, cipher: str) -> None:
    name = "server" if "ECDSA" in cipher else "server-rsa"
    only = context(certificates, name, versions=(TLS_1_2, TLS_1_2), ciphers=cipher)
    only.load_dh_params(str(dh_parameters))
    with serving(only) as address:
        outcome = ask(variant, address, *certificates.trusting(), "-v")
    assert outcome.exit_code == 0, outcome
    assert f"(TLSv1.2, {cipher})" in outcome.stderr


@pytest.mark.parametrize("name", ["server", "server-rsa", *UNUSUAL_KEYS])
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@on_each_interpreter
def test_each_kind_of_key(variant: Variant, certificates: Certificates, name: str, version: ssl.TLSVersion) -> None:
    with serving(context(certificates, name, versions=(version, version))) as address:
        outcome = ask(variant, address, *certificates.trusting())
    assert outcome.exit_code == 0, outcome


@on_each_interpreter
def test_no_cipher_in_common(variant: Variant, certificates: Certificates) -> None:
    """Without encryption."""
    odd = context(certificates, versions=(TLS_1_2, TLS_1_2), ciphers="NULL:@SECLEVEL=0")
    with serving(odd) as address:
        check_refused(ask(variant, address, *certificates.trusting()), "handshake failure", "tls-handshake")
