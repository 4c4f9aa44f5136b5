"""Address syntax: every form that `-addr` takes, and what is said of the others."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.model import DIAL, Failure
from probe.net.target import LOCALHOST, LOOPBACK, UNIX_PATH_BYTES, Target, parse
from tests.support.hints import HINTS

LONGEST_PATH = "/" + "p" * (UNIX_PATH_BYTES - 2)


def tcp(host: str, port: str, name: str, shown: str = "") -> Target:
    """`shown`: the port as the address spelt it."""
    return Target((host,), port, b"", f"{name}:{shown or port}", name.strip("[]"))


def local(port: str, shown: str = LOCALHOST) -> Target:
    """`shown`: the host as the address spelt it."""
    return Target(LOOPBACK, port, b"", f"{shown}:{port}", LOCALHOST)


def unix(path: bytes) -> Target:
    return Target((), "", path, LOCALHOST, LOCALHOST)


TARGETS: dict[str, Target] = {
    "localhost:9000": local("9000"),
    "LocalHost:9000": local("9000", "LocalHost"),
    "localhost.:9000": local("9000", "localhost."),
    ":8500": local("8500"),
    "0.0.0.0:8500": local("8500", "0.0.0.0"),
    "[::]:8500": local("8500", "[::]"),
    "[]:8500": local("8500"),
    "127.0.0.1:8500": tcp("127.0.0.1", "8500", "127.0.0.1"),
    "[::1]:8500": tcp("::1", "8500", "[::1]"),
    "[fe80::1%eth0]:8500": tcp("fe80::1%eth0", "8500", "[fe80::1]"),
    "[127.0.0.1]:8500": tcp("127.0.0.1", "8500", "127.0.0.1"),
    "tfs.default.svc:8500": tcp("tfs.default.svc", "8500", "tfs.default.svc"),
    "tfs.default.svc.:8500": tcp("tfs.default.svc.", "8500", "tfs.default.svc."),
    "bücher.example:8500": tcp("bücher.example", "8500", "bücher.example"),
    "under_score:8500": tcp("under_score", "8500", "under_score"),
    "tfs:http": tcp("tfs", "http", "tfs"),
    "tfs:0": tcp("tfs", "0", "tfs"),
    "tfs:65535": tcp("tfs", "65535", "tfs"),
    "tfs:0008500": tcp("tfs", "8500", "tfs", "0008500"),
    "tfs:" + "0" * 5000: tcp("tfs", "0", "tfs", "0" * 5000),
    # Digits outside of ASCII: the name of a service.
    "tfs:\u0663": tcp("tfs", "\u0663", "tfs"),
    "tfs:\u00b2": tcp("tfs", "\u00b2", "tfs"),
    # Schemes, where something else follows than what a scheme needs.
    "unix.example:80": tcp("unix.example", "80", "unix.example"),
    "http:80": tcp("http", "80", "http"),
    "https:80": tcp("https", "80", "https"),
    "dns:53": tcp("dns", "53", "dns"),
    "passthrough:53": tcp("passthrough", "53", "passthrough"),
    "dns:///tfs:8500": tcp("tfs", "8500", "tfs"),
    "dns:tfs:8500": tcp("tfs", "8500", "tfs"),
    "passthrough:///tfs:8500": tcp("tfs", "8500", "tfs"),
    "passthrough:///:8500": local("8500"),
    "dns:///[::1]:8500": tcp("::1", "8500", "[::1]"),
    "unix:///run/tfs.sock": unix(b"/run/tfs.sock"),
    "unix:/run/tfs.sock": unix(b"/run/tfs.sock"),
    "unix:tfs.sock": unix(b"tfs.sock"),
    "unix:a:b": unix(b"a:b"),
    "unix:\udcff": unix(b"\xff"),
    "unix:" + LONGEST_PATH: unix(LONGEST_PATH.encode()),
    "unix-abstract:tfs": unix(b"\0tfs"),
    "unix-abstract:" + LONGEST_PATH: unix(b"\0" + LONGEST_PATH.encode()),
}


@pytest.mark.parametrize("address", TARGETS, ids=lambda address: ascii(address)[:40])
def test_addresses(address: str) -> None:
    assert parse(address) == TARGETS[address]


# Address -> the key of the hint.
FAULTS = {
    "": "no-port",
    "localhost": "no-port",
    "localhost:": "no-port",
    ":": "no-port",
    "[::1]": "no-port",
    "[::1]:": "no-port",
    "dns:///localhost": "no-port",
    "8500": "no-port",
    "::1:8500": "brackets",
    "a:b:c": "brackets",
    "::": "brackets",
    "[::1]8500": "address",
    "[::1]::": "address",
    "[::1]:80:90": "address",
    "[::1:8500": "address",
    "[": "address",
    "tfs:65536": "address",
    "tfs:99999": "address",
    "tfs:000065536": "address",
    "tfs:00000099999": "address",
    "tfs:" + "9" * 5000: "address",
    "10.1:80": "numeric-host",
    "010.0.0.1:80": "numeric-host",
    "10.0.0.1.:80": "numeric-host",
    "a b:80": "address",
    " :80": "address",
    "a/b:80": "address",
    "user@host:80": "address",
    "a]:80": "address",
    "a[b:80": "address",
    "a\x7f:80": "address",
    "%eth0:80": "address",
    "[%]:80": "address",
    "[a/b]:80": "address",
    "http://tfs:8501": "url",
    "https://tfs:8501/v1": "url",
    "dns://8.8.8.8/tfs:8500": "address",
    "passthrough://x": "address",
    "unix:": "address",
    "unix-abstract:": "address",
    "unix:a\0b": "address",
    "unix-abstract:\0": "address",
    "unix://host/path": "address",
    "unix:" + LONGEST_PATH + "p": "address",
    "unix-abstract:" + LONGEST_PATH + "p": "address",
}


@pytest.mark.parametrize("address", FAULTS, ids=lambda address: ascii(address)[:40])
def test_malformed_addresses(address: str) -> None:
    failure = parse(address)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.cause, failure.permanent) == (DIAL, FAULTS[address], True)


# In the words of Go's net.SplitHostPort and net.Dial, as in the original program.
GO_SENTENCES = {
    "localhost": "missing port in address",
    "::1:8500": "too many colons in address",
    "[::1:8500": "missing ']' in address",
    "tfs:65536": "invalid port",
}


@pytest.mark.parametrize("address", GO_SENTENCES)
def test_what_go_says(address: str) -> None:
    failure = parse(address)
    assert isinstance(failure, Failure)
    assert failure.text == f"address {address}: {GO_SENTENCES[address]}"


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
