"""What the answer of a call says: states, versions, errors, odd and broken protobuf."""

from __future__ import annotations

from tests.original.scenario import (
    ADDR,
    READY,
    Scenario,
    ok,
)
from tests.support import wire
from tests.support.canned import refused
from tests.support.wire import (
    AVAILABLE,
    END,
    LOADING,
    START,
    UNKNOWN,
    UNLOADING,
    chunk,
    entry,
    scalar,
    status,
    tag,
    varint,
)

STATES = {
    "unknown": UNKNOWN,
    "start": START,
    "loading": LOADING,
    "available": AVAILABLE,
    "unloading": UNLOADING,
    "end": END,
    "77": 77,
    "1": 1,
    "negative": -1,
    "int32-max": 2**31 - 1,
    "wraps-to-available": 2**32 + AVAILABLE,
}


def states() -> list[Scenario]:
    return [Scenario(f"state-{name}", ok(entry(123, state)), (ADDR,)) for name, state in STATES.items()]


BROKEN_LOAD = status(5, "Specified file path does not appear to contain a SavedModel bundle")
SEVERAL = {
    "upgrade-running": entry(2, LOADING) + entry(1, AVAILABLE),
    "upgrade-done": entry(2, AVAILABLE) + entry(1, END),
    "rolled-back": entry(2, END) + entry(1, AVAILABLE),
    "ascending": entry(1, AVAILABLE) + entry(2, LOADING),
    "newest-failed": entry(2, END, BROKEN_LOAD) + entry(1, AVAILABLE),
    "both-available": entry(2, AVAILABLE) + entry(1, AVAILABLE),
    "three-none-available": entry(3, LOADING) + entry(2, START) + entry(1, UNLOADING),
    "end-then-loading": entry(2, END) + entry(1, LOADING),
    "all-end": entry(3, END, BROKEN_LOAD) + entry(2, END) + entry(1, END),
    "unknown-number-first": entry(2, 77) + entry(1, LOADING),
    "unknown-number-then-available": entry(2, 77) + entry(1, AVAILABLE),
    "same-version-twice": entry(2, LOADING) + entry(2, AVAILABLE) + entry(1, START),
}


def several_versions() -> list[Scenario]:
    return [
        Scenario(f"several-{name}{suffix}", ok(response), (ADDR, *args))
        for name, response in SEVERAL.items()
        for suffix, args in (("", ()), ("-version-2", ("-model-version=2",)), ("-version-1", ("-model-version", "1")))
    ]


VERSIONS = (
    entry(2**63 - 1, UNLOADING)
    + entry(1000, START)
    + entry(123, LOADING)
    + entry(15, AVAILABLE)
    + entry(5, UNKNOWN)
    + entry(0, END)
    + entry(-7, AVAILABLE)
    + entry(-(2**63), START)
)
ASKED_VERSIONS = {
    "0": "0",
    "minus-0": "-0",
    "plus": "+123",
    "negative": "-7",
    "hex": "0x7b",
    "hex-capital": "0X7B",
    "hex-negative": "-0x7",
    "octal": "0o17",
    "octal-old": "017",
    "binary": "0b1111011",
    "underscore": "1_000",
    "hex-underscore": "0x_7b",
    "leading-zeros-octal": "0000173",
    "max": "9223372036854775807",
    "min": "-9223372036854775808",
    "absent": "9",
    "absent-negative": "-9",
}
BAD_VERSIONS = {
    "above-max": "9223372036854775808",
    "below-min": "-9223372036854775809",
    "hex-above-max": "0x8000000000000000",
    "word": "abc",
    "empty": "",
    "float": "1.5",
    "exponent": "1e3",
    "octal-digit-8": "08",
    "underscore-twice": "1__000",
    "underscore-first": "_1",
    "underscore-last": "1_",
    "underscore-octal": "0_17x",
    "space": " 1",
    "space-after": "1 ",
    "two-signs": "--1",
    "sign-only": "-",
    "hex-only": "0x",
    "non-ascii-digit": "\u0661",
    "quote": 'a"b',
    "backslash": "a\\b",
    "newline": "1\n",
    "control": "\x01\x7f",
    "non-ascii": "é\u2028",
    "invalid-utf8": "\udcff",
}


def asked_versions() -> list[Scenario]:
    good = [Scenario(f"version-{n}", ok(VERSIONS), (ADDR, f"-model-version={v}")) for n, v in ASKED_VERSIONS.items()]
    bad = [Scenario(f"version-bad-{n}", refused, (f"-model-version={v}",), "usage") for n, v in BAD_VERSIONS.items()]
    return good + bad


ERRORS = {
    "ok-with-message": status(0, "OK"),
    "code-only": status(13),
    "cancelled": status(1, "Loading of servable cancelled"),
    "unauthenticated": status(16, "x"),
    "code-20-do-not-use": status(20, "x"),
    "code-99": status(99, "nobody knows it"),
    "code-negative": status(-5, "negative"),
    "double-quote": status(2, 'say "hello"'),
    "single-quote": status(2, "Can't parse"),
    "backslash": status(2, "C:\\models\\new"),
    "newline": status(5, "no bundle\nSpecified file path: /models/m/2"),
    "tab-cr": status(2, "a\tb\r\n"),
    "control": status(2, "\x00\x01\x07\x08\x0b\x0c\x1b[31m\x1f"),
    "non-ascii": status(2, "größe 模型 \U0001f600"),
    "replacement-character": status(2, "a\ufffdb"),
    "noncharacter": status(2, "a\uffffb"),
    "braces-and-spaces": status(2, "  {name:  x}  { }  "),
}
ESCAPED_ERRORS = {
    "del": status(2, "a\x7fb"),
    "c1": status(2, "a\u0085b\u009b31m"),
    "line-separator": status(2, "a\u2028b\u2029c\ufeffd\u00a0e\u00ade"),
}


def errors() -> list[Scenario]:
    same = [Scenario(f"error-{name}", ok(entry(2, END, of)), (ADDR,)) for name, of in ERRORS.items()]
    escaped = [
        Scenario(f"error-{name}", ok(entry(2, END, of)), (ADDR,), "escaped") for name, of in ESCAPED_ERRORS.items()
    ]
    return same + escaped


def group(field: int, body: bytes) -> bytes:
    return tag(field, wire.GROUP) + body + tag(field, wire.END_GROUP)


def fields(*parts: bytes) -> bytes:
    """An entry made of these very fields."""
    return chunk(1, b"".join(parts))


def weighing(size: int) -> bytes:
    """A response of just that many bytes with a short text: the last of a field's values is the one that counts."""

    def build(filler: int) -> bytes:
        return entry(123, AVAILABLE, status(0, b"x" * filler), chunk(3, chunk(2, b"")))

    return build(2 * size - len(build(size)))


NESTED = group(5, scalar(1, 2))
for _ in range(200):
    NESTED = group(5, NESTED)

VALID_SHAPES = {
    "no-bytes": b"",
    "empty-entry": fields(),
    "entry-without-status": fields(scalar(1, 123), scalar(2, AVAILABLE)),
    "entry-with-status-only": fields(chunk(3, b"")),
    "explicit-defaults": fields(scalar(1, 0), scalar(2, 0), chunk(3, scalar(1, 0) + chunk(2, b""))),
    "fields-reversed": fields(chunk(3, chunk(2, "m") + scalar(1, 2)), scalar(2, AVAILABLE), scalar(1, 9)),
    "version-twice": fields(scalar(1, 1), scalar(2, AVAILABLE), scalar(1, 2)),
    "state-twice": fields(scalar(1, 1), scalar(2, LOADING), scalar(2, AVAILABLE)),
    "status-twice-merged": fields(scalar(2, END), chunk(3, status(5, "first")), chunk(3, scalar(1, 2))),
    "status-twice-message-wins": fields(scalar(2, END), chunk(3, status(5, "first")), chunk(3, chunk(2, "second"))),
    "status-emptied": fields(scalar(2, AVAILABLE), chunk(3, status(5, "x")), chunk(3, scalar(1, 0) + chunk(2, b""))),
    "version-overlong": fields(tag(1, 0) + b"\xfb\x80\x80\x00", scalar(2, AVAILABLE)),
    "version-overlong-ten-bytes": fields(tag(1, 0) + b"\xfb" + b"\x80" * 8 + b"\x00", scalar(2, AVAILABLE)),
    "state-overlong": fields(scalar(1, 1), tag(2, 0) + b"\x9e\x80\x80\x80\x80\x00"),
    "tag-overlong": b"\x8a\x00" + varint(4) + b"\x08\x01\x10\x1e",
    "length-overlong": b"\x0a" + b"\x84\x80\x00" + b"\x08\x01\x10\x1e",
    "error-code-beyond-int32": fields(scalar(2, END), chunk(3, scalar(1, 2**32 + 5))),
    "exactly-4-mib": weighing(4 * 2**20),
}
UNKNOWN_FIELDS = {
    "varint": READY + scalar(5, 7),
    "in-entry": entry(123, AVAILABLE, b"", scalar(9, 1)),
    "in-status": entry(123, AVAILABLE, scalar(7, 1) + chunk(8, "text")),
    "fixed32": READY + tag(6, wire.FIXED32) + b"\x01\x02\x03\x04",
    "fixed64": READY + tag(6, wire.FIXED64) + b"\x01\x02\x03\x04\x05\x06\x07\x08",
    "bytes": READY + chunk(19, b'\xff\x00"quoted: {"'),
    "group": READY + group(5, scalar(1, 2)),
    "group-empty": READY + group(5, b""),
    "group-200-deep": READY + NESTED,
    "highest-number": READY + scalar(2**29 - 1, 1),
    "reserved-number": READY + scalar(19000, 1),
    "repeated": READY + scalar(5, 7) + scalar(5, 8),
    "only": scalar(5, 7),
    "known-top-as-varint": READY + scalar(1, 5),
    "known-top-as-group": READY + group(1, scalar(1, 5)),
    "version-as-bytes": fields(chunk(1, b"\x05"), scalar(2, AVAILABLE)),
    "version-as-fixed64": fields(tag(1, wire.FIXED64) + b"\x05" + b"\x00" * 7, scalar(2, AVAILABLE)),
    "state-as-fixed32": fields(scalar(1, 5), tag(2, wire.FIXED32) + b"\x1e\x00\x00\x00"),
    "state-packed": fields(scalar(1, 5), chunk(2, b"\x1e")),
    "status-as-varint": fields(scalar(1, 5), scalar(2, AVAILABLE), scalar(3, 1)),
    "message-as-varint": entry(5, END, scalar(1, 5) + scalar(2, 1)),
    "code-as-bytes": entry(5, END, chunk(1, b"\x05")),
}
UNREADABLE = {
    "tag-cut": READY + b"\x80",
    "length-missing": READY + b"\x0a",
    "entry-cut": READY[:-3],
    "length-beyond-end": b"\x0a\x7f\x08\x01",
    "length-huge": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "length-negative": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "varint-cut": fields(b"\x08\x80"),
    "varint-eleven-bytes": fields(b"\x08" + b"\x80" * 10 + b"\x01"),
    "varint-above-64-bits": fields(b"\x08" + b"\xff" * 9 + b"\x02"),
    "unknown-varint-above-64-bits": READY + b"\x28" + b"\xff" * 9 + b"\x02",
    "field-0": READY + b"\x00\x01",
    "field-0-in-entry": entry(123, AVAILABLE, b"", b"\x02\x00"),
    "field-above-max": READY + varint(2**29 << 3) + b"\x01",
    "tag-above-32-bits": READY + varint((2**32 + 5) << 3) + b"\x01",
    "wire-type-6": READY + tag(5, 6) + b"\x01",
    "wire-type-7": READY + tag(5, 7) + b"\x01",
    "known-field-wire-type-6": READY + tag(1, 6),
    "fixed32-cut": READY + tag(6, wire.FIXED32) + b"\x01\x02",
    "fixed64-cut": READY + tag(6, wire.FIXED64) + b"\x01\x02\x03\x04",
    "group-open": READY + tag(5, wire.GROUP) + scalar(1, 2),
    "group-end-alone": READY + tag(5, wire.END_GROUP),
    "group-end-of-another": READY + tag(5, wire.GROUP) + tag(6, wire.END_GROUP),
    "group-across-entry": fields(tag(5, wire.GROUP)) + tag(5, wire.END_GROUP),
    "message-invalid-utf8": entry(2, END, status(2, b"bad \xff\xfe")),
    "message-surrogate": entry(2, END, status(2, b"\xed\xa0\x80")),
    "message-overlong-utf8": entry(2, END, status(2, b"\xc0\xaf")),
    "text": b"hello, this is no protobuf",
    "above-4-mib": weighing(4 * 2**20 + 1),
}


def shapes() -> list[Scenario]:
    return [
        *(Scenario(f"shape-{name}", ok(response), (ADDR,)) for name, response in VALID_SHAPES.items()),
        *(
            Scenario(f"unknown-{name}", ok(response), (ADDR,), "unknown_fields")
            for name, response in UNKNOWN_FIELDS.items()
        ),
        *(
            Scenario(f"unreadable-{name}", ok(response), (ADDR,), "client_text")
            for name, response in UNREADABLE.items()
        ),
        Scenario(
            "long-history",
            ok(entry(300, AVAILABLE) + b"".join(entry(n, END) for n in range(299, 0, -1))),
            (ADDR,),
            "response_line_bound",
        ),
        Scenario(
            "long-message",
            ok(entry(2, END, status(8, "Insufficient resources " * 500))),
            (ADDR,),
            "response_line_bound",
        ),
        Scenario(
            "long-history-version-absent",
            ok(b"".join(entry(n, END) for n in range(300, 0, -1))),
            (ADDR, "-model-version=301"),
            "response_line_bound",
        ),
    ]
