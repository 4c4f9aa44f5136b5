"""PEM's framing, and the files that are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model import SETUP, TLS, Failure, NamedFile, Security
from probe.tls import files
from probe.tls.files import MAX_FILE_BYTES, SYSTEM, Identity, read

ONE, TWO = (b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----" % body for body in (b"AAAA", b"BBBB"))
KEY = b"-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----\n"


@given(st.lists(st.sampled_from([ONE, TWO, KEY, b"text\r\n", b"-----BEGIN CERTIFICATE-----", b"-----END X-----"])))
def test_blocks_are_found_whatever_surrounds_them(parts: list[bytes]) -> None:
    content = b"\n".join(parts)
    found = files._blocks(content)
    assert all(block in content and block.startswith(files.BEGIN) and block.endswith(files.END) for block in found)
    if b"-----BEGIN CERTIFICATE-----" not in parts:
        assert found == [part for part in parts if part in (ONE, TWO)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.pem"


def named(path: object) -> NamedFile:
    return NamedFile(str(path), "-flag")


def identity(security: Security) -> Identity:
    found = read(security)
    assert isinstance(found, Identity), found
    return found


def failure(security: Security) -> Failure:
    """A failure that names the flag and the file."""
    found = read(security)
    assert isinstance(found, Failure) and found.kind == SETUP and found.permanent
    return found


def test_what_is_read(file: Path) -> None:
    file.write_bytes(b"words" + ONE + b"\r\n" + KEY + TWO)
    both = ONE + b"\n" + TWO
    found = identity(Security(TLS, ca=named(file), certificate=named(file), key=named(file)))
    assert found == Identity(both, f"-flag: {file}", both, file.read_bytes())
    # What is not needed is not read.
    unverified = identity(Security(TLS, verify=False, ca=named("/nowhere"), roots_file=named("/nowhere")))
    assert unverified == Identity(b"", "", b"", b"")


def test_the_largest_file(file: Path) -> None:
    file.write_bytes(ONE.ljust(MAX_FILE_BYTES))
    assert identity(Security(TLS, ca=named(file))).roots == ONE
    file.write_bytes(ONE.ljust(MAX_FILE_BYTES + 1))
    assert failure(Security(TLS, ca=named(file))).cause == "tls-file"


@pytest.mark.parametrize("path", ["a\0b", "/nowhere/\udcff", "x" * 300])
def test_paths_that_lead_nowhere(path: str) -> None:
    found = failure(Security(TLS, ca=named(path)))
    assert found.cause == "tls-file"
    assert found.text.startswith(f"-flag: {path} ")


@pytest.mark.parametrize("content", [b"", b" \n", b"\x30\x82\x01\x00", KEY, b"text", ONE[:-1]])
def test_files_without_a_certificate(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    for security in (
        Security(TLS, ca=named(file)),
        Security(TLS, verify=False, certificate=named(file), key=named(file)),
    ):
        found = failure(security)
        assert found.cause == "tls-file"
        assert found.text.startswith(f"-flag: {file} ")


ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
OLDER = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"", "tls-file"), (ONE, "tls-file"), (ENCRYPTED, "tls-encrypted"), (OLDER, "tls-encrypted")],
)
def test_files_without_a_usable_key(file: Path, tmp_path: Path, content: bytes, cause: str) -> None:
    file.write_bytes(ONE)
    key = tmp_path / "key.pem"
    key.write_bytes(content)
    found = failure(Security(TLS, verify=False, certificate=named(file), key=named(key)))
    assert found.cause == cause
    assert str(key) in found.text


def test_what_is_not_a_file(tmp_path: Path) -> None:
    """A FIFO would keep a reader waiting."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        assert failure(Security(TLS, ca=named(path))).cause == "tls-file"


def test_the_system_s_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles, folders = (tmp_path / "first", tmp_path / "second"), (tmp_path / "folder",)
    monkeypatch.setattr(files, "FILES", tuple(map(str, bundles)))
    monkeypatch.setattr(files, "FOLDERS", tuple(map(str, folders)))
    missing = failure(Security(TLS))
    assert missing.cause == "tls-roots"
    assert all(str(place) in missing.text for place in (*bundles, *folders))
    folders[0].mkdir()
    assert failure(Security(TLS)).cause == "tls-roots"
    (folders[0] / "0123.0").write_bytes(ONE)
    (folders[0] / "named.pem").write_bytes(ONE)
    os.mkfifo(folders[0] / "fifo")
    assert identity(Security(TLS)) == Identity(ONE, SYSTEM, b"", b"")
    bundles[1].write_bytes(TWO)
    assert identity(Security(TLS)).roots == TWO
    assert identity(Security(TLS, roots_folders=(str(folders[0]),))).roots == TWO + b"\n" + ONE
    assert identity(Security(TLS, roots_file=named(folders[0] / "named.pem"))).roots == ONE
    both = Security(TLS, roots_file=named(bundles[1]), roots_folders=("/nowhere", str(folders[0])))
    assert identity(both).roots == TWO + b"\n" + ONE
