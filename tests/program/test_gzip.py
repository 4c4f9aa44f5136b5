"""-gzip against servers that compress: honest ones of other makers, and hostile ones."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import hpack
import hyperframe.frame as h2frame
import pytest

from tests.interop import facts
from tests.interop.servers import SERVERS
from tests.program.http2_rows import CALL, READY_LINE, Row, bad, good
from tests.program.test_hostile import EXTRA_MEMORY, assert_row, run
from tests.support.behaviours import answers
from tests.support.hints import HINTS
from tests.support.http2_writer import GOOD, GREETING, HEAD_FIELDS, READY, TRAILERS, data, headers
from tests.support.scripted_server import Peer, scripted_server
from tests.support.variants import MODULE, Variant, built
from tests.support.wire import message

GZIP_HEAD = headers([*HEAD_FIELDS, ("grpc-encoding", "gzip")])
BIG = facts.ANSWERS["big"]


@contextlib.contextmanager
def compressing() -> Iterator[tuple[str, list[bytes]]]:
    """A server of gRPC's C core that compresses its answers; its address, and the requests that it has read."""
    requests: list[bytes] = []

    def answer(request: bytes, _: grpc.ServicerContext) -> bytes:
        requests.append(request)
        return BIG

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            return grpc.unary_unary_rpc_method_handler(answer)

    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(threads, options=[("grpc.so_reuseport", 0)], compression=grpc.Compression.Gzip)
        server.add_generic_rpc_handlers((Handler(),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}", requests
        finally:
            server.stop(0).wait()


def test_a_server_that_compresses(variant: Variant) -> None:
    with compressing() as (address, requests):
        outcome = variant.run(f"-addr={address}", "-model-name=big", "-gzip")
    assert (outcome.exit_code, outcome.verdict) == (0, READY_LINE)
    assert requests == [facts.request("big")]


def test_a_server_that_compresses_unasked(variant: Variant) -> None:
    """gRPC's C core can be configured to, whether the client understands it or not."""
    with compressing() as (address, _):
        outcome = variant.run(f"-addr={address}", "-model-name=big")
    assert outcome.exit_code == 3
    assert 'Decompressor is not installed for grpc-encoding "gzip"' in outcome.verdict
    assert outcome.hint == HINTS["compressed"]


def test_the_answer_was_compressed() -> None:
    """What the test above relies on: so large an answer would not fit into so few bytes."""
    received: list[int] = []

    def relay(peer: Peer) -> None:
        with (
            compressing() as (address, _),
            socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as other,
        ):

            def back() -> None:
                while more := other.recv(1 << 16):
                    received.append(len(more))
                    peer.socket.sendall(more)

            thread = threading.Thread(target=back)
            thread.start()
            with contextlib.suppress(OSError):
                while more := peer.socket.recv(1 << 16):
                    other.sendall(more)
                other.shutdown(socket.SHUT_RDWR)
            thread.join()

    with scripted_server(relay, http2=False) as server:
        assert built("module").run(f"-addr={server.address}", "-model-name=big", "-gzip").exit_code == 0
    assert 0 < sum(received) < len(BIG) / 4


@pytest.mark.parametrize("stack", ["grpcio", "grpc-js", "nginx"])
def test_servers_read_a_compressed_request(variant: Variant, stack: str) -> None:
    with SERVERS[stack](None) as server:
        for name, exit_code in (("half", 0), ("big", 0), ("nope", 10)):
            outcome = variant.run(f"-addr={server.target}", f"-model-name={name}", "-gzip")
            assert outcome.exit_code == exit_code, outcome


def test_the_request(variant: Variant) -> None:
    """Its headers, and that its message is gzip."""
    seen: list[tuple[list[tuple[str, str]], bytes]] = []

    def behaviour(peer: Peer) -> None:
        fields: list[tuple[str, str]] = []
        body = b""
        peer.send(GREETING)
        while not peer.requested:
            found = peer.frame()
            if isinstance(found, h2frame.HeadersFrame):
                fields = [(str(name), str(value)) for name, value in hpack.Decoder().decode(found.data)]
            elif isinstance(found, h2frame.DataFrame):
                body += found.data
        seen.append((fields, body))
        peer.send(GOOD)

    with scripted_server(behaviour) as server:
        assert variant.run(f"-addr={server.address}", "-gzip").exit_code == 0
        assert variant.run(f"-addr={server.address}").exit_code == 0
    (packed, body), (plain, _) = seen
    assert ("grpc-encoding", "gzip") in packed
    assert ("grpc-accept-encoding", "gzip") in packed
    assert body[0] == 1
    assert gzip.decompress(body[5:]) == facts.request("default")
    assert not [name for name, _ in plain if name in ("grpc-encoding", "grpc-accept-encoding")]


def test_the_second_engine_takes_it() -> None:
    with compressing() as (address, requests):
        outcome = built("module").run(f"-addr={address}", "-model-name=big", "-gzip", "-engine=grpcio")
    assert (outcome.exit_code, outcome.verdict) == (0, READY_LINE)
    assert requests == [facts.request("big")]


# Hostile ones.


def compressed(content: bytes, head: bytes = GZIP_HEAD) -> bytes:
    """An answer with this message, said to be compressed."""
    return head + data(message(content, 1)) + TRAILERS


ANSWER = READY[5:]
INTERNAL = CALL + "Internal desc = grpc: failed to decompress the received message"
ROWS = (
    good("compressed", answers(compressed(gzip.compress(ANSWER)))),
    good("announced-but-not-compressed", answers(GZIP_HEAD + data(READY) + TRAILERS)),
    bad("not-announced", answers(compressed(gzip.compress(ANSWER), headers(HEAD_FIELDS))), CALL + "Internal"),
    bad(
        "other-encoding",
        answers(compressed(gzip.compress(ANSWER), headers([*HEAD_FIELDS, ("grpc-encoding", "zstd\x1b[2J")]))),
        "",
    ),
    bad("damaged", answers(compressed(gzip.compress(ANSWER)[:-9])), INTERNAL),
    bad("bytes-behind", answers(compressed(gzip.compress(ANSWER) + b"?")), INTERNAL),
    bad("empty", answers(compressed(b"")), INTERNAL),
    bad("bomb", answers(compressed(gzip.compress(bytes(400 << 20), 9)[:60_000])), CALL + "ResourceExhausted"),
    bad("no-message-in-it", answers(compressed(gzip.compress(b"\xff"))), CALL + "Internal desc = grpc: failed to unm"),
    Row("empty-message", answers(compressed(gzip.compress(b""))), 11, "Empty response"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(variant: Variant, row: Row, tmp_path: Path) -> None:
    with scripted_server(row.behaviour) as server:
        assert_row(row, run(variant, tmp_path, f"-addr={server.address}", "-gzip").outcome)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_unasked(row: Row, tmp_path: Path) -> None:
    """Without -gzip nothing compressed is taken, whatever is in it."""
    with scripted_server(row.behaviour) as server:
        outcome = run(MODULE, tmp_path, f"-addr={server.address}").outcome
    assert outcome.exit_code == (0 if row.name == "announced-but-not-compressed" else 3)


def test_a_whole_bomb_takes_no_memory(tmp_path: Path) -> None:
    """Four megabytes that would be four gigabytes, within the windows."""
    block = gzip.compress(bytes(64 << 20), 9)
    bomb = block * 60
    assert len(bomb) < 4 << 20
    with scripted_server(answers(GOOD)) as server:
        plain = run(MODULE, tmp_path, f"-addr={server.address}", "-gzip")

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        peer.send(GZIP_HEAD)
        peer.send_data(message(bomb, 1))
        peer.send(TRAILERS)

    with scripted_server(behaviour) as server:
        done = run(MODULE, tmp_path, f"-addr={server.address}", "-gzip")
    assert done.outcome.exit_code == 3
    assert "larger than max 4194304" in done.outcome.verdict
    assert done.peak_kib < plain.peak_kib + EXTRA_MEMORY
