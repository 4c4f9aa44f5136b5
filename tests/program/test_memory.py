"""The most memory that the static executable takes, whatever the server answers: a container's limit may be low."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.tfs import exit_codes
from tests.support import certificates, tls_server
from tests.support.behaviours import large
from tests.support.http2_writer import GREETING, HEAD_FIELDS, TRAILERS, headers
from tests.support.listener import Serve, accept_each
from tests.support.runner import Measured, run_measured
from tests.support.scripted_server import Behaviour, Peer, scripted_server
from tests.support.variants import Variant, built
from tests.support.wire import AVAILABLE, END, chunk, entry, message, scalar, status

MIB = 1024  # KiB
PLAIN_KIB, TLS_KIB = 16 * MIB, 20 * MIB
MAX_MESSAGE_BYTES = 4 << 20


def filled(first: bytes, piece: bytes, limit: int = MAX_MESSAGE_BYTES) -> bytes:
    """The first bytes, then as many pieces as fit into an answer, and within the number of fields that are read."""
    return first + piece * ((limit - len(first)) // len(piece))


ANSWERS = {
    "empty entries": (chunk(1, b"") * 399_999, exit_codes.UNKNOWN),
    "versions": (filled(b"", entry(1, END, b"", scalar(9, 1) * 10), 800_000), exit_codes.END),
    "versions, the last one serves": (
        filled(b"", entry(1, END), 700_000) + entry(2, AVAILABLE), exit_codes.OK),
    "one long error": (entry(1, END, status(13, b"x" * (MAX_MESSAGE_BYTES - 100))), exit_codes.END),
    "one long error to be escaped": (entry(1, END, status(13, b"\x01" * (MAX_MESSAGE_BYTES - 100))), exit_codes.END),
    "one long error beyond ASCII": (
        entry(1, END, status(13, "\U0001f600".encode() * ((MAX_MESSAGE_BYTES - 100) // 4))), exit_codes.END),
    "long errors": (filled(b"", entry(1, END, status(13, b"x" * 100_000))), exit_codes.END),
    "an unknown field": (entry(1, AVAILABLE) + chunk(15, bytes(MAX_MESSAGE_BYTES - 100)), exit_codes.OK),
}  # fmt: skip
"""Answers of up to 4 MiB, and the exit code."""


@pytest.fixture
def frozen() -> Variant:
    return built("frozen")


def measure(frozen: Variant, folder: Path, *argv: str) -> Measured:
    return run_measured([*frozen.command, *argv, "-timeout=20s"], frozen.environment(), folder)


@pytest.mark.parametrize("case", ANSWERS)
def test_plain(frozen: Variant, tmp_path: Path, case: str) -> None:
    payload, exit_code = ANSWERS[case]
    with scripted_server(large(message(payload))) as server:
        done = measure(frozen, tmp_path, f"-addr={server.address}")
    assert done.outcome.exit_code == exit_code, done.outcome
    assert done.peak_kib <= PLAIN_KIB


@pytest.mark.parametrize("case", ANSWERS)
def test_gzip(frozen: Variant, tmp_path: Path, case: str) -> None:
    payload, exit_code = ANSWERS[case]
    with scripted_server(large_compressed(payload)) as server:
        done = measure(frozen, tmp_path, f"-addr={server.address}", "-gzip")
    assert done.outcome.exit_code == exit_code, done.outcome
    assert done.peak_kib <= PLAIN_KIB


def large_compressed(payload: bytes, level: int = 1) -> Behaviour:
    """Sends a good answer with this message, compressed, within the client's windows."""

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        peer.send(headers([*HEAD_FIELDS, ("grpc-encoding", "gzip")]))
        peer.send_data(message(gzip.compress(payload, level), compressed=1))
        peer.send(TRAILERS)

    return behaviour


def test_gzip_that_does_not_compress(frozen: Variant, tmp_path: Path) -> None:
    """Both forms have 4 MiB."""
    payload, _ = ANSWERS["an unknown field"]
    with scripted_server(large_compressed(payload, level=0)) as server:
        done = measure(frozen, tmp_path, f"-addr={server.address}", "-gzip")
    assert done.outcome.exit_code in (exit_codes.OK, exit_codes.CALL)
    assert done.peak_kib <= PLAIN_KIB


@pytest.fixture
def over_tls(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that gives the parameter's answer over TLS."""
    made = certificates.shared()
    secured = tls_server.context(made)

    def on_connection(connection: object, closing: threading.Event) -> Serve:
        def serve() -> None:
            tls = secured.wrap_socket(connection, server_side=True)  # type: ignore[arg-type]
            with tls:
                peer = Peer(tls, closing)
                try:
                    request.param(peer)
                    peer.hold()
                except (OSError, ssl.SSLError):
                    pass

        return serve

    with accept_each(on_connection) as port:
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("over_tls", "argv", "exit_code"),
    [
        pytest.param(behaviour, argv, ANSWERS[case][1], id=f"{case}{', gzip' if argv else ''}")
        for case in ANSWERS
        for behaviour, argv in (
            (large(message(ANSWERS[case][0])), ()),
            (large_compressed(ANSWERS[case][0]), ("-gzip",)),
        )
    ],
    indirect=["over_tls"],
)
def test_tls(frozen: Variant, tmp_path: Path, over_tls: str, argv: tuple[str, ...], exit_code: int) -> None:
    ca = certificates.shared().file("ca.pem")
    done = measure(frozen, tmp_path, f"-addr={over_tls}", "-tls", f"-tls-ca-cert={ca}", *argv)
    assert done.outcome.exit_code == exit_code, done.outcome
    assert done.peak_kib <= TLS_KIB


def test_many_header_blocks(frozen: Variant, tmp_path: Path) -> None:
    """Informational answers, each as large as a header block may be, and so large a one for the answer."""
    fields = [(f"x-{number}", "v" * 1000) for number in range(50)]

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        for _ in range(90):
            peer.send(headers([(":status", "103"), *fields[:14]]))
        large(message(ANSWERS["an unknown field"][0]))(peer)

    with scripted_server(behaviour) as server:
        done = measure(frozen, tmp_path, f"-addr={server.address}")
    assert done.peak_kib <= PLAIN_KIB


def test_many_certificates(frozen: Variant, tmp_path: Path) -> None:
    """A bundle of the usual size, and a file that is as large as one may be, within TLS's bound and some more."""
    made = certificates.shared()
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(made.file("ca.pem").read_bytes() * 300)
    with tls_server.serving(tls_server.context(made)) as address:
        done = measure(frozen, tmp_path, f"-addr={address}", "-tls", f"-tls-ca-cert={bundle}")
    assert done.outcome.exit_code == exit_codes.OK
    assert done.peak_kib <= TLS_KIB


def test_install(frozen: Variant, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    done = run_measured([*frozen.command, f"-install={tmp_path / 'to'}"], frozen.environment(), tmp_path)
    assert done.outcome.exit_code == exit_codes.OK
    assert done.peak_kib <= 2 * PLAIN_KIB  # the file itself is mapped twice, and compared
