"""Certificates and keys for the tests of TLS, as PEM files that only this user may read.

trustme makes them. What it cannot make, because a certificate should not be like that, the same authority signs here.
"""

from __future__ import annotations

import atexit
import datetime
import functools
import ipaddress
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.interop.servers import TlsFiles

HERE = ("localhost", "127.0.0.1", "::1", "half.example")
"""The hosts that the usual certificate is for."""
LONG_AGO, YESTERDAY, TOMORROW, FAR_OFF = (
    datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=days)
    for days in (-700, -1, 1, 700)
)

PrivateKey: TypeAlias = (
    "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey"
)
UNUSUAL_KEYS: dict[str, PrivateKey] = {
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ed448": ed448.Ed448PrivateKey.generate(),
}
"""By the name of the server's certificate that has it."""


@functools.cache
def shared() -> Certificates:
    """The certificates that all tests share, made once; the folder is removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="certificates-")
    atexit.register(folder.cleanup)
    return Certificates(Path(folder.name))


def general_name(name: str) -> x509.GeneralName:
    """A host's name, or an IP address, as a certificate has it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def in_pem(key: PrivateKey, form: str = "PKCS8", passphrase: bytes = b"") -> bytes:
    """A private key; `form`: PKCS8, or TraditionalOpenSSL for PKCS #1 and SEC 1."""
    cipher = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), cipher)


def loaded(pem: bytes) -> PrivateKey:
    """A private key from its file's content."""
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
    return key


class Certificates:
    """A folder with `NAME.pem` (a certificate and what leads to its authority) and `NAME.key` for every name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA(organization_name="Our CA")
        self.between = self.authority.create_child_ca()
        self.other_authority = trustme.CA(organization_name="Their CA")
        self.write("ca.pem", self.authority.cert_pem.bytes())
        self.write("between.pem", self.between.cert_pem.bytes())
        self.write("other-ca.pem", self.other_authority.cert_pem.bytes())
        self._servers()
        self._clients()

    def _servers(self) -> None:
        authority, rsa_key = self.authority, trustme.KeyType.RSA
        self.keep("server", authority.issue_cert(*HERE))
        self.keep("server-rsa", authority.issue_cert(*HERE, key_type=rsa_key))
        self.keep("half", authority.issue_cert("half.example"))
        self.keep("wildcard", authority.issue_cert("*.half.example"))
        self.keep("wide", authority.issue_cert("*.example"))
        self.keep("of-other-ca", self.other_authority.issue_cert(*HERE))
        self.keep("expired", authority.issue_cert(*HERE, not_before=LONG_AGO, not_after=YESTERDAY))
        self.keep("early", authority.issue_cert(*HERE, not_before=TOMORROW, not_after=FAR_OFF))
        chained = self.between.issue_cert(*HERE)
        self.keep("chained", chained)
        self.write("headless.pem", chained.cert_chain_pems[0].bytes())
        self.write("headless.key", chained.private_key_pem.bytes())
        curve = ec.generate_private_key(ec.SECP256R1())
        self.keep_odd("self-signed", curve, HERE, own=True)
        self.keep_odd("common-name", curve, (), common_name="localhost")
        self.keep_odd("partial-wildcard", curve, ("h*f.example",))
        self.keep_odd("for-clients", curve, HERE, purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
        for name, key in UNUSUAL_KEYS.items():
            self.keep_odd(name, key, HERE)
        self.keep_odd("weak", rsa.generate_private_key(65537, 1024), HERE)

    def _clients(self) -> None:
        self.keep("client", self.authority.issue_cert("probe@half.example"))
        self.keep("client-rsa", self.authority.issue_cert("probe@half.example", key_type=trustme.KeyType.RSA))
        self.keep("client-of-other-ca", self.other_authority.issue_cert("probe@half.example"))
        expired = self.authority.issue_cert("probe@half.example", not_before=LONG_AGO, not_after=YESTERDAY)
        self.keep("client-expired", expired)
        self.keep("client-chained", self.between.issue_cert("probe@half.example"))

    def keep(self, name: str, leaf: trustme.LeafCert) -> None:
        """Writes a certificate, its chain and its key."""
        self.write(f"{name}.pem", b"".join(part.bytes() for part in leaf.cert_chain_pems))
        self.write(f"{name}.key", leaf.private_key_pem.bytes())

    def keep_odd(
        self,
        name: str,
        key: PrivateKey,
        names: Sequence[str],
        common_name: str = "odd",
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        own: bool = False,
    ) -> None:
        """Makes a certificate that trustme would not make; `own`: it is its own authority."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        signer = serialization.load_pem_private_key(self.authority.private_key_pem.bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        authority = x509.load_pem_x509_certificate(self.authority.cert_pem.bytes())
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(LONG_AGO)
            .not_valid_after(FAR_OFF)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([general_name(one) for one in names]), critical=False)
        signed = made.sign(key if own else signer, hashes.SHA256())
        self.write(f"{name}.pem", signed.public_bytes(serialization.Encoding.PEM))
        self.write(f"{name}.key", in_pem(key))

    def write(self, name: str, content: bytes) -> Path:
        """A file of the folder's own."""
        place = self.folder / name
        place.touch(0o600)
        place.write_bytes(content)
        return place

    def file(self, name: str) -> Path:
        """The file of that name."""
        return self.folder / name

    def read(self, name: str) -> bytes:
        """What is in the file of that name."""
        return self.file(name).read_bytes()

    def pair(self, name: str) -> tuple[bytes, bytes]:
        """Private key and certificates, as grpcio's servers take them."""
        return self.read(f"{name}.key"), self.read(f"{name}.pem")

    def tls(self, name: str, client_ca: str = "") -> TlsFiles:
        """The files of a server; with `client_ca` it insists on a certificate of that authority."""
        authority = self.file(f"{client_ca}.pem") if client_ca else None
        return TlsFiles(self.file(f"{name}.key"), self.file(f"{name}.pem"), authority)

    def trusting(self, authority: str = "ca") -> tuple[str, str]:
        """The flags of a client that trusts that authority."""
        return "-tls", f"-tls-ca-cert={self.file(f'{authority}.pem')}"

    def showing(self, name: str = "client") -> tuple[str, str]:
        """The flags of a client that presents that certificate."""
        return f"-tls-client-cert={self.file(f'{name}.pem')}", f"-tls-client-key={self.file(f'{name}.key')}"
