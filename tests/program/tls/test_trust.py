"""Whom a server's certificate is trusted by where no file is given: variables, and the places of distributions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.tls.files import FILES, FOLDERS
from tests.frozen.roots import inside, root_with
from tests.frozen.watched import watch
from tests.support.certificates import Certificates
from tests.support.hints import HINTS
from tests.support.runner import Outcome
from tests.support.tls_server import context, serving
from tests.support.variants import Variant, built, on_each_interpreter

ENGINES = pytest.mark.parametrize("engine", ["native", "grpcio"])
UNTRUSTED = "its certificate is not trusted"


@pytest.fixture(scope="module")
def address(certificates: Certificates) -> Iterator[str]:
    with serving(context(certificates)) as served:
        yield served


def ask(variant: Variant, address: str, *argv: str, **env: str | Path) -> Outcome:
    return variant.run(
        f"-addr={address}", "-tls", "-timeout=20s", *argv, env={name: str(value) for name, value in env.items()}
    )


def check_trusted(outcome: Outcome) -> None:
    assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE"), outcome


# Variables.


@on_each_interpreter
def test_a_file(variant: Variant, certificates: Certificates, address: str) -> None:
    check_trusted(ask(variant, address, SSL_CERT_FILE=certificates.file("ca.pem")))
    outcome = ask(variant, address, SSL_CERT_FILE=certificates.file("other-ca.pem"))
    assert outcome.exit_code == 2 and UNTRUSTED in outcome.verdict
    # What the command line names is all that counts then.
    given = f"-tls-ca-cert={certificates.file('ca.pem')}"
    check_trusted(ask(variant, address, given, SSL_CERT_FILE="/nowhere", SSL_CERT_DIR="/nowhere"))


@ENGINES
def test_by_both_engines(certificates: Certificates, address: str, engine: str) -> None:
    check_trusted(ask(built("module"), address, f"-engine={engine}", SSL_CERT_FILE=certificates.file("ca.pem")))


@on_each_interpreter
def test_a_file_that_is_not_there(variant: Variant, address: str) -> None:
    outcome = ask(variant, address, SSL_CERT_FILE="/nowhere/ca.pem")
    assert outcome.exit_code == 1
    assert outcome.verdict == "error: SSL_CERT_FILE: /nowhere/ca.pem cannot be read: no such file or directory"
    assert outcome.hint == HINTS["tls-file"]


@pytest.mark.parametrize("linked", [False, True])
@on_each_interpreter
def test_folders(variant: Variant, certificates: Certificates, address: str, tmp_path: Path, linked: bool) -> None:
    """As c_rehash leaves a folder, and as a person fills one; other files in it are ignored."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, name in ((first, "other-ca.pem"), (second, "ca.pem")):
        folder.mkdir()
        (folder / "root.pem").write_bytes(certificates.read(name))
        if linked:
            subprocess.run(["openssl", "rehash", folder], check=True)
            assert len(list(folder.iterdir())) == 2
    (second / "README").write_text("our roots")
    (second / "folder").mkdir()
    (second / "dangling.0").symlink_to("nowhere")
    check_trusted(ask(variant, address, SSL_CERT_DIR=f"/nowhere:{first}:{second}", SSL_CERT_FILE=first / "root.pem"))
    outcome = ask(variant, address, SSL_CERT_DIR=first, SSL_CERT_FILE=first / "root.pem")
    assert outcome.exit_code == 2 and UNTRUSTED in outcome.verdict


# The places of distributions, and none.


def root(folder: Path, files: dict[str, str | Path]) -> Path:
    made = root_with(folder, built("frozen").command[0], files)
    for name in files:
        (made / name).chmod(0o644)
    return made


@pytest.mark.parametrize("place", FILES)
def test_files_of_distributions(certificates: Certificates, address: str, tmp_path: Path, place: str) -> None:
    check_trusted(ask(inside(root(tmp_path, {place[1:]: certificates.file("ca.pem")})), address))


@pytest.mark.parametrize("place", FOLDERS)
def test_folders_of_distributions(certificates: Certificates, address: str, tmp_path: Path, place: str) -> None:
    files: dict[str, str | Path] = {
        f"{place[1:]}/{name}": certificates.file(name) for name in ("other-ca.pem", "ca.pem")
    }
    check_trusted(ask(inside(root(tmp_path, files)), address))


def test_none(address: str, tmp_path: Path) -> None:
    outcome = ask(inside(root(tmp_path, {})), address)
    assert outcome.exit_code == 1
    assert outcome.verdict.startswith("error: no trusted certificates were found; looked for: ")
    assert all(place in outcome.verdict for place in (*FILES, *FOLDERS))
    assert outcome.hint == HINTS["tls-roots"]
    check_trusted(ask(inside(root(tmp_path / "again", {})), address, "-tls-no-verify"))
    outcome = ask(inside(root(tmp_path / "variable", {})), address, SSL_CERT_DIR="/etc/roots:/etc/more")
    assert outcome.exit_code == 1
    assert outcome.verdict.endswith("/etc/ssl/cert.pem, /etc/roots, /etc/more")


# OpenSSL's own configuration.

CONFIGURATION = """
openssl_conf = begin
[begin]
providers = found
ssl_conf = tls
[found]
nowhere = missing
default = silent
[missing]
module = /nowhere/provider.so
activate = 1
[silent]
activate = 0
[tls]
system_default = strict
[strict]
MinProtocol = TLSv1.3
MaxProtocol = TLSv1
CipherString = NULL
"""


def test_openssl_configuration_has_no_say(certificates: Certificates, address: str, tmp_path: Path) -> None:
    here = root(tmp_path, {"ca.pem": certificates.file("ca.pem"), "etc/ssl/openssl.cnf": CONFIGURATION})
    for place in ("usr/lib/ssl/openssl.cnf", "usr/local/ssl/openssl.cnf"):
        (here / place).parent.mkdir(parents=True)
        (here / place).write_text(CONFIGURATION)
    check_trusted(ask(inside(here), address, "-tls-ca-cert=/ca.pem"))
    check_trusted(ask(inside(here), address, "-tls-ca-cert=/ca.pem", OPENSSL_CONF="/etc/ssl/openssl.cnf"))


def test_openssl_configuration_is_never_opened(certificates: Certificates, address: str, tmp_path: Path) -> None:
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(CONFIGURATION)
    argv = (f"-addr={address}", "-timeout=20s", *certificates.trusting(), *certificates.showing())
    seen = watch(built("frozen"), *argv, OPENSSL_CONF=str(configuration), OPENSSL_MODULES=str(tmp_path))
    assert seen.exit_code == 0, seen.stderr
    opened = seen.named("open", "openat", "stat", "lstat", "newfstatat", "access", "readlink", "execve")[1:]
    ours = {str(certificates.file(name)) for name in ("ca.pem", "client.pem", "client.key")}
    named = {part.split('"')[1] for part in opened if '"' in part}
    # What every run looks for beside: nothing of OpenSSL's.
    assert ours <= named
    assert not any("ssl" in name or str(tmp_path) in name for name in named - ours), named
