"""`-install` of the executable: from a root that contains nothing else, killed at any moment, and only from its own
file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from build.shared.elf import sections
from tests.fake_tfs import FakeServing
from tests.frozen.elf import mapped_bytes
from tests.frozen.expected import check
from tests.frozen.roots import PROGRAM, inside, listing, root_with
from tests.frozen.watched import Watched, watch
from tests.support.namespaces import namespaces
from tests.support.variants import Variant

UNFINISHED = f".{PROGRAM}.new"


def is_whole(frozen: Variant, file: Path) -> bool:
    """Returns whether a file is a complete copy."""
    return file.read_bytes() == Path(frozen.command[0]).read_bytes() and file.lstat().st_mode == 0o100755


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Makes what Kubernetes mounts as an emptyDir: a folder that every user may write to."""
    made = tmp_path / "volume"
    made.mkdir()
    made.chmod(0o777)
    return made


# As an init container: the root contains the executable and the mount point of the volume, but no /proc.


@pytest.fixture
def root(frozen: Variant, tmp_path: Path) -> Path:
    made = root_with(tmp_path, frozen.command[0])
    (made / "probe").mkdir()
    return made


@pytest.mark.parametrize("started", [f"/{PROGRAM}", f"./{PROGRAM}", PROGRAM, f"probe/../{PROGRAM}"])
def test_init_container(
    frozen: Variant, server: FakeServing, root: Path, volume: Path, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"] + ":/")  # for the case without a folder
    before = listing(root)
    outcome = inside(root, started, binds={"probe": volume}).run("-install", "/probe")
    assert outcome == (0, f"installed /probe/{PROGRAM}\n", "")
    assert os.listdir(volume) == [PROGRAM]
    assert is_whole(frozen, volume / PROGRAM)
    assert listing(root) == before
    # The other container runs it, in a root that contains only this.
    check(inside(root, f"/probe/{PROGRAM}", binds={"probe": volume}), server.address)


def test_init_container_that_is_started_again(frozen: Variant, root: Path, volume: Path) -> None:
    (volume / PROGRAM).write_text("half")
    (volume / UNFINISHED).write_text("half")
    (volume / UNFINISHED).chmod(0o666)  # it may belong to another user
    for _ in range(2):
        outcome = inside(root, binds={"probe": volume}).run("-install", "/probe/")
        assert (outcome.exit_code, outcome.stderr) == (0, "")
        assert os.listdir(volume) == [PROGRAM]
        assert is_whole(frozen, volume / PROGRAM)


def test_read_only_root(root: Path) -> None:
    before = listing(root)
    outcome = inside(root).run("-install", "/probe")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.verdict.startswith("error: cannot install to /probe: ")
    assert outcome.verdict.endswith(": read-only file system")
    assert "emptyDir" in outcome.hint
    assert listing(root) == before


def test_a_folder_of_somebody_else(root: Path, volume: Path) -> None:
    volume.chmod(0o755)
    outcome = inside(root, binds={"probe": volume}).run("-install", "/probe")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.verdict.endswith(": permission denied")
    assert "runAsUser" in outcome.hint and "fsGroup" in outcome.hint
    assert os.listdir(volume) == []


LIMITS = (f"--as={32 << 20}", "--nofile=5", "--stack=131072", "--core=0", "--memlock=0", "--nproc=1")


def test_where_limits_are_tight(frozen: Variant, root: Path, volume: Path) -> None:
    outcome = inside(root, binds={"probe": volume}, limits=LIMITS).run("-install", "/probe")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert is_whole(frozen, volume / PROGRAM)


# Only its own file.

# Starts the file behind descriptor 9, while the system's links to it lead to the test's files: the path by which it was
# started is /dev/fd/9.
BY_DESCRIPTOR = """
import os, subprocess, sys
executable, by_link, by_path, *argv = sys.argv[1:]
os.dup2(os.open(executable, os.O_RDONLY), 9)
subprocess.run(["mount", "-t", "tmpfs", "none", "/proc"], check=True)
os.makedirs("/proc/self/fd")
for place, file in (("/proc/self/exe", by_link), ("/proc/self/fd/9", by_path)):
    if file:
        os.symlink(file, place)
os.execve(9, [executable, *argv], {})
"""


def by_descriptor(frozen: Variant, by_link: Path | None, by_path: Path | None) -> Variant:
    """Returns the executable, for which /proc/self/exe and the path by which it was started lead to these files."""
    told = (str(path or "") for path in (by_link, by_path))
    python = (sys.executable, "-I", "-S", "-c", BY_DESCRIPTOR)
    return Variant("frozen", (*namespaces("--mount"), *python, frozen.command[0], *told))


def flipped(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def made_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


# Changes that turn a copy into another file.
OTHERS: dict[str, Callable[[Path], None]] = {
    "code": lambda file: flipped(file, sections(file)[".text"].offset + 100_000),
    "archive": lambda file: flipped(file, sections(file)["pydata"].offset),
    "checksum": lambda file: flipped(file, sections(file)["py_sums"].offset),
    "variables": lambda file: flipped(file, sections(file)["py_data"].offset),
    "heap": lambda file: flipped(file, sections(file)["py_heap"].end - 1),
    "cut by a byte": lambda file: os.truncate(file, file.stat().st_size - 1),
    "cut behind the segments": lambda file: os.truncate(file, mapped_bytes(file)),
    "cut in half": lambda file: os.truncate(file, file.stat().st_size // 2),
    "empty": lambda file: os.truncate(file, 0),
    "folder": made_a_folder,
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_file_is_never_installed(frozen: Variant, executable: Path, volume: Path, what: str) -> None:
    OTHERS[what](executable)
    outcome = by_descriptor(frozen, executable, executable).run("-install", str(volume))
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.verdict == "error: this program cannot read its own file: /dev/fd/9: no such file or directory"
    assert "mount /proc" in outcome.hint
    assert os.listdir(volume) == []
    # The path leads to the right file.
    outcome = by_descriptor(frozen, executable, Path(frozen.command[0])).run("-install", str(volume))
    assert outcome == (0, f"installed {volume}/{PROGRAM}\n", "")
    assert is_whole(frozen, volume / PROGRAM)


def test_a_pipe_is_not_waited_for(frozen: Variant, tmp_path: Path, volume: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    outcome = by_descriptor(frozen, tmp_path / "pipe", None).run("-install", str(volume))
    assert outcome.exit_code == 1
    assert os.listdir(volume) == []


def test_neither_proc_nor_a_path(frozen: Variant, volume: Path) -> None:
    outcome = by_descriptor(frozen, None, None).run("-install", str(volume))
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.verdict == "error: this program cannot read its own file: /dev/fd/9: no such file or directory"
    assert os.listdir(volume) == []


def test_the_name_it_was_given_counts_for_nothing(frozen: Variant, volume: Path) -> None:
    named = Variant("frozen", ("bash", "-c", 'exec -a /bin/sh "$@"', "bash", *frozen.command))
    assert named.run("-install", str(volume)).exit_code == 0
    assert is_whole(frozen, volume / PROGRAM)


def test_a_file_that_is_gone(frozen: Variant, executable: Path, volume: Path) -> None:
    """The kernel still provides the file that runs, even if its name leads to another file by now."""
    script = 'exec 9<"$1"; rm "$1"; echo other >"$1"; shift; exec /proc/self/fd/9 "$@"'
    outcome = Variant("frozen", ("sh", "-c", script, "sh", str(executable))).run("-install", str(volume))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert is_whole(frozen, volume / PROGRAM)


# Killed at any moment.

# System calls that change something outside of the process.
CHANGING = ("openat", "fcntl", "pread64", "write", "fchmod", "fsync", "rename", "close", "rt_sigprocmask")


def moments(watched: Watched) -> list[str]:
    """Returns strace options for some calls of each name, from the first access to the volume on."""
    begin = next(at for at, call in enumerate(watched.calls) if UNFINISHED in call.arguments)
    before = [call.name for call in watched.calls[:begin]]
    found = []
    for name in CHANGING:
        first, number = before.count(name) + 1, len(watched.named(name))
        assert number >= first, f"{name} is not called any more"
        found += [
            f"{name}:when={at}" for at in sorted({first, first + 1, (first + number) // 2, number}) if at <= number
        ]
    return found


@pytest.mark.parametrize("name", ["KILL", "TERM", "INT"])
def test_ended_at_any_moment(frozen: Variant, volume: Path, name: str) -> None:
    codes = {"KILL": -9, "TERM": 143, "INT": 130}
    argv = ("-install", str(volume))
    ended = 0
    for moment in moments(watch(frozen, *argv)):
        (volume / PROGRAM).write_text("older")
        watched = watch(frozen, *argv, inject=moment.replace(":", f":signal={name}:"))
        assert watched.exit_code in (codes[name], 0), moment
        ended += watched.exit_code != 0
        left = sorted(os.listdir(volume))
        if name != "KILL":
            assert left == [PROGRAM], moment
        assert left in ([PROGRAM], [UNFINISHED, PROGRAM]), moment
        assert (volume / PROGRAM).read_bytes() == b"older" or is_whole(frozen, volume / PROGRAM), moment
        # The next run finds the rest, and replaces it.
        assert frozen.run(*argv).exit_code == 0
        assert os.listdir(volume) == [PROGRAM]
        assert is_whole(frozen, volume / PROGRAM)
    assert ended >= 15


def test_a_signal_is_not_kept_waiting(frozen: Variant, volume: Path) -> None:
    """A signal waits for at most one chunk of the copy."""
    watched = watch(frozen, "-install", str(volume), inject="write:signal=TERM:when=2")
    assert watched.exit_code == 143
    assert len(watched.named("write")) == 2
    assert os.listdir(volume) == []


@pytest.mark.parametrize("call", ["write", "fchmod", "fsync", "rename"])
@pytest.mark.parametrize("error", ["EIO", "EDQUOT", "ENOSPC", "EINTR"])
def test_an_error_leaves_what_was_there(frozen: Variant, volume: Path, call: str, error: str) -> None:
    """Errors of the disk, the quota or the file system."""
    (volume / PROGRAM).write_text("older")
    argv = ("-install", str(volume))
    watched = watch(frozen, *argv, inject=f"{call}:error={error}:when=1")
    assert os.listdir(volume) == [PROGRAM]
    if watched.exit_code == 1:
        assert (volume / PROGRAM).read_text() == "older"
        assert f"error: cannot install to {volume}: " in watched.stderr
        assert ("there is no room for the copy" in watched.stderr) == (error in ("EDQUOT", "ENOSPC"))
    else:
        assert (watched.exit_code, error) == (0, "EINTR")  # the call is repeated
        assert is_whole(frozen, volume / PROGRAM)


def test_the_bytes_are_on_disk_before_the_name_is(frozen: Variant, volume: Path) -> None:
    calls = [call.name for call in watch(frozen, "-install", str(volume)).calls]
    assert calls.index("fchmod") < calls.index("fsync") < calls.index("rename")
