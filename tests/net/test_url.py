"""http:// and https:// addresses."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model import Failure
from probe.net.target import is_url
from probe.net.url import Url, parse_url

LOOPBACK = ("127.0.0.1", "::1")


def parsed(address: str) -> Url:
    found = parse_url(address)
    assert isinstance(found, Url), found
    return found


@pytest.mark.parametrize(
    ("address", "hosts", "port", "authority", "name", "prefix", "secure"),
    [
        ("http://h:8501", ("h",), "8501", "h:8501", "h", "", False),
        ("http://h", ("h",), "80", "h", "h", "", False),
        ("https://h", ("h",), "443", "h", "h", "", True),
        ("https://h:443/", ("h",), "443", "h:443", "h", "", True),
        ("http://h:1/a/b", ("h",), "1", "h:1", "h", "/a/b", False),
        ("http://h:1/a//", ("h",), "1", "h:1", "h", "/a", False),
        ("http://[::2]:1", ("::2",), "1", "[::2]:1", "::2", "", False),
        ("https://[::2]", ("::2",), "443", "[::2]", "::2", "", True),
        ("http://[fe80::1%eth0]:1", ("fe80::1%eth0",), "1", "[fe80::1]:1", "fe80::1", "", False),
        ("http://:8501", LOOPBACK, "8501", "localhost:8501", "localhost", "", False),
        ("http://0.0.0.0:8501", LOOPBACK, "8501", "0.0.0.0:8501", "localhost", "", False),
        ("http://unix:1/x", ("unix",), "1", "unix:1", "unix", "/x", False),
        ("http://dns", ("dns",), "80", "dns", "dns", "", False),
        ("http://localhost", LOOPBACK, "80", "localhost", "localhost", "", False),
    ],
)
def test_forms(
    address: str, hosts: tuple[str, ...], port: str, authority: str, name: str, prefix: str, secure: bool
) -> None:
    url = parsed(address)
    target = url.target
    assert (target.hosts, target.port, target.authority, target.server_name) == (hosts, port, authority, name)
    assert (url.prefix, url.is_secure, target.path) == (prefix, secure, b"")
    assert url.has_port == (":" in authority.rpartition("]")[2])


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("http://", "url-path"),
        ("http:///v1", "url-path"),
        ("http://u:p@h:1", "url-user"),
        ("http://u@h", "url-user"),
        ("http://h:1?x", "url-path"),
        ("http://h:1/a?x", "url-path"),
        ("http://h:1/#x", "url-path"),
        ("http://h:1/a b", "url-path"),
        ("http://h:1/a\nb", "url-path"),
        ("http://h:1/\x7f", "url-path"),
        ("http://h:99999", "address"),
        ("http://::1", "brackets"),
        ("http://127.1", "numeric-host"),
        ("http://unix:/x", "no-port"),
    ],
)
def test_malformed(address: str, cause: str) -> None:
    found = parse_url(address)
    assert isinstance(found, Failure) and found.permanent
    assert found.cause == cause, found


def test_a_password_is_not_shown() -> None:
    found = parse_url("http://user:secret@h:1/x")
    assert isinstance(found, Failure) and "secret" not in repr(found) and "h:1" in found.text


def test_what_is_a_url() -> None:
    assert is_url("http://h") and is_url("https://h")
    assert not any(map(is_url, ("h:1", "grpc://h:1", "HTTP://h", "http:/h", "unix:///x", "https:h")))


@given(st.sampled_from(["http://", "https://"]), st.text(max_size=30))
def test_any_text_gives_a_url_or_a_permanent_failure(scheme: str, rest: str) -> None:
    found = parse_url(scheme + rest)
    if isinstance(found, Failure):
        assert found.permanent and found.kind == "dial"
    else:
        assert found.target.hosts and found.target.port
        assert not found.prefix.endswith("/")
        assert not set("?#@\r\n ") & set(found.prefix + found.target.authority) - {"@"}


labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
paths = st.from_regex(r"(/[a-zA-Z0-9._~-]{1,5}){0,3}", fullmatch=True)


@given(st.sampled_from(["http", "https"]), labels, st.one_of(st.none(), st.integers(1, 65535)), paths)
def test_as_the_standard_library(scheme: str, host: str, port: int | None, path: str) -> None:
    address = f"{scheme}://{host}{'' if port is None else f':{port}'}{path}"
    ours, theirs = parsed(address), urlsplit(address)
    assert ours.target.authority == theirs.netloc
    assert ours.prefix == theirs.path
    assert ours.target.port == str(theirs.port or {"http": 80, "https": 443}[scheme])
    assert ours.target.server_name == theirs.hostname
