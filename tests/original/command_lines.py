"""Flags, numbers, durations and addresses, well- and malformed."""

from __future__ import annotations

from functools import partial

from tests.original.scenario import (
    ADDR,
    DEAF,
    ECHO,
    READY,
    SHORT_DIAL,
    Scenario,
    ok,
)
from tests.support.canned import canned_grpc, mute, refused

SYNTAX: dict[str, tuple[str, ...]] = {
    "one-dash-space": ("-addr", "127.0.0.1:{port}", "-model-name", "m"),
    "two-dashes-space": ("--addr", "127.0.0.1:{port}", "--model-name", "m"),
    "one-dash-equals": (ADDR, "-model-name=m"),
    "two-dashes-equals": ("--addr=127.0.0.1:{port}", "--model-name=m"),
    "value-with-equals": (ADDR, "-model-name=a=b=c"),
    "value-looks-like-flag": (ADDR, "-model-name", "-addr"),
    "value-is-double-dash": (ADDR, "-model-name", "--"),
    "default-name": (ADDR,),
    "empty-value-equals": (ADDR, "-model-name="),
    "empty-value-space": (ADDR, "-model-name", ""),
    "double-dash-ends": (ADDR, "-model-name=m", "--", "-model-name=n", "-bogus"),
    "lone-dash-ends": (ADDR, "-model-name=m", "-", "-model-name=n", "-bogus"),
    "positional-ends": (ADDR, "-model-name=m", "word", "-model-name=n", "-bogus"),
    "empty-argument-ends": (ADDR, "-model-name=m", "", "-model-name=n"),
    "version-space-negative": (ADDR, "-model-version", "-1"),
    "repeated-addr": ("-addr=127.0.0.1:1", ADDR),
    "repeated-version": (ADDR, "-model-version=1", "-model-version=2"),
    "repeated-timeout": (ADDR, "-rpc-timeout=0", "-rpc-timeout=5s"),
    "name-non-ascii": (ADDR, "-model-name=größe-模型"),
    "name-newline": (ADDR, "-model-name=a\nb"),
    "name-percent": (ADDR, "-model-name=100%"),
    "name-slash": (ADDR, "-model-name=a/b"),
    "name-spaces": (ADDR, "-model-name= a b "),
    "name-5000": (ADDR, "-model-name=" + "x" * 5000),
    "name-100000": (ADDR, "-model-name=" + "x" * 100_000),
    "name-127": (ADDR, "-model-name=" + "x" * 127),
    "name-128": (ADDR, "-model-name=" + "x" * 128),
}
USAGE: dict[str, tuple[str, ...]] = {
    "unknown": ("-bogus",),
    "unknown-with-value": ("-bogus=1",),
    "unknown-two-dashes": ("--bogus", "x"),
    "unknown-after-good": ("-model-name=m", "-bogus"),
    "unknown-after-bad-order": ("-model-version=x", "-bogus"),
    "unknown-capital": ("-Addr=x",),
    "unknown-underscore": ("-model_name=x",),
    "unknown-prefix": ("-model=x",),
    "unknown-non-ascii": ("-größe",),
    "unknown-space-inside": ("-addr x",),
    "unknown-newline": ("-a\nb",),
    "three-dashes": ("---x",),
    "three-dashes-known": ("---addr=x",),
    "dash-equals": ("-=x",),
    "two-dashes-equals": ("--=x",),
    "addr-without-argument": ("-addr",),
    "addr-two-dashes-without-argument": ("--addr",),
    "version-without-argument": ("-model-version",),
    "timeout-without-argument": ("-rpc-timeout",),
    "help-short": ("-h",),
    "help-short-two-dashes": ("--h",),
    "help": ("-help",),
    "help-two-dashes": ("--help",),
    "help-with-value": ("-help=x",),
    "help-short-with-value": ("-h=false",),
    "help-after-good": ("-model-name=m", "-help", "-bogus"),
    "help-after-bad": ("-bogus", "-help"),
}


def flags() -> list[Scenario]:
    return [
        *(Scenario(f"flags-{name}", ECHO, args) for name, args in SYNTAX.items()),
        *(Scenario(f"usage-{name}", refused, args, "usage") for name, args in USAGE.items()),
        Scenario("flags-name-invalid-utf8", ECHO, (ADDR, "-model-name=a\udcffb"), "client_text"),
        Scenario("flags-repeated-name", ECHO, (ADDR, "-model-name=a", "-model-name=b"), "many_models"),
        Scenario("flags-help-is-a-value", ECHO, (ADDR, "-model-name", "-help")),
        Scenario("flags-help-after-end", ECHO, (ADDR, "--", "-help")),
    ]


GOOD_DURATIONS = {
    "fraction-hours": "1.5h",
    "compound": "1m30s",
    "compound-all": "1h2m3s4ms5us6ns",
    "order-free": "3s2m",
    "plus": "+5s",
    "fraction-only": ".5s",
    "fraction-open": "5.s",
    "long-fraction": "3.99999999999999999999999999999s",
    "max-ns": "9223372036854775807ns",
    "max": "2562047h47m16.854775807s",
    "leading-zeros": "0005s",
}
EXPIRED_DURATIONS = {
    "0": "0",
    "0s": "0s",
    "plus-0": "+0",
    "minus-0": "-0",
    "negative": "-1s",
    "10ns": "10ns",
    "100us": "100us",
    "100-micro-sign": "100\u00b5s",
    "100-greek-mu": "100\u03bcs",
    "below-1ns": "0.1ns",
    "min": "-9223372036854775807ns",
}
BAD_DURATIONS = {
    "bare-number": "1",
    "empty": "",
    "exponent": "1e3s",
    "above-max-ns": "9223372036854775808ns",
    "above-max": "2562048h",
    "huge": "99999999999999999999h",
    "days": "1d",
    "space-first": " 1s",
    "space-last": "1s ",
    "space-inside": "1 s",
    "unit-only": "s",
    "dot": ".s",
    "dot-alone": ".",
    "sign-only": "-",
    "two-signs": "--1s",
    "sign-inside": "1m-30s",
    "capital": "1S",
    "hex": "0x1s",
    "underscore": "1_000ms",
    "comma": "1,5s",
    "trailing-number": "1s5",
    "word": "abc",
    "infinity": "inf",
    "non-ascii": "1\u0441",
    "newline": "1s\n",
    "quote": '"',
}


def durations() -> list[Scenario]:
    listening = ok(READY)
    return [
        *(Scenario(f"duration-{name}", listening, (ADDR, f"-rpc-timeout={v}")) for name, v in GOOD_DURATIONS.items()),
        Scenario("duration-connect-fraction", listening, (ADDR, "-connect-timeout=1.5s")),
        Scenario("duration-connect-max", listening, (ADDR, "-connect-timeout=9223372036854775807ns")),
        *(
            Scenario(f"rpc-expired-{name}", DEAF, (ADDR, f"-rpc-timeout={v}"), "client_text")
            for name, v in EXPIRED_DURATIONS.items()
        ),
        *(
            Scenario(f"connect-expired-{name}", mute, (ADDR, f"-connect-timeout={v}"), "dial_detail")
            for name, v in EXPIRED_DURATIONS.items()
        ),
        Scenario("connect-expired-both", listening, (ADDR, "-connect-timeout=0", "-rpc-timeout=0"), "dial_detail"),
        Scenario("connect-expired-listening", listening, (ADDR, "-connect-timeout=-1s"), "dial_detail"),
        *(
            Scenario(f"duration-bad-{name}", refused, (f"-rpc-timeout={v}",), "usage")
            for name, v in BAD_DURATIONS.items()
        ),
        Scenario("duration-bad-connect", refused, ("-connect-timeout", "5"), "usage"),
    ]


REACHED = {
    "name": "localhost:{port}",
    "ipv4": "127.0.0.1:{port}",
    "port-only": ":{port}",
    "any-ipv4": "0.0.0.0:{port}",
    "any-ipv6": "[::]:{port}",
    "ipv6": "[::1]:{port}",
    "ipv4-mapped": "[::ffff:127.0.0.1]:{port}",
    "unix-three-slashes": "unix://{socket}",
    "unix-one-slash": "unix:{socket}",
    "unix-relative": "unix:tfs.sock",
    "unix-relative-dot": "unix:./tfs.sock",
    "dns": "dns:///localhost:{port}",
    "dns-ipv4": "dns:///127.0.0.1:{port}",
    "dns-ipv6": "dns:///[::1]:{port}",
    "passthrough": "passthrough:///127.0.0.1:{port}",
    "passthrough-name": "passthrough:///localhost:{port}",
    "capital-name": "LOCALHOST:{port}",
    "port-leading-zero": "127.0.0.1:0{port}",
}
UNMENDABLE = {
    "empty": "",
    "no-port": "127.0.0.1",
    "no-port-name": "localhost",
    "no-port-ipv6": "[::1]",
    "port-empty": "127.0.0.1:",
    "bare-ipv6": "::1:{port}",
    "too-many-colons": "127.0.0.1:80:80",
    "port-too-large": "127.0.0.1:99999",
    "port-negative": "127.0.0.1:-1",
    "port-word": "127.0.0.1:nosuchservice",
    "port-float": "127.0.0.1:8500.0",
    "bracket-open": "[::1:{port}",
    "colon": ":",
    "space": "127.0.0.1 :{port}",
    "path": "127.0.0.1:{port}/v1/models",
    "comma-list": "127.0.0.1:{port},127.0.0.1:{port}",
    "unknown-scheme": "foo:///127.0.0.1:{port}",
    "unix-no-path": "unix:",
    "dns-empty": "dns:///",
}
UNREACHED = {
    "port-0": "127.0.0.1:0",
    "unix-missing": "unix:///nonexistent/tfs.sock",
    "unix-missing-relative": "unix:missing.sock",
    "unknown-host": "no-such-host.invalid:8500",
}


def addresses() -> list[Scenario]:
    everywhere = partial(canned_grpc, READY, host="[::]", unix_socket=True)
    return [
        *(Scenario(f"addr-{name}", everywhere, (f"-addr={form}", SHORT_DIAL)) for name, form in REACHED.items()),
        *(
            Scenario(f"addr-{n}", refused, (f"-addr={form}", SHORT_DIAL), "unmendable")
            for n, form in UNMENDABLE.items()
        ),
        *(
            Scenario(f"addr-{n}", refused, (f"-addr={form}", SHORT_DIAL), "dial_detail")
            for n, form in UNREACHED.items()
        ),
        Scenario("addr-http", refused, ("-addr=http://127.0.0.1:{port}", SHORT_DIAL), "rest"),
        Scenario("addr-https", refused, ("-addr=https://127.0.0.1:{port}", SHORT_DIAL), "rest"),
    ]
