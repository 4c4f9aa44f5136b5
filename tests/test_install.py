"""`-install` in this process: where the copy goes, and what stays when it fails."""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probe.install import NAME, UNFINISHED, install
from probe.model import Failure

PROGRAM = b"the program" * 100_000


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """`install` ignores SIGXFSZ, for a process that ends soon."""
    before = signal.getsignal(signal.SIGXFSZ)
    yield
    signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def own_file(tmp_path: Path) -> Callable[[], int]:
    """The function that opens the program's own file."""
    file = tmp_path / "own"
    file.write_bytes(PROGRAM)
    return lambda: os.open(file, os.O_RDONLY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def is_whole(file: Path) -> bool:
    return file.read_bytes() == PROGRAM and file.lstat().st_mode == 0o100755


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_into_a_folder(own_file: Callable[[], int], folder: Path, end: str) -> None:
    assert install(own_file, f"{folder}{end}") == (f"installed {folder}/{NAME}",)
    assert is_whole(folder / NAME)
    assert os.listdir(folder) == [NAME]


def test_under_a_name_from_the_working_directory(
    own_file: Callable[[], int], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert install(own_file, "probe") == ("installed probe",)
    assert is_whole(folder / "probe")


@pytest.mark.parametrize("older", [b"", b"#!/bin/sh\n", bytes(1 << 22)], ids=["empty", "short", "long"])
def test_an_older_file_is_replaced(own_file: Callable[[], int], folder: Path, older: bytes) -> None:
    (folder / NAME).write_bytes(older)
    install(own_file, str(folder))
    assert is_whole(folder / NAME)


@pytest.mark.parametrize("leads_to", ["file", "nowhere"])
def test_a_link_is_replaced_itself(own_file: Callable[[], int], folder: Path, leads_to: str) -> None:
    (folder / "file").write_text("kept")
    (folder / "link").symlink_to(leads_to)
    install(own_file, str(folder / "link"))
    assert is_whole(folder / "link")
    assert (folder / "file").read_text() == "kept"


def test_onto_itself(own_file: Callable[[], int], tmp_path: Path) -> None:
    own = tmp_path / "own"
    assert install(own_file, str(own)) == (f"{own} is this file itself: nothing to do",)
    assert own.read_bytes() == PROGRAM


def test_an_unfinished_copy_of_a_killed_process_is_removed(own_file: Callable[[], int], folder: Path) -> None:
    (folder / UNFINISHED).write_text("half")
    install(own_file, str(folder))
    assert is_whole(folder / NAME)
    assert os.listdir(folder) == [NAME]


def failure(own_file: Callable[[], int], path: str) -> Failure:
    outcome = install(own_file, path)
    assert isinstance(outcome, Failure)
    return outcome


REFUSED = {
    "nosuch/": "install-folder",
    "nosuch/probe": "install-folder",
    "file/probe": "install-folder",
    "taken": "install-name",
    "pipe": "install-name",
    "loop": "install-name",
    "x" * 256: "install-name",
}


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path[:20])
def test_a_path_that_cannot_be_used(own_file: Callable[[], int], folder: Path, path: str) -> None:
    (folder / "file").write_text("kept")
    (folder / "taken" / NAME).mkdir(parents=True)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    before = sorted(os.listdir(folder))
    assert failure(own_file, f"{folder}/{path}").cause == REFUSED[path]
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_in_the_way_of_the_unfinished_copy_is_kept(
    own_file: Callable[[], int], folder: Path, kind: str
) -> None:
    trap = folder / UNFINISHED
    if kind == "folder":
        trap.mkdir()
    else:
        trap.symlink_to("elsewhere")
    assert failure(own_file, str(folder)).cause == "install-name"
    assert os.listdir(folder) == [UNFINISHED]


def test_a_full_disk_leaves_the_older_file(own_file: Callable[[], int], folder: Path) -> None:
    (folder / NAME).write_text("older")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(PROGRAM) // 2, before[1]))
    try:
        refused = failure(own_file, str(folder))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused.cause == "install-space"
    assert (folder / NAME).read_text() == "older"
    assert os.listdir(folder) == [NAME]


def test_a_signal_waits_until_the_unfinished_copy_is_removed(own_file: Callable[[], int], folder: Path) -> None:
    came: list[tuple[int, list[str]]] = []
    handler = signal.signal(signal.SIGTERM, lambda number, _: came.append((number, os.listdir(folder))))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)  # another thread of the tests' may not have blocked it
    try:
        assert isinstance(install(own_file, str(folder)), Failure)
        assert os.listdir(folder) == []
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        signal.signal(signal.SIGTERM, handler)
    assert came == [(signal.SIGTERM, [])]


def test_a_program_of_many_files_cannot_be_installed(folder: Path) -> None:
    assert failure(lambda: -1, str(folder)).cause == "package"


def test_an_own_file_that_cannot_be_read(folder: Path) -> None:
    assert failure(lambda: os.open("/nowhere/at-all", os.O_RDONLY), str(folder)).cause == "own-file"
