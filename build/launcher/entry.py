"""What the launcher runs: imported when the snapshot is made; every run then calls `run`.

The modules of a plain call are imported here, so that a run finds them in the snapshot. TLS is not: what it would save
a call that uses it, its memory would cost every other one.
"""

import _socket
import time

from probe.__main__ import run
from probe.check import check
from probe.cli import flags, lines, options, text
from probe.net import stream
from probe.rpc import frames, hpack, unary
from probe.tfs import native, verdict

__all__ = ["run"]

REHEARSALS = 32  # CPython adapts its bytecode to what it meets after about this many passes


def rehearse(settings: bytes, answer: bytes) -> None:
    """One whole call of a plain run, over a socket pair whose other end has the server's bytes.

    CPython adapts its bytecode and fills its caches while it works; a run need not repeat what it learns here."""
    ours, theirs = _socket.socketpair()
    theirs.send(settings)

    def dial(address, _):  # type: ignore[no-untyped-def]
        return stream.SocketStream(ours, address)

    def connect(config, first, deadline, enter):  # type: ignore[no-untyped-def]
        connected = native.connect(config, first, deadline, enter, connect=dial)
        theirs.send(answer)
        return connected

    parsed = flags.parse(["-addr=:8500", "-model-name=m", "-timeout=900ms"], {})
    report = check(options.options(parsed, {}, 0).plan, connect)  # type: ignore[arg-type]
    assert verdict.exit_code(report) == 0
    text.render(report, lines.timestamp((2026, 1, 1, 0, 0, 0)))
    theirs.close()


def server_bytes() -> "tuple[bytes, bytes]":
    """What a server sends: its SETTINGS; then the acknowledgement of ours, and version 123, AVAILABLE."""
    begin = b"\x88" + hpack.encode([(b"content-type", b"application/grpc")])
    end = hpack.encode([(b"grpc-status", b"0")])
    return (
        frames.frame(frames.SETTINGS, 0, 0, b""),
        frames.frame(frames.SETTINGS, frames.ACK, 0, b"")
        + frames.frame(frames.HEADERS, frames.END_HEADERS, 1, begin)
        + frames.frame(frames.DATA, 0, 1, unary.with_prefix(b"\x0a\x06\x08\x7b\x10\x1e\x1a\x00"))
        + frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1, end),
    )


# Every build must make the same snapshot, in which no time of day may be left: a clock that stands still, by a function
# of the same kind. And a buffer of the usual size would stay in the snapshot.
clock, time.monotonic_ns = time.monotonic_ns, (1).bit_length
buffer, stream.READ_BYTES = stream.READ_BYTES, 4096
for _ in range(REHEARSALS):
    rehearse(*server_bytes())
time.monotonic_ns, stream.READ_BYTES = clock, buffer
