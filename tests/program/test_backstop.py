"""Nothing outlasts -timeout, whatever is being read or computed: neither C code that looks at no clock, nor a loop of
ours over an answer that is large or slow to decode.

The static executable's alarm is a handler in C, and ends everything. An ordinary Python runs its handlers between
bytecodes, so there the C library's own waiting is beyond reach, as README says.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from probe import process
from probe.cli.backstop import PHASES
from probe.tfs import exit_codes
from tests.support import certificates, tls_server
from tests.support.behaviours import large
from tests.support.hints import HINTS
from tests.support.http2_writer import GOOD, GREETING, hpack_integer, split_headers
from tests.support.namespaces import namespaces
from tests.support.runner import Outcome
from tests.support.scripted_server import Behaviour, Peer, scripted_server
from tests.support.variants import Variant, built, on, on_each_interpreter
from tests.support.wire import END, chunk, entry, message, scalar, status, varint

BUDGET_SECONDS = 0.2
TIMEOUT = f"-timeout={int(BUDGET_SECONDS * 1000)}ms"
LATE_SECONDS = 0.05
START_SECONDS = 0.15  # for namespaces, an interpreter, and a machine with other work
ATTEMPTS = 3
MAX_MESSAGE_BYTES = 4 << 20


def good(peer: Peer) -> None:
    peer.send(GREETING)
    peer.until_request()
    peer.send(GOOD)


def in_time(
    variant: Variant, behaviour: Behaviour, *argv: str, wrapper: Sequence[str] = (), env: dict[str, str] | None = None
) -> Outcome:
    """How the program ended, which it must have done in time in one of several attempts."""
    seconds = []
    for _ in range(ATTEMPTS):
        with scripted_server(behaviour) as server:
            program = Variant(variant.name, (*wrapper, *variant.command), variant.env)
            filled = [argument.replace("PORT", str(server.port)) for argument in argv]
            begun = time.monotonic()
            outcome = program.run(*filled, TIMEOUT, env=env)
            seconds.append(time.monotonic() - begun)
        late = LATE_SECONDS if variant.name == "frozen" else LATE_SECONDS + process.START_SECONDS
        if seconds[-1] < BUDGET_SECONDS + late + START_SECONDS:
            return outcome
    pytest.fail(f"it took {seconds} s: {outcome}")


def phase(name: str) -> tuple[int, list[str]]:
    """The exit code and the lines of a run that the alarm ends in that phase."""
    code, lines = {str(known): texts for known, texts in PHASES.items()}[name]
    return code, lines.decode().splitlines()


# A FIFO where a file is expected: opening it waits for a writer that never comes.


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def in_place_of(path: str, fifo: Path) -> list[str]:
    """A command to put before another, which then finds the FIFO there."""
    script = f'touch {path} && mount --bind {shlex.quote(str(fifo))} {path} && exec "$@"'
    return [*namespaces("--mount"), "sh", "-euc", script, "sh"]


@pytest.mark.parametrize("prefix", ["", ":"])
def test_fifo_as_tz(fifo: Path, prefix: str) -> None:
    outcome = in_time(built("frozen"), good, "-addr=127.0.0.1:PORT", env={"TZ": f"{prefix}{fifo}"})
    assert outcome.exit_code == exit_codes.OK
    assert outcome.verdict == "Servable state is AVAILABLE"
    assert "TZ" in outcome.hint


def test_fifo_as_localtime(fifo: Path) -> None:
    wrapper = in_place_of("/etc/localtime", fifo)
    outcome = in_time(built("frozen"), good, "-addr=127.0.0.1:PORT", "-model-version=7", wrapper=wrapper)
    assert outcome.exit_code == exit_codes.NO_MATCH
    assert outcome.verdict == "No matching response found for version: 7"
    assert "/etc/localtime" in outcome.hint


@on_each_interpreter
@pytest.mark.parametrize("path", ["/etc/services", "/etc/nsswitch.conf"])
def test_fifo_as_services(variant: Variant, fifo: Path, path: str) -> None:
    """A Python on a shared C library may not open nsswitch.conf at all."""
    outcome = in_time(variant, good, "-addr=127.0.0.1:http", wrapper=in_place_of(path, fifo))
    assert outcome.exit_code == exit_codes.DIAL
    assert outcome.lines == phase("dial")[1] or "127.0.0.1:80" in outcome.verdict


@on_each_interpreter
@pytest.mark.parametrize("path", ["/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"])
def test_fifo_where_the_resolver_reads(variant: Variant, fifo: Path, path: str) -> None:
    outcome = in_time(variant, good, "-addr=tfs.example:PORT", wrapper=in_place_of(path, fifo))
    assert outcome.exit_code == exit_codes.DIAL
    assert outcome.hint in (HINTS["resolver"], HINTS["unresolved"])


@on_each_interpreter
@pytest.mark.parametrize("flag", ["-tls-ca-cert", "-tls-client-cert", "-tls-client-key"])
def test_fifo_as_a_certificate(variant: Variant, fifo: Path, flag: str) -> None:
    files = {f"-tls-{name}": str(certificates.shared().file(file)) for name, file in (
        ("ca-cert", "ca.pem"), ("client-cert", "client.pem"), ("client-key", "client.key"))}  # fmt: skip
    argv = [f"{name}={path}" for name, path in (files | {flag: str(fifo)}).items()]
    outcome = in_time(variant, good, "-addr=127.0.0.1:PORT", "-tls", *argv)
    assert outcome.exit_code == exit_codes.SETUP
    assert outcome.verdict == f"error: {flag}: {fifo} is not a regular file"


# Answers that take longer to decode, or to show, than the time allows.


def padded(fields: bytes) -> bytes:
    """A message of nearly the most bytes, with those fields and one that is unknown."""
    filler = MAX_MESSAGE_BYTES - len(fields) - 16
    return fields + chunk(15, bytes(filler))


LONG_TEXT = status(13, "\x01" * 40000)
SLOW = {
    "unknown fields": padded(scalar(9, 1) * 380_000),
    "unknown fields in an entry": chunk(1, scalar(9, 1) * 380_000),
    "empty entries": chunk(1, b"") * 399_999,
    "groups": (varint(9 << 3 | 3) + varint(9 << 3 | 4)) * 199_999,
    "versions": entry(1, END) * 90_000,
    "errors": entry(1, END, LONG_TEXT) * 100,
}


@on_each_interpreter
@pytest.mark.parametrize("case", SLOW)
def test_slow_answer(variant: Variant, case: str) -> None:
    """Either it is decoded in time, or the run ends with the call's phase; it never ends well without an answer."""
    outcome = in_time(variant, large(message(SLOW[case])), "-addr=127.0.0.1:PORT")
    expected = {exit_codes.CALL, exit_codes.EMPTY if case in ("unknown fields", "groups") else exit_codes.END}
    assert outcome.exit_code in expected | {exit_codes.UNKNOWN}
    assert len(outcome.lines) <= 3


@on("frozen")
def test_slow_answer_on_a_slow_machine(variant: Variant) -> None:
    """With less time the first of them is never decoded."""
    with scripted_server(large(message(SLOW["unknown fields"]))) as server:
        outcome = variant.run(f"-addr={server.address}", "-timeout=60ms")
    assert outcome.exit_code == exit_codes.CALL
    assert outcome.verdict.endswith("code = DeadlineExceeded desc = context deadline exceeded")


def huffman(symbols: int) -> bytes:
    """A header of that many symbols of the longest Huffman codes: 30 bits each (RFC 7541, appendix B)."""
    bits = "".join(f"{0x3FFFFFFC:030b}" for _ in range(symbols))
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b"\0\x01x" + hpack_integer(len(coded), 7, 0x80) + coded


@on_each_interpreter
def test_slow_header_blocks(variant: Variant) -> None:
    """Informational answers, each as long as a header block may be."""
    block = b"\x08\x03103" + huffman(12_000)

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_request()
        for _ in range(90):
            peer.send(split_headers(block))
        peer.send(GOOD)

    outcome = in_time(variant, behaviour, "-addr=127.0.0.1:PORT")
    assert outcome.exit_code == exit_codes.CALL
    assert outcome.verdict.endswith("code = DeadlineExceeded desc = context deadline exceeded")


# Files that take longer to read.


@on("frozen")
def test_many_certificates(variant: Variant, tmp_path: Path) -> None:
    """A12: the hint names what took the time. OpenSSL reads them in one call."""
    made = certificates.shared()
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"\n".join(certificate(number) for number in range(300)) * 40)
    with tls_server.serving(tls_server.context(made)) as address:
        outcome = in_time(variant, good, f"-addr={address}", "-tls", f"-tls-ca-cert={bundle}")
    assert outcome.exit_code == exit_codes.DIAL
    assert outcome.hint == HINTS["files-time"] or outcome.lines == phase("files")[1]


def certificate(number: int) -> bytes:
    return trustme.CA(organization_name=f"CA {number}").cert_pem.bytes()


@on_each_interpreter
@pytest.mark.parametrize("timeout", ["1ns", "1us", "1ms"])
def test_hardly_any_time(variant: Variant, timeout: str) -> None:
    with scripted_server(good) as server:
        outcome = variant.run(f"-addr={server.address}", f"-timeout={timeout}")
    assert outcome.exit_code in (exit_codes.DIAL, exit_codes.CALL, exit_codes.OK)
    assert outcome.exit_code == exit_codes.OK or "context deadline exceeded" in outcome.stderr
    assert "above 0" not in outcome.hint
