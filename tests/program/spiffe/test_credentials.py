"""Whatever keeps the Workload API from giving credentials: exit 20, in time, and a line with the reason."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.support.behaviours import endless, sends
from tests.support.canned import mute, refused
from tests.support.hints import HINTS
from tests.support.http2_writer import GREETING, settings
from tests.support.runner import Outcome
from tests.support.scripted_server import scripted_server
from tests.support.spiffe_authority import Authority, Identity, authority, new_key, uri
from tests.support.variants import Variant, built, on_each_interpreter
from tests.support.wire import message
from tests.support.workload_api import WorkloadApi, federated, identity, svid, workload_api

DOMAIN = "ours.test"
THEIRS = "theirs.test"
ID = f"spiffe://{DOMAIN}/probe"
NO_SERVER = "-addr=127.0.0.1:1"
"""No server is asked for a model before there are credentials."""


def mine() -> Identity:
    return authority(DOMAIN).identity("/probe")


def answer(
    spiffe_id: str | bytes = ID,
    certificates: bytes | None = None,
    key: bytes | None = None,
    bundle: bytes | None = None,
) -> bytes:
    """An answer with a good identity, but for what is given."""
    shown = mine()
    return svid(
        spiffe_id,
        shown.der if certificates is None else certificates,
        shown.key_der if key is None else key,
        authority(DOMAIN).bundle if bundle is None else bundle,
    )


def with_certificate(shown: Identity) -> bytes:
    return identity(shown, authority(DOMAIN))


def encrypted() -> bytes:
    shown = mine()
    key = shown.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    return answer(certificates=shown.der, key=key)


def traditional() -> bytes:
    """A key in the form that was there before PKCS #8."""
    shown = mine()
    key = shown.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return answer(certificates=shown.der, key=key)


def other_kind() -> bytes:
    """An RSA key for a certificate of an EC key."""
    rsa = new_key("rsa")
    return answer(key=rsa.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


Expected = tuple[str, ...]
"""A cause, and words of the line."""
NOTHING: Expected = ("spiffe-none", "no identity for this process")
UNUSABLE: Expected = ("spiffe-api", "certificates and key")
BUNDLES: Expected = ("spiffe-api", "trust bundles")

# What the API answers -> what the program makes of it.
ANSWERS: dict[str, tuple[Callable[[], bytes], Expected]] = {
    "nothing": (lambda: b"", NOTHING),
    "bundles alone": (lambda: federated(f"spiffe://{DOMAIN}", authority(DOMAIN).bundle), NOTHING),
    "an unknown field alone": (lambda: bytes.fromhex("7a00"), NOTHING),
    "no message": (
        lambda: b"\xff" * 20,
        ("spiffe-api", "answer", "more than 64 bits"),
    ),
    "half a message": (lambda: answer()[:100], ("spiffe-api", "answer", "truncated message")),
    "an ID that is not text": (
        lambda: answer(b"spiffe://\xff"),
        ("spiffe-api", "answer", "invalid UTF-8"),
    ),
    "no certificate": (lambda: answer(certificates=b""), ("spiffe-api", "X.509-SVID", "truncated")),
    "a certificate that is none": (lambda: answer(certificates=b"\x30\x00"), ("spiffe-api", "X.509-SVID", "no URIs")),
    "half a certificate": (lambda: answer(certificates=mine().der[:200]), ("spiffe-api", "X.509-SVID", "truncated")),
    "a certificate without an ID": (
        lambda: with_certificate(authority(DOMAIN).identity(names=[x509.DNSName("probe")])),
        ("spiffe-api", "X.509-SVID", "no URIs"),
    ),
    "the authority's certificate": (
        lambda: with_certificate(authority(DOMAIN).identity(ca=True)),
        ("spiffe-api", "X.509-SVID", "CA"),
    ),
    "garbage behind the certificate": (lambda: answer(certificates=mine().der + b"garbage"), UNUSABLE),
    "an empty value behind the certificate": (lambda: answer(certificates=mine().der + b"\x30\x00"), UNUSABLE),
    "zeros behind the certificate": (lambda: answer(certificates=mine().der + bytes(64)), UNUSABLE),
    "no key": (lambda: answer(key=b""), UNUSABLE),
    "a key that is none": (lambda: answer(key=b"\x30\x00"), UNUSABLE),
    "half a key": (lambda: answer(key=mine().key_der[:40]), UNUSABLE),
    "another's key": (lambda: answer(key=mine().key_der), UNUSABLE),
    "a key of another kind": (other_kind, UNUSABLE),
    "an encrypted key": (encrypted, UNUSABLE),
    "a key not in PKCS #8": (traditional, UNUSABLE),
    "a certificate for a key": (lambda: answer(key=mine().der), UNUSABLE),
    "no bundle": (lambda: answer(bundle=b""), BUNDLES),
    "a bundle that is none": (lambda: answer(bundle=b"\x30\x03abc"), BUNDLES),
    "half a bundle": (lambda: answer(bundle=authority(DOMAIN).bundle[:-1]), BUNDLES),
    "garbage behind the bundle": (lambda: answer(bundle=authority(DOMAIN).bundle + b"garbage"), BUNDLES),
    "a damaged bundle of another domain": (lambda: answer() + federated(f"spiffe://{THEIRS}", b"\x30\x03abc"), BUNDLES),
    "a bundle without a domain": (lambda: answer() + federated("", authority(DOMAIN).bundle), BUNDLES),
    "a bundle for a URL": (lambda: answer() + federated("https://theirs.test", authority(DOMAIN).bundle), BUNDLES),
    "an ID that is none": (lambda: answer("https://ours.test/probe"), BUNDLES),
    "a bundle that is too large": (lambda: answer(bundle=b"\x30\x00" * 1001), BUNDLES),
}  # fmt: skip


def check_refused(outcome: Outcome, cause: str, *words: str) -> None:
    assert outcome.exit_code == 20, outcome
    assert outcome.stdout == ""
    assert outcome.verdict.startswith("error: ")
    assert [word for word in words if word not in outcome.verdict] == []
    assert outcome.hint == HINTS[cause]
    assert len(outcome.lines) == 2
    assert "PRIVATE" not in outcome.stderr


@pytest.mark.parametrize("name", ANSWERS)
@on_each_interpreter
def test_answers(variant: Variant, name: str) -> None:
    content, expected = ANSWERS[name]
    with workload_api(content()) as api:
        check_refused(variant.run("-spiffe", NO_SERVER, env=api.env), *expected)


# An API that does not answer.


class Broken(NamedTuple):
    """An API, given by its address; a pattern of what the line says after the address; the options; and the flag that
    ended the wait."""

    api: Callable[[], AbstractContextManager[str]]
    pattern: str
    argv: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        return self.argv[0].partition("=")[0] if self.pattern.startswith(LATE) else ""


@contextlib.contextmanager
def on_grpcio(api: AbstractContextManager[WorkloadApi]) -> Iterator[str]:
    with api as running:
        yield running.unix


@contextlib.contextmanager
def at(server: AbstractContextManager[object]) -> Iterator[str]:
    """One of the raw servers."""
    with server as place:
        yield f"tcp://127.0.0.1:{place.port}"  # type: ignore[attr-defined]


@contextlib.contextmanager
def address(text: str) -> Iterator[str]:
    yield text


SOON = ("-timeout=300ms",)
GRPC_HEAD = [(":status", "200"), ("content-type", "application/grpc")]
LATE = "context deadline exceeded"
NO_API = {
    "no socket": Broken(
        lambda: address("unix:///nonexistent/agent.sock"),
        rf"{LATE} \(last error: connect unix:/nonexistent/agent.sock: no such file or directory\)",
        SOON,
    ),
    "nothing listens": Broken(
        lambda: at(refused()),
        rf"{LATE} \(last error: connect 127.0.0.1:PORT: connection refused\)",
        ("-rpc-timeout=300ms",),
    ),
    "a server that sends nothing": Broken(
        lambda: at(mute()),
        rf"{LATE} \(last error: connected to 127.0.0.1:PORT: .*SETTINGS.*\)",
        SOON,
    ),
    "a server that sends nothing, -rpc-timeout": Broken(
        lambda: at(mute()),
        rf"{LATE} \(last error: connected to 127.0.0.1:PORT: .*SETTINGS.*\)",
        ("-rpc-timeout=300ms",),
    ),
    "an API that sends nothing": Broken(
        lambda: on_grpcio(workload_api(silent=True)), LATE, SOON
    ),
    "an API that sends nothing, -rpc-timeout": Broken(
        lambda: on_grpcio(workload_api(silent=True)), LATE, ("-rpc-timeout=300ms",)
    ),
    "an API that sends no answer": Broken(lambda: on_grpcio(workload_api()), LATE, SOON),
    "no time": Broken(lambda: on_grpcio(workload_api()), LATE, ("-rpc-timeout=0",)),
    "a stream that ends": Broken(lambda: on_grpcio(workload_api(ends=True)), ".*message.*"),
    "unavailable": Broken(
        lambda: on_grpcio(workload_api(status=grpc.StatusCode.UNAVAILABLE, details="agent is\nstarting")),
        r"agent is\\nstarting",
    ),
    "not implemented": Broken(
        lambda: on_grpcio(workload_api(status=grpc.StatusCode.UNIMPLEMENTED, details="what?")), r"what\?"
    ),
    "endless SETTINGS": Broken(lambda: at(scripted_server(endless(settings((4, 70_000))))), ".*", SOON),
    "HTTP/1": Broken(
        lambda: at(scripted_server(sends(b"HTTP/1.1 200 OK\r\n\r\n"))),
        'connected to 127.0.0.1:PORT: .*HTTP/1.*: "HTTP/1.1 200 OK"',
    ),
    "a huge answer": Broken(
        lambda: on_grpcio(workload_api(bytes(5 << 20))),
        r"grpc: received message larger than max \(5242880 vs\. 4194304\)",
    ),
    "an endless answer": Broken(
        lambda: at(scripted_server(of_stream(message(b"", length=4 << 20)[:5]))), LATE, SOON
    ),
}  # fmt: skip


def of_stream(begun: bytes) -> Callable[..., None]:
    """Greets, and sends the beginning of an answer."""
    from tests.support.http2_writer import HEAD, data
    from tests.support.scripted_server import Peer

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        peer.send(HEAD, data(begun))

    return behaviour


@pytest.mark.parametrize("name", NO_API)
@on_each_interpreter
def test_no_answer(variant: Variant, name: str) -> None:
    broken = NO_API[name]
    with broken.api() as where:
        outcome = variant.run("-spiffe", NO_SERVER, *broken.argv, env={"SPIFFE_ENDPOINT_SOCKET": where})
    assert outcome.exit_code == 20, outcome
    shown, begun = (
        re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
        for text in (outcome.verdict, f"error: no SPIFFE credentials from {where}: ")
    )
    assert shown.startswith(begun)
    assert re.fullmatch(broken.pattern, shown.removeprefix(begun))
    hint, _, flag = outcome.hint.partition("; -")
    assert hint == HINTS["spiffe-api"]
    assert not broken.flag or f"-{flag}".startswith(f"{broken.flag} ")


def test_no_permission(variant: Variant) -> None:
    """As SPIRE's agent answers a process that it has no entry for."""
    with workload_api(status=grpc.StatusCode.PERMISSION_DENIED, details="no identity issued") as api:
        outcome = variant.run("-spiffe", NO_SERVER, env=api.env)
    check_refused(outcome, "spiffe-none", "no identity issued")


# SPIFFE_ENDPOINT_SOCKET.

ADDRESSES = [
    "",
    "/run/agent.sock",
    "unix",
    "unix:",
    "unix:agent.sock",
    "unix:///agent.sock?a=b",
    "unix:///agent.sock#a",
    "http://127.0.0.1:80",
    "tcp:127.0.0.1:80",
    "unix://run/agent.sock",
    "unix:///" + "a" * 200,
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:",
    "tcp://127.0.0.1:http",
    "tcp://127.0.0.1:80/",
    "tcp://localhost:80",
    "tcp://:80",
    "tcp://u@127.0.0.1:80",
    "tcp://127.0.0.1:65536",
    "tcp://[::1:80",
]


@pytest.mark.parametrize("given", ADDRESSES)
def test_addresses(given: str) -> None:
    outcome = built("module").run("-spiffe", NO_SERVER, env={"SPIFFE_ENDPOINT_SOCKET": given})
    check_refused(outcome, "spiffe-socket", "SPIFFE_ENDPOINT_SOCKET", given.partition("//")[2])


@on_each_interpreter
def test_no_address(variant: Variant) -> None:
    check_refused(variant.run("-spiffe", NO_SERVER), "spiffe-socket", "SPIFFE_ENDPOINT_SOCKET")


@on_each_interpreter
def test_an_address_cannot_fake_a_line(variant: Variant) -> None:
    outcome = variant.run("-spiffe", NO_SERVER, env={"SPIFFE_ENDPOINT_SOCKET": "unix\n\x1b[2J2026/01/01 00:00:00 fine"})
    assert outcome.exit_code == 20
    assert len(outcome.lines) == 2
    assert "\x1b" not in outcome.stderr


def test_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        outcome = built("module").run(
            "-spiffe", NO_SERVER, *SOON, env={"SPIFFE_ENDPOINT_SOCKET": f"tcp://[::1]:{port}"}
        )
    assert outcome.exit_code == 20
    assert f"connected to [::1]:{port}: " in outcome.verdict


@on_each_interpreter
def test_credentials_are_not_liveness(variant: Variant) -> None:
    with workload_api(status=grpc.StatusCode.PERMISSION_DENIED) as api:
        assert variant.run("-spiffe", "-liveness", NO_SERVER, env=api.env).exit_code == 20


def test_the_second_engine_says_why_not() -> None:
    with workload_api(answer()) as api:
        outcome = built("module").run("-spiffe", "-engine=grpcio", NO_SERVER, env=api.env)
        assert api.metadata == []
    assert outcome.exit_code == 1
    assert (
        outcome.verdict.startswith("error: ") and "-engine=grpcio" in outcome.verdict and "-spiffe" in outcome.verdict
    )


@pytest.mark.parametrize(("more", "exit_code"), [(60, 2), (100, 20)])
@on_each_interpreter
def test_a_long_chain(variant: Variant, more: int, exit_code: int) -> None:
    """One that goes through the pipe by which an ordinary Python hands it to OpenSSL, and one that is too long."""
    between = Authority(DOMAIN, signer=authority(DOMAIN)).certificate
    shown = mine()
    with workload_api(with_certificate(Identity((*shown.chain, *[between] * more), shown.key))) as api:
        outcome = variant.run("-spiffe", NO_SERVER, "-connect-timeout=100ms", env=api.env)
    assert outcome.exit_code == exit_code, outcome


def test_names_of_certificates_are_not_ours_to_trust() -> None:
    """The ID of -v is the certificate's, whatever the answer calls it."""
    shown = authority(DOMAIN).identity(names=[uri(f"spiffe://{DOMAIN}/real")])
    with workload_api(with_certificate(shown)) as api:
        outcome = built("module").run("-spiffe", "-v", NO_SERVER, "-connect-timeout=100ms", env=api.env)
    assert f"SPIFFE ID spiffe://{DOMAIN}/real" in outcome.lines
