"""-wait: what is shown meanwhile, when it ends, and the command that replaces the process."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fake_tfs import FakeServing
from tests.support.behaviours import answers
from tests.support.canned import refused
from tests.support.certificates import shared
from tests.support.hints import HINTS
from tests.support.http1_behaviours import answer, replies
from tests.support.http2_writer import GOOD, GREETING, HEAD, TRAILERS, data, headers, trailers
from tests.support.namespaces import namespaces
from tests.support.runner import HANG_SECONDS, Outcome, start_session, wait_for
from tests.support.scripted_server import Behaviour, Peer, scripted_server
from tests.support.variants import MODULE, Variant, on_each_interpreter
from tests.support.wire import LOADING, entry, message

# A run that ended only with its time would count as hung.
FOR_EVER = "-wait=10m"
BRIEFLY = "-wait=400ms"
FAST = "-wait-interval=20ms"


def unstamped(line: str) -> str:
    return re.sub(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "", line)


# What is shown.


@on_each_interpreter
def test_one_line_for_each_change_of_state(variant: Variant) -> None:
    changes: list[Callable[[], None]] = []
    with FakeServing({"other": {1: "AVAILABLE"}}, rest=False) as server:
        for state in ("START", "LOADING", "AVAILABLE"):
            changes.append(lambda state=state: server.set("m", 1, state))  # type: ignore[misc]
        lines = []
        with variant.start(f"-addr={server.address}", "-model-name=m", FOR_EVER, FAST) as process:
            assert process.stderr
            for line in process.stderr:
                lines.append(unstamped(line.decode().rstrip("\n")))
                if lines[-1].startswith("waiting: "):
                    changes.pop(0)()
        assert process.returncode == 0
    shown = [re.sub(r" \(after \d+s\)$", "", line) for line in lines]
    assert shown == [
        "waiting: Model not found: rpc error: code = NotFound desc = Could not find any versions of model m",
        "waiting: Servable state is START",
        "waiting: Servable state is LOADING",
        "ModelStatusResponse: model_version_status:{version:1 state:AVAILABLE status:{}}",
        "Servable state is AVAILABLE",
    ]
    assert all(re.search(r" \(after \d+s\)$", line) for line in lines if line.startswith("waiting: "))


def on_terminal(variant: Variant, *argv: str) -> tuple[int, str]:
    """The exit code, and what a terminal receives."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*variant.command, *argv], env=variant.environment(), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        received = b""
        while select.select([ours], [], [], HANG_SECONDS)[0]:
            try:
                received += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
        os.close(ours)
        return process.wait(HANG_SECONDS), received.decode().replace("\r\n", "\n")


@on_each_interpreter
def test_a_line_is_rewritten_on_a_terminal(variant: Variant) -> None:
    with FakeServing({"m": {1: "LOADING"}}, rest=False) as server:
        exit_code, received = on_terminal(variant, f"-addr={server.address}", "-model-name=m", BRIEFLY, FAST)
    assert exit_code == 32
    *rewritten, last = received.split("\r\x1b[K")
    assert rewritten[0] == "" and len(rewritten) > 3
    assert all(re.fullmatch(r"waiting for \d+s: Servable state is LOADING", line) for line in rewritten[1:])
    lines = [unstamped(line) for line in last.splitlines()]
    assert lines[:2] == [
        "ModelStatusResponse: model_version_status:{version:1 state:LOADING status:{}}",
        "Servable state is LOADING",
    ]


@on_each_interpreter
def test_a_line_never_wraps_on_a_terminal(variant: Variant) -> None:
    name = "m" * 300
    with FakeServing({"other": {1: "AVAILABLE"}}, rest=False) as server:
        _, received = on_terminal(variant, f"-addr={server.address}", f"-model-name={name}", BRIEFLY, FAST)
    assert all(len(line) < 80 and "\n" not in line for line in received.split("\r\x1b[K")[1:-1])


@on_each_interpreter
@pytest.mark.parametrize("silent", ["-quiet", "-format=json"])
def test_progress_is_silenced(silent: str, variant: Variant) -> None:
    with FakeServing({"m": {1: "LOADING"}}, rest=False) as server:
        outcome = variant.run(f"-addr={server.address}", "-model-name=m", BRIEFLY, FAST, silent)
        assert outcome.exit_code == 32
        assert "waiting" not in outcome.stderr and "hint" not in outcome.stderr
        verbose = variant.run(f"-addr={server.address}", "-model-name=m", BRIEFLY, FAST, "-quiet", "-v")
    assert "waiting: Servable state is LOADING" in verbose.stderr, "-v wins over -quiet"


def test_several_models_have_one_line() -> None:
    with FakeServing({"a": {1: "AVAILABLE"}, "b": {1: "LOADING"}}, rest=False) as server:
        outcome = MODULE.run(f"-addr={server.address}", "-model-name=a", "-model-name=b", BRIEFLY, FAST)
    assert outcome.exit_code == 32
    waiting = [line for line in outcome.lines if line.startswith("waiting: ")]
    assert len(waiting) == 1
    assert waiting[0].startswith("waiting: 1/2 models ready; b: Servable state is LOADING (after ")


# When it ends.


def first_then(*pieces: bytes) -> Behaviour:
    """Answers the first request, and no other."""

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        peer.until_ready()
        peer.send(*pieces)

    return behaviour


@on_each_interpreter
def test_the_last_complete_round_counts(variant: Variant) -> None:
    with scripted_server(first_then(HEAD + data(message(entry(1, LOADING))) + TRAILERS)) as server:
        outcome = variant.run(f"-addr={server.address}", BRIEFLY, FAST)
    assert (outcome.exit_code, outcome.verdict) == (32, "Servable state is LOADING")


@on_each_interpreter
@pytest.mark.parametrize(("behaviour", "exit_code"), [(first_then(), 3), (lambda peer: None, 2)])
def test_without_a_complete_round_the_phase_counts(behaviour: Behaviour, exit_code: int, variant: Variant) -> None:
    with scripted_server(behaviour) as server:
        outcome = variant.run(f"-addr={server.address}", BRIEFLY, FAST)
    assert outcome.exit_code == exit_code, outcome


def test_timeout_bounds_a_wait() -> None:
    with FakeServing({"m": {1: "LOADING"}}, rest=False) as server:
        outcome = MODULE.run(f"-addr={server.address}", "-model-name=m", FOR_EVER, "-timeout=400ms")
    assert outcome.exit_code == 32


def rounds(*answers_: bytes) -> Behaviour:
    """Answers request after request on one connection, the last one for ever."""

    def behaviour(peer: Peer) -> None:
        peer.send(GREETING)
        stream = 1
        left = list(answers_)
        while True:
            peer.until_request()
            status = left.pop(0) if len(left) > 1 else left[0]
            peer.send(headers(((":status", "200"), ("content-type", "application/grpc")), stream=stream))
            peer.send(data(message(status), stream=stream), trailers(0, stream=stream))
            stream += 2

    return behaviour


@on_each_interpreter
def test_many_rounds_on_one_connection(variant: Variant) -> None:
    loading, ready = entry(1, LOADING), entry(1, 30)
    with scripted_server(rounds(*[loading] * 12, ready)) as server:
        outcome = variant.run(f"-addr={server.address}", FOR_EVER, FAST)
    assert outcome.exit_code == 0, outcome
    assert len(server.peers) == 1


def test_a_server_that_restarts_between_rounds() -> None:
    """The second round finds the connection closed, and makes a new one at once."""
    seen: list[Peer] = []

    def behaviour(peer: Peer) -> None:
        seen.append(peer)
        peer.send(GREETING)
        peer.until_ready()
        state = LOADING if len(seen) == 1 else 30
        peer.send(HEAD + data(message(entry(1, state))) + TRAILERS)
        if len(seen) == 1:
            peer.close()

    with scripted_server(behaviour) as server:
        outcome = MODULE.run(f"-addr={server.address}", FOR_EVER, FAST)
    assert outcome.exit_code == 0, outcome
    assert not any("broke" in line for line in outcome.lines)


PERMANENT: dict[str, tuple[Behaviour | str, tuple[str, ...], int]] = {
    "an unreadable request": ("127.0.0.1:1", ("-predict=/nowhere",), 1),
    "an unreadable file": ("127.0.0.1:1", ("-model-config-file=/nowhere",), 1),
    "a certificate file that is missing": ("127.0.0.1:1", ("-tls", "-tls-ca-cert=/nowhere"), 1),
    "an address without a port": ("localhost", (), 2),
    "a URL of another kind": ("grpc://localhost:1", (), 2),
    "HTTP/1": (lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), (), 2),
    "another protocol": (lambda peer: peer.send(b"SSH-2.0-OpenSSH_9.2\r\n"), (), 2),
    "gRPC behind http://": ("http", (), 2),
}


@on_each_interpreter
@pytest.mark.parametrize("case", PERMANENT)
def test_what_waiting_cannot_fix_ends_at_once(case: str, variant: Variant) -> None:
    where, argv, exit_code = PERMANENT[case]
    if isinstance(where, str) and where != "http":
        outcome = variant.run(f"-addr={where}", FOR_EVER, *argv)
    else:
        behaviour = replies(GREETING + GOOD) if isinstance(where, str) else where
        with scripted_server(behaviour, http2=False) as server:
            prefix = "http://" if where == "http" else ""
            outcome = variant.run(f"-addr={prefix}{server.address}", FOR_EVER, *argv)
    assert outcome.exit_code == exit_code, outcome
    assert not any(line.startswith("waiting: ") for line in outcome.lines)


def test_a_refused_certificate_ends_at_once() -> None:
    with FakeServing({"default": {1: "AVAILABLE"}}, rest=False, tls=shared().pair("half")) as server:
        outcome = MODULE.run(f"-addr={server.address}", FOR_EVER, "-tls", f"-tls-ca-cert={shared().folder}/ca.pem")
    assert (outcome.exit_code, outcome.hint) == (2, HINTS["tls-name"])


@pytest.mark.parametrize(
    ("models", "argv", "exit_code"),
    [
        ({}, (), 10),
        ({"default": {1: "END"}}, (), 34),
        ({"default": {1: ("END", 5, "x")}}, (), 34),
        ({"default": {1: "AVAILABLE"}}, ("-model-version=7",), 12),
        ({"default": {1: "AVAILABLE"}}, ("-model-label=x",), 12),
        ({"default": {1: "AVAILABLE"}}, ("-predict=/dev/../etc/hostname",), 40),
    ],
)
def test_everything_else_is_asked_again(models: Any, argv: tuple[str, ...], exit_code: int) -> None:
    with FakeServing(models, rest=False) as server:
        outcome = MODULE.run(f"-addr={server.address}", BRIEFLY, FAST, *argv)
        assert outcome.exit_code == exit_code, outcome
        assert len(server.requests) > 2 * (1 + len(argv))


@pytest.mark.parametrize("code", [7, 12, 13, 14, 16])
def test_a_failed_call_of_any_code_is_asked_again(code: int) -> None:
    with scripted_server(answers(HEAD + trailers(code, "x"))) as server:
        # After its one answer this server is mute: the complete round counts.
        outcome = MODULE.run(f"-addr={server.address}", BRIEFLY, FAST)
    assert outcome.exit_code == 3, outcome
    assert any(line.startswith("waiting: Error calling tfs") for line in outcome.lines)


@pytest.mark.parametrize(("argv", "exit_code"), [(("-addr=name.invalid:1",), 2), (("-spiffe", "-addr=:1"), 20)])
def test_an_unknown_name_and_missing_credentials_are_asked_again(argv: tuple[str, ...], exit_code: int) -> None:
    outcome = MODULE.run(
        *argv,
        BRIEFLY,
        FAST,
        "-connect-timeout=50ms",
        "-rpc-timeout=50ms",
        env={"SPIFFE_ENDPOINT_SOCKET": "unix:///nowhere/x.sock"},
    )
    assert outcome.exit_code == exit_code, outcome
    assert any(line.startswith("waiting: ") for line in outcome.lines)


@on_each_interpreter
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_wait(number: signal.Signals, variant: Variant) -> None:
    with FakeServing({"m": {1: "LOADING"}}, rest=False) as server:
        with variant.start(f"-addr={server.address}", "-model-name=m", FOR_EVER) as process:
            assert process.stderr and b"waiting: " in process.stderr.readline()
            process.send_signal(number)
        assert process.returncode == 128 + number


# The command.

# Prints what it inherited, after it has slept longer than every timeout of the run.
INHERITED = r"""
import json, os, signal, sys, time
deadline = time.monotonic() + float(sys.argv[1])
while time.monotonic() < deadline:
    time.sleep(max(deadline - time.monotonic(), 0))
status = dict(line.split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
listing = os.open("/proc/self/fd", os.O_RDONLY)
files = {}
for name in os.listdir(listing):
    if int(name) not in (listing,):
        try:
            files[name] = os.readlink("/proc/self/fd/" + name)
        except OSError:
            pass
found = {
    "pid": os.getpid(),
    "argv": sys.argv,
    "blocked": status["SigBlk"],
    "ignored": status["SigIgn"],
    "timer": signal.getitimer(signal.ITIMER_REAL),
    "files": files,
    "environment": sorted(os.environb.items()),
    "folder": os.getcwd(),
    "umask": os.umask(0),
    "limits": [__import__("resource").getrlimit(number) for number in range(16)],
}
with open(sys.argv[2], "w") as report:
    json.dump(found, report, default=repr)
"""


# States to start a program in; each replaces itself by the command line that follows it.
STATES = {
    # As a shell does. Python has ignored SIGPIPE and SIGXFSZ.
    "usual": """
import os, signal, sys
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
""",
    # Signals blocked and ignored, standard input closed, a umask and a limit.
    "odd": """
import os, resource, signal, sys
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGALRM):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM})
os.close(0)
os.umask(0o31)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.execvp(sys.argv[1], sys.argv[1:])
""",
}


def handed_on(command: list[str], report: Path, state: str, env: dict[str, str], descriptor: int) -> dict[str, Any]:
    """What INHERITED reports where this command line ends with it; `descriptor` is inherited too."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", STATES[state], *command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0
    found: dict[str, Any] = json.loads(report.read_text())
    report.unlink()
    del found["pid"]
    return found


@on_each_interpreter
@pytest.mark.parametrize("state", STATES)
def test_the_command_inherits_what_the_probe_received(state: str, variant: Variant, tmp_path: Path) -> None:
    report = tmp_path / "report"
    env = variant.environment(
        {"HOSTALIASES": "/nowhere", "LOCALDOMAIN": "x", "TFS_PROBE_RPC_TIMEOUT": "400ms", "LANG": "C", "Ü": "ü"}
    )
    command = [sys.executable, "-I", "-S", "-c", INHERITED, "1.2", str(report)]
    name = socket.gethostname()  # looked up, which takes variables away from the C library
    with (
        open("/dev/zero", "rb") as other,
        FakeServing({"m": {1: "AVAILABLE"}}, rest=False, host=socket.gethostbyname(name)) as server,
    ):
        expected = handed_on(command, report, state, env, other.fileno())
        probe = [*variant.command, f"-addr={name}:{server.port}", "-model-name=m", "-wait=1s", "-timeout=900ms", "--"]
        found = handed_on([*probe, *command], report, state, env, other.fileno())
    assert found == expected
    assert found["timer"] == [0.0, 0.0]


@on_each_interpreter
def test_the_command_replaces_the_process(variant: Variant) -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        process = start_session(
            [*variant.command, f"-addr={server.address}", "-model-name=m", "-wait=5s", "--", "sh", "-c", "echo $$"],
            variant.environment(),
        )
        stdout, stderr = wait_for(process)
    assert int(stdout) == process.pid
    assert process.returncode == 0
    assert b"Servable state is AVAILABLE" in stderr, "the probe's lines come before"


@on_each_interpreter
def test_the_command_as_the_first_process_of_a_container(variant: Variant, tmp_path: Path) -> None:
    report = tmp_path / "report"
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        inside = [*namespaces("--pid", "--fork", "--mount-proc"), *variant.command, f"-addr={server.address}"]
        command = [sys.executable, "-I", "-S", "-c", INHERITED, "0.7", str(report)]
        process = start_session(
            [*inside, "-model-name=m", "-wait=500ms", "-timeout=500ms", "--", *command], variant.environment()
        )
        wait_for(process)
    assert process.returncode == 0
    found = json.loads(report.read_text())
    assert found["pid"] == 1
    assert found["timer"] == [0.0, 0.0]


def run_with_command(variant: Variant, *command: str, env: dict[str, str] | None = None) -> Outcome:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        return variant.run(f"-addr={server.address}", "-model-name=m", "-wait=5s", "--", *command, env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that cannot be executed, and one that can."""
    (tmp_path / "text").write_text("x")
    (tmp_path / "format").write_text("x")
    (tmp_path / "format").chmod(0o755)
    (tmp_path / "interpreter").write_text("#!/nowhere/sh\n")
    (tmp_path / "interpreter").chmod(0o755)
    (tmp_path / "good").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "good").chmod(0o755)
    (tmp_path / "folder").mkdir()
    return tmp_path


@on_each_interpreter
@pytest.mark.parametrize(
    ("name", "exit_code"),
    [("good", 7), ("nowhere", 127), ("text", 126), ("format", 126), ("folder", 126), ("interpreter", 127),
     ("text/x", 126), ("", 127)],
)  # fmt: skip
@pytest.mark.parametrize("by_path", [True, False])
def test_the_command_that_is_found_or_not(
    name: str, exit_code: int, by_path: bool, variant: Variant, folder: Path
) -> None:
    command = name if by_path or not name else f"{folder}/{name}"
    if by_path and "/" in name:
        exit_code = 127  # relative to the current folder, where it is not
    outcome = run_with_command(variant, command, env={"PATH": f"/nowhere:{folder}:/bin"})
    assert outcome.exit_code == exit_code, outcome
    errors = [line for line in outcome.lines if line.startswith("error: ")]
    assert len(errors) == (exit_code > 100)
    assert all(f"error: cannot execute {command}: " in line for line in errors)


@on_each_interpreter
def test_the_command_is_not_run_when_waiting_fails(variant: Variant, tmp_path: Path) -> None:
    with refused() as place:
        outcome = variant.run(
            f"-addr=127.0.0.1:{place.port}", "-connect-timeout=50ms", BRIEFLY, "--", "touch", str(tmp_path / "file")
        )
    assert outcome.exit_code == 2
    assert not (tmp_path / "file").exists()


@on_each_interpreter
def test_no_command_behind_the_dashes(variant: Variant) -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        outcome = variant.run(f"-addr={server.address}", "-model-name=m", "-wait=5m", "--")
    assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE")


@on_each_interpreter
def test_the_command_with_rest_and_several_models(variant: Variant) -> None:
    with FakeServing({"a": {1: "AVAILABLE"}, "b": {1: "AVAILABLE"}}) as server:
        url = f"http://127.0.0.1:{server.rest_port}"
        outcome = variant.run(f"-addr={url}", "-model-name=a", "-model-name=b", "-wait=5m", "--", "echo", "done")
    assert (outcome.exit_code, outcome.stdout) == (0, "done\n")


def test_wait_over_rest_until_it_is_ready() -> None:
    loading = answer(b'{"model_version_status": [{"version": "1", "state": "LOADING"}]}')
    with scripted_server(replies(loading, loading, answer()), http2=False) as server:
        outcome = MODULE.run(f"-addr=http://{server.address}", FOR_EVER, FAST)
    assert outcome.exit_code == 0, outcome
    assert len(server.peers) == 1
