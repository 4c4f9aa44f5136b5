"""Who speaks there, by the first bytes."""

from __future__ import annotations

import hyperframe.frame as h2frame
import pytest

from probe.net.sniff import http1_line, is_http2, is_tls

SETTINGS = h2frame.SettingsFrame(0).serialize()


@pytest.mark.parametrize(
    ("heard", "line"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n", "HTTP/1.1 400 Bad Request"),
        (b"HTTP/1.1 400", "HTTP/1.1 400"),
        (b"<html>\n", "<html>"),
        (b"HTTP/1.0 \xff", "HTTP/1.0 ÿ"),
        (b"HTT", ""),
        (b"", ""),
        (SETTINGS, ""),
        (b"220 mail\r\n", ""),
    ],
)
def test_http1(heard: bytes, line: str) -> None:
    assert http1_line(heard) == line


def test_tls() -> None:
    assert all(is_tls(kind + b"\x03\x03\x00\x02\x02\x28") for kind in (b"\x14", b"\x15", b"\x16", b"\x17"))
    assert not any(map(is_tls, (b"", b"\x15", b"\x18\x03\x03", b"\x16\x02\x00", b"HTTP/1.1", SETTINGS)))


def test_http2() -> None:
    assert is_http2(SETTINGS)
    assert is_http2(h2frame.SettingsFrame(0, {1: 2}).serialize())
    assert not any(map(is_http2, (b"", SETTINGS[:8], b"HTTP/1.1 200", h2frame.PingFrame(0).serialize())))
