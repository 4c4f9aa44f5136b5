"""Trust domains: certificates by SPIFFE's rules, and by none of them where a test wants that."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

# Names beside a SPIFFE ID.
Names = Sequence[x509.GeneralName]


def new_key(kind: str) -> Key:
    """`ec`, `rsa` or `ed25519`."""
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else ed25519.Ed25519PrivateKey.generate()


def usage(**set_to: bool) -> x509.KeyUsage:
    """A key usage that has what is named."""
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: set_to.get(name, False) for name in names})


LEAF = usage(digital_signature=True)
SIGNER = usage(key_cert_sign=True, crl_sign=True)


@dataclass(frozen=True)
class Identity:
    """A chain of certificates, its own first, and the key of the first one."""

    chain: tuple[x509.Certificate, ...]
    key: Key

    @property
    def der(self) -> bytes:
        """The chain as the Workload API sends it."""
        return b"".join(one.public_bytes(Encoding.DER) for one in self.chain)

    @property
    def key_der(self) -> bytes:
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def pem(self) -> tuple[bytes, bytes]:
        """Key and chain, as a server takes them."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key, b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)


class Authority:
    """Who signs in a trust domain, or anywhere else."""

    def __init__(self, domain: str, kind: str = "ec", signer: Authority | None = None) -> None:
        """`signer`: of an intermediate authority; it is part of every chain then."""
        self.domain = domain
        self._kind = kind
        self._key = new_key(kind)
        # As with SPIRE, whose authorities are all called the same.
        self._name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SPIFFE")])
        self._between: tuple[x509.Certificate, ...] = ()
        uri = [x509.UniformResourceIdentifier(f"spiffe://{domain}")]
        self.certificate = (signer or self)._certificate(self._name, self._key, uri, SIGNER, True, -DAY, DAY)
        if signer:
            self._between = (self.certificate, *signer._between)

    def _certificate(
        self, subject: x509.Name, key: Key, names: Names, key_usage: x509.KeyUsage | None, ca: bool | None,
        since: datetime.timedelta, until: datetime.timedelta,
    ) -> x509.Certificate:  # fmt: skip
        now = datetime.datetime.now(datetime.timezone.utc)
        public = self._key.public_key()
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now + since)
            .not_valid_after(now + until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if key_usage:
            builder = builder.add_extension(key_usage, critical=True)
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        if not ca:
            both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
            builder = builder.add_extension(both, critical=False)
        algorithm = None if isinstance(self._key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return builder.sign(self._key, algorithm)

    def identity(
        self,
        path: str = "/serving",
        *,
        names: Names | None = None,
        kind: str = "",
        key_usage: x509.KeyUsage | None = LEAF,
        ca: bool | None = False,
        since: datetime.timedelta = -DAY,
        until: datetime.timedelta = DAY,
    ) -> Identity:
        """An X.509-SVID for that path; with `names`, whatever those are."""
        key = new_key(kind or self._kind)
        given = names if names is not None else [uri(f"spiffe://{self.domain}{path}")]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "serving")])
        made = self._certificate(subject, key, given, key_usage, ca, since, until)
        return Identity((made, *self._between), key)

    @property
    def bundle(self) -> bytes:
        """Its certificate as the Workload API sends it."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


@cache
def authority(domain: str, kind: str = "ec") -> Authority:
    """The authority of a trust domain, the same in all tests."""
    return Authority(domain, kind)
