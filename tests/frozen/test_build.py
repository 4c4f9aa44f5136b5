"""The build gives the same bytes in every folder, and the executable describes itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from build.inspect_artifact import inspect
from build.platform import LINUX_AMD64
from tests.frozen.checkout import copy_checkout, freeze, share_cache
from tests.support.variants import BUILDINFO, FROZEN, ROOT, VERSION, Variant


def text_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_two_builds_are_the_same(frozen: Variant, tmp_path: Path) -> None:
    """Builds from two copies of the tree, of which one has a longer name, another time zone, language and hash seed.
    They share CPython's object; tests/frozen/cold_build.py compiles it for each."""
    copies = [copy_checkout(tmp_path / name / "checkout") for name in ("one", "a folder with a much longer name")]
    for checkout in copies:
        share_cache(checkout)
    env = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(tmp_path), "USER": "somebody"}
    assert freeze(copies[0], tmp_path / "one") == freeze(copies[1], tmp_path / "two", env)
    made_of = [tmp_path / out / BUILDINFO.name for out in ("one", "two")]
    assert made_of[0].read_bytes() == made_of[1].read_bytes()

    said = text_of(str(tmp_path / "one" / FROZEN.name), "-version")
    commit = text_of("git", "-C", str(copies[0]), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12")
    openssl = text_of("dpkg-query", "--show", "--showformat=${Version}", "libssl-dev").partition("-")[0]
    python = text_of(sys.executable, "-c", "import platform; print(platform.python_version())")
    assert said == f"tfs_model_status_probe {VERSION} (commit {commit}, CPython {python}, OpenSSL {openssl})"


def test_version_names_what_it_is_made_of(frozen: Variant) -> None:
    outcome = frozen.run("-version")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    python = ".".join(map(str, sys.version_info[:2]))
    pattern = (
        rf"tfs_model_status_probe {re.escape(VERSION)} "
        rf"\(commit [0-9a-f]{{7,40}}(-dirty)?, CPython {re.escape(python)}\.\d+, OpenSSL \d+\.\d+\.\d+\w*\)\n"
    )
    assert re.fullmatch(pattern, outcome.stdout)


def test_inspection(frozen: Variant) -> None:
    """The executable is as its specification says."""
    inspection = [sys.executable, "-m", "build.inspect_artifact"]
    assert text_of(*inspection, frozen.command[0]) == "as specified"


def test_other_programs_fail_the_inspection(tmp_path: Path) -> None:
    """All differences are named at once. A shared object has no archive, and a script is not even an ELF file."""
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    compile_it = ["gcc", "-pie", "-fPIE", "-Wl,-z,execstack,-z,norelro", "-o", "main", "main.c"]
    subprocess.run(compile_it, cwd=tmp_path, check=True)
    *faults, archive, checksums = inspect(tmp_path / "main", ["main.c"])
    assert faults == [
        "it names main.c",
        "it is not an executable for linux_amd64",
        "it asks for an interpreter",
        "it needs shared libraries",
        "its stack is executable",
        "a segment is writable and executable",
        "it has no RELRO",
    ]
    assert archive.startswith("it has no archive of modules: ")
    assert checksums == "it has no section py_sums"
    for size, fits in ((4096, True), (65536, False)):
        fault = f"it cannot be mapped in pages of {size} bytes"
        assert (fault not in inspect(tmp_path / "main", [], LINUX_AMD64._replace(page_size=size))) == fits
    (tmp_path / "script").write_text("#!/bin/sh\n")
    (fault,) = inspect(tmp_path / "script", [])
    assert fault.startswith("it is not an ELF file: ")


def test_no_machine_is_named(frozen: Variant) -> None:
    # CPython has names of files for profilers from 3.12 on.
    content = re.sub(rb"/tmp/(perf|jit)-%", b"", Path(frozen.command[0]).read_bytes())
    made_of = BUILDINFO.read_bytes()
    for word in (str(ROOT), "/freeze-", "/tmp/"):
        assert word.encode() not in content + made_of, word
