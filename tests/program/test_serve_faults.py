"""-serve under attack and beside a server that fails: answers within 100 ms, and right within two intervals."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.fake_tfs import FakeServing
from tests.support.certificates import shared
from tests.support.sidecar import Sidecar, read_to_end, sidecar
from tests.support.variants import ROOT, Variant, on, on_each_interpreter

INTERVAL = 0.5
FLAG = f"-serve-interval={INTERVAL}s"
READY = {"half": {123: "AVAILABLE"}}
GET = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
MAX_SECONDS = 0.1
MAX_LATE_PERCENT, MAX_LATE_SECONDS = 1, 1.0  # this machine is shared: the kernel may not let a process run for a while


class Watcher:
    """Asks /readyz all the time, each time on a new connection as a kubelet does, and keeps how long it took."""

    def __init__(self, probe: Sidecar) -> None:
        self._probe = probe
        self._over = threading.Event()
        self.seconds: list[float] = []
        self.statuses: list[tuple[float, int]] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.wait(0.01):
            reply = self._probe.get("/readyz")
            self.seconds.append(reply.seconds)
            self.statuses.append((time.monotonic(), reply.status))

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        late = sorted(seconds for seconds in self.seconds if seconds > MAX_SECONDS)
        assert self.seconds
        assert len(late) <= len(self.seconds) * MAX_LATE_PERCENT / 100, late
        assert not late or late[-1] < MAX_LATE_SECONDS, late

    def became(self, status: int, since: float) -> float:
        """Seconds from `since` to the first answer after which the status stayed so."""
        last_other = max((when for when, other in self.statuses if other != status and when > since), default=since)
        return last_other - since


@contextlib.contextmanager
def ready(variant: Variant) -> Iterator[tuple[FakeServing, Sidecar]]:
    with (
        FakeServing(READY, rest=False) as tfs,
        sidecar(variant, f"-addr=:{tfs.port}", "-model-name=half", FLAG) as probe,
    ):
        probe.wait_for_status(200)
        yield tfs, probe


def statuses(answers: bytes) -> list[int]:
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


# Clients.


@on("frozen")
def test_200_slow_clients(variant: Variant) -> None:
    with ready(variant) as (_, probe), Watcher(probe) as watcher, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(probe.connect()) for _ in range(200)]
        limit = time.monotonic() + 2
        place = 0
        while time.monotonic() < limit:
            for client in slow:
                with contextlib.suppress(OSError):
                    client.send(GET[place % 10 : place % 10 + 1])
            place += 1
            time.sleep(0.1)
        assert probe.descriptors() < 64 + 12
    assert {status for _, status in watcher.statuses} == {200}


@on("frozen")
def test_1000_connections_at_once(variant: Variant) -> None:
    with ready(variant) as (_, probe), Watcher(probe) as watcher, contextlib.ExitStack() as stack:
        for _ in range(1000):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", probe.port))
        time.sleep(0.5)
        assert probe.descriptors() < 64 + 12
    assert {status for _, status in watcher.statuses} == {200}


@on("frozen")
def test_64_connections_and_one_more(variant: Variant) -> None:
    """The one that has gone longest without a complete request is closed."""
    with ready(variant) as (_, probe), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(probe.connect()) for _ in range(64)]
        for client in (*clients, *clients[:10], *clients[11:]):
            client.sendall(GET)
            assert b" 200 OK" in client.recv(4096)
        clients[10].sendall(GET[:5])
        time.sleep(0.05)
        assert probe.get("/readyz").status == 200
        assert read_to_end(clients[10]) == b""
        for client in clients[:10]:
            client.sendall(GET)
            assert b" 200 OK" in client.recv(4096)


@on("frozen")
def test_a_client_has_five_seconds(variant: Variant) -> None:
    with ready(variant) as (_, probe), probe.connect() as half, probe.connect() as silent:
        begun = time.monotonic()
        half.sendall(GET[:10])
        assert statuses(read_to_end(half)) == [408]
        assert 4.5 < time.monotonic() - begun < 8
        assert read_to_end(silent) == b""


@on_each_interpreter
def test_pipelined_requests(variant: Variant) -> None:
    with ready(variant) as (_, probe), Watcher(probe), probe.connect() as client:
        requests = [GET, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n"] * 200
        sender = threading.Thread(target=client.sendall, args=(b"".join(requests) + b"GET / HTTP/1.0\r\n\r\n",))
        sender.start()
        answers = read_to_end(client)
        sender.join()
    assert statuses(answers) == [200, 200, 404] * 200 + [200]


@on("frozen")
def test_10000_malformed_requests(variant: Variant) -> None:
    """Every one gets a status, or is closed because it was incomplete; the process lives on."""
    chance = random.Random(12)
    with ready(variant) as (_, probe), Watcher(probe):
        before = probe.descriptors()
        for _ in range(10_000):
            data = bytearray(GET)
            for _ in range(chance.randrange(1, 5)):
                place = chance.randrange(len(data))
                choice = chance.randrange(4)
                if choice == 0:
                    data[place] = chance.randrange(256)
                elif choice == 1:
                    del data[place : place + chance.randrange(8)]
                elif choice == 2:
                    data[place:place] = chance.choice(
                        [b"\r\n", b"\0", b" ", b":", b"\xff" * 40, b"Content-Length: 9\r\n"]
                    )
                else:
                    data += data[place:]
                if not data:
                    data = bytearray(b"\n")
            with probe.connect() as client:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                answers = read_to_end(client)
            assert answers == b"" or answers.startswith(b"HTTP/1.1 "), (data, answers)
        assert probe.get("/healthz").status == 200
        assert probe.descriptors() <= before + 4
    assert not [line for line in probe.lines if "internal error" in line]


@on("frozen")
def test_a_client_that_does_not_read_holds_nobody_up(variant: Variant) -> None:
    with ready(variant) as (_, probe), Watcher(probe), contextlib.ExitStack() as stack:
        for _ in range(30):
            client = stack.enter_context(probe.connect())
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(1000):
                    client.send(GET * 100)
        time.sleep(1)
        assert probe.status("VmRSS") < 16 * 1024


@on("frozen")
def test_no_descriptors_are_left(variant: Variant) -> None:
    """With a low limit, clients' connections replace each other, and the one to the server is still made."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))

    with FakeServing(READY, rest=False) as tfs:
        process = variant.start("-serve=127.0.0.1:0", f"-addr=:{tfs.port}", "-model-name=half", FLAG, preexec_fn=limit)
        try:
            probe = Sidecar(process)
            probe.wait_for_status(200)
            with contextlib.ExitStack() as stack:
                for _ in range(40):
                    stack.enter_context(probe.connect())
                for _ in range(20):
                    assert probe.get("/healthz").seconds < 1
            probe.wait_for_status(200)
            assert probe.cpu_seconds() < 2
        finally:
            process.kill()
            process.communicate()


# The server.


class OtherProcess:
    """The stand-in server in a process of its own, which can be stopped and killed."""

    def __init__(self, port: int = 0, script: str = "steady") -> None:
        command = [
            sys.executable, "-m", "tests.fake_tfs", "--script", script, "--no-rest", "--model", "half",
            f"--port={port}",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = next(int(line.split()[-1]) for line in self.process.stdout if line.startswith("gRPC port"))

    def __enter__(self) -> OtherProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def right_in_time(watcher: Watcher, status: int, since: float) -> None:
    """Waits two intervals and a little more, and looks whether the answers were right after two."""
    time.sleep(max(since + 2 * INTERVAL + 0.3 - time.monotonic(), 0))
    assert watcher.statuses[-1][1] == status
    assert watcher.became(status, since) < 2 * INTERVAL + 0.1


@on("module", "frozen")
def test_a_server_that_is_stopped_killed_and_replaced(variant: Variant) -> None:
    with OtherProcess() as server, sidecar(variant, f"-addr=:{server.port}", "-model-name=half", FLAG) as probe:
        probe.wait_for_status(200)
        with Watcher(probe) as watcher:
            server.process.send_signal(signal.SIGSTOP)  # it accepts connections, and says nothing
            right_in_time(watcher, 503, time.monotonic())
            assert probe.get("/livez").status == 503
            assert probe.metrics()["tfs_probe_up"] == 0
            server.process.send_signal(signal.SIGCONT)
            right_in_time(watcher, 200, time.monotonic())
            server.process.kill()
            server.process.wait()
            right_in_time(watcher, 503, time.monotonic())
            with OtherProcess(server.port) as _:
                right_in_time(watcher, 200, time.monotonic())
            right_in_time(watcher, 503, time.monotonic())
            with OtherProcess(server.port, "loading") as _:
                probe.wait_for_line("half: Servable state is LOADING")
                assert probe.get("/livez").status == 200


@on("module", "frozen")
def test_a_certificate_is_replaced(variant: Variant, tmp_path: Path) -> None:
    """The server gets a certificate of another authority, and the file with the authority follows."""
    certificates = shared()
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(certificates.read("other-ca.pem"))
    with FakeServing(READY, rest=False, tls=certificates.pair("server")) as first:
        port = first.port
        with sidecar(
            variant, f"-addr=localhost:{port}", "-model-name=half", "-tls", f"-tls-ca-cert={trusted}", FLAG
        ) as probe:
            probe.wait_for_line("its certificate is not trusted")
            trusted.unlink()
            probe.wait_for_line("cannot be read")
            trusted.write_bytes(certificates.read("ca.pem"))
            probe.wait_for_status(200)
            first.close_ports()
            probe.wait_for_status(503)
            first.open_ports()
            probe.wait_for_status(200)


@on("module", "frozen")
def test_a_client_certificate_is_replaced(variant: Variant, tmp_path: Path) -> None:
    """The server demands another authority's after a restart, and the files follow."""
    certificates = shared()

    def show(name: str) -> None:
        for ending in ("pem", "key"):
            (tmp_path / "new").write_bytes(certificates.read(f"{name}.{ending}"))
            (tmp_path / "new").rename(tmp_path / f"client.{ending}")

    flags = ("-tls-client-cert", "client.pem"), ("-tls-client-key", "client.key")
    shown = [f"{flag}={tmp_path / file}" for flag, file in flags]
    show("client")
    server = FakeServing(READY, rest=False, tls=certificates.pair("server"), client_ca=certificates.read("ca.pem"))
    with (
        server as first,
        sidecar(
            variant, f"-addr=localhost:{first.port}", "-model-name=half", *certificates.trusting(), *shown, FLAG
        ) as probe,
    ):
        probe.wait_for_status(200)
        show("client-of-other-ca")
        rounds = probe.metrics()['tfs_probe_checks_total{result="success"}']
        probe.wait_until(lambda _: probe.metrics()['tfs_probe_checks_total{result="success"}'] > rounds + 1, "/healthz")
        assert probe.get("/readyz").status == 200  # the connection is kept
        first.stop()
        probe.wait_for_status(503)
        theirs = certificates.read("other-ca.pem")
        with FakeServing(READY, rest=False, port=first.port, tls=certificates.pair("server"), client_ca=theirs):
            probe.wait_for_status(200)
