"""What people type and paste, on the whole program: addresses, values, mistyped command lines."""

from __future__ import annotations

import subprocess

import pytest

from probe.tfs import exit_codes
from tests.support.canned import Request, Script, canned_grpc, canned_http2
from tests.support.hints import HINTS
from tests.support.http2_writer import READY, data, headers, trailers
from tests.support.variants import Variant, built, on_each_interpreter
from tests.support.wire import AVAILABLE, END, LOADING, entry, status

# F9: `:authority` is the address as it was given, with its port.

AUTHORITIES = {
    "127.0.0.1:PORT": "127.0.0.1:PORT",
    "localhost:PORT": "localhost:PORT",
    "LOCALHOST:PORT": "LOCALHOST:PORT",
    ":PORT": "localhost:PORT",
    "0.0.0.0:PORT": "0.0.0.0:PORT",
    "[::]:PORT": "[::]:PORT",
    "[::ffff:127.0.0.1]:PORT": "[::ffff:127.0.0.1]:PORT",
    "dns:///127.0.0.1:PORT": "127.0.0.1:PORT",
    "dns:127.0.0.1:PORT": "127.0.0.1:PORT",
    "passthrough:///localhost:PORT": "localhost:PORT",
}


@on_each_interpreter
@pytest.mark.parametrize("address", AUTHORITIES)
def test_authority(variant: Variant, address: str) -> None:
    seen = []

    def answer(request: Request) -> bytes:
        seen.append(dict(request.headers)[":authority"])
        fields = [(":status", "200"), ("content-type", "application/grpc")]
        return (
            headers(fields, stream=request.stream)
            + data(READY, stream=request.stream)
            + trailers(0, "", request.stream)
        )

    with canned_http2(Script(answer)) as place:
        outcome = variant.run(f"-addr={address.replace('PORT', str(place.port))}", "-timeout=5s")
    assert outcome.exit_code == exit_codes.OK, outcome
    assert seen == [AUTHORITIES[address].replace("PORT", str(place.port))]


# A10: notations of IPv4 addresses that the C library knows and people do not expect.


@on_each_interpreter
@pytest.mark.parametrize(
    "host",
    ["0", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "010.0.0.1", "0177.0.0.1", "127.0.0.01",
     "256.0.0.1", "1.2.3.4.5", "127.0.0.1."],
)  # fmt: skip
def test_numeric_host(variant: Variant, host: str) -> None:
    """Refused at once, although a server that answers may be at the address that is meant."""
    with canned_grpc(entry(1, AVAILABLE)) as place:
        outcome = variant.run(f"-addr={host}:{place.port}", "-timeout=20s")
    assert outcome.exit_code == exit_codes.DIAL
    assert outcome.hint == HINTS["numeric-host"]


# F6, F7: pasted values.


@on_each_interpreter
@pytest.mark.parametrize("scheme", ["grpc", "grpcs", "tcp", "h2c", "xds", "ftp"])
def test_scheme(variant: Variant, scheme: str) -> None:
    outcome = variant.run(f"-addr={scheme}://localhost:1", "-timeout=20s")
    assert outcome.exit_code == exit_codes.DIAL
    assert outcome.hint == HINTS["url"]


@on_each_interpreter
@pytest.mark.parametrize(
    ("flag", "value", "part"),
    [
        ("-addr", "$(ADDRESS)", "not expanded"),
        ("-addr", "${HOST}:1", "not expanded"),
        ("-addr", "localhost:$PORT", ""),
        ("-addr", '"localhost:1"', "quotes"),
        ("-addr", "'localhost:1'", "quotes"),
        ("-addr", "localhost:1 -model-name=x", "several flags"),
        ("-addr", "{{ .Values.address }}", "template"),
        ("-addr", "localhost:1 ", "white space"),
        ("-model-name", "$(MODEL_NAME)", "not expanded"),
        ("-model-name", '"half"', "quotes"),
        ("-model-name", "half ", "white space"),
        ("-model-name", "half -timeout=1s", "several flags"),
    ],
)
def test_pasted_value(variant: Variant, flag: str, value: str, part: str) -> None:
    with canned_grpc(None, 5, "Could not find any versions of model") as place:
        where = [] if flag == "-addr" else [f"-addr=127.0.0.1:{place.port}"]
        outcome = variant.run(*where, f"{flag}={value}", "-timeout=300ms")
    assert outcome.exit_code in (exit_codes.DIAL, exit_codes.NOT_FOUND)
    assert part in outcome.hint
    assert not part or f"check {flag}=" in outcome.hint


# F13: what tools show that cut a message early.


@on_each_interpreter
@pytest.mark.parametrize("versions", [1, 30, 5000])
def test_verdict_comes_early(variant: Variant, versions: int) -> None:
    history = b"".join(entry(number, END, status(15, "damaged " * 40)) for number in range(versions, 0, -1))
    for first, exit_code in ((entry(versions + 1, LOADING), exit_codes.LOADING), (b"", exit_codes.END)):
        with canned_grpc(first + history) as place:
            outcome = variant.run(f"-addr=127.0.0.1:{place.port}", "-timeout=5s")
        assert outcome.exit_code == exit_code
        early = outcome.stderr.encode()[:1024].decode(errors="ignore")
        assert "\n" + outcome.stderr.splitlines()[1] + "\n" in early
        assert "hint: " in early


# A11: control characters of argv.

TYPED = (
    ["-a\x1b[31mb"],
    ["-timeout=1\x1b[31m"],
    ["--=\x07"],
    ["-timeout=1s", "\x1b[31m"],
    ["-tls=\x1b"],
    ["-engine=\x1b"],
    ["-addr=\x1b[31m:1", "-timeout=50ms"],
    ["-rpc-header=\x1b"],
    ["-install=/\x1b/\x07"],
)


@on_each_interpreter
@pytest.mark.parametrize("argv", TYPED)
def test_control_characters(variant: Variant, argv: list[str]) -> None:
    outcome = variant.run(*argv)
    assert outcome.exit_code in (exit_codes.SETUP, exit_codes.USAGE)
    assert outcome.stderr.replace("\n", "").replace("\t", "").isprintable()


def test_control_characters_in_the_programs_name() -> None:
    program = built("frozen")
    for argv in (["-x"], ["-help"]):
        done = subprocess.run(
            ["pro\x1b[31mbe", *argv], executable=program.command[0], env=program.environment(), capture_output=True,
            check=False,
        )  # fmt: skip
        assert b"Usage of pro\\x1b[31mbe" in done.stderr
        assert b"\x1b" not in done.stderr
