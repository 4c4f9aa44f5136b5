"""Calls that fail, and answers that only a raw HTTP/2 server can give."""

from __future__ import annotations

import base64
from functools import partial

from tests.original.parts import data, goaway, headers, ping, raw, reset
from tests.original.scenario import (
    ADDR,
    DEAF,
    ECHO_HEAD,
    HEAD,
    LATE_SETTINGS,
    LISTENS_LATE,
    OK_TRAILERS,
    READY,
    SHORT_CALL,
    SHORT_DIAL,
    Relation,
    Scenario,
    Server,
    failing,
    greeting,
    http2,
    trailers_only,
)
from tests.support.canned import canned_grpc, mute, refused
from tests.support.http2_writer import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    GREETING,
    HEADERS,
    PADDED,
    frame,
    settings_ack,
)
from tests.support.wire import chunk, message, scalar

DETAILS = {
    "empty": "",
    "ascii": "Could not find any versions of model m",
    "utf8": "größe 模型 \U0001f600",
    "percent": "100% of %41 %zz %",
    "backslash-and-quotes": "a\\b \"c\" 'd'",
    "spaces": "  two  spaces  ",
    "go-verbs": "%v %d %!s(MISSING)",
}
LONG_DETAILS = "x" * 1036
ESCAPED_DETAILS = {
    "newline": "a\nb",
    "newline-then-verdict": "a\nServable state is AVAILABLE",
    "newline-last": "a\n",
    "tab-cr": "a\tb\rc",
    "escape-sequence": "\x1b[31mred\x00",
    "del": "a\x7fb",
    "c1": "a\u0085b",
}


def failed_calls() -> list[Scenario]:
    codes = [Scenario(f"code-{code}", failing(code, "the server's own words"), (ADDR,)) for code in range(1, 17)]
    busy = "Server Threadpool Exhausted"
    return [
        *codes,
        *(Scenario(f"not-found-{name}", failing(5, text), (ADDR,)) for name, text in DETAILS.items()),
        Scenario("not-found-long", failing(5, LONG_DETAILS), (ADDR,), "description_bound"),
        *(
            Scenario(f"not-found-{name}", failing(5, text), (ADDR,), "escaped")
            for name, text in ESCAPED_DETAILS.items()
        ),
        *(Scenario(f"unavailable-{name}", failing(14, text), (ADDR,)) for name, text in DETAILS.items()),
        Scenario("unavailable-long", failing(14, LONG_DETAILS), (ADDR,), "description_bound"),
        *(
            Scenario(f"unavailable-{name}", failing(14, text), (ADDR,), "escaped")
            for name, text in ESCAPED_DETAILS.items()
        ),
        Scenario("unimplemented-empty", failing(12), (ADDR,)),
        Scenario("threadpool-exhausted", failing(8, busy), (ADDR,)),
        Scenario("not-found-with-version", failing(5, "Could not find version 7"), (ADDR, "-model-version=7")),
        Scenario("ok-with-details", partial(canned_grpc, READY, 0, "all is well"), (ADDR,)),
        Scenario("late-but-in-time", partial(canned_grpc, READY, delay=0.2), (ADDR,)),
        Scenario("late-refusal-in-time", partial(canned_grpc, None, 5, "late", 0.2), (ADDR,)),
        Scenario("rpc-timeout", DEAF, (ADDR, SHORT_CALL), "client_text"),
        Scenario("rpc-timeout-version", DEAF, (ADDR, SHORT_CALL, "-model-version=1"), "client_text"),
        Scenario("deadline-exceeded-by-server", failing(4, "Deadline Exceeded"), (ADDR,)),
    ]


PLAYED: dict[str, tuple[Server, Relation]] = {
    "ok": (http2(HEAD, data(message(READY)), OK_TRAILERS), "same"),
    "ok-then-close": (http2(HEAD, data(message(READY)), OK_TRAILERS, ending="close"), "same"),
    "trailers-only": (trailers_only(("grpc-status", "5"), ("grpc-message", "no such model")), "same"),
    "trailers-only-no-message": (trailers_only(("grpc-status", "5")), "same"),
    "trailers-only-then-close": (
        http2(
            headers((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"), end=True),
            ending="close",
        ),
        "same",
    ),
    "trailers-only-reset-no-error": (
        http2(
            headers((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"), end=True), reset(0)
        ),
        "same",
    ),
    "ok-reset-no-error": (http2(HEAD, data(message(READY)), OK_TRAILERS, reset(0)), "same"),
    "trailers-only-ok": (trailers_only(("grpc-status", "0")), "client_text"),
    "head-then-status": (
        http2(HEAD, headers(("grpc-status", "14"), ("grpc-message", "busy"), end=True)),
        "same",
    ),
    "message-then-error": (
        http2(HEAD, data(message(READY)), headers(("grpc-status", "13"), ("grpc-message", "late"), end=True)),
        "same",
    ),
    "message-then-not-found": (
        http2(HEAD, data(message(READY)), headers(("grpc-status", "5"), ("grpc-message", "gone"), end=True)),
        "same",
    ),
    "code-99": (trailers_only(("grpc-status", "99"), ("grpc-message", "unheard of")), "same"),
    "code-17": (trailers_only(("grpc-status", "17"), ("grpc-message", "one too many")), "same"),
    "code-int32-max": (trailers_only(("grpc-status", "2147483647"), ("grpc-message", "m")), "same"),
    "code-beyond-int32": (trailers_only(("grpc-status", "4294967296"), ("grpc-message", "m")), "client_text"),
    "code-negative": (trailers_only(("grpc-status", "-1"), ("grpc-message", "m")), "client_text"),
    "code-leading-zero": (trailers_only(("grpc-status", "05"), ("grpc-message", "m")), "same"),
    "code-word": (trailers_only(("grpc-status", "NOT_FOUND"), ("grpc-message", "m")), "client_text"),
    "code-empty": (trailers_only(("grpc-status", ""), ("grpc-message", "m")), "client_text"),
    "code-word-in-trailers": (http2(HEAD, headers(("grpc-status", "abc"), end=True)), "client_text"),
    "no-status-trailers-only": (trailers_only(), "client_text"),
    "no-status-after-message": (http2(HEAD, data(message(READY)), headers(("x", "y"), end=True)), "client_text"),
    "no-trailers-data-ends": (http2(HEAD, data(message(READY), end=True)), "client_text"),
    "no-trailers-empty-data-ends": (http2(HEAD, data(b"", end=True)), "client_text"),
    "percent-utf8": (trailers_only(("grpc-status", "5"), ("grpc-message", "gr%C3%B6%c3%9fe %25 %41")), "same"),
    "percent-broken": (trailers_only(("grpc-status", "5"), ("grpc-message", "100% %zz %4 %")), "same"),
    "percent-newline": (trailers_only(("grpc-status", "5"), ("grpc-message", "a%0Ab%09c")), "escaped"),
    "percent-invalid-utf8": (trailers_only(("grpc-status", "5"), ("grpc-message", "a%FFb")), "escaped"),
    "message-raw-utf8": (trailers_only(("grpc-status", "5"), ("grpc-message", "größe".encode())), "same"),
    "message-raw-invalid-utf8": (trailers_only(("grpc-status", "5"), ("grpc-message", b"a\xffb")), "escaped"),
    "message-twice": (
        trailers_only(("grpc-status", "5"), ("grpc-message", "first"), ("grpc-message", "second")),
        "client_text",
    ),
    "details-bin-agrees": (
        trailers_only(
            ("grpc-status", "5"),
            ("grpc-message", "m"),
            ("grpc-status-details-bin", base64.b64encode(scalar(1, 5) + chunk(2, "m"))),
        ),
        "same",
    ),
    "other-headers": (
        trailers_only(("date", "today"), ("x-bin", "AAEC"), ("grpc-status", "5"), ("grpc-message", "m"), ("z", "")),
        "same",
    ),
    "content-type-proto": (
        http2(
            headers((":status", "200"), ("content-type", "application/grpc+proto")), data(message(READY)), OK_TRAILERS
        ),
        "same",
    ),
    "content-type-semicolon": (
        http2(headers((":status", "200"), ("content-type", "application/grpc;x")), data(message(READY)), OK_TRAILERS),
        "same",
    ),
    "content-type-missing": (
        http2(headers((":status", "200")), data(message(READY)), OK_TRAILERS),
        "client_text",
    ),
    "content-type-json": (
        http2(headers((":status", "200"), ("content-type", "application/json")), data(b"{}"), OK_TRAILERS),
        "client_text",
    ),
    "content-type-grpc-web": (
        http2(headers((":status", "200"), ("content-type", "application/grpc-web")), data(b"x"), OK_TRAILERS),
        "client_text",
    ),
    "content-type-missing-with-status": (
        http2(headers((":status", "200"), ("grpc-status", "5"), ("grpc-message", "m"), end=True)),
        "client_text",
    ),
    "compressed-without-encoding": (http2(HEAD, data(message(READY, compressed=1)), OK_TRAILERS), "client_text"),
    "compressed-gzip": (
        http2(
            headers((":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")),
            data(message(READY, compressed=1)),
            OK_TRAILERS,
        ),
        "client_text",
    ),
    "compressed-unknown-encoding": (
        http2(
            headers((":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "snappy")),
            data(message(READY, compressed=1)),
            OK_TRAILERS,
        ),
        "client_text",
    ),
    "encoding-gzip-but-not-compressed": (
        http2(
            headers((":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")),
            data(message(READY)),
            OK_TRAILERS,
        ),
        "same",
    ),
    "encoding-identity": (
        http2(
            headers((":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "identity")),
            data(message(READY)),
            OK_TRAILERS,
        ),
        "same",
    ),
    "compressed-flag-2": (http2(HEAD, data(message(READY, compressed=2)), OK_TRAILERS), "client_text"),
    "announced-above-4-mib": (http2(HEAD, data(message(READY, length=4 * 2**20 + 1))), "client_text"),
    "announced-4-gib": (http2(HEAD, data(message(READY, length=2**32 - 1))), "client_text"),
    "message-cut": (http2(HEAD, data(message(READY, length=100)), OK_TRAILERS), "client_text"),
    "message-prefix-cut": (http2(HEAD, data(b"\0\0\0"), OK_TRAILERS), "client_text"),
    "message-longer-than-said": (http2(HEAD, data(message(READY, length=4)), OK_TRAILERS), "client_text"),
    "two-messages": (http2(HEAD, data(message(READY) * 2), OK_TRAILERS), "client_text"),
    "two-messages-not-found": (
        http2(HEAD, data(message(READY) * 2), headers(("grpc-status", "5"), ("grpc-message", "m"), end=True)),
        "client_text",
    ),
    "no-message-ok": (http2(HEAD, OK_TRAILERS), "client_text"),
    "empty-message": (http2(HEAD, data(message(b"")), OK_TRAILERS), "same"),
    "data-split-bytewise": (http2(HEAD, data(message(READY), limit=1), OK_TRAILERS), "same"),
    "data-empty-between": (http2(HEAD, data(b""), data(message(READY)), data(b""), OK_TRAILERS), "same"),
    "data-padded": (
        http2(HEAD, lambda stream: frame(DATA, PADDED, stream, b"\x04" + message(READY) + b"\0" * 4), OK_TRAILERS),
        "same",
    ),
    "headers-continued": (http2(lambda stream: _continued(stream), data(message(READY)), OK_TRAILERS), "same"),
    "ping-first": (http2(ping(), HEAD, ping(), data(message(READY)), OK_TRAILERS), "same"),
    "settings-acknowledged": (http2(raw(settings_ack()), HEAD, data(message(READY)), OK_TRAILERS), "same"),
    "unknown-frame-type": (http2(raw(b"\0\0\x03\xfa\xff\0\0\0\0abc"), HEAD, data(message(READY)), OK_TRAILERS), "same"),
    "goaway-then-answer": (http2(goaway(1, 0), HEAD, data(message(READY)), OK_TRAILERS), "same"),
    "answer-then-goaway": (http2(HEAD, data(message(READY)), OK_TRAILERS, goaway(1, 0), ending="close"), "same"),
    "goaway-stream-not-taken": (http2(goaway(0, 0), ending="close"), "client_text"),
    "goaway-enhance-your-calm": (http2(goaway(0, 11, b"too_many_pings"), ending="close"), "client_text"),
    "goaway-stream-taken-then-close": (http2(goaway(1, 2, b"bye"), ending="close"), "client_text"),
    "close-instead-of-answer": (http2(ending="close"), "client_text"),
    "reset-instead-of-answer": (http2(ending="reset"), "client_text"),
    "close-after-head": (http2(HEAD, ending="close"), "client_text"),
    "close-within-message": (http2(HEAD, data(message(READY)[:9]), ending="close"), "client_text"),
    "close-before-trailers": (http2(HEAD, data(message(READY)), ending="close"), "client_text"),
    "garbage-after-settings": (http2(raw(b"\xff" * 64), ending="close"), "client_text"),
    "frame-above-limit": (http2(raw(b"\x01\x00\x01\0\0\0\0\0\x01" + b"x" * 65537)), "client_text"),
    "broken-header-block": (
        http2(lambda stream: frame(HEADERS, END_HEADERS, stream, b"\xff\xff\xff\xff\xff\xff")),
        "client_text",
    ),
    "no-http-status": (
        http2(headers(("content-type", "application/grpc"), ("grpc-status", "5"), end=True)),
        "no_http_status",
    ),
    "answer-hangs-after-head": (http2(HEAD), "client_text"),
    "answer-hangs-before-trailers": (http2(HEAD, data(message(READY))), "client_text"),
}

HTTP_STATUSES = ("301", "400", "401", "403", "404", "408", "429", "500", "502", "503", "504")
RESET_CODES = (*range(14), 99)


def _continued(stream: int) -> bytes:
    """The usual head, torn into a HEADERS and a CONTINUATION frame."""
    block = HEAD(stream)[9:]
    return frame(HEADERS, 0, stream, block[:5]) + frame(CONTINUATION, END_HEADERS, stream, block[5:])


def played() -> list[Scenario]:
    not_http2 = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    tls_alert = bytes.fromhex("15030300020246")
    return [
        *(Scenario(f"http2-{name}", server, (ADDR, "-rpc-timeout=1s"), rel) for name, (server, rel) in PLAYED.items()),
        *(
            Scenario(
                f"http-status-{code}-page",
                http2(headers((":status", code), ("content-type", "text/html")), data(b"<html>", end=True)),
                (ADDR,),
                "client_text",
            )
            for code in HTTP_STATUSES
        ),
        *(
            Scenario(
                f"http-status-{code}-grpc",
                trailers_only(("grpc-status", "5"), ("grpc-message", "m"), http=code),
                (ADDR,),
            )
            for code in ("404", "503")
        ),
        *(Scenario(f"rst-stream-{code}", http2(reset(code)), (ADDR,), "client_text") for code in RESET_CODES),
        Scenario("rst-stream-after-head", http2(HEAD, reset(2)), (ADDR,), "client_text"),
        Scenario("request-head", ECHO_HEAD, (ADDR,)),
        Scenario("request-head-name", ECHO_HEAD, ("-addr=localhost:{port}",)),
        Scenario("request-head-no-host", ECHO_HEAD, ("-addr=:{port}",), "authority"),
        Scenario("request-head-any-address", ECHO_HEAD, ("-addr=0.0.0.0:{port}",)),
        Scenario("request-head-dns", ECHO_HEAD, ("-addr=dns:///localhost:{port}",)),
        Scenario("request-head-passthrough", ECHO_HEAD, ("-addr=passthrough:///127.0.0.1:{port}",)),
        Scenario("dial-close-before-settings", greeting(b""), (ADDR, SHORT_DIAL), "dial_detail"),
        Scenario("dial-reset-before-settings", greeting(b"", "reset"), (ADDR, SHORT_DIAL), "dial_detail"),
        # The original gets as far as the call nearly always; once in thirty runs it sees the end first and exits 2.
        Scenario("dial-close-after-settings", greeting(GREETING), (ADDR, SHORT_DIAL, SHORT_CALL), "client_text"),
        Scenario("dial-http1-400", greeting(not_http2), (ADDR, SHORT_DIAL), "unmendable"),
        Scenario("dial-http1-400-held", greeting(not_http2, "hold"), (ADDR, SHORT_DIAL), "unmendable"),
        Scenario("dial-tls-alert", greeting(tls_alert), (ADDR, SHORT_DIAL), "unmendable"),
        Scenario("dial-garbage", greeting(b"SSH-2.0-OpenSSH_9.2p1\r\n", "hold"), (ADDR, SHORT_DIAL), "unmendable"),
        Scenario("dial-other-frame-first", greeting(ping()(0), "hold"), (ADDR, SHORT_DIAL), "unmendable"),
        Scenario("dial-settings-cut", greeting(GREETING[:5]), (ADDR, SHORT_DIAL), "dial_detail"),
        Scenario("dial-goaway-first", greeting(goaway(0, 0, b"")(0), "hold"), (ADDR, SHORT_DIAL), "unmendable"),
        Scenario("dial-late-settings", LATE_SETTINGS, (ADDR, "-connect-timeout=2s")),
        Scenario("dial-too-late-settings", LATE_SETTINGS, (ADDR, "-connect-timeout=100ms"), "dial_detail"),
        Scenario("dial-listens-late", LISTENS_LATE, (ADDR,)),
        Scenario("dial-listens-too-late", LISTENS_LATE, (ADDR, "-connect-timeout=100ms"), "dial_detail"),
        Scenario("dial-mute", mute, (ADDR, SHORT_DIAL), "dial_detail"),
        Scenario("dial-refused", refused, (ADDR, SHORT_DIAL), "dial_detail"),
        Scenario("dial-refused-name", refused, ("-addr=localhost:{port}", SHORT_DIAL), "dial_detail"),
    ]
