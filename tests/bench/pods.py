"""What watching a model costs in an hour on containerd: by exec probes, and by the sidecar, both as deploy/ has them.

Strategy: a container runtime of our own runs a pod, and the stand-in server is outside, on the same network. Of an exec
probe all CPU time counts that containerd and its descendants spend, those that have ended too: containerd's own, its
shim's, runc's and the probe's. Probes follow each other at once, so that nothing else is in the figure. The sidecar
needs the runtime only to be started, so its own CPU time counts. It runs in real time at its own interval, and is asked
as often as the kubelet and Prometheus would ask.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import grpc

from probe.cli import duration
from probe.cli.flags import parse
from tests.deploy import cri, images
from tests.deploy.documents import USES, load
from tests.deploy.sidecar import POD_MONITOR, server_of, sidecar_of
from tests.frozen.roots import SBIN
from tests.support.cpu import cpu_seconds
from tests.support.runner import HANG_SECONDS

from .programs import Program
from .results import Hourly
from .samples import Failed
from .session import server

IMAGE, IDLE_IMAGE = "bench.example.com/probe:1", "bench.example.com/server:1"
IDLE = "usr/bin/tensorflow_model_server"
COMMANDS = ("containerd", "ctr", "runc", "busybox")
HOUR = 3600
TICKS = os.sysconf("SC_CLK_TCK")

# The exec probe that stands in the sidecar's place, and how often the kubelet runs it.
READINESS = next(use for use in USES if (use.file, use.kind) == ("kubernetes", "readinessProbe"))
PERIOD = int(READINESS.container[READINESS.kind]["periodSeconds"])
(MODEL,) = READINESS.models


class Runs(NamedTuple):
    """How often each program is probed, so many times in a row; and for how many seconds the sidecar is watched."""

    rounds: int
    probes: int
    seconds: int


FULL = Runs(5, 20, 60)
QUICK = Runs(1, 3, 10)


class Unavailable(Exception):
    """Why nothing can be measured on containerd here."""


def measure(programs: Sequence[Program], runs: Runs) -> list[Hourly]:
    """CPU seconds in an hour: of the sidecar, which is the first program, and of exec probes of each program. Raises
    Unavailable."""
    with ExitStack() as stack:
        pod = stack.enter_context(_pod(programs))
        port = stack.enter_context(server("--model", MODEL))
        commands = [_command(number, program, port) for number, program in enumerate(programs)]
        for command in commands:  # warm
            pod.probe(command)
        spent = [0.0] * len(commands)
        for _ in range(runs.rounds):
            for number, command in enumerate(commands):
                before = pod.cpu_seconds()
                for _ in range(runs.probes):
                    pod.probe(command)
                spent[number] += pod.cpu_seconds() - before
        watched = pod.sidecar_cpu_seconds(port, runs.seconds) / runs.seconds
    interval = duration.render(parse(sidecar_of("kubernetes")["args"], {}).values["serve-interval"])
    rows = [Hourly(f"sidecar, every {interval}", round(watched * HOUR, 3))]
    for program, seconds in zip(programs, spent, strict=True):
        name = f"{program.name if program.is_peer else 'exec probe'}, every {PERIOD}s"
        rows.append(Hourly(name, round(seconds / (runs.rounds * runs.probes) * HOUR / PERIOD, 3), program.is_peer))
    return rows


def _command(number: int, program: Program, port: int) -> list[str]:
    """The exec probe of deploy/kubernetes.yaml. A peer may know no flag but the original's."""
    arguments = READINESS.arguments(port, Path("/config"))
    if program.is_peer:
        arguments = [word for word in arguments if word.startswith(("-addr=", "-model-name="))]
    return [f"/{_place(number)}", *arguments]


def _place(number: int) -> str:
    """Where a program is in the server's image."""
    return f"bin/probe_{number}"


class Pod:
    """A pod with a container in which the probes run."""

    def __init__(self, runtime: cri.Runtime, pod: cri.Pod) -> None:
        self._runtime = runtime
        self._pod = pod
        container, self._spec = server_of("kubernetes")
        self._container = pod.start(container | {"image": IDLE_IMAGE, "args": [], "volumeMounts": []}, self._spec)

    def probe(self, command: list[str]) -> None:
        """Runs a probe, which must succeed."""
        done = self._pod.probe(self._container, command)
        if done.exit_code:
            raise Failed(f"{command[0]} ended with {done.exit_code} in a pod: {done.stderr.strip()}")

    def cpu_seconds(self) -> float:
        """CPU time that containerd and all its descendants have spent so far."""
        return sum(map(_cpu_seconds_with_children, _descendants(self._runtime.pid)))

    def sidecar_cpu_seconds(self, port: int, seconds: int) -> float:
        """CPU time that the sidecar spends in these seconds, beside the server on that port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            serving = free.getsockname()[1]
        container = sidecar_of("kubernetes")
        places = {":8500": f":{port}", ":9808": f":{serving}"}
        arguments = [
            f"{name}={places.get(value, value)}"
            for name, _, value in (word.partition("=") for word in container["args"])
        ]
        self._pod.start(container | {"image": IMAGE, "args": arguments, "volumeMounts": []}, self._spec)
        _wait_until_ready(serving)
        (pid,) = (pid for pid in _descendants(self._runtime.pid) if f"-serve=:{serving}" in _arguments(pid))
        before = cpu_seconds(pid)
        _ask_as_deployed(serving, seconds)
        return cpu_seconds(pid) - before


@contextmanager
def _pod(programs: Sequence[Program]) -> Iterator[Pod]:
    """A pod whose images have all these programs. Raises Unavailable."""
    if os.geteuid() != 0:
        raise Unavailable("containerd needs root")
    for name in COMMANDS:
        if shutil.which(name, path=SBIN) is None:
            raise Unavailable(f"{name} is not installed: run build/system_packages.sh test")
    busybox = Path(str(shutil.which("busybox", path=SBIN))).read_bytes()
    idle = {"bin/busybox": busybox, IDLE: b"#!/bin/busybox sh\nexec /bin/busybox tail -f /dev/null\n"}
    probes = {_place(number): program.file.read_bytes() for number, program in enumerate(programs)}
    with ExitStack() as stack:
        # A socket's path is short.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        try:
            runtime = stack.enter_context(cri.containerd(folder))
            archive = folder / "image.tar"
            runtime.load(images.write(archive, cri.PAUSE, idle, [f"/{IDLE}"]))
            runtime.load(images.write(archive, IDLE_IMAGE, idle | probes, [f"/{IDLE}"]))
            runtime.load(images.write(archive, IMAGE, {_place(0): probes[_place(0)]}, [f"/{_place(0)}"]))
            pod = Pod(runtime, stack.enter_context(runtime.pod(folder, {})))
        except (RuntimeError, grpc.RpcError) as error:
            raise Unavailable(f"containerd runs no pod here: {(str(error).strip() or '?').splitlines()[-1]}") from error
        yield pod


def _requests() -> list[tuple[str, int]]:
    """What is asked of the sidecar in deploy/sidecar, and every how many seconds."""
    container, _ = server_of("kubernetes")
    probes = [container["readinessProbe"], container["livenessProbe"], sidecar_of("kubernetes")["livenessProbe"]]
    (monitor,) = load(POD_MONITOR)
    (scrape,) = monitor.content["spec"]["podMetricsEndpoints"]
    return [
        *((probe["httpGet"]["path"], int(probe["periodSeconds"])) for probe in probes),
        (scrape["path"], int(scrape["interval"].removesuffix("s"))),
    ]


def _ask_as_deployed(port: int, seconds: int) -> None:
    """Takes so many seconds."""
    begun = time.monotonic()
    due = sorted((at, path) for path, period in _requests() for at in range(0, seconds, period))
    for at, path in due:
        time.sleep(max(begun + at - time.monotonic(), 0))
        status = _get(port, path)
        if status != 200:
            raise Failed(f"the sidecar answered {status} on {path}")
    time.sleep(max(begun + seconds - time.monotonic(), 0))


def _wait_until_ready(port: int) -> None:
    limit = time.monotonic() + HANG_SECONDS
    while _get(port, "/readyz") != 200:
        if time.monotonic() > limit:
            raise Failed("the sidecar has not become ready in a pod")
        time.sleep(0.05)


def _get(port: int, path: str) -> int:
    """Asks as the kubelet does, on a connection of its own; the status, or 0 without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return 0
    finally:
        connection.close()


# Processes. Those that end while they are looked at count as ended.


def _descendants(root: int) -> list[int]:
    """A process and everything below it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(folder.name))
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """/proc/PID/stat from the state on (proc(5), field 3); empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _cpu_seconds_with_children(pid: int) -> float:
    """CPU time of a process, and of its children that it has waited for, and of theirs."""
    fields = _stat(pid)
    try:
        return cpu_seconds(pid) + (int(fields[13]) + int(fields[14])) / TICKS
    except (OSError, IndexError):
        return 0.0
