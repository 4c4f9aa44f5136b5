"""Files that cannot serve: one sentence that names the flag and the file, and a hint. Nothing waits for anything."""

from __future__ import annotations

import os
import pty
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.frozen.roots import inside, root_with
from tests.support.certificates import Certificates, in_pem, loaded
from tests.support.hints import HINTS
from tests.support.runner import HANG_SECONDS, Outcome
from tests.support.tls_server import context, serving
from tests.support.variants import Variant, built, on_each_interpreter

ROLES = ("ca-cert", "client-cert", "client-key")
ENGINES = pytest.mark.parametrize("engine", ["native", "grpcio"])


def ask(variant: Variant, certificates: Certificates, role: str, path: str, *argv: str) -> Outcome:
    """A run in which one of the files is that one, and the others are right."""
    files = {
        "ca-cert": str(certificates.file("ca.pem")),
        "client-cert": str(certificates.file("client.pem")),
        "client-key": str(certificates.file("client.key")),
        role: path,
    }
    given = [f"-tls-{name}={place}" for name, place in files.items()]
    return variant.run("-addr=127.0.0.1:1", "-timeout=20s", "-tls", *given, *argv)


def check(outcome: Outcome, begun: str, words: str, hint: str = "tls-file") -> None:
    assert outcome.exit_code == 1, outcome
    assert outcome.verdict.startswith(f"error: {begun}"), outcome
    assert words in outcome.verdict
    assert outcome.hint == HINTS[hint]
    assert len(outcome.lines) == 2 and outcome.stdout == ""


def _directory(place: Path, certificates: Certificates) -> None:
    place.mkdir()


def _fifo(place: Path, certificates: Certificates) -> None:
    os.mkfifo(place)


def _zero(place: Path, certificates: Certificates) -> None:
    place.symlink_to("/dev/zero")


def _loop(place: Path, certificates: Certificates) -> None:
    place.symlink_to(place)


def _huge(place: Path, certificates: Certificates) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no disk space


def _content(content: bytes) -> Callable[[Path, Certificates], None]:
    def make(place: Path, certificates: Certificates) -> None:
        place.write_bytes(content)

    return make


def _der(place: Path, certificates: Certificates) -> None:
    place.write_bytes(ssl.PEM_cert_to_DER_cert(certificates.read("ca.pem").decode()))


def _certificate(place: Path, certificates: Certificates) -> None:
    place.write_bytes(certificates.read("client.pem"))


def _key(place: Path, certificates: Certificates) -> None:
    place.write_bytes(certificates.read("client.key"))


def _missing(place: Path, certificates: Certificates) -> None:
    pass


EVERYWHERE = [
    (_missing, "cannot be read: no such file or directory"),
    (_directory, "is a directory"),
    (_fifo, "is not a regular file"),
    (_zero, "is not a regular file"),
    (_loop, "cannot be read: too many levels of symbolic links"),
    (_huge, "is larger than 8 MiB"),
    (_content(b""), "it is empty"),
    (_content(b" \r\n\n"), "it is empty"),
    (_content(b"hello"), "it is not in PEM form"),
    (_der, "(DER)"),
]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("make", "words"),
    EVERYWHERE,
    ids=["missing", "dir", "fifo", "zero", "loop", "huge", "empty", "blank", "text", "DER"],
)
@on_each_interpreter
def test_not_such_a_file(
    variant: Variant, certificates: Certificates, tmp_path: Path, role: str,
    make: Callable[[Path, Certificates], None], words: str,
) -> None:  # fmt: skip
    place = tmp_path / "file.pem"
    make(place, certificates)
    check(ask(variant, certificates, role, str(place)), f"-tls-{role}: {place} ", words)


@ENGINES
@pytest.mark.parametrize(
    ("role", "make", "words"),
    [
        ("ca-cert", _key, "no certificate: it contains a private key"),
        ("client-cert", _key, "no certificate: it contains a private key"),
        ("client-key", _certificate, "no private key: it contains a certificate"),
    ],
)
def test_one_for_the_other(
    certificates: Certificates, tmp_path: Path, role: str,
    make: Callable[[Path, Certificates], None], words: str, engine: str,
) -> None:  # fmt: skip
    place = tmp_path / "file.pem"
    make(place, certificates)
    outcome = ask(built("module"), certificates, role, str(place), f"-engine={engine}")
    check(outcome, f"-tls-{role}: {place} ", words)


@pytest.mark.parametrize("role", ROLES)
def test_unreadable(certificates: Certificates, tmp_path: Path, role: str) -> None:
    """Under a uid whose file it is not."""
    root = root_with(tmp_path, built("frozen").command[0], {"closed/ca.pem": certificates.file("ca.pem")})
    for name in ("ca.pem", "client.pem", "client.key"):
        (root / name).write_bytes(certificates.read(name))
    (root / "closed/ca.pem").chmod(0o600)
    files = {"ca-cert": "/ca.pem", "client-cert": "/client.pem", "client-key": "/client.key", role: "/closed/ca.pem"}
    given = [f"-tls-{name}={place}" for name, place in files.items()]
    outcome = inside(root).run("-addr=127.0.0.1:1", "-tls", *given)
    check(outcome, f"-tls-{role}: /closed/ca.pem cannot be read: permission denied", "")


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
@pytest.mark.parametrize("client", ["client", "client-rsa"])
@on_each_interpreter
def test_an_encrypted_key(variant: Variant, certificates: Certificates, tmp_path: Path, client: str, form: str) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(in_pem(loaded(certificates.read(f"{client}.key")), form, b"secret"))
    assert b"ENCRYPTED" in key.read_bytes()
    argv = (f"-tls-client-cert={certificates.file(f'{client}.pem')}", f"-tls-client-key={key}")
    outcome = variant.run("-addr=127.0.0.1:1", *certificates.trusting(), *argv)
    check(outcome, f"-tls-client-key: the private key in {key} is encrypted", "", "tls-encrypted")


@on_each_interpreter
def test_no_passphrase_is_asked_for(variant: Variant, certificates: Certificates, tmp_path: Path) -> None:
    """Even where the program has a terminal."""
    key = tmp_path / "key.pem"
    key.write_bytes(in_pem(loaded(certificates.read("client.key")), "PKCS8", b"secret"))
    argv = (f"-tls-client-cert={certificates.file('client.pem')}", f"-tls-client-key={key}")
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [*variant.command, "-addr=127.0.0.1:1", *certificates.trusting(), *argv],
            env=variant.environment(), stdin=theirs, capture_output=True, timeout=HANG_SECONDS, check=False,
            start_new_session=True,
        )  # fmt: skip
        os.set_blocking(ours, False)
        with pytest.raises(BlockingIOError):
            os.read(ours, 1)  # nothing was written to the terminal
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 1 and b"is encrypted" in done.stderr


@on_each_interpreter
def test_the_key_of_another_certificate(variant: Variant, certificates: Certificates) -> None:
    key = certificates.file("server.key")
    outcome = ask(variant, certificates, "client-key", str(key))
    check(
        outcome, f"the private key in {key} ", f" the certificate in {certificates.file('client.pem')}", "tls-mismatch"
    )


def _damaged(pem: bytes) -> bytes:
    """The same with a hole in its middle."""
    lines = pem.splitlines(keepends=True)
    return b"".join(lines[:3] + lines[4:])


@on_each_interpreter
def test_a_damaged_certificate(variant: Variant, certificates: Certificates, tmp_path: Path) -> None:
    place = tmp_path / "file.pem"
    place.write_bytes(_damaged(certificates.read("ca.pem")))
    check(ask(variant, certificates, "ca-cert", str(place)), f"-tls-ca-cert: {place}: a certificate in it is ", "")
    place.write_bytes(certificates.read("ca.pem") + _damaged(certificates.read("other-ca.pem")))
    check(ask(variant, certificates, "ca-cert", str(place)), f"-tls-ca-cert: {place}: a certificate in it is ", "")
    place.write_bytes(_damaged(certificates.read("client.pem")))
    outcome = ask(variant, certificates, "client-cert", str(place))
    check(outcome, f"{place} and {certificates.file('client.key')} cannot be used: ", "")


@on_each_interpreter
def test_a_damaged_key(variant: Variant, certificates: Certificates, tmp_path: Path) -> None:
    place = tmp_path / "key.pem"
    secret = _damaged(certificates.read("client.key"))
    place.write_bytes(secret)
    outcome = ask(variant, certificates, "client-key", str(place), "-v")
    assert outcome.exit_code == 1
    assert "cannot be used: " in outcome.verdict
    assert not any(line.decode() in outcome.stderr for line in secret.splitlines()[1:-1])


@pytest.mark.parametrize("role", ROLES)
@on_each_interpreter
def test_names_that_are_not_utf_8(variant: Variant, certificates: Certificates, tmp_path: Path, role: str) -> None:
    """Such a file is found, and its name is shown as well as possible."""
    source = {"ca-cert": "ca.pem", "client-cert": "client.pem", "client-key": "client.key"}[role]
    place = os.fsencode(tmp_path) + b"/\xff\xe9.pem"
    Path(os.fsdecode(place)).write_bytes(certificates.read(source))
    with serving(context(certificates, client_ca="ca")) as address:
        files: dict[str, str] = {
            "ca-cert": str(certificates.file("ca.pem")),
            "client-cert": str(certificates.file("client.pem")),
            "client-key": str(certificates.file("client.key")),
            role: os.fsdecode(place),
        }
        given = [os.fsencode(f"-tls-{name}={path}") for name, path in files.items()]
        outcome = variant.run(f"-addr={address}", "-timeout=20s", "-tls", *given)
    assert outcome.exit_code == 0, outcome
    missing = os.fsdecode(os.fsencode(tmp_path) + b"/\xfe.pem")
    outcome = variant.run("-tls", os.fsencode(f"-tls-ca-cert={missing}"))
    assert outcome.exit_code == 1 and "cannot be read: no such file" in outcome.verdict


@on_each_interpreter
def test_a_key_is_never_shown(variant: Variant, certificates: Certificates) -> None:
    secrets = [line for line in certificates.read("client.key").decode().splitlines() if "-----" not in line]
    with serving(context(certificates, client_ca="ca")) as address:
        for authority in ("ca", "other-ca"):
            argv = (*certificates.trusting(authority), *certificates.showing(), "-v")
            outcome = variant.run(f"-addr={address}", "-timeout=20s", *argv)
            assert not any(secret in outcome.stderr for secret in secrets)
            assert f"-tls-client-key={certificates.file('client.key')}" in outcome.stderr.replace('"', "")
