"""PEM's frames, and the files that are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe.engine.trust import LARGEST, Identity, read

from probe.engine import trust
from probe.model import SETUP, TLS, Failure, Security

ONE, TWO = (b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----" % body for body in (b"AAAA", b"BBBB"))
KEY = b"-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----\n"


@given(st.lists(st.sampled_from([ONE, TWO, KEY, b"text\r\n", b"-----BEGIN CERTIFICATE-----", b"-----END X-----"])))
def test_blocks_are_found_whatever_stands_around(parts: list[bytes]) -> None:
    content = b"\n".join(parts)
    found = trust._blocks(content)
    assert all(block in content and block.startswith(trust.BEGIN) and block.endswith(trust.END) for block in found)
    if b"-----BEGIN CERTIFICATE-----" not in parts:
        assert found == [part for part in parts if part in (ONE, TWO)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.pem"


def of(security: Security) -> Identity:
    identity = read(security)
    assert isinstance(identity, Identity), identity.text
    return identity


def fault(security: Security) -> Failure:
    failure = read(security)
    assert isinstance(failure, Failure) and failure.kind == SETUP
    return failure


def test_what_is_read(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"words" + ONE + b"\r\n" + KEY + TWO)
    identity = of(Security(TLS, ca_file=str(file), certificate=str(file), key=str(file)))
    assert identity.roots == identity.certificate == ONE + b"\n" + TWO
    assert KEY in identity.key
    assert identity.roots_origin == f"-tls-ca-cert: {file}"
    # What is not needed is not read.
    unverified = of(Security(TLS, verify=False, ca_file="/nowhere", roots_file="/nowhere"))
    assert (unverified.roots, unverified.certificate, unverified.key) == (b"", b"", b"")


def test_the_largest_file(file: Path) -> None:
    file.write_bytes(ONE.ljust(LARGEST))
    assert of(Security(TLS, ca_file=str(file))).roots == ONE
    file.write_bytes(ONE.ljust(LARGEST + 1))
    assert fault(Security(TLS, ca_file=str(file))).text == f"-tls-ca-cert: {file} is larger than 8 MiB"


@pytest.mark.parametrize("path", ["a\0b", "/nowhere/\udcff", "x" * 300])
def test_paths_that_lead_nowhere(path: str) -> None:
    failure = fault(Security(TLS, ca_file=path))
    assert failure.text.startswith(f"-tls-ca-cert: {path} cannot be read: ")


def test_the_systems_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, folders = (tmp_path / "first", tmp_path / "second"), (tmp_path / "folder",)
    monkeypatch.setattr(trust, "FILES", tuple(map(str, files)))
    monkeypatch.setattr(trust, "FOLDERS", tuple(map(str, folders)))
    failure = fault(Security(TLS))
    assert failure.text.endswith(f"looked for: {files[0]}, {files[1]}, {folders[0]}")
    assert failure.cause == "tls-roots"
    folders[0].mkdir()
    assert fault(Security(TLS)).cause == "tls-roots"
    (folders[0] / "0123.0").write_bytes(ONE)
    (folders[0] / "named.pem").write_bytes(ONE)
    os.mkfifo(folders[0] / "fifo")
    assert of(Security(TLS)).roots == ONE
    files[1].write_bytes(TWO)
    assert of(Security(TLS)).roots == TWO
    assert of(Security(TLS, roots_folders=str(folders[0]))).roots == TWO + b"\n" + ONE
    assert of(Security(TLS, roots_file=str(folders[0] / "named.pem"))).roots == ONE
    assert (
        of(Security(TLS, roots_file=str(files[1]), roots_folders=f"/nowhere:{folders[0]}")).roots == TWO + b"\n" + ONE
    )
