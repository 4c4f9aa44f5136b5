"""Credentials from an SVID: what cannot be used, and which servers they accept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from probe.deadline import RUN, Deadline
from probe.model import CREDENTIALS, Failure
from probe.net.errors import Permanent
from probe.spiffe.credentials import MAX_CHAIN_BYTES, Credentials, credentials
from probe.spiffe.memory_cert import identify
from probe.spiffe.messages import Svid
from probe.tls.context import insecure_context
from probe.tls.handshake import secure
from probe.tls.stream import TlsStream
from tests.support import tls_server
from tests.support.certificates import shared
from tests.support.spiffe_authority import SIGNER, Authority, Identity, authority, uri, usage
from tests.support.tls_memory import TlsServerStream

SECOND = 1_000_000_000
OURS, THEIRS, UNBUNDLED = "ours.test", "theirs.test", "unbundled.test"


def soon() -> Deadline:
    return Deadline.after(10 * SECOND, RUN)


def svid(
    shown: Identity | None = None,
    *,
    key: bytes | None = None,
    certificates: bytes | None = None,
    bundle: bytes | None = None,
    federated: tuple[tuple[str, bytes], ...] | None = None,
    spiffe_id: str = f"spiffe://{OURS}/probe",
) -> Svid:
    """A good SVID, but for what is given."""
    shown = shown or authority(OURS).identity("/probe")
    return Svid(
        spiffe_id,
        shown.der if certificates is None else certificates,
        shown.key_der if key is None else key,
        authority(OURS).bundle if bundle is None else bundle,
        ((f"spiffe://{THEIRS}", authority(THEIRS).bundle),) if federated is None else federated,
    )


def made(of: Svid) -> Credentials:
    found = credentials(of, "h2")
    assert isinstance(found, Credentials), found
    return found


def test_good_credentials() -> None:
    ours = made(svid())
    assert ours.spiffe_id == f"spiffe://{OURS}/probe"
    assert ours.bundles == {
        OURS: frozenset((authority(OURS).bundle,)),
        THEIRS: frozenset((authority(THEIRS).bundle,)),
    }
    assert isinstance(made(svid(authority(OURS, "rsa").identity("/probe"))), Credentials)


def test_the_last_bundle_of_a_domain_counts() -> None:
    again = ((f"spiffe://{THEIRS}", authority(UNBUNDLED).bundle), (f"spiffe://{THEIRS}", authority(THEIRS).bundle))
    assert made(svid(federated=again)).bundles[THEIRS] == {authority(THEIRS).bundle}


def a_key(form: PrivateFormat, passphrase: bytes = b"") -> bytes:
    cipher = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return authority(OURS).identity("/probe").key.private_bytes(Encoding.DER, form, cipher)


UNUSABLE: dict[str, Callable[[], Svid]] = {
    "no certificate": lambda: svid(certificates=b""),
    "half a certificate": lambda: svid(certificates=authority(OURS).identity("/probe").der[:200]),
    "a certificate without an ID": lambda: svid(authority(OURS).identity(names=[])),
    "two IDs": lambda: svid(authority(OURS).identity(names=[uri("spiffe://a/b"), uri("spiffe://a/c")])),
    "an authority's certificate": lambda: svid(authority(OURS).identity(ca=True)),
    "a key that signs certificates": lambda: svid(authority(OURS).identity(key_usage=SIGNER)),
    "a key that signs lists": lambda: svid(authority(OURS).identity(key_usage=usage(crl_sign=True))),
    "more than the certificate": lambda: svid(certificates=authority(OURS).identity("/probe").der + b"garbage"),
    "another key": lambda: svid(key=authority(OURS).identity("/other").key_der),
    "no key": lambda: svid(key=b""),
    "a key that is too long": lambda: svid(key=bytes(100_000)),
    "an encrypted key": lambda: svid(key=a_key(PrivateFormat.PKCS8, b"secret")),
    "no bundle": lambda: svid(bundle=b"", federated=()),
    "a damaged bundle": lambda: svid(bundle=b"\x30\x03abc"),
    "a damaged bundle of another domain": lambda: svid(federated=((f"spiffe://{THEIRS}", b"\x30\x03abc"),)),
    "a bundle that ends early": lambda: svid(bundle=authority(OURS).bundle[:-1]),
    "a bundle of no domain": lambda: svid(federated=(("", authority(THEIRS).bundle),)),
    "an ID that is malformed": lambda: svid(spiffe_id="https://ours.test/probe"),
    "certificates that are too long": lambda: svid(certificates=bytes(MAX_CHAIN_BYTES + 1)),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_credentials(case: str) -> None:
    failure = credentials(UNUSABLE[case](), "h2")
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.cause) == (CREDENTIALS, "spiffe-api")


def test_certificate_and_key_never_touch_a_file() -> None:
    """Each goes through a pipe, whose descriptors are closed whatever happens."""
    import os

    before = os.listdir("/proc/self/fd")
    shown = authority(OURS).identity("/probe")
    for certificates, key, usable in (
        (shown.der, shown.key_der, True),
        (shown.der, b"", False),
        (b"garbage", shown.key_der, False),
        (shown.der, bytes(100_000), False),
    ):
        assert identify(insecure_context("h2"), certificates, key) == usable
    assert os.listdir("/proc/self/fd") == before


# Servers.


def serving(shown: Identity) -> TlsServerStream:
    key, chain = shown.pem
    folder = shared()
    folder.write("spiffe-server.pem", chain)
    folder.write("spiffe-server.key", key)
    folder.write("spiffe-client-ca.pem", authority(OURS).pem)
    return TlsServerStream(
        tls_server.context(folder, "spiffe-server", client_ca="spiffe-client-ca"), others=(look(shown),)
    )


def look(shown: Identity) -> TlsServerStream:
    """The server again, for a second connection."""
    return TlsServerStream(tls_server.context(shared(), "spiffe-server"))


def connect(ours: Credentials, server: TlsServerStream) -> TlsStream:
    return secure(server, ours.context, "any.name", soon(), "h2", sends_certificate=True, explain=ours.explain)


def rejected(ours: Credentials, shown: Identity) -> Permanent:
    with pytest.raises(Permanent) as caught:
        ours.verify(connect(ours, serving(shown)))
    assert caught.value.text.startswith("connected to scripted:1: ")
    return caught.value


@pytest.mark.parametrize("domain", [OURS, THEIRS])
def test_servers_whose_domain_vouches_for_them(domain: str) -> None:
    ours = made(svid())
    stream = connect(ours, serving(authority(domain).identity()))
    assert ours.verify(stream) == f"spiffe://{domain}/serving"


def test_an_authority_in_between() -> None:
    between = Authority(OURS, signer=authority(OURS))
    ours = made(svid())
    stream = connect(ours, serving(between.identity()))
    assert ours.verify(stream) == f"spiffe://{OURS}/serving"


def test_a_domain_must_not_vouch_for_another_s_servers() -> None:
    forged = authority(THEIRS).identity(names=[uri(f"spiffe://{OURS}/serving")])
    found = rejected(made(svid()), forged)
    assert found.cause == "spiffe-peer"
    assert f"spiffe://{OURS}/serving" in found.text


def test_a_domain_without_a_bundle() -> None:
    found = rejected(made(svid()), authority(UNBUNDLED).identity())
    assert found.cause == "spiffe-peer"
    assert UNBUNDLED in found.text and OURS in found.text and THEIRS in found.text
    # Vouched for by one that we know, in the name of one that we do not.
    found = rejected(made(svid()), authority(OURS).identity(names=[uri(f"spiffe://{UNBUNDLED}/serving")]))
    assert found.cause == "spiffe-peer"


@pytest.mark.parametrize("domain", [OURS, UNBUNDLED])
def test_certificates_that_are_not_svids(domain: str) -> None:
    nameless = authority(domain).identity(names=[uri("https://ours.test/serving")])
    assert rejected(made(svid()), nameless).cause == "spiffe-peer"


def test_other_faults_of_a_certificate() -> None:
    from tests.support.spiffe_authority import DAY

    expired = authority(OURS).identity(since=-2 * DAY, until=-DAY)
    assert rejected(made(svid()), expired).cause == "tls-expired"
