"""A network of a test's own: one nameserver, and TensorFlow Serving's answer on port 8500 of every address.

`run_in_network` opens the namespaces and runs this file in them, which serves, runs the program, and reports.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.http2_writer import GOOD, GREETING, PREFACE
from tests.support.namespaces import namespaces
from tests.support.runner import Outcome, start_session, wait_for
from tests.support.variants import ROOT, Variant

PORT = 8500
A, AAAA = 1, 28
TYPES = {"A": A, "AAAA": AAAA}
RESPONSE, TRUNCATED, RECURSION, AVAILABLE = 0x8000, 0x0200, 0x0100, 0x0080
NO_ERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
CODES = {"servfail": SERVFAIL, "nxdomain": NXDOMAIN, "refused": REFUSED}
SIOCSIFFLAGS, UP_AND_RUNNING = 0x8914, 0x41


@dataclass(frozen=True)
class Network:
    """What the nameserver knows, and how it behaves.

    `records`: name -> type (`A`, `AAAA`) -> addresses. `conduct`: type -> `drop` (no answer), `servfail`, `nxdomain`,
    `refused`, `empty` (no address, no error), `truncated` (the answer is given over TCP only), `half` (the packet ends
    in the middle), or seconds to wait before a good answer."""

    records: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    conduct: Mapping[str, str | float] = field(default_factory=dict)
    resolv_conf: str = "nameserver 127.0.0.1\n"
    hosts: str = ""
    setup: Sequence[Sequence[str]] = ()
    """Commands that run before, for example for further interfaces."""
    listens_at: Sequence[str] = ("127.0.0.1", "::1")


class Asked(NamedTuple):
    """How a run in a network ended, how many seconds it took, and the questions: names and types, in their order."""

    outcome: Outcome
    seconds: float
    questions: list[tuple[str, str]]


def run_in_network(network: Network, variant: Variant, folder: Path, *argv: str, wrapper: Sequence[str] = ()) -> Asked:
    """Runs the program in such a network. `wrapper`: a command that runs the program."""
    publish(network, folder)
    serve = [sys.executable, "-m", __name__, str(folder), *wrapper, *variant.command, *argv]
    env = variant.environment({"PYTHONPATH": str(ROOT)})
    process = start_session([*namespaces("--net", "--mount"), *serve], env)
    stdout, stderr = wait_for(process)
    assert process.returncode == 0, stderr.decode()
    report = json.loads((folder / "report").read_text())
    questions = [(name, kind) for name, kind in report["questions"]]
    return Asked(Outcome(report["exit_code"], stdout.decode(), stderr.decode()), report["seconds"], questions)


def publish(network: Network, folder: Path) -> None:
    """What the nameserver answers from now on. Only its records and its conduct can change while it runs."""
    new = folder / "network.new"
    new.write_text(json.dumps(network.__dict__))
    new.rename(folder / "network")


def _published(folder: Path) -> Network:
    return Network(**json.loads((folder / "network").read_text()))


# Inside the namespaces.


def main(folder: Path, command: Sequence[str]) -> None:
    network = _published(folder)
    with socket.socket() as any_socket:  # a new namespace's loopback interface is down
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", UP_AND_RUNNING))
    for preparation in network.setup:
        subprocess.run(preparation, check=True)
    for name, content in (
        ("resolv.conf", network.resolv_conf),
        ("nsswitch.conf", "hosts: files dns\n"),
        ("hosts", network.hosts),
    ):
        (folder / name).write_text(content)
        if os.path.exists(f"/etc/{name}"):
            subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)
    questions: list[tuple[str, str]] = []
    _serve_names(folder, questions)
    for address in network.listens_at:
        _serve_answers(address)
    begun = time.monotonic()
    exit_code = subprocess.run(command, check=False).returncode
    seconds = time.monotonic() - begun
    (folder / "report").write_text(json.dumps({"exit_code": exit_code, "seconds": seconds, "questions": questions}))


def _serve_names(folder: Path, questions: list[tuple[str, str]]) -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 53))
    streams = socket.create_server(("127.0.0.1", 53))

    def answer_datagram(question: bytes, client: Any) -> None:
        name, kind, reply = _reply(_published(folder), question, over_tcp=False)
        questions.append((name, kind))
        if reply:
            datagrams.sendto(reply, client)

    def over_udp() -> None:
        while True:
            _in_thread(answer_datagram, *datagrams.recvfrom(4096))

    def over_tcp() -> None:
        while True:
            connection, _ = streams.accept()
            _in_thread(answer_stream, connection)

    def answer_stream(connection: socket.socket) -> None:
        with connection:
            while head := connection.recv(2, socket.MSG_WAITALL):
                question = connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
                _, _, reply = _reply(_published(folder), question, over_tcp=True)
                if reply:
                    connection.sendall(len(reply).to_bytes(2, "big") + reply)

    _in_thread(over_udp)
    _in_thread(over_tcp)


def _reply(network: Network, question: bytes, over_tcp: bool) -> tuple[str, str, bytes]:
    """The name and the type asked for, and the reply; empty for none."""
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += 1 + length
    name, kind = ".".join(labels), int.from_bytes(question[at + 1 : at + 3], "big")
    end = at + 5
    kind_name = next((known for known, number in TYPES.items() if number == kind), str(kind))
    conduct = network.conduct.get(kind_name, "")
    if conduct == "drop":
        return name, kind_name, b""
    if not isinstance(conduct, str):
        time.sleep(conduct)
    records = network.records.get(name.lower())
    addresses = [] if records is None or conduct == "empty" else records.get(kind_name, [])
    code = CODES.get(str(conduct), NXDOMAIN if records is None else NO_ERROR)
    flags = RESPONSE | RECURSION | AVAILABLE | code
    if conduct == "truncated" and not over_tcp:
        flags, addresses = flags | TRUNCATED, []
    family = socket.AF_INET if kind == A else socket.AF_INET6
    packed = [] if code else [socket.inet_pton(family, address) for address in addresses]
    reply = question[:2] + struct.pack(">HHHHH", flags, 1, len(packed), 0, 0) + question[12:end]
    for address in packed:
        reply += struct.pack(">HHHIH", 0xC00C, kind, 1, 60, len(address)) + address
    return name, kind_name, reply[: len(reply) // 2] if conduct == "half" else reply


def _serve_answers(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    host, _, zone = address.partition("%")
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, PORT, 0, socket.if_nametoindex(zone)) if zone else (host, PORT))
    listener.listen()

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            _in_thread(answer, connection)

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(len(PREFACE), socket.MSG_WAITALL)
            connection.sendall(GREETING + GOOD)
            while connection.recv(65536):
                pass

    _in_thread(accept)


def _in_thread(work: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
