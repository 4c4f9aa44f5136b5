"""What the launcher runs: imported when the snapshot is made, `run` is called by every run from it.

What is imported here costs a run next to nothing. The program itself imports the engine late, since a flag chooses it,
but nearly every run needs this one. TLS stays out: what it would spare a call that uses it, its memory would cost every
other one.
"""

from probe import codec, flags, report, target, verdict
from probe.__main__ import run
from probe.engine import exchange, frames, hpack, http2, native, unary

__all__ = ["run"]

# CPython adapts its bytecode to what it meets after this many passes.
OFTEN = 32


def rehearse() -> None:
    """A plain call without a socket. CPython adapts its bytecode and fills its caches while it works; what it learns
    here, a run need not learn again. The clock is not looked at: every build must make the same snapshot."""
    options = flags.parse(["-addr=:8500", "-model-name=m", "-timeout=900ms"], {}, 0)
    call = options.call
    target.parse(call.address)
    request = exchange.Request(native.METHOD, "localhost", codec.encode_request(call.model_name), call.user_agent)
    exchange.Exchange(request, call.deadline, call.rpc_timeout, call.deadline)
    headers = unary.request_headers(native.METHOD, request.authority, 0.9, request.user_agent)
    connection, answer = http2.Connection(), unary.UnaryCall()
    connection.request(hpack.encode(headers), unary.message(request.content))
    connection.data_to_send()
    for data in ANSWER:
        for event in connection.receive(data):
            answer.handle(event)
    assert isinstance(answer.result, bytes)
    outcome = codec.decode_response(answer.result)
    report.lines(outcome, verdict.judge(outcome, options.wanted), report.stamp((2026, 1, 1, 0, 0, 0)))


def _answer() -> "tuple[bytes, ...]":
    """What a server sends: SETTINGS, then the acknowledgement of ours and version 123, AVAILABLE."""
    begin = b"\x88" + hpack.encode([(b"content-type", b"application/grpc")])
    end = hpack.encode([(b"grpc-status", b"0")])
    return (
        frames.frame(frames.SETTINGS, 0, 0, b""),
        frames.frame(frames.SETTINGS, frames.ACK, 0, b"")
        + frames.frame(frames.HEADERS, frames.END_HEADERS, frames.STREAM, begin)
        + frames.frame(frames.DATA, 0, frames.STREAM, unary.message(b"\x0a\x06\x08\x7b\x10\x1e\x1a\x00"))
        + frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, frames.STREAM, end),
    )


ANSWER = _answer()
for _ in range(OFTEN):
    rehearse()
