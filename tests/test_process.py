"""What is asked of the operating system, by an ordinary Python in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.runner import HANG_SECONDS
from tests.support.variants import MODULE

BUSY = "import time\nwhile True: time.sleep(0.01)\n"


def start(
    code: str, redirections: str = "", stderr: int = subprocess.PIPE, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts Python code that knows `process`, by a shell that does the redirections first."""
    script = f"from probe import process\n{code}"
    return subprocess.Popen(
        ["sh", "-c", f'{redirections} exec "$@"', "sh", sys.executable, "-c", script],
        env=MODULE.environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def run(code: str, redirections: str = "", env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of the code."""
    child = start(code, redirections, env=env)
    stdout, stderr = child.communicate(timeout=HANG_SECONDS)
    return child.returncode, stdout.decode(), stderr.decode()


# Standard streams.


def test_closed_streams_are_not_given_to_a_socket() -> None:
    code = "process.prepare()\nimport socket\nnumber = socket.socket().fileno()\nprocess.end(number)"
    assert run(code, "exec <&- >&- 2>&-;")[0] > 2


def test_open_streams_stay_as_they_are() -> None:
    assert run("process.prepare()\nprocess.write(1, b'out', 1, 0)\nprocess.write(2, b'err', 1, 0)") == (0, "out", "err")


def test_a_closed_stream_is_no_reason_to_fail() -> None:
    assert run("process.prepare()\nprocess.write(2, b'x', 1, 0)\nprocess.end(7)", "exec 2>&-;")[0] == 7


def test_a_stream_that_nothing_reads_ends_the_process_in_time() -> None:
    reading, writing = os.pipe()
    try:
        child = start("process.prepare()\nprocess.write(2, bytes(1 << 20), 0.1, 9)\nprocess.end(7)", stderr=writing)
        child.communicate(timeout=HANG_SECONDS)
        assert child.returncode == 9
        assert os.get_blocking(writing), "a mode that others share was changed"
    finally:
        os.close(reading)
        os.close(writing)


def test_a_pipe_without_a_reader_is_no_signal() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        child = start("process.prepare()\nprocess.write(2, b'x', 1, 0)\nprocess.end(7)", stderr=writing)
        child.communicate(timeout=HANG_SECONDS)
        assert child.returncode == 7
    finally:
        os.close(writing)


# Signals.


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_process(number: signal.Signals, exit_code: int) -> None:
    child = start("process.prepare()\nprocess.write(1, b'ready', 1, 0)\n" + BUSY)
    assert child.stdout
    assert child.stdout.read(5) == b"ready"
    child.send_signal(number)
    assert child.communicate(timeout=HANG_SECONDS) == (b"", b"")
    assert child.returncode == exit_code


# The alarm.


def test_the_alarm_ends_the_process_with_the_phases_code_and_lines() -> None:
    begun = time.monotonic()
    exit_code, _, stderr = run("process.prepare()\nprocess.enter(3, b'late\\nhint: x\\n')\nprocess.arm(0.1)\n" + BUSY)
    assert exit_code == 3
    assert [line[20:] for line in stderr.splitlines()] == ["late", "hint: x"]
    assert time.monotonic() - begun < HANG_SECONDS / 2


def test_the_alarm_is_not_held_up_by_a_pipe_that_nothing_reads() -> None:
    reading, writing = os.pipe()
    try:
        child = start(
            "import posix\nprocess.prepare()\nprocess.enter(3, bytes(1 << 20))\nprocess.arm(0)\n" + BUSY, stderr=writing
        )
        child.communicate(timeout=HANG_SECONDS)
        assert child.returncode == 3
    finally:
        os.close(reading)
        os.close(writing)


def test_the_alarm_with_a_closed_stream() -> None:
    assert run("process.prepare()\nprocess.enter(3, b'x\\n')\nprocess.arm(0)\n" + BUSY, "exec 2>&-;")[0] == 3


def test_a_write_disarms_the_alarm() -> None:
    armed = "process.prepare()\nprocess.arm(0.1)\nprocess.write(2, b'x', 1, 0)\n"
    assert run(armed + "import time\ntime.sleep(0.5)\nprocess.end(7)")[0] == 7


# The environment, and other programs.


def test_variables_by_their_beginning() -> None:
    env = {"TFS_PROBE_A": "\udcff", "TFS_PROBE_": "", "XTFS_PROBE_B": "x"}
    code = "process.write(1, repr(sorted(process.environment(b'TFS_PROBE_').items())).encode(), 1, 0)"
    assert run(code, env=env)[1] == r"[(b'TFS_PROBE_', b''), (b'TFS_PROBE_A', b'\xff')]"


@pytest.mark.parametrize(
    ("command", "exit_code"), [("sh", 5), ("/bin/sh", 5), ("no-such-command", 2), ("/etc/passwd", 13), ("/", 13)]
)
def test_a_command_replaces_the_process_or_says_why_not(command: str, exit_code: int) -> None:
    code = f"process.prepare()\nprocess.end(process.execute([{command.encode()!r}, b'-c', b'exit 5']))"
    assert run(code)[0] == exit_code


@pytest.mark.parametrize("redirections", ["", 'trap "" TERM USR1;'])
def test_a_command_gets_signals_as_they_were_received(redirections: str) -> None:
    shell = ["sh", "-c", f"{redirections} exec grep SigIgn /proc/self/status"]
    received = subprocess.run(shell, capture_output=True, text=True, check=True).stdout
    code = "process.prepare()\nprocess.arm(60)\nprocess.execute([b'grep', b'SigIgn', b'/proc/self/status'])"
    assert run(code, redirections) == (0, received, "")


def test_a_command_gets_closed_streams_as_they_were_received() -> None:
    code = "process.prepare()\nprocess.execute([b'sh', b'-c', b'[ -e /proc/self/fd/2 ]'])"
    assert run(code)[0] == 0
    assert run(code, "exec <&- 2>&-;")[0] == 1


def test_a_package_of_many_files_has_no_file_of_its_own() -> None:
    assert run("process.complete()\nprocess.end(process.own_file() + 8)")[0] == 7
