"""What a client of TLS may meet: a table of servers that misbehave, and what the program makes of each.

A behaviour of a `Peer` is the server's end of a connection before anything is encrypted. `inside` puts a behaviour
behind an honest handshake: its `TlsPeer` sends and reads what is within.
"""

from __future__ import annotations

import ipaddress
import random
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.program.http2_rows import DIAL, IMPATIENT, READY_LINE, SHORT_DIAL, Row
from tests.support.behaviours import answers
from tests.support.http2_writer import GOOD, GREETING
from tests.support.scripted_server import Behaviour, ClientLeft, Peer, client_frames
from tests.support.tls_peer import (
    ALERT,
    CERTIFICATE_REQUEST,
    CHANGE_CIPHER,
    CLOSE_NOTIFY,
    DATA,
    FATAL,
    HANDSHAKE,
    HEARTBEAT,
    HELLO_REQUEST,
    INTERNAL_ERROR,
    SERVER_HELLO,
    SESSION_TICKET,
    USER_CANCELLED,
    WARNING,
    TlsPeer,
    Within,
    authority,
    certificate,
    context,
    record,
    spoken,
)

# Behaviours.


def inside(behaviour: Within, made: Callable[[], ssl.SSLContext] = context) -> Behaviour:
    """The behaviour behind an honest handshake. The client's bytes in there must be HTTP/2."""

    def whole(peer: Peer) -> None:
        within = TlsPeer(peer, made())
        try:
            within.handshake()
            behaviour(within)
            within.hold()
        except (ssl.SSLError, ClientLeft):
            pass  # the client may refuse and leave
        finally:
            client_frames(bytes(within.received))

    return whole


def flight(change: Callable[[bytes], bytes], then: Callable[[Peer], None] = Peer.hold) -> Behaviour:
    """A server's first words, changed."""

    def behaviour(peer: Peer) -> None:
        peer.send(change(TlsPeer(peer, context()).flight()))
        then(peer)

    return behaviour


def sends(*pieces: bytes, then: Callable[[Peer], None] = Peer.hold) -> Behaviour:
    """Waits for the client's hello, and sends the pieces."""

    def behaviour(peer: Peer) -> None:
        peer._read()
        peer.send(*pieces)
        then(peer)

    return behaviour


def endless(piece: bytes) -> Behaviour:
    """The same again and again, without listening."""

    def behaviour(peer: Peer) -> None:
        peer._read()
        while True:
            peer.send(piece)

    return behaviour


def drips(peer: Peer) -> None:
    for byte in TlsPeer(peer, context()).flight():
        peer.send(bytes((byte,)))
        peer.pause(0.05)


ANSWERS = answers(GOOD)


def sealed(*records: tuple[int, bytes], then: Within = ANSWERS) -> Within:
    """Records of any kind right after the handshake."""

    def behaviour(peer: TlsPeer) -> None:
        for kind, payload in records:
            peer.raw.send(peer.sealed(kind, payload))
        then(peer)

    return behaviour


def without_end(kind: int, payload: bytes) -> Within:
    """Records of one kind right after the handshake, again and again."""

    def behaviour(peer: TlsPeer) -> None:
        while True:
            peer.raw.send(b"".join(peer.sealed(kind, payload) for _ in range(64)))

    return behaviour


def answered(then: Within) -> Within:
    """A good answer, and then."""

    def behaviour(peer: TlsPeer) -> None:
        answers(GOOD)(peer)
        then(peer)

    return behaviour


def begun(then: Within) -> Within:
    """Greets, hears the request, and then."""

    def behaviour(peer: TlsPeer) -> None:
        answers()(peer)
        then(peer)

    return behaviour


def after_all(then: Callable[[Peer], None]) -> Within:
    """What is done to the connection itself."""
    return lambda peer: then(peer.raw)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One behaviour for each connection of a server; the last one for all further ones."""
    # By the event that the peers of one server share.
    taken: WeakKeyDictionary[threading.Event, int] = WeakKeyDictionary()

    def behaviour(peer: Peer) -> None:
        number = taken.get(peer._closing, 0)
        taken[peer._closing] = number + 1
        behaviours[min(number, len(behaviours) - 1)](peer)

    return behaviour


# The table. Every row is asked with -tls; those in PLAIN are asked in plain text.

Rows = Iterator[Row]
TICKET = spoken(SESSION_TICKET, struct.pack(">IIB", 7200, 1, 1) + b"\1" + b"\0\x20" + bytes(32) + b"\0\0")
REQUESTS = record(HANDSHAKE, spoken(HELLO_REQUEST) * 4000)
INCOMPLETE = "its TLS handshake is incomplete"
FAILED = "the TLS connection failed ("
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\n\r\n"
CLOSED = "closed by it during the TLS handshake"
BROKEN = "Unavailable desc = "


def undialled(name: str, behaviour: Behaviour, verdict: str, *argv: str) -> Row:
    return Row(name, behaviour, 2, verdict, argv=argv)


def broken(name: str, behaviour: Within, verdict: str, *argv: str, older: bool = False) -> Row:
    """The connection stands, the call fails."""
    return Row(name, inside(behaviour, lambda: context(older=older)), 3, verdict, argv=argv)


def good(name: str, behaviour: Within, *argv: str, older: bool = False) -> Row:
    return Row(name, inside(behaviour, lambda: context(older=older)), 0, READY_LINE, argv=argv)


def of_the_beginning() -> Rows:
    """What comes instead of a handshake."""
    half: Callable[[bytes], bytes] = lambda whole: whole[: len(whole) // 2]  # noqa: E731
    yield undialled("hello-mute", sends(), "no TLS handshake from it", *IMPATIENT)
    yield undialled("hello-closed", sends(then=Peer.close), CLOSED, *SHORT_DIAL)
    yield undialled("hello-reset", sends(then=Peer.reset), CLOSED, *SHORT_DIAL)
    yield undialled("hello-half-then-mute", flight(half), INCOMPLETE, *IMPATIENT)
    yield undialled("hello-half-then-closed", flight(half, Peer.close), CLOSED, *SHORT_DIAL)
    yield undialled("hello-half-then-reset", flight(half, Peer.reset), DIAL, *SHORT_DIAL)
    yield undialled("hello-a-byte", flight(lambda whole: whole[:1]), INCOMPLETE, *IMPATIENT)
    yield undialled("hello-drips", drips, INCOMPLETE, "-timeout=900ms")
    yield undialled("hello-twice", flight(lambda whole: whole + whole), FAILED)
    yield undialled("hello-damaged", flight(lambda whole: whole[:-20] + bytes(20)), FAILED)
    yield undialled("hello-then-random", flight(lambda whole: whole[:127] + random.Random(1).randbytes(500)), "")
    yield undialled("first-record-too-long", sends(record(HANDSHAKE, bytes(100), 0xFFFF)), FAILED)
    yield undialled("first-record-of-another-kind", sends(record(HEARTBEAT, bytes(100))), "it does not speak TLS")
    yield undialled("first-record-empty-without-end", endless(record(HANDSHAKE, b"") * 99), FAILED)
    yield undialled("first-record-of-data", sends(record(DATA, bytes(100))), FAILED)
    yield undialled("first-message-too-long", sends(record(HANDSHAKE, spoken(SERVER_HELLO, b"", 0xFFFFFF))), FAILED)
    yield undialled("first-message-without-end", endless(record(HANDSHAKE, spoken(SERVER_HELLO) * 4000)), FAILED)
    yield undialled(
        "hello-request-without-end", endless(record(HANDSHAKE, spoken(HELLO_REQUEST) * 4000)), "", *IMPATIENT
    )
    yield undialled("first-change-cipher-without-end", endless(record(CHANGE_CIPHER, b"\1") * 999), "", *IMPATIENT)
    yield undialled("first-warnings-without-end", endless(record(ALERT, bytes((WARNING, USER_CANCELLED))) * 99), FAILED)
    polite = record(ALERT, bytes((WARNING, CLOSE_NOTIFY)))
    yield undialled("first-close-notify", sends(polite), CLOSED, *SHORT_DIAL)
    yield undialled("first-alert-unknown", sends(record(ALERT, bytes((FATAL, 199)))), FAILED)
    yield undialled("first-alert-too-long", sends(record(ALERT, bytes(300))), FAILED)
    yield undialled("first-random", sends(random.Random(2).randbytes(5000)), "it does not speak TLS")
    yield undialled("first-random-after-a-record", sends(record(HANDSHAKE, random.Random(3).randbytes(5000))), FAILED)
    yield undialled("first-random-without-end", endless(random.Random(4).randbytes(65536)), "it does not speak TLS")
    yield undialled("first-zeros-without-end", endless(bytes(65536)), "it does not speak TLS")


def of_certificates() -> Rows:
    """What is in a certificate is shown in a line of the output."""
    honest = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    spoofing = _name("\n\x1b]0;owned\7\u202e")
    many = [x509.DNSName(f"host-{number:06}.test") for number in range(100_000)]
    for name, made, verdict in (
        ("chain-of-1000", lambda: _chain(1000), FAILED),
        ("chain-of-10-mb", lambda: _chain(7, 1_500_000), FAILED),
        ("names-100000", lambda: certificate(*many), FAILED),
        ("names-3000", lambda: certificate(*many[:3000]), "is not for 127.0.0.1, but for host-000000.test, "),
        ("names-controls", lambda: certificate(san=_san(b"\n2026/01/01 00:00:00 Servable\x1b[2J\0")), "but for "),
        ("names-not-utf-8", lambda: certificate(san=_san(b"\xff\xfe")), "is not for 127.0.0.1"),
        ("names-empty", lambda: certificate(san=b"\x30\0"), "is not for 127.0.0.1"),
        ("names-of-every-kind", lambda: certificate(*_every_kind()), "is not for 127.0.0.1"),
        ("issuer-controls", lambda: certificate(honest, issuer=spoofing, signed=False), "is not trusted"),
        ("issuer-long", lambda: certificate(honest, issuer=_name(*["x" * 64] * 500), signed=False), "is not trusted"),
    ):  # fmt: skip
        # To make a long chain takes the server itself a while.
        yield undialled(name, inside(Peer.hold, made), verdict, "-connect-timeout=20s")


def of_the_call() -> Rows:
    """What comes after the handshake."""
    yield good("inside-honest", ANSWERS)
    yield good("inside-honest-older", ANSWERS, older=True)
    yield good("inside-empty-record-older", sealed((DATA, b"")), older=True)
    yield good("inside-tickets", sealed((HANDSHAKE, TICKET * 3)))
    yield good("inside-empty-records", sealed(*[(DATA, b"")] * 20))
    yield good("inside-renegotiation", renegotiates, older=True)
    for name, behaviour, verdict in (
        ("empty-records-without-end", without_end(DATA, b""), "(record too small)"),
        ("hello-request", sealed((HANDSHAKE, spoken(HELLO_REQUEST))), "(unexpected message)"),
        ("certificate-request", sealed((HANDSHAKE, spoken(CERTIFICATE_REQUEST, bytes(3)))), "("),
        ("message-without-end", without_end(HANDSHAKE, bytes((SESSION_TICKET, 255, 255, 255)) + bytes(999)), "("),
        ("warnings-without-end", without_end(ALERT, bytes((WARNING, USER_CANCELLED))), "("),
        ("alert", sealed((ALERT, bytes((FATAL, INTERNAL_ERROR)))), "internal error)"),
        ("record-in-plain-text", lambda peer: peer.raw.send(GREETING + GOOD), "("),
        ("record-damaged", lambda peer: peer.raw.send(record(DATA, bytes(99))), "bad record mac)"),
        ("record-too-long", lambda peer: peer.raw.send(record(DATA, bytes(100), 0xFFFF)), "("),
        ("record-of-another-kind", sealed((HEARTBEAT, b"?")), "("),
    ):  # fmt: skip
        yield undialled(f"inside-{name}", inside(behaviour), verdict)
        yield broken(f"inside-{name}-after-the-request", begun(behaviour), verdict)
    for name, piece in {"tickets": TICKET, "hello-requests": spoken(HELLO_REQUEST)}.items():
        older, endless_piece = piece != TICKET, without_end(HANDSHAKE, piece)
        silent = inside(endless_piece, lambda older=older: context(older=older))  # type: ignore[misc]
        yield undialled(f"inside-{name}-without-end", silent, DIAL, *IMPATIENT)
        late = begun(endless_piece)
        yield broken(f"inside-{name}-without-end-after-the-request", late, "DeadlineExceeded", *IMPATIENT, older=older)
    yield broken("inside-closed-after-the-request", begun(after_all(Peer.close)), BROKEN)
    yield broken("inside-reset-after-the-request", begun(after_all(Peer.reset)), BROKEN)
    yield broken("inside-closed-politely-after-the-request", begun(TlsPeer.close_notify), BROKEN)
    yield broken("inside-record-cut-off", begun(cut), BROKEN)
    yield broken("inside-mute-after-the-request", begun(TlsPeer.hold), "DeadlineExceeded", *IMPATIENT)
    polite = (ALERT, bytes((WARNING, CLOSE_NOTIFY)))
    yield broken("inside-closed-politely-then-answer", begun(sealed(polite, (DATA, GOOD), then=TlsPeer.hold)), BROKEN)
    yield good("inside-answer-then-closed", answered(after_all(Peer.close)))
    yield good("inside-answer-then-reset", answered(after_all(Peer.reset)))
    yield good("inside-answer-then-closed-politely", answered(TlsPeer.close_notify))
    yield good("inside-answer-then-random", answered(lambda peer: peer.raw.send(random.Random(5).randbytes(5000))))
    yield good("inside-answer-then-alert", answered(sealed((ALERT, bytes((FATAL, INTERNAL_ERROR))), then=TlsPeer.hold)))
    unread = sealed((DATA, GREETING + GOOD), (ALERT, bytes((FATAL, INTERNAL_ERROR))), then=TlsPeer.hold)
    yield good("inside-answer-and-alert-at-once", unread)
    yield undialled("inside-closed-at-once", inside(after_all(Peer.close)), DIAL, *SHORT_DIAL)
    yield undialled("inside-closed-politely-at-once", inside(TlsPeer.close_notify), DIAL, *SHORT_DIAL)
    yield undialled("inside-mute", inside(Peer.hold), "no HTTP/2 SETTINGS from it", *IMPATIENT)
    yield undialled("inside-http-1", inside(lambda peer: peer.send(BAD_REQUEST)), "it speaks HTTP/1")
    stray = random.Random(6).randbytes(5000)
    yield undialled("inside-random", inside(lambda peer: peer.send(stray)), "it does not speak HTTP/2")


def renegotiates(peer: TlsPeer) -> None:
    """The client must say no (RFC 9113, 9.2.1). That ends the connection for OpenSSL's servers, so that this one
    answers without listening."""
    sealed((HANDSHAKE, spoken(HELLO_REQUEST)), (DATA, GREETING + GOOD), then=lambda within: within.raw.hold())(peer)
    said, kinds = bytes(peer.raw.received), []
    while said:
        kinds.append(said[0])
        said = said[5 + int.from_bytes(said[3:5], "big") :]
    assert ALERT in kinds
    assert HANDSHAKE not in kinds


def cut(peer: TlsPeer) -> None:
    peer.raw.send(peer.sealed(DATA, GOOD)[:-9])
    peer.raw.close()


def of_second_looks() -> Rows:
    """A server that behaves in another way when it is looked at again, for the sake of a better sentence."""
    bad = inside(Peer.hold, lambda: certificate(x509.DNSName("other.test")))
    closing = sends(then=Peer.close)
    for name, second in {
        "mute": sends(),
        "closed": closing,
        "reset": sends(then=Peer.reset),
        "random-without-end": endless(random.Random(7).randbytes(65536)),
        "empty-without-end": endless(record(HANDSHAKE, b"") * 99),
        "change-cipher-without-end": endless(record(CHANGE_CIPHER, b"\1") * 999),
        "drips": drips,
        "greeting-without-end": endless(GREETING * 999),
    }.items():
        yield undialled(f"name-then-{name}", in_turn(bad, second), "is not for 127.0.0.1")
        yield undialled(f"closed-then-{name}", in_turn(closing, second, closing), "", *SHORT_DIAL)


PLAIN = ("plain-",)
"""How the names of those begin that are asked in plain text."""


def of_plain_text() -> Rows:
    """Asked in plain text, and looked at again with TLS."""
    closing = sends(then=Peer.close)
    for name, second, verdict in (
        ("honest", flight(bytes), "it closed the connection, and speaks TLS"),
        ("half", flight(lambda whole: whole[:20]), "it closed the connection, and speaks TLS"),
        ("drips", drips, ""),
        ("mute", sends(), "closed by it before its HTTP/2 SETTINGS"),
        ("reset", sends(then=Peer.reset), "closed by it before its HTTP/2 SETTINGS"),
        ("empty-without-end", endless(record(HANDSHAKE, b"") * 99), "and speaks TLS"),
        ("change-cipher-without-end", endless(record(CHANGE_CIPHER, b"\1") * 999), "and speaks TLS"),
        ("hello-request-without-end", endless(REQUESTS), "and speaks TLS"),
        ("random-without-end", endless(random.Random(8).randbytes(65536)), "closed by it before its HTTP/2 SETTINGS"),
        ("http-1", sends(BAD_REQUEST), ""),
    ):
        yield undialled(f"plain-closed-then-{name}", in_turn(closing, second, closing), verdict, *SHORT_DIAL)
    yield undialled(
        "plain-400-then-mute", in_turn(sends(BAD_REQUEST), sends()), 'it speaks HTTP/1, not gRPC: "HTTP/1.1 400 Bad'
    )
    yield undialled("plain-400-then-honest", in_turn(sends(BAD_REQUEST), flight(bytes)), "it speaks TLS")
    yield undialled("plain-record-without-end", endless(record(HANDSHAKE, bytes(16000))), "it speaks TLS")


def _chain(length: int, filler: int = 0) -> ssl.SSLContext:
    """The honest certificate with so many others behind it, each with that many bytes of filler."""
    shown = authority().issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    key = ec.generate_private_key(ec.SECP256R1())
    root = x509.load_pem_x509_certificate(authority().cert_pem.bytes())
    builder = x509.CertificateBuilder(root.subject, root.subject, key.public_key(), x509.random_serial_number())
    stuffed = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(filler))
    built = builder.add_extension(stuffed, critical=False)
    other = built.not_valid_before(root.not_valid_before_utc).not_valid_after(root.not_valid_after_utc)
    pem = other.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return context(shown.cert_chain_pems[0].bytes(), pem * length, key=shown.private_key_pem.bytes())


def _san(name: bytes) -> bytes:
    """An extension with one host name of any bytes."""
    inner = b"\x82" + bytes((len(name),)) + name
    return b"\x30" + bytes((len(inner),)) + inner


def _name(*values: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, value) for value in values])


def _every_kind() -> list[x509.GeneralName]:
    return [
        x509.DNSName("other.test"),
        x509.RFC822Name("a@other.test"),
        x509.UniformResourceIdentifier("https://other.test/"),
        x509.DirectoryName(_name("other")),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x04\1x"),
        x509.IPAddress(ipaddress.IPv6Address("::1")),
    ]


ROWS: tuple[Row, ...] = (
    *of_the_beginning(), *of_certificates(), *of_the_call(), *of_second_looks(), *of_plain_text()
)  # fmt: skip
