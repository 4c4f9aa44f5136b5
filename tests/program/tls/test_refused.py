"""Certificates that are not taken, each for a reason of its own."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.program.tls.test_pairings import ask, check_refused
from tests.support.certificates import Certificates
from tests.support.hints import HINTS
from tests.support.tls_server import NO_SECURITY, context, serving
from tests.support.variants import Variant, built, on_each_interpreter

NOT_FOR = "its certificate is not for "


class Row(NamedTuple):
    """A server's certificate, the command line's names and authorities, and the outcome."""

    name: str
    certificate: str
    words: str
    hint: str
    argv: tuple[str, ...] = ()
    authority: str = "ca"
    ciphers: str = ""


ROWS = [
    Row("another name", "half", f"{NOT_FOR}127.0.0.1, but for half.example", "tls-name"),
    Row(
        "another name asked for",
        "server",
        f"{NOT_FOR}quarter.example, but for localhost, 127.0.0.1, 0:0:0:0:0:0:0:1, half.example",
        "tls-name",
        ("-tls-server-name=quarter.example",),
    ),
    Row("another address", "server", f"{NOT_FOR}127.0.0.2", "tls-name", ("-tls-server-name=127.0.0.2",)),
    Row("an address as a name", "half", NOT_FOR, "tls-name", ("-tls-server-name=::1",)),
    Row("the name alone under a wildcard", "wildcard", NOT_FOR, "tls-name", ("-tls-server-name=half.example",)),
    Row("two labels under a wildcard", "wildcard", NOT_FOR, "tls-name", ("-tls-server-name=a.b.half.example",)),
    Row("a part of a label", "partial-wildcard", NOT_FOR, "tls-name", ("-tls-server-name=half.example",)),
    Row("a wildcard for a whole top domain", "wide", NOT_FOR, "tls-name", ("-tls-server-name=half.example",)),
    Row(
        "the common name alone",
        "common-name",
        f"{NOT_FOR}localhost, and names no host",
        "tls-name",
        ("-tls-server-name=localhost",),
    ),
    Row("another authority", "server", "its certificate is not trusted", "tls-untrusted", authority="other-ca"),
    Row("of another authority", "of-other-ca", "the last one was issued by organizationName=Their CA", "tls-untrusted"),
    Row("self-signed", "self-signed", "not trusted: self-signed certificate", "tls-untrusted"),
    Row("without its intermediate", "headless", "(it sent 1 certificate; the last one was issued by", "tls-untrusted"),
    Row("expired", "expired", "its certificate has expired (on ", "tls-expired"),
    Row("not valid yet", "early", "its certificate is not valid yet (from ", "tls-not-yet"),
    Row("for clients alone", "for-clients", "purpose", "tls-certificate"),
    Row("a short key", "weak", "is too weak", "tls-weak", ciphers=NO_SECURITY),
]
EVERY_ROW = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


@EVERY_ROW
@on_each_interpreter
def test_refused(variant: Variant, certificates: Certificates, row: Row) -> None:
    with serving(context(certificates, row.certificate, ciphers=row.ciphers)) as address:
        outcome = ask(variant, address, *certificates.trusting(row.authority), *row.argv)
    check_refused(outcome, row.words, row.hint)


# The library's own rules are wider: it has no say in the length of keys, takes a common name for a host's, and a
# wildcard for a whole top domain.
TAKEN_BY_THE_LIBRARY = ("a short key", "the common name alone", "a wildcard for a whole top domain")


@EVERY_ROW
def test_by_the_second_engine(certificates: Certificates, row: Row) -> None:
    """It retries until the time is up, and shows the library's last error."""
    taken = row.name in TAKEN_BY_THE_LIBRARY
    patience = "20s" if taken else "300ms"
    with serving(context(certificates, row.certificate, ciphers=row.ciphers)) as address:
        argv = (*certificates.trusting(row.authority), *row.argv, "-engine=grpcio", f"-connect-timeout={patience}")
        outcome = built("module").run(f"-addr={address}", *argv)
    assert outcome.exit_code == (0 if taken else 2), outcome
    assert outcome.stdout == ""
    if not taken:
        assert outcome.verdict.startswith("Error dialing grpc service: context deadline exceeded")
        assert all(line.startswith(("Error dialing", "hint: ")) for line in outcome.lines)


@pytest.mark.parametrize("name", ["größe.example", ".half.example", "half.example\udcff", "."])
@on_each_interpreter
def test_names_that_no_certificate_has(variant: Variant, certificates: Certificates, name: str) -> None:
    outcome = variant.run("-addr=127.0.0.1:1", *certificates.trusting(), f"-tls-server-name={name}", "-timeout=20s")
    assert outcome.exit_code == 1
    assert outcome.verdict.endswith("cannot be the name in a certificate")
    assert outcome.hint == HINTS["tls-bad-name"]
