"""The server's end of a TLS connection, down to the single record.

OpenSSL makes an honest handshake. The records after it are encrypted by hand, with the keys that OpenSSL logs, since
OpenSSL refuses to send empty records, alerts at will, or messages without an end.
"""

from __future__ import annotations

import contextlib
import itertools
import ssl
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.scripted_server import ClientLeft, Peer
from tests.support.spiffe_authority import DAY

CHANGE_CIPHER, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
HELLO_REQUEST, SERVER_HELLO, SESSION_TICKET, CERTIFICATE_REQUEST, KEY_UPDATE = 0, 2, 4, 13, 24
WARNING, FATAL = 1, 2
CLOSE_NOTIFY, INTERNAL_ERROR, USER_CANCELLED = 0, 80, 90
OLDER_CIPHER = "ECDHE-ECDSA-AES128-GCM-SHA256"
SECOND = 1_000_000_000


def record(kind: int, payload: bytes, length: int | None = None) -> bytes:
    """A record that is not encrypted (RFC 8446, 5.1); `length` may lie."""
    return struct.pack(">BHH", kind, 0x0303, len(payload) if length is None else length) + payload


def spoken(kind: int, body: bytes = b"", length: int | None = None) -> bytes:
    """A message of the handshake; `length` may lie."""
    return bytes((kind,)) + (len(body) if length is None else length).to_bytes(3, "big") + body


# Certificates.


@cache
def _folder() -> Path:
    """Where OpenSSL reads from and writes to; gone when the process ends."""
    global _kept
    _kept = tempfile.TemporaryDirectory(prefix="tls-hostile-")
    return Path(_kept.name)


_kept: tempfile.TemporaryDirectory[str]


@cache
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def authority_file() -> Path:
    """For -tls-ca-cert."""
    place = _folder() / "ca.pem"
    authority().cert_pem.write_to_path(place)
    return place


def context(*chain: bytes, key: bytes = b"", older: bool = False) -> ssl.SSLContext:
    """A server's, with that chain and key in PEM, or with an honest certificate; `older`: TLS 1.2."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_alpn_protocols(["h2"])
    made.num_tickets = 0
    if older:
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.set_ciphers(OLDER_CIPHER)
    if chain:
        with tempfile.NamedTemporaryFile(dir=_folder()) as file:
            file.write(b"".join(chain) + key)
            file.flush()
            made.load_cert_chain(file.name)
    else:
        authority().issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(made)
    return made


def certificate(
    *names: x509.GeneralName, san: bytes | None = None, issuer: x509.Name | None = None, signed: bool = True
) -> ssl.SSLContext:
    """A server's whose certificate is for these names (`san`: of any bytes), from the authority or, where it is not
    `signed`, self-issued under that name."""
    signer = authority()
    root = x509.load_pem_x509_certificate(signer.cert_pem.bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    now = root.not_valid_before_utc
    subject = x509.Name([])
    extension = (
        x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), san)
        if san is not None
        else x509.SubjectAlternativeName(names)
    )
    builder = (
        x509.CertificateBuilder(issuer or root.subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + 10_000 * DAY)
        .add_extension(extension, critical=True)
    )
    if signed:
        signing = _key_of(signer)
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
        made = builder.add_extension(known, critical=False).sign(signing, hashes.SHA256())
    else:
        made = builder.sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return context(made.public_bytes(Encoding.PEM), key=pem)


def _key_of(signer: trustme.CA) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(signer.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


# The connection.


class TlsPeer(Peer):
    """A peer whose bytes go through TLS."""

    def __init__(self, peer: Peer, made: ssl.SSLContext) -> None:
        super().__init__(peer.socket, peer._closing)
        self.raw = peer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._log = _folder() / f"keys-{next(_numbers)}"
        made.keylog_filename = str(self._log)
        self._tls = made.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._seal: Callable[[int, bytes], bytes] | None = None
        self._hello = b""

    def flight(self) -> bytes:
        """What an honest server sends after the client's hello."""
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
            self._hello = self._hello or self._outgoing.read()
            if self._hello:
                return self._hello
            self._fill()

    def handshake(self) -> None:
        """From here on all records are encrypted by hand, since they are counted."""
        self.raw.send(self.flight())
        done = False
        while not done:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                self._fill()
            finally:
                self.raw.send(self._outgoing.read())
        self._seal = self._sealing()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            for at in range(0, len(piece), 16384):
                self.raw.send(self.sealed(DATA, piece[at : at + 16384]))

    def sealed(self, kind: int, payload: bytes) -> bytes:
        """A record of any kind, encrypted."""
        assert self._seal
        return self._seal(kind, payload)

    def close_notify(self) -> None:
        self.raw.send(self.sealed(ALERT, bytes((WARNING, CLOSE_NOTIFY))))
        self.raw.close()

    def _read(self) -> bool:
        while True:
            try:
                more = self._tls.read(1 << 20)
            except ssl.SSLWantReadError:
                self._fill()
                continue
            self.received += more
            return bool(more)

    def _fill(self) -> None:
        more = self.raw.socket.recv(1 << 20)
        if not more:
            raise ClientLeft
        self._incoming.write(more)

    def _sealing(self) -> Callable[[int, bytes], bytes]:
        # What it was, the client's random bytes, and the secret.
        lines = [line.split() for line in self._log.read_text().splitlines() if not line.startswith("#")]
        secrets = {words[0]: (bytes.fromhex(words[1]), bytes.fromhex(words[2])) for words in lines}
        if self._tls.version() == "TLSv1.2":
            random_bytes, secret = secrets["CLIENT_RANDOM"]
            return _sealing_older(secret, random_bytes, self._hello[11:43])
        return _sealing(secrets["SERVER_TRAFFIC_SECRET_0"][1])


_numbers = itertools.count()
Within = Callable[[TlsPeer], None]
"""What goes on behind the handshake."""


def _sealing(secret: bytes) -> Callable[[int, bytes], bytes]:
    """TLS 1.3's way to encrypt (RFC 8446, 5.2 and 7.3), for the first records of a connection."""
    algorithm: hashes.HashAlgorithm = hashes.SHA384() if len(secret) == 48 else hashes.SHA256()

    def expand(label: bytes, length: int) -> bytes:
        info = struct.pack(">HB", length, len(label) + 6) + b"tls13 " + label + b"\0"
        return HKDFExpand(algorithm, length, info).derive(secret)

    cipher = AESGCM(expand(b"key", 32 if len(secret) == 48 else 16))
    vector = int.from_bytes(expand(b"iv", 12), "big")
    numbers = itertools.count()

    def seal(kind: int, payload: bytes) -> bytes:
        head = struct.pack(">BHH", DATA, 0x0303, len(payload) + 17)
        nonce = (vector ^ next(numbers)).to_bytes(12, "big")
        return head + cipher.encrypt(nonce, payload + bytes((kind,)), head)

    return seal


def _sealing_older(secret: bytes, client: bytes, server: bytes) -> Callable[[int, bytes], bytes]:
    """TLS 1.2's way with OLDER_CIPHER (RFC 5246, 5 and 6.3; RFC 5288), for the records after `Finished`."""

    def mac(data: bytes) -> bytes:
        made = hmac.HMAC(secret, hashes.SHA256())
        made.update(data)
        return made.finalize()

    seed = b"key expansion" + server + client
    step, block = seed, b""
    while len(block) < 40:
        step = mac(step)
        block += mac(step + seed)
    cipher, vector = AESGCM(block[16:32]), block[36:40]
    numbers = itertools.count(1)

    def seal(kind: int, payload: bytes) -> bytes:
        number = struct.pack(">Q", next(numbers))
        known = number + struct.pack(">BHH", kind, 0x0303, len(payload))
        return record(kind, number + cipher.encrypt(vector + number, payload, known))

    return seal
