"""Compressed messages: sent as gzip, understood where they were asked for, and never beyond the limit of a message."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from probe.engine.frames import Data, Headers
from probe.engine.unary import MAX_MESSAGE, UnaryCall, compressed

from probe.model import CALL, Failure

Result = bytes | tuple[str, int, str] | None
DAMAGED = (CALL, StatusCode.INTERNAL.value[0], "grpc: failed to decompress the received message")
TOO_LARGE = (
    CALL,
    StatusCode.RESOURCE_EXHAUSTED.value[0],
    f"grpc: received message after decompression larger than max {MAX_MESSAGE}",
)


def result(*pieces: bytes, encoding: bytes | None = b"gzip", asked: bool = True, streamed: bool = False) -> Result:
    """What becomes of a call whose answer's body comes in these pieces, with the status OK behind it."""
    call = UnaryCall(asked, streamed)
    head = [(b":status", b"200"), (b"content-type", b"application/grpc")]
    call.handle(Headers(head + ([(b"grpc-encoding", encoding)] if encoding is not None else []), False))
    for piece in pieces:
        call.handle(Data(piece, False))
    call.handle(Headers([(b"grpc-status", b"0")], True))
    outcome = call.result
    return (outcome.kind, outcome.code, outcome.text) if isinstance(outcome, Failure) else outcome


def packed(content: bytes, flag: int = 1) -> bytes:
    """A message of exactly these bytes, said to be compressed."""
    return bytes((flag,)) + len(content).to_bytes(4, "big") + content


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_what_is_sent_is_what_every_gzip_reads_and_what_is_understood(content: bytes, size: int) -> None:
    whole = compressed(content)
    assert whole[0] == 1
    assert int.from_bytes(whole[1:5], "big") == len(whole) - 5
    assert gzip.decompress(whole[5:]) == content
    assert result(*(whole[at : at + size] for at in range(0, len(whole), size))) == content


def test_the_same_is_sent_every_time() -> None:
    """No time of day is in it."""
    assert compressed(b"model") == compressed(b"model")
    assert compressed(b"model")[9:13] == bytes(4)


ZEROS = gzip.compress(bytes(MAX_MESSAGE), mtime=0)
ODD = gzip.compress(b"answer", mtime=0)
MESSAGES: dict[str, tuple[bytes, Result]] = {
    "as other makers pack it": (packed(ODD), b"answer"),
    "with a name in it": (packed(b"\x1f\x8b\x08\x08" + ODD[4:10] + b"answer.bin\0" + ODD[10:]), b"answer"),
    "empty": (packed(gzip.compress(b"")), b""),
    "stored": (packed(gzip.compress(b"answer", 0)), b"answer"),
    "not compressed": (packed(b"answer", 0), b"answer"),
    "not compressed, like gzip": (packed(ODD, 0), ODD),
    "as much as may be": (packed(ZEROS), bytes(MAX_MESSAGE)),
    "a byte more": (packed(gzip.compress(bytes(MAX_MESSAGE + 1))), TOO_LARGE),
    "a bomb": (packed(gzip.compress(bytes(100 << 20), 9)), TOO_LARGE),
    "nothing": (packed(b""), DAMAGED),
    "no gzip": (packed(b"answer"), DAMAGED),
    "zlib's own form": (packed(zlib.compress(b"answer")), DAMAGED),
    "deflate without a head": (packed(zlib.compress(b"answer")[2:-4]), DAMAGED),
    "half of it": (packed(ODD[:12]), DAMAGED),
    "without its checksum": (packed(ODD[:-8]), DAMAGED),
    "with another checksum": (packed(ODD[:-8] + bytes(4) + ODD[-4:]), DAMAGED),
    "with another length": (packed(ODD[:-4] + bytes(4)), DAMAGED),
    "bytes behind it": (packed(ODD + b"?"), DAMAGED),
    "zeros behind it": (packed(ODD + bytes(8)), DAMAGED),
    "another one behind it": (packed(ODD + ODD), DAMAGED),
    "damaged in the middle": (packed(ODD[:11] + b"\xff\xff\xff" + ODD[14:]), DAMAGED),
    "of an unknown form": (
        packed(ODD, 2),
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
def test_what_was_not_announced_or_not_asked_for(
    encoding: bytes | None, asked: bool, code: StatusCode, text: str
) -> None:
    assert result(packed(ODD), encoding=encoding, asked=asked) == (CALL, code.value[0], text)


@pytest.mark.parametrize("asked", [False, True])
def test_an_answer_in_plain_bytes_is_always_understood(asked: bool) -> None:
    for encoding in (None, b"identity", b"gzip", b"deflate"):
        assert result(packed(b"answer", 0), encoding=encoding, asked=asked) == b"answer"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_failure(content: bytes) -> None:
    assert result(packed(content)) is not None
    assert result(packed(ODD[:10] + content)) is not None


def test_a_bomb_takes_no_memory() -> None:
    bomb = packed(gzip.compress(bytes(200 << 20), 9))
    tracemalloc.start()
    try:
        assert result(bomb) == TOO_LARGE
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5 * MAX_MESSAGE
