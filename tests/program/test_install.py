"""`-install`: the executable and the zipapp copy themselves, whole or not at all; other variants refuse."""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hints import HINTS
from tests.support.namespaces import namespaces
from tests.support.runner import HANG_SECONDS, Outcome, wait_for
from tests.support.variants import Variant, built

NAME = "tfs_model_status_probe"
UNFINISHED = ".tfs_model_status_probe.new"


@pytest.fixture(params=["frozen", "zipapp"])
def program(request: pytest.FixtureRequest) -> Variant:
    """Each variant that is one file."""
    return built(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where it is installed."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


def file_of(program: Variant) -> Path:
    return Path(program.command[-1])


def moved(program: Variant, file: Path) -> Variant:
    """The program as it is started from another file."""
    return Variant(program.name, (*program.command[:-1], str(file)), program.env)


def is_whole(program: Variant, file: Path) -> bool:
    """Whether a file is a copy as it should be."""
    return file.read_bytes() == file_of(program).read_bytes() and file.lstat().st_mode == 0o100755


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """What is in a folder: each file's mode and bytes."""
    return {
        path.name: (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in folder.iterdir()
    }


def refuses(outcome: Outcome, reason: str, cause: str) -> None:
    """Holds a run to one error of one line, and a hint."""
    assert (outcome.exit_code, outcome.stdout) == (1, ""), outcome
    error, given = outcome.lines
    assert error.startswith("error: cannot install to ") and error.endswith(reason)
    assert given == "hint: " + HINTS[cause]


# Where it goes.

# How the folder is spelled, from within its parent.
SPELLED = ["{folder}", "{folder}/", "{folder}//", "folder", "./folder/.", "link", "link/"]


@pytest.mark.parametrize("spelled", SPELLED)
def test_into_a_folder(program: Variant, folder: Path, spelled: str) -> None:
    (folder.parent / "link").symlink_to("folder")
    path = spelled.format(folder=folder)
    outcome = program.run("-install", path, cwd=folder.parent)
    assert outcome == (0, f"installed {path.rstrip('/')}/{NAME}\n", "")
    assert is_whole(program, folder / NAME)
    assert list(contents(folder)) == [NAME]
    assert moved(program, folder / NAME).run("-version") == program.run("-version")


@pytest.mark.parametrize("name", ["probe", "./probe", "folder/../probe", ".hidden", "x" * 255, UNFINISHED])
def test_under_a_name(program: Variant, folder: Path, name: str) -> None:
    outcome = program.run(f"-install={name}", cwd=folder.parent)
    assert outcome == (0, f"installed {name}\n", "")
    assert is_whole(program, folder.parent / name)
    assert sorted(contents(folder.parent)) == sorted(["folder", os.path.basename(name)])


def test_a_name_that_is_no_text(program: Variant, folder: Path) -> None:
    outcome = program.run(b"-install=" + os.fsencode(folder) + b"/a\xff\nb")
    assert outcome == (0, f"installed {folder}/a\\xff\\nb\n", "")
    assert os.listdir(os.fsencode(folder)) == [b"a\xff\nb"]


def test_the_copy_installs_itself_in_turn(program: Variant, folder: Path) -> None:
    assert program.run("-install", str(folder / "one")).exit_code == 0
    assert moved(program, folder / "one").run("-install", str(folder / "two")).exit_code == 0
    assert is_whole(program, folder / "two")


@pytest.mark.parametrize("umask", [0o077, 0o777, 0])
def test_the_mode_is_the_same_whatever_the_umask_is(program: Variant, folder: Path, umask: int) -> None:
    def take_over() -> None:
        os.umask(umask)

    process = program.start("-install", str(folder), preexec_fn=take_over)
    assert wait_for(process) == (f"installed {folder}/{NAME}\n".encode(), b"")
    assert is_whole(program, folder / NAME)


def test_other_flags_are_read_and_nobody_is_called(program: Variant, folder: Path) -> None:
    argv = ("-addr=nosuch.invalid:1", "-timeout=-1s", "-liveness", "-v", "-engine=grpcio", "-install", str(folder))
    assert program.run(*argv) == (0, f"installed {folder}/{NAME}\n", "")
    assert program.run("-install", str(folder), "-bogus").exit_code == 2
    shown = program.run("-install", str(folder / "other"), "-version")
    assert shown == program.run("-version")
    assert list(contents(folder)) == [NAME]


# What is there already.


@pytest.mark.parametrize("older", [b"", b"#!/bin/sh\n", bytes(1 << 24)], ids=["empty", "short", "long"])
def test_an_older_file_is_replaced(program: Variant, folder: Path, older: bytes) -> None:
    (folder / NAME).write_bytes(older)
    os.link(folder / NAME, folder / "other-name")
    assert program.run("-install", str(folder)).exit_code == 0
    assert is_whole(program, folder / NAME)
    assert (folder / "other-name").read_bytes() == older


def test_a_file_that_is_running_is_replaced(program: Variant, folder: Path) -> None:
    """It stands still where it waits for a lock that this process holds; writing to the executable is ETXTBSY then."""
    assert program.run("-install", str(folder)).exit_code == 0
    with (folder / UNFINISHED).open("wb") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        running = moved(program, folder / NAME).start("-install", str(folder / "second"))
        until_it_waits(running)
        elsewhere = folder.parent / "elsewhere"
        assert program.run("-install", str(elsewhere)).exit_code == 0
        elsewhere.replace(folder / NAME)
        (folder / UNFINISHED).unlink()
    assert wait_for(running) == (f"installed {folder}/second\n".encode(), b"")
    assert is_whole(program, folder / NAME) and is_whole(program, folder / "second")


@pytest.mark.parametrize("leads_to", ["file", "nowhere"])
def test_a_link_is_replaced_itself(program: Variant, folder: Path, leads_to: str) -> None:
    """As install(1) does it."""
    (folder / "file").write_text("kept")
    (folder / "link").symlink_to(leads_to)
    assert program.run("-install", str(folder / "link")).exit_code == 0
    assert is_whole(program, folder / "link")
    assert (folder / "file").read_text() == "kept"
    assert not (folder / "nowhere").exists()


def test_onto_itself(program: Variant, folder: Path) -> None:
    assert program.run("-install", str(folder)).exit_code == 0
    before = (folder / NAME).stat()
    for path in (folder, folder / NAME):
        outcome = moved(program, folder / NAME).run("-install", str(path))
        assert outcome == (0, f"{folder}/{NAME} is this file itself: nothing to do\n", "")
    assert (folder / NAME).stat().st_ctime_ns == before.st_ctime_ns


def test_what_a_killed_one_left_is_removed(program: Variant, folder: Path) -> None:
    (folder.parent / "other").write_text("kept")
    os.link(folder.parent / "other", folder / UNFINISHED)
    assert program.run("-install", str(folder)).exit_code == 0
    assert list(contents(folder)) == [NAME]
    assert is_whole(program, folder / NAME)
    assert (folder.parent / "other").read_text() == "kept"


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_a_trap_under_the_other_name_is_left_alone(program: Variant, folder: Path, kind: str) -> None:
    trap = folder / UNFINISHED
    (folder.parent / "other").write_text("kept")
    if kind in ("link", "dangling"):
        trap.symlink_to("../other" if kind == "link" else "nowhere")
    elif kind == "folder":
        trap.mkdir()
    else:
        os.mkfifo(trap)
    outcome = program.run("-install", str(folder))
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.verdict.startswith(f"error: cannot install to {folder}: {trap}")
    assert outcome.hint
    assert (folder.parent / "other").read_text() == "kept"
    assert os.listdir(folder) == [UNFINISHED]


# What cannot be done.

WRONG = [
    ("nosuch/", "nosuch/: no such file or directory", "install-folder"),
    ("nosuch/probe", "nosuch/: no such file or directory", "install-folder"),
    ("file/", "file/: not a directory", "install-folder"),
    ("file/probe", "file/probe: not a directory", "install-folder"),
    ("taken", f"taken/{NAME} is a directory", "install-name"),
    ("pipe", "pipe is neither a file nor a directory", "install-name"),
    ("loop", "loop: too many levels of symbolic links", "install-name"),
    ("x" * 256, "file name too long", "install-name"),
]


@pytest.mark.parametrize(("path", "reason", "cause"), WRONG, ids=[path[:20] for path, _, _ in WRONG])
def test_a_wrong_path(program: Variant, folder: Path, path: str, reason: str, cause: str) -> None:
    (folder / "file").write_text("kept")
    (folder / "taken" / NAME).mkdir(parents=True)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    before = contents(folder)
    refuses(program.run("-install", path, cwd=folder), reason, cause)
    assert contents(folder) == before


@pytest.mark.parametrize("argv", [("-install=",), ("-install", "")])
def test_no_path(variant: Variant, argv: tuple[str, ...]) -> None:
    outcome = variant.run(*argv)
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith(
        'invalid value "" for flag -install: must be a directory or a file name\nUsage of '
    )


def test_it_is_no_variable(variant: Variant, folder: Path) -> None:
    outcome = variant.run("-timeout=-1s", env={"TFS_PROBE_INSTALL": str(folder)})
    assert outcome.exit_code == 2
    assert contents(folder) == {}


@pytest.mark.parametrize("name", ["module", "package"])
def test_a_package_names_what_can_be_installed(name: str, folder: Path) -> None:
    outcome = built(name).run("-install", str(folder))
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.verdict.startswith("error: -install ")
    assert outcome.hint == HINTS["package"]
    assert contents(folder) == {}


# File systems.


def on_tmpfs(program: Variant, folder: Path, options: str, *argv: str) -> tuple[Outcome, list[str]]:
    """Runs the program where a file system in memory is mounted on the folder; gives what is on it afterwards, too."""
    place = shlex.quote(str(folder))
    script = (
        f"mount -t tmpfs -o size=64m none {place}; echo older > {place}/older; mount -o remount,{options} {place}; "
        f'code=0; "$@" || code=$?; ls -A {place} > {place}.after; exit $code'
    )
    inside = Variant(program.name, (*namespaces("--mount"), "sh", "-euc", script, "sh", *program.command), program.env)
    outcome = inside.run(*argv)
    return outcome, sorted(Path(f"{folder}.after").read_text().split())


def test_another_file_system(program: Variant, folder: Path) -> None:
    outcome, left = on_tmpfs(program, folder, "size=64m", "-install", str(folder))
    assert outcome == (0, f"installed {folder}/{NAME}\n", "")
    assert left == ["older", NAME]


def test_a_full_file_system(program: Variant, folder: Path) -> None:
    outcome, left = on_tmpfs(program, folder, "size=32k", "-install", str(folder / "older"))
    refuses(outcome, ": no space left on device", "install-space")
    assert left == ["older"]


def test_a_file_system_without_a_free_name(program: Variant, folder: Path) -> None:
    outcome, left = on_tmpfs(program, folder, "nr_inodes=2", "-install", str(folder))
    refuses(outcome, ": no space left on device", "install-space")
    assert left == ["older"]


def test_a_read_only_file_system(program: Variant, folder: Path) -> None:
    outcome, left = on_tmpfs(program, folder, "ro", "-install", str(folder))
    refuses(outcome, ": read-only file system", "install-read-only")
    assert left == ["older"]


def test_a_file_system_from_which_nothing_can_be_started(program: Variant, folder: Path) -> None:
    outcome, left = on_tmpfs(program, folder, "noexec", "-install", str(folder))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    installed, hint = outcome.stdout.splitlines()
    assert installed == f"installed {folder}/{NAME}"
    assert hint.startswith("hint: ") and "noexec" in hint
    assert left == ["older", NAME]


def test_a_limit_on_the_size_of_files(program: Variant, folder: Path) -> None:
    limited = Variant(program.name, ("prlimit", "--fsize=50000", *program.command), program.env)
    refuses(limited.run("-install", str(folder)), ": file too large", "install-space")
    assert contents(folder) == {}


# Streams, and others at work.


@pytest.mark.parametrize("redirections", ["exec >&- 2>&-;", "exec >/dev/full 2>/dev/full;", "exec <&- >&- 2>&-;"])
def test_words_without_a_reader(program: Variant, folder: Path, redirections: str) -> None:
    command = ("sh", "-c", redirections + ' exec "$@"', "sh", *program.command)
    assert Variant(program.name, command, program.env).run("-install", str(folder)) == (0, "", "")
    assert is_whole(program, folder / NAME)


def test_many_at_the_same_time(program: Variant, folder: Path) -> None:
    processes = [program.start("-install", str(folder)) for _ in range(8)]
    for process in processes:
        assert wait_for(process) == (f"installed {folder}/{NAME}\n".encode(), b"")
        assert process.returncode == 0
    assert list(contents(folder)) == [NAME]
    assert is_whole(program, folder / NAME)


@pytest.fixture
def at_work(folder: Path) -> Iterator[Path]:
    """The unfinished copy of a running installation: this process holds its lock."""
    with (folder / UNFINISHED).open("wb") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        yield folder / UNFINISHED


def until_it_waits(process: subprocess.Popen[bytes]) -> None:
    """Returns when a process waits for a lock. The kernel's list marks those with an arrow."""
    end = time.monotonic() + HANG_SECONDS
    while process.poll() is None and time.monotonic() < end:
        waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
        if str(process.pid) in [fields[5] for fields in waiting]:
            return
    process.kill()
    pytest.fail(f"it does not wait: {process.communicate()}")


def test_it_waits_for_who_is_at_work(program: Variant, folder: Path, at_work: Path) -> None:
    process = program.start("-install", str(folder / "probe"))
    until_it_waits(process)
    assert os.listdir(folder) == [UNFINISHED]
    at_work.rename(folder / "theirs")
    (folder / "theirs").write_bytes(b"complete")  # closing any descriptor of a file gives up its locks
    assert wait_for(process) == (f"installed {folder}/probe\n".encode(), b"")
    assert sorted(contents(folder)) == ["probe", "theirs"]
    assert (folder / "theirs").read_bytes() == b"complete"
    assert is_whole(program, folder / "probe")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_waiting(program: Variant, folder: Path, at_work: Path, number: int, exit_code: int) -> None:
    process = program.start("-install", str(folder))
    until_it_waits(process)
    process.send_signal(number)
    assert wait_for(process) == (b"", b"")
    assert process.returncode == exit_code
    assert list(contents(folder)) == [at_work.name]
