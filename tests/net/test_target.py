"""Address syntax: every form that `-addr` takes, and what is said of the others."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from probe.engine.connect import dial
from probe.hints import HINTS
from probe.target import LOOPBACK, NAMELESS, UNIX_PATH_BYTES, Target, parse

from probe.model import DIAL, Deadline, Failure

# Address -> (hosts, port, unix socket path, authority).
Facts = tuple[tuple[str, ...], str, bytes, str]
LONGEST_PATH = "/" + "p" * (UNIX_PATH_BYTES - 2)

TARGETS: dict[str, Facts] = {
    "localhost:9000": (LOOPBACK, "9000", b"", NAMELESS),
    "LocalHost:9000": (LOOPBACK, "9000", b"", NAMELESS),
    "localhost.:9000": (LOOPBACK, "9000", b"", NAMELESS),
    ":8500": (LOOPBACK, "8500", b"", NAMELESS),
    "0.0.0.0:8500": (LOOPBACK, "8500", b"", NAMELESS),
    "[::]:8500": (LOOPBACK, "8500", b"", NAMELESS),
    "[]:8500": (LOOPBACK, "8500", b"", NAMELESS),
    "127.0.0.1:8500": (("127.0.0.1",), "8500", b"", "127.0.0.1"),
    "[::1]:8500": (("::1",), "8500", b"", "[::1]"),
    "[fe80::1%eth0]:8500": (("fe80::1%eth0",), "8500", b"", "[fe80::1]"),
    "[127.0.0.1]:8500": (("127.0.0.1",), "8500", b"", "127.0.0.1"),
    "tfs.default.svc:8500": (("tfs.default.svc",), "8500", b"", "tfs.default.svc"),
    "tfs.default.svc.:8500": (("tfs.default.svc.",), "8500", b"", "tfs.default.svc."),
    "bücher.example:8500": (("bücher.example",), "8500", b"", "bücher.example"),
    "under_score:8500": (("under_score",), "8500", b"", "under_score"),
    "tfs:http": (("tfs",), "http", b"", "tfs"),
    "tfs:0": (("tfs",), "0", b"", "tfs"),
    "tfs:65535": (("tfs",), "65535", b"", "tfs"),
    "tfs:0008500": (("tfs",), "8500", b"", "tfs"),
    "tfs:" + "0" * 5000: (("tfs",), "0", b"", "tfs"),
    "tfs:\u0663": (("tfs",), "\u0663", b"", "tfs"),  # a digit elsewhere, so the name of a service
    "tfs:\u00b2": (("tfs",), "\u00b2", b"", "tfs"),
    # Words that are schemes only where they are followed by what a scheme is followed by.
    "unix.example:80": (("unix.example",), "80", b"", "unix.example"),
    "http:80": (("http",), "80", b"", "http"),
    "https:80": (("https",), "80", b"", "https"),
    "dns:53": (("dns",), "53", b"", "dns"),
    "passthrough:53": (("passthrough",), "53", b"", "passthrough"),
    "dns:///tfs:8500": (("tfs",), "8500", b"", "tfs"),
    "dns:tfs:8500": (("tfs",), "8500", b"", "tfs"),
    "passthrough:///tfs:8500": (("tfs",), "8500", b"", "tfs"),
    "passthrough:///:8500": (LOOPBACK, "8500", b"", NAMELESS),
    "dns:///[::1]:8500": (("::1",), "8500", b"", "[::1]"),
    "unix:///run/tfs.sock": ((), "", b"/run/tfs.sock", NAMELESS),
    "unix:/run/tfs.sock": ((), "", b"/run/tfs.sock", NAMELESS),
    "unix:tfs.sock": ((), "", b"tfs.sock", NAMELESS),
    "unix:a:b": ((), "", b"a:b", NAMELESS),
    "unix:\udcff": ((), "", b"\xff", NAMELESS),
    "unix:" + LONGEST_PATH: ((), "", LONGEST_PATH.encode(), NAMELESS),
    "unix-abstract:tfs": ((), "", b"\0tfs", NAMELESS),
    "unix-abstract:" + LONGEST_PATH: ((), "", b"\0" + LONGEST_PATH.encode(), NAMELESS),
}


def facts(target: Target) -> Facts:
    return target.hosts, target.port, target.path, target.authority


@pytest.mark.parametrize("address", TARGETS, ids=lambda address: ascii(address)[:40])
def test_what_is_an_address(address: str) -> None:
    target = parse(address)
    assert isinstance(target, Target)
    assert facts(target) == TARGETS[address]


# Address -> what is said of it, and the key of the hint.
FAULTS = {
    "": ("missing port in address", "port"),
    "localhost": ("missing port in address", "port"),
    "localhost:": ("missing port in address", "port"),
    ":": ("missing port in address", "port"),
    "[::1]": ("missing port in address", "port"),
    "[::1]:": ("missing port in address", "port"),
    "dns:///localhost": ("missing port in address", "port"),
    "8500": ("missing port in address", "port"),
    "::1:8500": ("too many colons in address", "brackets"),
    "a:b:c": ("too many colons in address", "brackets"),
    "::": ("too many colons in address", "brackets"),
    "[::1]8500": ("too many colons in address", "address"),
    "[::1]::": ("too many colons in address", "address"),
    "[::1]:80:90": ("too many colons in address", "address"),
    "[::1:8500": ("missing ']' in address", "address"),
    "[": ("missing ']' in address", "address"),
    "tfs:65536": ("invalid port", "address"),
    "tfs:99999": ("invalid port", "address"),
    "tfs:000065536": ("invalid port", "address"),
    "tfs:00000099999": ("invalid port", "address"),
    "tfs:" + "9" * 5000: ("invalid port", "address"),
    "a b:80": ("invalid character in host name", "address"),
    " :80": ("invalid character in host name", "address"),
    "a/b:80": ("invalid character in host name", "address"),
    "user@host:80": ("invalid character in host name", "address"),
    "a]:80": ("invalid character in host name", "address"),
    "a[b:80": ("invalid character in host name", "address"),
    "a\x7f:80": ("invalid character in host name", "address"),
    "%eth0:80": ("missing host before the zone", "address"),
    "[%]:80": ("missing host before the zone", "address"),
    "[a/b]:80": ("invalid character in host name", "address"),
    "http://tfs:8501": ("this is a URL, and gRPC wants HOST:PORT", "url"),
    "https://tfs:8501/v1": ("this is a URL, and gRPC wants HOST:PORT", "url"),
    "dns://8.8.8.8/tfs:8500": ("a resolver of one's own (8.8.8.8) cannot be asked", "address"),
    "passthrough://x": ("a resolver of one's own (x) cannot be asked", "address"),
    "unix:": ("no socket is named", "address"),
    "unix-abstract:": ("no socket is named", "address"),
    "unix:a\0b": ("no socket is named", "address"),
    "unix-abstract:\0": ("no socket is named", "address"),
    "unix://host/path": (
        "unix:// wants an absolute path: unix:///path/of/socket, or unix:relative/path",
        "address",
    ),
    "unix:" + LONGEST_PATH + "p": ("the socket's path is longer than 107 bytes", "address"),
    "unix-abstract:" + LONGEST_PATH + "p": ("the socket's path is longer than 107 bytes", "address"),
}


@pytest.mark.parametrize("address", FAULTS, ids=lambda address: ascii(address)[:40])
def test_what_is_none(address: str) -> None:
    words, cause = FAULTS[address]
    failure = parse(address)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.text, failure.cause) == (DIAL, f"address {address}: {words}", cause)


@st.composite
def likely(draw: st.DrawFn) -> str:
    """Pieces of addresses, joined more or less well."""
    pieces = st.sampled_from(
        ["unix", "unix-abstract", "dns", "passthrough", "http", ":", "/", "//", "///", "[", "]", "::1", "%eth0",
         "localhost", "80", "99999", "\u00b2", "\u0663", "0", "-1", "+80", " ", "\udcff", "\0", "a", "@", "."]
    )  # fmt: skip
    return "".join(draw(st.lists(pieces, max_size=8)))


argv_texts = st.one_of(
    # What argv can be: any bytes but zero, decoded as Python does it.
    st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.text(),
    likely(),
)


@given(argv_texts)
@example("tfs:\u00b2")
@example("\udcff:\udcff")
def test_any_text_names_a_target_or_a_fault(address: str) -> None:
    result = parse(address)
    if isinstance(result, Failure):
        assert result.kind == DIAL
        assert result.cause in HINTS
        assert result.text.startswith(f"address {address}: ")
        return
    assert bool(result.path) != bool(result.hosts)
    assert result.authority
    if result.path:
        assert result.port == ""
        assert len(result.path) <= UNIX_PATH_BYTES
        assert result.path.find(b"\0", 1) == -1
    else:
        assert result.port and all(result.hosts)
        if result.port.isascii() and result.port.isdigit():
            assert 0 <= int(result.port) <= 65535 and result.port == str(int(result.port))


@given(st.integers(0, 70_000), st.sampled_from(["", "localhost", "tfs", "10.0.0.1", "[::1]"]))
def test_ports_have_16_bits(port: int, host: str) -> None:
    result = parse(f"{host}:{port}")
    assert isinstance(result, Target) == (port <= 65535)
    if isinstance(result, Target):
        assert result.port == str(port)


@pytest.mark.parametrize("service", ["\u00b2", "\u0663", "\udcff", "no-such-service", "-1"])
def test_a_port_that_is_no_number_and_no_service_ends_at_once(service: str) -> None:
    target = parse(f"127.0.0.1:{service}")
    assert isinstance(target, Target)
    failure = dial(target, Deadline.after(10**9, "-timeout"), lambda stream: stream)
    assert isinstance(failure, Failure)
    assert (failure.text, failure.cause) == (f"lookup tcp/{service}: unknown port", "address")
