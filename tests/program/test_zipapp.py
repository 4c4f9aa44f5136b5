"""The zipapp: one file that runs from where it lies, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.fake_tfs import FakeServing
from tests.support.variants import ROOT, VERSION, ZIPAPP, built


def test_it_runs_for_a_user_without_a_home_and_leaves_nothing(tmp_path: Path) -> None:
    built("zipapp")
    with FakeServing({"m": {1: "AVAILABLE"}}) as server:
        done = subprocess.run(
            [sys.executable, "-I", "-B", ZIPAPP, "-addr", server.address, "-model-name=m"],
            env={"TMPDIR": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_is_executable_and_knows_its_commit() -> None:
    built("zipapp")
    assert os.access(ZIPAPP, os.X_OK)
    shown = subprocess.run([ZIPAPP, "-version"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith(f"tfs_model_status_probe {VERSION} (commit ")
    assert "commit unknown" not in shown
    assert shown.count("\n") == 1


def test_it_is_pure_python_and_names_no_folder_of_the_builder() -> None:
    built("zipapp")
    with zipfile.ZipFile(ZIPAPP) as archive:
        names = archive.namelist()
        assert not [name for name in names if name.endswith((".so", ".pyc")) or "/bin/" in name]
        for name in names:
            assert str(ROOT).encode() not in archive.read(name), name


def test_two_builds_in_two_folders_give_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        subprocess.run([sys.executable, "-m", "build.bundle", folder], cwd=ROOT, check=True, capture_output=True)
        (archive,) = folder.iterdir()
        made.append(archive.read_bytes())
    assert made[0] == made[1]
