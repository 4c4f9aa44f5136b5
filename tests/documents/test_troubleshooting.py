"""docs/troubleshooting.md: the lines that it shows are what the program prints, and its commands work."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from probe.tfs.exit_codes import TABLE
from tests.documents.known import commands_for
from tests.documents.reading import FENCED, Command, read
from tests.fake_tfs import FakeServing
from tests.support import canned
from tests.support.cases import CASES, serving
from tests.support.http1_behaviours import answer, replies
from tests.support.http2_writer import GOOD, GREETING
from tests.support.listener import accept_each
from tests.support.questions import QUESTIONS
from tests.support.scripted_server import scripted_server
from tests.support.variants import MODULE, ROOT, built

DOCUMENT = "docs/troubleshooting.md"
# A section's heading begins with its exit codes, unless it is about all of them.
SECTIONS = [
    (tuple(map(int, re.findall(r"\d+", head))), text)
    for head, text in re.findall(r"(?ms)^## (?:([\d, ]+): )?[^\n]+\n(.*?)(?=^## |\Z)", read(DOCUMENT))
]
LINES = [
    pytest.param(codes, line, id=line[:60])
    for codes, text in SECTIONS
    for block in FENCED.finditer(text)
    if block["language"] == "text"
    for line in block["text"].splitlines()
]
COMMANDS = commands_for("test_troubleshooting.py")

Server = Callable[[], contextlib.AbstractContextManager[int]]


@contextlib.contextmanager
def no_server() -> Iterator[int]:
    yield 1


@contextlib.contextmanager
def rest_port() -> Iterator[int]:
    """What TensorFlow Serving's REST port answers to HTTP/2 (captured)."""
    answer = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    def serve(connection: socket.socket, _: threading.Event) -> Callable[[], None]:
        return lambda: connection.sendall(answer) if connection.recv(1) else None

    with accept_each(serve) as port:
        yield port


@contextlib.contextmanager
def mute() -> Iterator[int]:
    with canned.mute() as place:
        yield place.port


@contextlib.contextmanager
def proxy() -> Iterator[int]:
    details = "upstream connect error or disconnect/reset before headers"
    with canned.canned_grpc(None, 14, details) as place:
        yield place.port


@contextlib.contextmanager
def ready() -> Iterator[int]:
    with serving({"default": {1: "AVAILABLE"}}) as port:
        yield port


@contextlib.contextmanager
def without_memory() -> Iterator[int]:
    details = "OOM when allocating tensor"
    with FakeServing({"default": {1: "AVAILABLE"}}, rest=False, predict_error=(8, details)) as server:
        yield server.port


def sending(*answers: bytes) -> Server:
    """A server that answers an HTTP/1.1 request with these bytes."""

    @contextlib.contextmanager
    def server() -> Iterator[int]:
        with scripted_server(replies(*answers), http2=False) as running:
            yield running.port

    return server


def failing(status: bytes, *fields: bytes) -> Server:
    return sending(answer(b"<html>", status, b"text/html", *fields))


REST = ("-addr=http://127.0.0.1:{port}",)
HTTP = "Error calling tfs: rpc error: code = "
EMPTY = ROOT / "tests" / "cli" / "__init__.py"  # as a PredictRequest, one without inputs
WAITING = ("-wait=10s", "--")
# What the tables of cases do not have: a server and a command line.
RUNS: dict[str, tuple[Server, tuple[str, ...]]] = {
    "error: cannot specify -serve": (no_server, ("-serve=:0", "-wait=1s")),
    "error: cannot specify -tls with a URL": (no_server, (*REST, "-tls")),
    "Error calling model: rpc error: code = ResourceExhausted": (without_memory, (f"-predict={EMPTY}",)),
    "error: cannot execute no_such_command": (ready, (*WAITING, "no_such_command")),
    "error: cannot execute /etc/passwd": (ready, (*WAITING, "/etc/passwd")),
    "Error dialing grpc service: connected to ADDRESS: it speaks HTTP/2, not": (sending(GREETING + GOOD), REST),
    "Error dialing grpc service: connected to ADDRESS: it speaks TLS": (
        sending(b"\x15\x03\x01\x00\x02\x02\x0a"),
        REST,
    ),
    f"{HTTP}Unknown desc = unexpected HTTP status 502": (failing(b"502 Bad Gateway"), REST),
    f"{HTTP}Unknown desc = unexpected HTTP status 302": (
        failing(b"302 Found", b"Location: https://login.example/"),
        REST,
    ),
    f"{HTTP}NotFound desc = unexpected HTTP status 404": (failing(b"404 Not Found"), REST),
    "error: specified -tls-ca-cert without": (no_server, ("-tls-ca-cert=ca.pem",)),
    "error: -alts needs": (no_server, ("-alts",)),
    "flag provided but not defined": (no_server, ("-model_name=x",)),
    "invalid value": (no_server, ("-timeout=1",)),
    "unexpected argument": (no_server, ("-tls", "true")),
    "error: SPIFFE_ENDPOINT_SOCKET": (no_server, ("-spiffe",)),
    "Error dialing grpc service: connected to ADDRESS: it speaks HTTP/1": (rest_port, ()),
    "Error dialing grpc service: context deadline exceeded (last error: connected": (mute, ("-timeout=300ms",)),
    "Error calling tfs: rpc error: code = Unavailable": (proxy, ()),
}


def normal(line: str) -> str:
    """A line without what differs from server to server."""
    return re.sub(r"(127\.0\.0\.1|\[::1\]):\S+?(?=[:;,) ]|$)", "ADDRESS", line.rstrip())


def printed(line: str, codes: tuple[int, ...]) -> tuple[int, set[str]]:
    """How a run ends that prints such a line, with one of these codes if there is any, and what it prints."""
    for begin, (server, arguments) in RUNS.items():
        if line.startswith(begin):
            with server() as port:
                given = [argument.replace("{port}", str(port)) for argument in arguments]
                outcome = MODULE.run(f"-addr=127.0.0.1:{port}", *given)
            return outcome.exit_code, {normal(said) for said in outcome.lines}
    for case in CASES:
        if normal(case.lines[-1]) == line:
            return case.exit_code, {line}
    for row in QUESTIONS:
        if line in row.lines and (row.exit_code in codes or not codes):
            return row.exit_code, {line}
    pytest.fail("neither a case of the table nor a run above prints this line")


@pytest.mark.parametrize(("codes", "line"), LINES)
def test_a_line_is_what_the_program_prints(codes: tuple[int, ...], line: str) -> None:
    exit_code, lines = printed(normal(line), codes)
    assert exit_code in codes or not codes
    assert normal(line) in lines


def test_every_exit_code_has_a_section() -> None:
    assert {code for codes, _ in SECTIONS for code in codes} == {code for code, _, _, _ in TABLE}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_works(command: Command, tmp_path: Path) -> None:
    """`kubectl exec` with a kubectl that runs what it would run in the container."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift 2\nexec "$PROBE" "$@"\n')
    kubectl.chmod(0o755)
    certificate = trustme.CA().issue_cert("half.example").cert_chain_pems[0]
    certificate.write_to_path(str(tmp_path / "FILE"))
    with FakeServing({"half_plus_two": {124: "AVAILABLE"}}, rest=False) as server:
        text = command.text.replace("-addr=:8500", f"-addr=:{server.port}")
        done = subprocess.run(
            ["sh", "-euc", text],
            cwd=tmp_path,
            env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PROBE": built("frozen").command[0]},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    if shlex.split(command.text)[0] == "openssl":
        assert "DNS:half.example" in done.stdout
    else:
        assert done.stderr.endswith(" Servable state is AVAILABLE\n")
