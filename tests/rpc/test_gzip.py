"""Compressed messages: sent as gzip, understood where they were asked for, and never beyond the limit of a message."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import zlib

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from probe.model import CALL, Failure
from probe.rpc.events import Data, Headers
from probe.rpc.gzip import PIECE_BYTES, Decompressor, TooLong, compress, decompress
from probe.rpc.unary import MAX_MESSAGE_BYTES, UnaryCall
from tests.support.memory import peak_below
from tests.support.wire import message

Result = bytes | tuple[str, int, str] | None
DAMAGED = (CALL, StatusCode.INTERNAL.value[0], "grpc: failed to decompress the received message")
TOO_LARGE = (
    CALL,
    StatusCode.RESOURCE_EXHAUSTED.value[0],
    f"grpc: received message after decompression larger than max {MAX_MESSAGE_BYTES}",
)


def result(*pieces: bytes, encoding: bytes | None = b"gzip", asked: bool = True, streamed: bool = False) -> Result:
    """What becomes of a call whose answer's body comes in these pieces, with the status OK behind it."""
    call = UnaryCall(asked, streamed)
    head = ((b":status", b"200"), (b"content-type", b"application/grpc"))
    call.handle(Headers(1, head + (((b"grpc-encoding", encoding),) if encoding is not None else ()), False))
    for piece in pieces:
        call.handle(Data(1, piece, False))
    call.handle(Headers(1, ((b"grpc-status", b"0"),), True))
    outcome = call.result
    return (outcome.kind, outcome.code, outcome.text) if isinstance(outcome, Failure) else outcome


def packed(content: bytes, flag: int = 1) -> bytes:
    """A message of exactly these bytes, marked as compressed."""
    return message(content, flag)


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_what_is_sent_is_what_every_gzip_reads_and_what_is_understood(content: bytes, size: int) -> None:
    whole = packed(compress(content))
    assert gzip.decompress(compress(content)) == decompress(compress(content), len(content)) == content
    assert result(*(whole[at : at + size] for at in range(0, len(whole), size))) == content


@given(st.binary(min_size=1, max_size=100))
def test_the_bound_is_exact(content: bytes) -> None:
    with pytest.raises(TooLong):
        decompress(compress(content), len(content) - 1)


def test_the_same_is_sent_every_time() -> None:
    """It contains no time of day."""
    assert compress(b"model") == compress(b"model")
    assert compress(b"model")[4:8] == bytes(4)


ZEROS = gzip.compress(bytes(MAX_MESSAGE_BYTES), mtime=0)
ANSWER = gzip.compress(b"answer", mtime=0)
MESSAGES: dict[str, tuple[bytes, Result]] = {
    "as another library packs it": (packed(ANSWER), b"answer"),
    "with a name in it": (packed(b"\x1f\x8b\x08\x08" + ANSWER[4:10] + b"answer.bin\0" + ANSWER[10:]), b"answer"),
    "empty": (packed(gzip.compress(b"")), b""),
    "stored": (packed(gzip.compress(b"answer", 0)), b"answer"),
    "not compressed": (packed(b"answer", 0), b"answer"),
    "not compressed, like gzip": (packed(ANSWER, 0), ANSWER),
    "the largest answer": (packed(ZEROS), bytes(MAX_MESSAGE_BYTES)),
    "a byte more": (packed(gzip.compress(bytes(MAX_MESSAGE_BYTES + 1))), TOO_LARGE),
    "a bomb": (packed(gzip.compress(bytes(100 << 20), 9)), TOO_LARGE),
    "nothing": (packed(b""), DAMAGED),
    "not gzip": (packed(b"answer"), DAMAGED),
    "zlib's own format": (packed(zlib.compress(b"answer")), DAMAGED),
    "deflate without a header": (packed(zlib.compress(b"answer")[2:-4]), DAMAGED),
    "half of it": (packed(ANSWER[:12]), DAMAGED),
    "without its checksum": (packed(ANSWER[:-8]), DAMAGED),
    "with another checksum": (packed(ANSWER[:-8] + bytes(4) + ANSWER[-4:]), DAMAGED),
    "with another length": (packed(ANSWER[:-4] + bytes(4)), DAMAGED),
    "followed by a byte": (packed(ANSWER + b"?"), DAMAGED),
    "followed by zeros": (packed(ANSWER + bytes(8)), DAMAGED),
    "followed by another one": (packed(ANSWER + ANSWER), DAMAGED),
    "damaged in the middle": (packed(ANSWER[:11] + b"\xff\xff\xff" + ANSWER[14:]), DAMAGED),
    "of an unknown format": (
        packed(ANSWER, 2),
        (CALL, StatusCode.INTERNAL.value[0], "grpc: received unexpected payload format 2"),
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("streamed", [False, True])
def test_messages(name: str, streamed: bool) -> None:
    content, expected = MESSAGES[name]
    assert result(content, streamed=streamed) == expected


@pytest.mark.parametrize(
    ("encoding", "asked", "code", "text"),
    [
        (b"gzip", False, StatusCode.UNIMPLEMENTED, 'grpc: Decompressor is not installed for grpc-encoding "gzip"'),
        (b"deflate", True, StatusCode.UNIMPLEMENTED, 'grpc: Decompressor is not installed for grpc-encoding "deflate"'),
        (b"GZIP", True, StatusCode.UNIMPLEMENTED, 'grpc: Decompressor is not installed for grpc-encoding "GZIP"'),
        (b"identity", True, StatusCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding"),
        (b"", True, StatusCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding"),
        (None, True, StatusCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding"),
    ],
)
def test_encodings_that_were_not_announced_or_not_accepted(
    encoding: bytes | None, asked: bool, code: StatusCode, text: str
) -> None:
    assert result(packed(ANSWER), encoding=encoding, asked=asked) == (CALL, code.value[0], text)


@pytest.mark.parametrize("asked", [False, True])
def test_an_uncompressed_answer_is_always_understood(asked: bool) -> None:
    for encoding in (None, b"identity", b"gzip", b"deflate"):
        assert result(packed(b"answer", 0), encoding=encoding, asked=asked) == b"answer"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_failure(content: bytes) -> None:
    assert result(packed(content)) is not None
    assert result(packed(ANSWER[:10] + content)) is not None


def test_a_bomb_takes_no_memory() -> None:
    bomb = packed(gzip.compress(bytes(200 << 20), 9))
    with peak_below(5 * MAX_MESSAGE_BYTES):
        assert result(bomb) == TOO_LARGE


# Piece by piece.


@given(st.binary(max_size=5000), st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_pieces_add_up(content: bytes, sizes: list[int]) -> None:
    received: list[bytes] = []

    def sink(piece: bytes) -> bool:
        received.append(piece)
        return False

    whole, unpacker, at = compress(content), Decompressor(), 0
    for size in itertools.cycle(sizes):
        piece, at = whole[at : at + size], at + size
        assert not unpacker.feed(piece, sink, last=at >= len(whole))
        if at >= len(whole):
            break
    assert b"".join(received) == content
    assert all(0 < len(piece) <= PIECE_BYTES for piece in received)


def test_a_bomb_is_seen_in_pieces_of_bounded_size() -> None:
    bomb = gzip.compress(bytes(200 << 20), 9)
    sizes = [0]

    def sink(piece: bytes) -> bool:
        sizes.append(len(piece))
        return len(sizes) > 100

    with peak_below(1 << 20):
        assert Decompressor().feed(bomb, sink, last=True)
    assert len(sizes) == 101 and max(sizes) <= PIECE_BYTES


@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_are_decompressed_or_refused(content: bytes, last: bool) -> None:
    for data in (content, ANSWER[:10] + content):
        with contextlib.suppress(ValueError):
            Decompressor().feed(data, lambda _: False, last)
        with contextlib.suppress(ValueError):
            assert len(decompress(data, 1000)) <= 1000
