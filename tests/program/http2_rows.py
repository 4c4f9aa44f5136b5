"""What a client of HTTP/2 and gRPC may meet: a table of servers that misbehave, and what the program makes of each."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import hyperframe.frame as h2frame

from tests.support.behaviours import (
    answers,
    answers_each,
    endless,
    in_bytes,
    large,
    on_each_connection,
    sends,
    sends_and_closes,
)  # fmt: skip
from tests.support.http2_writer import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    GOOD,
    GREETING,
    HEAD,
    HEAD_FIELDS,
    HEADERS,
    INITIAL_WINDOW_BYTES,
    MAX_FRAME_BYTES,
    PADDED,
    PING,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    READY,
    RST_STREAM,
    SETTINGS,
    TRAILERS,
    WINDOW_UPDATE,
    data,
    frame,
    goaway,
    header_block,
    headers,
    hpack_integer,
    hpack_literal,
    ping,
    reset,
    settings,
    split_headers,
    trailers,
    window_update,
)
from tests.support.scripted_server import Behaviour, Peer
from tests.support.wire import (
    AVAILABLE,
    END,
    LOADING,
    START,
    UNKNOWN,
    UNLOADING,
    chunk,
    entry,
    message,
    scalar,
    status,
    varint,
)

FOUR_MIB = 4 * 1024 * 1024
REFUSED_STREAM = 7


@dataclass(frozen=True)
class Row:
    """A behaviour, and how the program ends: its exit code, words of its verdict line, and the cause of its hint."""

    name: str
    behaviour: Behaviour
    exit_code: int
    verdict: str = ""
    cause: str = ""
    argv: tuple[str, ...] = ()
    receive_buffer: int = 0


IMPATIENT = ("-timeout=400ms",)
"""For a run that only its deadline ends. All others are given time enough to prove that they end by themselves."""
SHORT_DIAL = ("-connect-timeout=250ms",)
"""For a server that is tried again and again."""
LONG_NAME = ("-model-name=" + "m" * 100_000,)
LONG_BODY = message(chunk(1, chunk(1, "m" * 100_000)))

CALL = "Error calling tfs: rpc error: code = "
DIAL = "Error dialing grpc service: "
READY_LINE = "Servable state is AVAILABLE"


def good(name: str, behaviour: Behaviour, *argv: str) -> Row:
    return Row(name, behaviour, 0, READY_LINE, argv=argv)


def bad(name: str, behaviour: Behaviour, verdict: str = "", cause: str = "", *argv: str) -> Row:
    """The connection stands, the call fails."""
    return Row(name, behaviour, 3, verdict or CALL, cause, argv)


def undialled(name: str, behaviour: Behaviour, verdict: str = "", cause: str = "", *argv: str) -> Row:
    """No connection."""
    return Row(name, behaviour, 2, verdict or DIAL, cause, argv)


def of_settings() -> Iterator[Row]:
    def late(peer: Peer) -> None:
        peer.pause(0.3)
        peer.send(GREETING)
        peer.until_request()
        peer.send(GOOD)

    def acknowledged(peer: Peer) -> None:
        for _ in range(3):
            peer.send(settings((4, 70_000)))
            peer.until_ack()
        peer.send(GOOD)

    yield good("settings-late", late)
    yield good("settings-acknowledged", acknowledged)
    yield good("settings-in-bytes", in_bytes(GREETING + GOOD))
    yield good("settings-unknown", answers(GOOD, greeting=settings(*((0xF000 + n, n) for n in range(2730)))))
    yield good("settings-push-0", answers(GOOD, greeting=settings((2, 0))))
    yield good("settings-least-frame-size", answers(GOOD, greeting=settings((5, MAX_FRAME_BYTES))))
    yield good("settings-most-frame-size", answers(GOOD, greeting=settings((5, (1 << 24) - 1))))
    yield good("settings-acknowledged-unasked", answers(frame(SETTINGS, ACK) * 3 + GOOD))
    for name, greeting in {
        "settings-too-long": frame(SETTINGS, payload=bytes(16386)),
        "settings-odd-length": frame(SETTINGS, payload=b"\0\4\0\0\0"),
        "settings-on-stream-1": frame(SETTINGS, 0, 1, b"\0\4\0\0\0\1"),
        "settings-window-too-large": settings((4, 1 << 31)),
        "settings-frame-size-too-small": settings((5, MAX_FRAME_BYTES - 1)),
        "settings-frame-size-too-large": settings((5, 1 << 24)),
        "settings-push-1": settings((2, 1)),
        "settings-push-2": settings((2, 2)),
        "settings-ack-first": frame(SETTINGS, ACK),
        "ping-first": ping() + GREETING,
        "headers-first": HEAD + GREETING,
        "goaway-first": goaway(0, 13) + GREETING,
        "unknown-frame-first": frame(0xAA, 0, 0, b"greased") + GREETING,
    }.items():
        yield undialled(name, sends(greeting), "it does not speak HTTP/2: ")
    # The connection stands, however the kernel cuts the stream of bytes: what follows is the call's affair.
    for name, piece in {
        "settings-again-odd-length": frame(SETTINGS, payload=b"\0\4\0\0\0"),
        "settings-ack-with-payload": frame(SETTINGS, ACK, 0, b"\0\4\0\0\0\1"),
        "settings-again-frame-size-0": settings((5, 0)),
    }.items():
        yield bad(name, answers(piece))
        yield bad(name + "-at-once", sends(GREETING + piece))


def of_our_request() -> Iterator[Row]:
    """Our body must keep within the windows that the server gives."""

    def updates(peer: Peer) -> None:
        body = b""
        peer.send(GREETING)
        while len(body) < INITIAL_WINDOW_BYTES:
            found = peer.frame()
            body += found.data if isinstance(found, h2frame.DataFrame) else b""
        assert len(body) == INITIAL_WINDOW_BYTES
        assert peer.until_ping() == b"", "the windows are used up"
        peer.send(window_update(1, 50_000))
        assert peer.until_ping() == b"", "the connection's window is used up"
        peer.send(window_update(0, 1))
        body += peer.until_ping()
        assert len(body) == INITIAL_WINDOW_BYTES + 1
        peer.send(window_update(0, 20_000))
        body += peer.until_ping()
        assert len(body) == INITIAL_WINDOW_BYTES + 20_001
        peer.send(window_update(0, 1 << 30))
        assert body + peer.until_request() == LONG_BODY
        peer.send(GOOD)

    def no_window(peer: Peer) -> None:
        """What was under way before the SETTINGS makes the window negative (6.9.2)."""
        body = b""
        peer.send(settings((4, 0)))
        body += peer.until_ack()
        body += peer.until_ping()
        assert len(body) == INITIAL_WINDOW_BYTES
        peer.send(window_update(0, INITIAL_WINDOW_BYTES), window_update(1, INITIAL_WINDOW_BYTES))
        assert peer.until_ping() == b"", "the stream's window is 0"
        peer.send(window_update(1, 7))
        piece = peer.until_ping()
        assert len(piece) == 7
        body += piece
        peer.send(settings((4, 9)))
        piece = peer.until_ack()
        piece += peer.until_ping()
        assert len(piece) == 9
        body += piece
        peer.send(settings((4, 0)), window_update(1, 9))
        assert peer.until_ping() == b"", "the stream's window is 0 again"
        peer.send(settings((4, 100_000)))
        assert body + peer.until_request() == LONG_BODY
        peer.send(GOOD)

    def large_frames(peer: Peer) -> None:
        peer.send(settings((5, 1 << 20), (4, 1 << 20)), window_update(0, 1 << 20))
        assert peer.until_request() == LONG_BODY
        peer.send(GOOD)

    def early(peer: Peer) -> None:
        peer.send(settings((4, 0)), GOOD)

    def early_and_reset(peer: Peer) -> None:
        peer.send(settings((4, 0)), GOOD, reset(0))
        peer.vanish()

    def early_and_gone(peer: Peer) -> None:
        """While the client is busy with a block of headers, the answer comes and the connection breaks: the client's
        next write, the answer to a PING, fails although there is something to read."""
        peer.send(GREETING)
        peer.until_ready()
        peer.send(split_headers(header_block([(":status", "103"), ("x-filler", "0" * 60_000)])) + ping())
        peer.pause(0.01)
        peer.send(GOOD)
        peer.reset()

    def deaf(peer: Peer) -> None:
        peer.pause(60)

    def deaf_but_greeting(peer: Peer) -> None:
        peer.send(GREETING)
        peer.pause(60)

    yield good("request-waits-for-updates", updates, *LONG_NAME)
    yield good("request-window-shrinks", no_window, *LONG_NAME)
    yield good("request-large-frames", large_frames, *LONG_NAME)
    yield good("answer-before-request", early, *LONG_NAME)
    yield good("answer-before-request-reset", early_and_reset, *LONG_NAME)
    yield good("answer-then-gone", early_and_gone)
    yield Row("never-reads", deaf, 2, DIAL, "", (*IMPATIENT, *LONG_NAME), 2304)
    yield Row("never-reads-but-greets", deaf_but_greeting, 3, CALL, "", (*IMPATIENT, *LONG_NAME), 2304)


def of_frames() -> Iterator[Row]:
    def ping_awaited(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_ping(b"\0\1\2\xff\xfe\xfd\x7f\x80")
        peer.send(GOOD)

    idle = "more than 1000 frames"
    yield good("ping-awaited", ping_awaited)
    yield good("ping-ack-unasked", answers(frame(PING, ACK, 0, b"unasked.") + GOOD))
    yield bad("ping-flood", endless(ping() * 500), idle)
    yield bad("ping-flood-read", endless(ping(), reads=True), idle)
    yield bad("settings-flood", endless(GREETING * 500), idle)
    yield bad("settings-flood-at-once", sends(GREETING * 200_000), idle)
    yield bad("data-flood-empty", endless(frame(DATA, 0, 1) * 500, HEAD), idle)
    yield bad("data-flood-padding", endless(frame(DATA, PADDED, 1, b"\5\0\0\0\0\0") * 500, HEAD))
    yield bad("data-flood-after-message", endless(frame(DATA, 0, 1) * 500, HEAD, data(READY)), idle)
    yield bad("update-flood", endless(window_update(1, 1) * 500), idle)
    yield bad("priority-flood", endless(frame(PRIORITY, 0, 3, bytes(5)) * 500), idle)
    yield bad("unknown-flood", endless(frame(0xBB, 0, 9, bytes(100)) * 500), idle)
    yield bad("rst-flood-elsewhere", endless(frame(RST_STREAM, 0, 9, bytes(4)) * 500), idle)
    yield bad("goaway-flood", endless(goaway(1, 0) * 500), idle)
    yield bad("ping-short", answers(frame(PING, payload=b"short")))
    yield bad("ping-on-stream-1", answers(frame(PING, 0, 1, b"question")))
    yield bad("update-zero", answers(window_update(0, 0)))
    yield bad("update-zero-stream-1", answers(window_update(1, 0)))
    yield bad("update-short", answers(frame(WINDOW_UPDATE, 0, 1, b"\0\0\1")))
    yield bad("update-overflow", answers(window_update(0, (1 << 31) - 1)))
    yield bad("update-overflow-stream-1", answers(window_update(1, (1 << 31) - 1)))
    yield good("update-elsewhere", answers(window_update(7, 1000) + GOOD))
    yield good("update-reserved-bit", answers(window_update(0, 1 << 31 | 1000) + GOOD))
    yield good("priority", answers(frame(PRIORITY, 0, 1, b"\0\0\0\0\xff") + frame(PRIORITY, 0, 5, bytes(5)) + GOOD))
    yield bad("priority-short", answers(frame(PRIORITY, 0, 1, bytes(4))))
    yield good("unknown-types", answers(*(frame(kind, 0xFF, kind, b"grease") for kind in range(10, 256)), GOOD))
    yield good(
        "reserved-bit-of-streams",
        answers(frame(HEADERS, END_HEADERS, 1 << 31 | 1, header_block(HEAD_FIELDS)), GOOD[len(HEAD) :]),
    )
    unknown_flags = frame(SETTINGS, 0xFE), frame(HEADERS, END_HEADERS | 0xD2, 1, header_block(HEAD_FIELDS))
    yield good(
        "unknown-flags", answers(unknown_flags[1] + frame(DATA, 0xF6, 1, READY) + TRAILERS, greeting=unknown_flags[0])
    )
    yield bad("push-promise", answers(frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + header_block(HEAD_FIELDS))))
    yield bad("headers-on-stream-3", answers(frame(HEADERS, END_HEADERS, 3, header_block(HEAD_FIELDS))))
    yield bad("headers-on-stream-0", answers(frame(HEADERS, END_HEADERS, 0, header_block(HEAD_FIELDS))))
    yield bad("data-on-stream-0", answers(HEAD + frame(DATA, 0, 0, READY)))
    yield bad("data-on-stream-2", answers(HEAD + frame(DATA, 0, 2, READY)))
    yield bad("frame-too-large", answers(HEAD + frame(DATA, 0, 1, bytes(MAX_FRAME_BYTES + 1))))
    yield bad("frame-largest-of-all", answers(b"\xff\xff\xff\0\0\0\0\0\1"))
    yield bad("random-frames", answers(random.Random(7).randbytes(1 << 20)))


def of_data() -> Iterator[Row]:
    def padded(payload: bytes, padding: int) -> bytes:
        return frame(DATA, PADDED, 1, bytes([padding]) + payload + bytes(padding))

    def overrun(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        peer.send(HEAD, data(_history(300_000)), TRAILERS)

    def history_row(name: str, size: int) -> Row:
        return good(name, large(_history(size)))

    yield good(
        "data-padded", answers(HEAD + padded(READY[:4], 0) + padded(b"", 200) + padded(READY[4:], 255) + TRAILERS)
    )
    yield bad("data-padding-too-long", answers(HEAD + frame(DATA, PADDED, 1, b"\6" + bytes(5))))
    yield bad("data-padding-missing", answers(HEAD + frame(DATA, PADDED, 1)))
    yield bad("data-before-headers", answers(data(READY) + HEAD + TRAILERS))
    yield good("data-in-bytes", answers(HEAD + data(READY, 1) + TRAILERS))
    yield good(
        "data-in-bytes-and-packets", answers(*(HEAD, *(data(READY[at : at + 1]) for at in range(len(READY))), TRAILERS))
    )
    yield good("data-empty-between", answers(HEAD + frame(DATA, 0, 1) + data(READY) + frame(DATA, 0, 1) + TRAILERS))
    yield good(
        "data-empty-message-field", answers(HEAD + data(message(entry(123, AVAILABLE) + chunk(9, "x"))) + TRAILERS)
    )
    yield bad("data-two-messages", answers(HEAD + data(READY * 2) + TRAILERS))
    yield bad("data-ends-the-stream", answers(HEAD + frame(DATA, END_STREAM, 1, READY)))
    yield bad("data-after-the-end", answers(HEAD + data(READY) + headers(HEAD_FIELDS)))
    yield bad("data-incomplete", answers(HEAD + data(READY[:-1]) + TRAILERS))
    yield bad("data-none", answers(HEAD + TRAILERS))
    yield Row("data-empty-message", answers(HEAD + data(message(b"")) + TRAILERS), 11, "Empty response")
    yield history_row("data-300-kib", 300_000)
    yield history_row("data-4-mib", FOUR_MIB)
    yield bad("data-4-mib-and-one", large(_history(FOUR_MIB + 1)), "larger than max")
    yield bad("data-4-gib", answers(HEAD + data(message(b"x", length=(1 << 32) - 1))), "larger than max")
    yield bad("data-4-mib-announced", answers(HEAD + data(message(b"x", length=FOUR_MIB)) + TRAILERS))
    yield bad("data-compressed", answers(HEAD + data(message(entry(1, AVAILABLE), 1)) + TRAILERS))
    gzip = headers([*HEAD_FIELDS, ("grpc-encoding", "gzip")])
    yield bad("data-compressed-gzip", answers(gzip + data(message(entry(1, AVAILABLE), 1)) + TRAILERS))
    yield good("data-gzip-announced-unused", answers(gzip + data(READY) + TRAILERS))
    yield bad("data-compressed-255", answers(HEAD + data(message(entry(1, AVAILABLE), 255)) + TRAILERS))
    # Data beyond the window does no harm here, and Go's client is lenient too: the answer may pass.
    yield good("data-overruns-the-window", overrun)


def _history(size: int) -> bytes:
    """A message of exactly so many bytes: versions that failed, one that is AVAILABLE, an unknown field."""
    versions = b"".join(entry(n, END, status(15, f"damaged {n}")) for n in range(2000, 1000, -1)) + entry(5, AVAILABLE)
    rest = size - len(versions)
    whole = versions + chunk(15, b"x" * (rest - 1 - len(varint(rest))))
    assert len(whole) == size
    return message(whole)


def of_headers() -> Iterator[Row]:
    head, rest = header_block(HEAD_FIELDS), GOOD[len(HEAD) :]

    def padded(flags: int, before: bytes, padding: int) -> bytes:
        return frame(HEADERS, END_HEADERS | PADDED | flags, 1, bytes([padding]) + before + head + bytes(padding))

    yield good("headers-padded", answers(padded(0, b"", 255) + rest))
    yield good(
        "headers-prioritized", answers(frame(HEADERS, END_HEADERS | PRIORITIZED, 1, b"\x80\0\0\3\x0f" + head) + rest)
    )
    yield good("headers-padded-prioritized", answers(padded(PRIORITIZED, b"\0\0\0\0\0", 9) + rest))
    yield bad("headers-padding-too-long", answers(frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + head)))
    yield bad("headers-priority-cut", answers(frame(HEADERS, END_HEADERS | PRIORITIZED, 1, b"\0\0")))
    yield bad(
        "headers-padding-eats-priority",
        answers(frame(HEADERS, END_HEADERS | PADDED | PRIORITIZED, 1, b"\3" + bytes(5))),
    )
    pieces = [frame(CONTINUATION, 0, 1, head[at : at + 1]) for at in range(len(head))]
    split = frame(HEADERS, 0, 1) + b"".join(pieces) + frame(CONTINUATION, END_HEADERS, 1)
    yield good("continuation-in-bytes", answers(split + rest))
    yield good(
        "continuation-in-packets", answers(*(frame(HEADERS, 0, 1), *pieces, frame(CONTINUATION, END_HEADERS, 1), rest))
    )
    yield bad("continuation-of-nothing", answers(frame(CONTINUATION, END_HEADERS, 1, head)))
    yield bad("continuation-endless", endless(frame(CONTINUATION, 0, 1, bytes(MAX_FRAME_BYTES)), frame(HEADERS, 0, 1)))
    yield bad("continuation-endless-empty", endless(frame(CONTINUATION, 0, 1) * 500, frame(HEADERS, 0, 1)))
    yield bad("continuation-endless-bytes", endless(frame(CONTINUATION, 0, 1, b"\0") * 500, frame(HEADERS, 0, 1)))
    yield bad("continuation-interrupted", answers(frame(HEADERS, 0, 1, head[:3]) + ping()))
    yield bad("continuation-interrupted-unknown", answers(frame(HEADERS, 0, 1, head[:3]) + frame(0xAA)))
    yield bad("continuation-elsewhere", answers(frame(HEADERS, 0, 1, head[:3]) + frame(CONTINUATION, 4, 3, head[3:])))
    yield bad("headers-64-kib", answers(split_headers(head + hpack_literal(b"x-filler", b"x" * 65_536)) + rest))
    yield good("headers-60-kib", answers(split_headers(head + hpack_literal(b"x-filler", b"x" * 60_000)) + rest))
    yield bad("headers-of-no-stream-end", answers(HEAD + data(READY) + headers([("grpc-status", "0")])))
    for code in ("100", "102", "103"):
        early = headers([(":status", code), ("x-early", "yes")])
        yield good(f"headers-informational-{code}", answers(early * 3 + GOOD))
    yield bad("headers-informational-endless", endless(headers([(":status", "103"), ("link", "</style.css>")])))
    heavy = [(":status", "103"), ("x-filler", "0" * 20_000)]
    yield bad("headers-informational-heavy", endless(split_headers(header_block(heavy))))
    yield bad("headers-informational-end", answers(headers([(":status", "103")], end=True)))
    for code in (
        "204",
        "301",
        "400",
        "401",
        "403",
        "404",
        "429",
        "500",
        "502",
        "503",
        "504",
        "999",
        "2000",
        "abc",
        "-20",
        "",
    ):
        yield bad(
            f"status-{code or 'empty'}", answers(headers([(":status", code), ("content-type", "text/html")], end=True))
        )
    yield Row("status-503-with-grpc-status", answers(_only(":status", "503", 5, "gone")), 10, "Model not found: ")
    yield bad("status-missing", answers(headers([("content-type", "application/grpc")]) + rest))
    yield bad("content-type-missing", answers(headers([(":status", "200")]) + rest))
    for name, kind in {"proto": "application/grpc+proto", "parameters": "application/grpc;charset=x"}.items():
        yield good(f"content-type-{name}", answers(headers([(":status", "200"), ("content-type", kind)]) + rest))
    for name, kind in {
        "grpcx": "application/grpcx",
        "html": "text/html",
        "empty": "",
        "escape": "\x1b[2Jx\r\n",
    }.items():
        yield bad(f"content-type-{name}", answers(headers([(":status", "200"), ("content-type", kind)]) + rest))


def _only(name: str, value: str, code: int, words: str) -> bytes:
    """Headers that end the stream."""
    fields = [(":status", "200"), ("content-type", "application/grpc")]
    fields = [(field_name, value if field_name == name else old) for field_name, old in fields]
    return headers([*fields, ("grpc-status", str(code)), ("grpc-message", words)], end=True)


def of_hpack() -> Iterator[Row]:
    head, rest = header_block(HEAD_FIELDS), GOOD[len(HEAD) :]

    def row(name: str, piece: bytes) -> Row:
        return bad(f"hpack-{name}", answers(split_headers(piece)), "a header block cannot be decoded")

    def fine(name: str, piece: bytes, after: bytes = rest) -> Row:
        return good(f"hpack-{name}", answers(split_headers(piece) + after))

    remembered = b"\x40" + hpack_integer(8, 7) + b"x-filler" + hpack_integer(4000, 7) + b"x" * 4000
    bomb = remembered + b"\xbe" * 10_000
    yield row("bomb", head + bomb)
    yield row("index-0", b"\x80")
    yield row("index-missing", b"\xff\x00" + head)
    yield row("index-huge", b"\xff" + b"\xff" * 3 + b"\x7f")
    yield row("name-index-missing", b"\x7f\x20\1x")
    yield row("integer-too-long", b"\xff" + b"\x80" * 10_000 + b"\x00")
    yield row("integer-cut", b"\xff\x80")
    yield row("string-cut", b"\0\x05ab")
    yield row("string-missing", b"\0\x01a")
    yield row("string-4-gib", b"\0\x7f\xff\xff\xff\xff\x0f")
    yield row("huffman-end-of-string", b"\0\x84\xff\xff\xff\xff\x00")
    yield row("huffman-padding-zeros", b"\0\x81\x18\x00")
    yield row("huffman-padding-long", b"\0\x82\x1f\xff\x00")
    yield row("size-update-too-large", b"\x3f\xe2\x1f" + head)
    yield row("size-update-late", head + b"\x20")
    yield fine("size-update-0-then-4096", b"\x20\x3f\xe1\x1f" + head)
    yield fine("size-update-many", b"\x20" * 10_000 + head)
    # The trailers refer to what the headers put into the table.
    taught_head = b"\x48\x03200" + b"\x5f\x10application/grpc"
    taught = b"\x40" + b"\x0bgrpc-status" + b"\x010"
    yield fine("table-across-blocks", taught + taught_head, data(READY) + frame(HEADERS, 5, 1, b"\xc0"))
    evicted = data(READY) + frame(HEADERS, 5, 1, b"\x20" + b"\xbe")
    yield bad(
        "hpack-table-emptied", answers(split_headers(taught + head) + evicted), "a header block cannot be decoded"
    )
    yield fine("field-larger-than-table", head + b"\x40\x01a" + hpack_integer(5000, 7) + b"x" * 5000)


def of_ends() -> Iterator[Row]:
    def answer(stream: int) -> bytes:
        head = headers(HEAD_FIELDS, stream=stream)
        return head + data(READY, stream=stream) + trailers(0, stream=stream)

    def refused_after_data(stream: int) -> bytes:
        return headers(HEAD_FIELDS, stream=stream) + data(READY, stream=stream) + reset(REFUSED_STREAM, stream)

    def cut(*pieces: bytes, how: str) -> Behaviour:
        def behaviour(peer: Peer) -> None:
            peer.send(GREETING)
            peer.until_ready()
            peer.send(*pieces)
            {"close": peer.close, "reset": peer.reset, "vanish": peer.vanish}[how]()

        return behaviour

    for how in ("close", "reset", "vanish"):
        yield bad(f"{how}-after-settings", cut(how=how))
        yield bad(f"{how}-after-headers", cut(HEAD, how=how))
        yield bad(f"{how}-after-data", cut(HEAD, data(READY), how=how))
        yield good(f"{how}-after-answer", cut(GOOD, how=how))
    for code in [*range(14), 14, 0xFFFFFFFF]:
        if code != REFUSED_STREAM:
            yield bad(f"rst-{code:x}", answers(reset(code)), "RST_STREAM")
            yield bad(f"rst-{code:x}-after-data", answers(HEAD + data(READY) + reset(code)), "RST_STREAM")
    # A call that the server has not looked at is made once more, on the same connection or on a new one.
    yield bad("refused-always", answers_each(lambda stream: reset(REFUSED_STREAM, stream)), "RST_STREAM", "unprocessed")
    yield bad("refused-after-data-always", answers_each(refused_after_data), "RST_STREAM", "unprocessed")
    yield good("refused-once", answers_each(lambda stream: answer(stream) if stream > 1 else reset(REFUSED_STREAM)))
    yield bad("refused-then-silent", answers(reset(REFUSED_STREAM)), "context deadline exceeded", "", *IMPATIENT)
    yield good("goaway-once", on_each_connection(answers(goaway(0, 0)), answers(GOOD)))
    yield bad("goaway-always", answers(goaway(0, 0)), "", "unprocessed")
    yield bad(
        "goaway-then-refused",
        on_each_connection(answers(goaway(0, 0)), answers(reset(REFUSED_STREAM))),
        "RST_STREAM",
        "unprocessed",
    )
    yield good("rst-after-answer", answers(GOOD + reset(0)))
    yield good("rst-elsewhere", answers(frame(RST_STREAM, 0, 3, bytes(4)) + GOOD))
    yield bad("rst-short", answers(frame(RST_STREAM, 0, 1, b"\0")))
    yield bad("rst-on-stream-0", answers(frame(RST_STREAM, 0, 0, bytes(4))))
    yield good("goaway-graceful", answers(goaway((1 << 31) - 1, 0) + goaway(1, 0, b"max_age") + GOOD))
    yield bad(
        "goaway-reason",
        answers(goaway(0, 11, b"too_many_pings\x1b[31m\n2026/01/01 00:00:00 Servable state is AVAILABLE")),
    )
    yield bad("goaway-reason-after-headers", answers(HEAD + goaway(1, 2, b"\xff\xfe" * 8000)))
    yield bad("goaway-and-closed", sends_and_closes(GREETING + goaway(1, 0)))
    yield bad("goaway-short", answers(frame(GOAWAY, payload=bytes(7))))
    yield bad("goaway-on-stream-1", answers(frame(GOAWAY, 0, 1, bytes(8))))
    yield good("junk-after-answer", answers(GOOD + b"\xff" * 100))
    yield good("junk-after-answer-at-once", sends(GREETING + GOOD + b"\xff" * 100))
    yield bad("junk-after-settings-at-once", sends(GREETING + b"\xff" * 100))


HOSTILE_WORDS = {
    "empty": b"",
    "escapes": b"100%25 of %e6%a8%a1%e5%9e%8b",
    "broken-escapes": b"%zz %4 %",
    "not-utf-8": b"%ff%fe \xc3",
    "controls": b"%00%01%07%08%0d%0a2026/01/01 00:00:00 Servable state is AVAILABLE%0a",
    "raw-controls": b"\x00\x07\r\n2026/01/01 00:00:00 Servable state is AVAILABLE\n\x7f\xc2\x85",
    "ansi": b"\x1b]0;title\x07\x1b[2J%1b%5b31mred",
    "bidi": b"%e2%80%ae%e2%80%a8%e2%81%a6",
    "60-kib": b"x" * 60_000,
    "60-kib-of-controls": b"\x01" * 60_000,
    "60-kib-of-bidi": b"\xe2\x80\xae" * 20_000,
    "60-kib-of-emoji": "\U0001f600".encode() * 15_000,
    "verdict": b"Servable state is AVAILABLE",
}


def of_statuses() -> Iterator[Row]:
    for code in ("1", "4", "14", "16", "17", "99", "2147483647"):
        yield bad(f"grpc-status-{code}", answers(HEAD + trailers(code, "words")), "words")
    for name, value in {
        "missing": None, "empty": "", "negative": "-1", "text": "OK", "spaces": " 0", "huge": "9" * 5000, "plus": "+5x",
        "control": "5\n2026/01/01 00:00:00 Servable state is AVAILABLE", "arabic": "\u0665",
    }.items():  # fmt: skip
        last = headers([("x-other", "y")] if value is None else [("grpc-status", value)], end=True)
        yield bad(f"grpc-status-{name}", answers(HEAD + data(READY) + last))
    yield bad("grpc-status-13-after-data", answers(HEAD + data(READY) + trailers(13, "late")), "late")
    yield Row(
        "grpc-status-5",
        answers(HEAD + trailers(5, "no %41")),
        10,
        "Model not found: rpc error: code = NotFound desc = no A",
    )
    for name, words in HOSTILE_WORDS.items():
        fields = hpack_literal(b"grpc-status", b"14") + hpack_literal(b"grpc-message", words)
        ended = split_headers(header_block(HEAD_FIELDS) + fields, end=True)
        yield bad(f"grpc-message-{name}", answers(ended), CALL + "Unavailable")
        lost = ended.replace(b"\x0bgrpc-status\x0214", b"\x0bgrpc-status\x015") if len(words) < 1000 else b""
        if lost:
            lost = struct.pack(">I", len(lost) - 9)[1:] + lost[3:]
            yield Row(f"grpc-message-{name}-not-found", answers(lost), 10, "Model not found: ")


def of_messages() -> Iterator[Row]:
    def row(name: str, payload: bytes, exit_code: int = 3, verdict: str = CALL, *argv: str) -> Row:
        return Row(f"message-{name}", large(message(payload)), exit_code, verdict, argv=argv)

    chance = random.Random(11)
    yield row("random", chance.randbytes(3000))
    yield row("cut", entry(1, AVAILABLE)[:-1])
    yield row("field-0", b"\0\0")
    yield row("wire-type-7", b"\x0f\0")
    yield row("varint-too-long", b"\x0a\x0b" + b"\x08" + b"\xff" * 10)
    yield row("group-unclosed", b"\x1b")
    yield row("group-unopened", b"\x1c")
    yield row("groups-too-deep", b"\x1b" * 1_000_000)
    yield row("groups-fifty-deep", b"\x1b" * 50 + b"\x1c" * 50 + entry(1, AVAILABLE), 0, READY_LINE)
    yield row("not-utf-8", chunk(1, chunk(3, status(2, b"\xff"))))
    yield row("tiny-fields", b"\x10\0" * (FOUR_MIB // 2))
    yield row("empty-versions", b"\x0a\0" * (FOUR_MIB // 2))
    yield row("two-hundred-thousand-versions", b"\x0a\x02\x10\x14" * 199_000, 32, "Servable state is LOADING")
    yield row("last-of-many", b"\x0a\x02\x10\x14" * 190_000 + entry(7, AVAILABLE), 0, READY_LINE)
    numbered = b"".join(entry(n, END) for n in range(90_000, 0, -1))
    yield row(
        "no-match-among-many",
        numbered,
        12,
        "No matching response found for version: 99999999",
        "-model-version=99999999",
    )
    wordy = b"".join(entry(n, END, status(2, "\x1b" * 30_000)) for n in range(130, 0, -1))
    yield row("long-errors", wordy, 34, "Servable state is END")
    for name, character in {
        "bidi": "\u202e",
        "control": "\x1b",
        "emoji": "\U0001f600",
        "quotes": '"',
        "backslashes": "\\",
    }.items():
        whole = entry(3, END, status(2, character * 50_000)) + entry(2, END, status(2, character * 50_000))
        yield row(f"long-error-of-{name}", whole, 34, "Servable state is END")
        # Short enough as it came, too long once it is escaped.
        whole = entry(3, END, status(2, character * 1500)) + entry(2, END)
        yield row(f"error-of-{name}", whole, 34, "Servable state is END")
    states = {"UNKNOWN": UNKNOWN, "START": START, "LOADING": LOADING, "UNLOADING": UNLOADING, "END": END}
    for exit_code, (name, state) in enumerate(states.items(), 30):
        yield row(name.lower(), entry(1, state), exit_code, f"Servable state is {name}")
    for state in (1, 51, -1, 1 << 31, (1 << 31) - 1):
        yield row(f"state-{state}", entry(1, state), 100, "Servable state is unexpected")
    yield row("state-beyond-32-bits", entry(1, 1 << 32 | AVAILABLE), 0, READY_LINE)
    yield row("version-negative", entry(-(1 << 63), AVAILABLE), 0, READY_LINE)
    yield row("merged-status", chunk(1, scalar(2, AVAILABLE) + chunk(3, b"") * 1000), 0, READY_LINE)


def of_other_protocols() -> Iterator[Row]:
    chance = random.Random(13)

    def drip(peer: Peer) -> None:
        while True:
            peer.send(b"\0")
            peer.pause(1)

    def drip_after_settings(peer: Peer) -> None:
        peer.send(GREETING)
        for at in range(len(GOOD)):
            peer.send(GOOD[at : at + 1])
            peer.pause(1)

    page = b"<html><body>404</body></html>\n"
    http = "it speaks HTTP/1, not gRPC"
    yield undialled(
        "http-1.1", sends_and_closes(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), http, "http1"
    )
    yield undialled("http-1.0", sends_and_closes(b"HTTP/1.0 200 OK\r\n\r\n" + page), http, "http1")
    yield undialled("http-0.9", sends_and_closes(page), http, "http1")
    yield undialled("http-escape", sends_and_closes(b"HTTP/1.1 400 \x1b[2J\r\nx: y\r\n\r\n"), http, "http1")
    yield undialled("http-held", sends(b"HTTP/1.1 408 Request Timeout\r\n\r\n"), http, "http1")
    yield undialled("tls-alert", sends_and_closes(b"\x15\x03\x01\x00\x02\x02\x46"), "it speaks TLS", "speaks-tls")
    yield undialled("tls-alert-held", sends(b"\x15\x03\x03\x00\x02\x02\x0a"), "it speaks TLS", "speaks-tls", *IMPATIENT)
    yield undialled("ssh", sends(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "it does not speak HTTP/2")
    yield undialled("one-byte", sends_and_closes(b"\xff"), "", "", *SHORT_DIAL)
    yield undialled("one-byte-held", sends(b"\xff"), "", "slow", *IMPATIENT)
    yield undialled("random", sends(b"\xff" + chance.randbytes(16 << 20)), "it does not speak HTTP/2")
    yield undialled("zeros", sends(bytes(16 << 20)), "it does not speak HTTP/2")
    yield undialled("drip", drip, "", "slow", *IMPATIENT)
    yield bad("drip-after-settings", drip_after_settings, "", "run-timeout", *IMPATIENT)
    yield undialled("mute", lambda peer: peer.pause(60), "no HTTP/2 SETTINGS", "mute", *IMPATIENT)
    yield bad("mute-after-settings", answers(), "", "run-timeout", *IMPATIENT)
    yield bad("mute-after-headers", answers(HEAD), "", "run-timeout", *IMPATIENT)
    yield bad("mute-after-data", answers(HEAD + data(READY)), "", "run-timeout", *IMPATIENT)
    yield undialled("closes", lambda peer: peer.close(), "closed by it before", "closed", *SHORT_DIAL)
    yield undialled("resets", lambda peer: peer.reset(), "", "closed", *SHORT_DIAL)
    yield undialled("closes-within-settings", sends_and_closes(GREETING[:5]), "closed by it ", "", *SHORT_DIAL)


ROWS: tuple[Row, ...] = tuple(
    row
    for group in (
        of_settings, of_our_request, of_frames, of_data, of_headers, of_hpack, of_ends, of_statuses, of_messages,
        of_other_protocols,
    )
    for row in group()
)  # fmt: skip
