"""Right answers over TLS: of servers by other makers, on every kind of address, with every kind of certificate."""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.interop import servers
from tests.support.certificates import Certificates, in_pem, loaded
from tests.support.runner import Outcome
from tests.support.tls_server import context, serving
from tests.support.variants import Variant, built, on_each_interpreter

READY = "Servable state is AVAILABLE"
ENGINES = pytest.mark.parametrize("engine", ["native", "grpcio"])
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module", params=list(servers.SERVERS))
def stack(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[str]:
    """The address of each maker's server in turn."""
    with servers.SERVERS[request.param](certificates.tls("server")) as running:
        yield running.target


@pytest.fixture(scope="module", params=list(servers.SERVERS))
def mutual(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[str]:
    """The same, each wanting a client certificate."""
    with servers.SERVERS[request.param](certificates.tls("server", client_ca="ca")) as running:
        yield running.target


@pytest.fixture(scope="module")
def tfs(certificates: Certificates) -> Iterator[FakeServing]:
    """The stand-in for TensorFlow Serving, with TLS."""
    with FakeServing({"default": {1: "AVAILABLE"}}, rest=False, tls=certificates.pair("server")) as running:
        yield running


def ask(variant: Variant, address: str, *argv: str) -> Outcome:
    return variant.run(f"-addr={address}", "-timeout=20s", *argv)


def check_ready(outcome: Outcome) -> None:
    assert (outcome.exit_code, outcome.verdict, outcome.hint) == (0, READY, ""), outcome


# Servers of other makers.


@on_each_interpreter
def test_every_maker(variant: Variant, stack: str, certificates: Certificates) -> None:
    trusting = certificates.trusting()
    check_ready(ask(variant, stack, *trusting, "-model-name=half"))
    assert ask(variant, stack, *trusting, "-model-name=loading").exit_code == 32
    assert ask(variant, stack, *trusting, "-model-name=nope").exit_code == 10
    # More than one TLS record, and more than one HTTP/2 window.
    assert ask(variant, stack, *trusting, "-model-name=big").lines[0].endswith("more versions left out)")


@on_each_interpreter
def test_every_maker_with_a_client_certificate(variant: Variant, mutual: str, certificates: Certificates) -> None:
    check_ready(ask(variant, mutual, *certificates.trusting(), *certificates.showing(), "-model-name=half"))


def test_every_maker_by_the_second_engine(stack: str, mutual: str, certificates: Certificates) -> None:
    module, argv = built("module"), ("-engine=grpcio", *certificates.trusting(), "-model-name=half")
    check_ready(ask(module, stack, *argv))
    check_ready(ask(module, mutual, *argv, *certificates.showing()))


@on_each_interpreter
def test_a_server_that_is_not_verified(variant: Variant, certificates: Certificates) -> None:
    for name in ("of-other-ca", "expired", "self-signed", "half"):
        with serving(context(certificates, name)) as address:
            check_ready(ask(variant, address, "-tls", "-tls-no-verify"))


# Addresses.


@ENGINES
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "", "0.0.0.0", "dns:///localhost"])
def test_hosts(tfs: FakeServing, certificates: Certificates, host: str, engine: str) -> None:
    check_ready(ask(built("module"), f"{host}:{tfs.port}", *certificates.trusting(), f"-engine={engine}"))


@on_each_interpreter
def test_ipv6(variant: Variant, certificates: Certificates) -> None:
    with serving(context(certificates), "::1") as address:
        check_ready(ask(variant, address, *certificates.trusting()))


@ENGINES
def test_unix_sockets(certificates: Certificates, engine: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path is short
        place = Path(folder) / "tfs.sock"
        for socket in (str(place), f"unix-abstract:{place}"):
            pair = certificates.pair("server")
            with FakeServing({"default": {1: "AVAILABLE"}}, rest=False, tls=pair, unix_socket=socket):
                address = socket if socket.startswith("unix-abstract:") else f"unix://{place}"
                # For a socket the name is localhost.
                check_ready(ask(built("module"), address, *certificates.trusting(), f"-engine={engine}"))


@pytest.mark.parametrize("kind", ["path", "abstract"])
@on_each_interpreter
def test_kinds_of_unix_sockets(variant: Variant, certificates: Certificates, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place: Path | str = Path(folder) / "tls.sock"
        with serving(context(certificates), place if kind == "path" else f"\0{place}") as address:
            check_ready(ask(variant, address, *certificates.trusting()))


# Versions.


@pytest.mark.parametrize(("version", "name"), [(TLS_1_2, "TLSv1.2"), (TLS_1_3, "TLSv1.3")])
@on_each_interpreter
def test_versions(variant: Variant, certificates: Certificates, version: ssl.TLSVersion, name: str) -> None:
    with serving(context(certificates, versions=(version, version))) as address:
        outcome = ask(variant, address, *certificates.trusting(), "-v")
        check_ready(outcome)
        (shown,) = (line for line in outcome.lines if line.startswith("connected to "))
        assert re.fullmatch(rf"connected to {re.escape(address)} \({name}, [A-Z0-9_-]+\)", shown)
        # With a client certificate, and in TLS 1.2 that is asked for by another message.
    with serving(context(certificates, versions=(version, version), client_ca="ca")) as address:
        check_ready(ask(variant, address, *certificates.trusting(), *certificates.showing()))


# Certificates and keys.


@ENGINES
@pytest.mark.parametrize(
    ("name", "server_name"),
    [
        ("server", "half.example"),
        ("server", "localhost"),
        ("half", "half.example"),
        ("half", "HALF.example"),
        ("wildcard", "one.half.example"),
        ("server-rsa", ""),
        ("chained", ""),
    ],
)
def test_names_and_kinds(certificates: Certificates, name: str, server_name: str, engine: str) -> None:
    named = (f"-tls-server-name={server_name}",) if server_name else ()
    with serving(context(certificates, name)) as address:
        check_ready(ask(built("module"), address, *certificates.trusting(), *named, f"-engine={engine}"))


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("server", ("ca.pem",)),
        ("server", ("server.pem",)),  # the server's own
        ("self-signed", ("self-signed.pem",)),
        ("chained", ("between.pem",)),
        ("headless", ("between.pem",)),
        ("headless", ("between.pem", "ca.pem")),
        ("server", ("other-ca.pem", "between.pem", "ca.pem")),
        ("of-other-ca", ("ca.pem", "other-ca.pem")),
    ],
)
@on_each_interpreter
def test_what_may_be_trusted(
    variant: Variant, certificates: Certificates, name: str, trusted: tuple[str, ...], tmp_path: Path
) -> None:
    """As in Go every certificate in the file is trusted: a root, an intermediate, the server's own."""
    (tmp_path / "trusted.pem").write_bytes(b"".join(map(certificates.read, trusted)))
    with serving(context(certificates, name)) as address:
        check_ready(ask(variant, address, "-tls", f"-tls-ca-cert={tmp_path}/trusted.pem"))


@ENGINES
def test_text_and_line_ends_around_certificates(certificates: Certificates, tmp_path: Path, engine: str) -> None:
    words = "Our CA\n======\nOwner: Größe\xff\n".encode("latin-1")
    content = words + certificates.read("other-ca.pem") + words + b"\n\n" + certificates.read("ca.pem") + b"\nend"
    mutual = context(certificates, client_ca="ca")
    for name, text in {"unix": content, "dos": content.replace(b"\n", b"\r\n"), "bare": content.strip()}.items():
        certificate, key = tmp_path / f"{name}.crt", tmp_path / f"{name}.key"
        roots = tmp_path / f"{name}.pem"
        roots.write_bytes(text)
        dos = b"\r\n" if name == "dos" else b"\n"
        certificate.write_bytes(words + certificates.read("client.pem").replace(b"\n", dos))
        key.write_bytes(words + certificates.read("client.key").replace(b"\n", dos))
        with serving(mutual) as address:
            shown = (f"-tls-client-cert={certificate}", f"-tls-client-key={key}")
            check_ready(ask(built("module"), address, "-tls", f"-tls-ca-cert={roots}", *shown, f"-engine={engine}"))


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
@pytest.mark.parametrize("client", ["client", "client-rsa", "client-chained"])
@on_each_interpreter
def test_forms_of_keys(variant: Variant, certificates: Certificates, client: str, form: str, tmp_path: Path) -> None:
    """PKCS #8; PKCS #1 for RSA, and SEC 1 for EC."""
    (tmp_path / "key").write_bytes(in_pem(loaded(certificates.read(f"{client}.key")), form))
    certificate = f"-tls-client-cert={certificates.file(f'{client}.pem')}"
    with serving(context(certificates, client_ca="ca")) as address:
        check_ready(ask(variant, address, *certificates.trusting(), certificate, f"-tls-client-key={tmp_path}/key"))


@on_each_interpreter
def test_certificate_and_key_in_one_file(variant: Variant, certificates: Certificates, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(certificates.read("client.key") + certificates.read("client.pem"))
    with serving(context(certificates, client_ca="ca")) as address:
        shown = (f"-tls-client-cert={both}", f"-tls-client-key={both}")
        check_ready(ask(variant, address, *certificates.trusting(), *shown))
