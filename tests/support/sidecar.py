"""Runs the program with -serve, and asks it over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.cpu import cpu_seconds
from tests.support.runner import HANG_SECONDS
from tests.support.variants import Variant


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: str
    seconds: float


class Sidecar:
    """A running process. Its lines are read as they come."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        started = self.wait_for_line("serving on ")
        self.port = int(re.findall(r"serving on \S+:(\d+)", started)[0])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode(errors="surrogateescape").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.lines.append("(the end)")
            self._changed.notify_all()

    def wait_for_line(self, part: str, after: int = 0) -> str:
        """The first line, of those with that number and later, that has this in it."""
        limit = time.monotonic() + HANG_SECONDS
        with self._changed:
            while True:
                for line in self.lines[after:]:
                    if part in line:
                        return line
                assert "(the end)" not in self.lines, self.lines
                assert self._changed.wait(limit - time.monotonic()), self.lines

    def get(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Reply:
        """Asks on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_SECONDS)
        begun = time.monotonic()
        try:
            connection.request(method, path, headers=dict(headers or {}))
            answer = connection.getresponse()
            body = answer.read().decode(errors="surrogateescape")
            return Reply(answer.status, dict(answer.getheaders()), body, time.monotonic() - begun)
        finally:
            connection.close()

    def wait_until(self, is_right: Callable[[Reply], bool], path: str = "/readyz", seconds: float = 10.0) -> Reply:
        """Asks until the answer is right."""
        limit = time.monotonic() + seconds
        while not is_right(reply := self.get(path)):
            assert time.monotonic() < limit, (reply, self.lines)
            time.sleep(0.01)
        return reply

    def wait_for_status(self, status: int, path: str = "/readyz", seconds: float = 10.0) -> Reply:
        return self.wait_until(lambda reply: reply.status == status, path, seconds)

    def connect(self) -> socket.socket:
        """A connection of which the test writes every byte."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=HANG_SECONDS)

    def metrics(self) -> dict[str, float]:
        """The samples by name and labels."""
        lines = self.get("/metrics").body.splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    # What the process uses.

    def status(self, field: str) -> int:
        """A number of /proc/PID/status, such as VmRSS in KiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(rf"^{field}:\s+(\d+)", text, re.MULTILINE)[0])

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    def end(self) -> int:
        """Sends SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(HANG_SECONDS)


@contextlib.contextmanager
def sidecar(variant: Variant, *argv: str | bytes, env: Mapping[str, str] | None = None) -> Iterator[Sidecar]:
    """The program with -serve on a free port of 127.0.0.1. It is killed in the end, if it is still there."""
    process = variant.start("-serve=127.0.0.1:0", *argv, env=env)
    try:
        yield Sidecar(process)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def read_to_end(connection: socket.socket) -> bytes:
    """All that arrives until the other side closes or resets."""
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received
