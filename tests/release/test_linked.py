"""The buildinfo tells the truth about the executable.

What it says is held against the executable's bytes and against what packages say of themselves, not against the
linker's map, which it is from.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from build import buildinfo as buildinfo_maker
from build.command import BuildError
from build.platform import LINUX_AMD64, PLATFORMS, Platform
from build.python_object import Python
from build.shared.checkout import SYSROOTS
from build.shared.debian import SYSROOT_INDEX
from build.toolchain import toolchain
from release.buildinfo import Buildinfo, read
from release.contents import emulator
from tests.release.machine_code import Executable
from tests.support.variants import VERSION, built_for

# The packages with static libraries that the build knows, and the version's words in what is linked from them.
PACKAGES = ("libc6-dev", "libgcc-*-dev", "libssl-dev", "libzstd-dev", "zlib1g-dev")
WORDS = {"OpenSSL": "OpenSSL {} ", "glibc": "glibc {}\0", "zlib": " inflate {} Copyright"}
FEW = 3
"""Members: fewer may be in a file by chance."""


class Frozen(NamedTuple):
    """An executable."""

    row: Platform
    file: Path

    @property
    def says(self) -> str:
        """What it prints with -version."""
        command = [*emulator(self.row), str(self.file), "-version"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(params=PLATFORMS, ids=[row.name for row in PLATFORMS])
def frozen(request: pytest.FixtureRequest) -> Frozen:
    """That of each platform."""
    return Frozen(request.param, built_for(request.param))


@pytest.fixture
def made(frozen: Frozen) -> Buildinfo:
    return read(frozen.file.with_name(frozen.row.buildinfo(VERSION)))


def query(*arguments: str) -> list[str]:
    done = subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def recorded(made: Buildinfo) -> dict[str, int]:
    return {archive: members for part in made.linked for archive, members in part.archives.items()}


def libraries(row: Platform) -> Iterator[Path]:
    """The static libraries of these packages: those that are installed, or the platform's own."""
    root = SYSROOTS / row.name
    if not emulator(row):
        for package in query("--show", "--showformat=${Package}\n", *PACKAGES):
            yield from (Path(name) for name in query("--listfiles", package) if name.endswith(".a"))
        return
    for name, package in json.loads((root / SYSROOT_INDEX).read_text())["owners"].items():
        if name.endswith(".a") and any(fnmatch(package, pattern) for pattern in PACKAGES):
            yield root / name


def differences(archives: dict[str, int], frozen: Frozen) -> list[str]:
    """Where the code of the libraries that is in an executable differs from a list of archives."""
    executable, found = Executable(frozen.file), {}
    for library in filter(Path.is_file, libraries(frozen.row)):
        found[library.name] = executable.members_of(library)
    # One member may well be in two libraries. Some are too small to be recognised: half of them at most, except in the
    # libgcc.a of arm64.
    more = [f"{name} is in" for name, members in found.items() if members > max(archives.get(name, 0), 1)]
    less = [
        f"{name} is not in"
        for name, members in archives.items()
        if found.get(name, 0) < FEW and found.get(name, 0) * 2 < members
    ]
    return more + [fault for fault in less if ".a " in fault]


def test_it_is_of_this_executable(frozen: Frozen, made: Buildinfo) -> None:
    content = frozen.file.read_bytes()
    assert (made.executable, made.size) == (frozen.file.name, len(content))
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert made.platform == frozen.row.name
    assert frozen.says.startswith(f"{made.name} {made.version} (commit {made.commit}, ")
    assert made.version == VERSION


def test_its_libraries_are_those_whose_code_is_there(frozen: Frozen, made: Buildinfo) -> None:
    assert differences(recorded(made), frozen) == []


@pytest.mark.parametrize("archive", ["libcrypto.a", "libssl.a", "libz.a", "libc.a", "libgcc.a", "libgcc_eh.a"])
def test_an_archive_left_out_is_found_out(frozen: Frozen, made: Buildinfo, archive: str) -> None:
    archives = recorded(made)
    del archives[archive]
    assert differences(archives, frozen) == [f"{archive} is in"]


def test_an_archive_too_many_is_found_out(frozen: Frozen, made: Buildinfo) -> None:
    assert differences(recorded(made) | {"libresolv.a": 4}, frozen) == ["libresolv.a is not in"]


def test_the_makers_versions_are_in_the_bytes(frozen: Frozen, made: Buildinfo) -> None:
    content = frozen.file.read_bytes()
    upstream = {part.name: part.upstream for part in made.linked}
    assert f", CPython {upstream['CPython']}, OpenSSL {upstream['OpenSSL']})" in frozen.says
    for name, words in WORDS.items():
        assert words.format(upstream[name]).encode() in content, name


def source_of(row: Platform, package: str) -> list[str]:
    """The source package and its version: by dpkg for what is installed, otherwise by the changelog in the package."""
    if not emulator(row):
        return query("--show", "--showformat=${source:Package} ${source:Version}", package)
    log = SYSROOTS / row.name / "usr" / "share" / "doc" / package / "changelog.Debian.gz"
    name, version = gzip.decompress(log.read_bytes()).decode().splitlines()[0].split()[:2]
    return [f"{name} {version.strip('()')}"]


def test_the_packages_are_those_that_are_there(frozen: Frozen, made: Buildinfo) -> None:
    for part in made.linked:
        for package in part.packages:
            assert source_of(frozen.row, package) == [f"{part.source} {part.version}"]
    (cpython,) = (part for part in made.linked if part.name == "CPython")
    assert (cpython.packages, cpython.archives) == ((), {"python.o": 1})
    assert re.fullmatch(r"python3\.\d+", cpython.source)


@pytest.mark.parametrize(
    ("debian", "upstream"),
    [
        ("3.0.22-1~deb12u2", "3.0.22"),
        ("1:1.2.13.dfsg-1", "1.2.13"),
        ("1:1.3.dfsg+really1.3.1-1", "1.3.1"),
        ("1.5.7+dfsg-1", "1.5.7"),
        ("2.36-9+deb12u14", "2.36"),
        ("12.2.0-14+deb12u1", "12.2.0"),
        ("3.13.5-2", "3.13.5"),
        ("6.1", "6.1"),
    ],
)
def test_the_makers_version_in_debians(debian: str, upstream: str) -> None:
    assert buildinfo_maker.upstream(debian) == upstream


def test_what_the_linker_kept(tmp_path: Path) -> None:
    """Not what it looked at, threw away, or does not load."""
    lines = (
        f"{tmp_path}/libseen.a(one.o)",
        f"                              {tmp_path}/heap.o (one)",
        "",
        "Discarded input sections",
        "",
        f" .text          0x0000000000000000       0x12 {tmp_path}/libseen.a(one.o)",
        "",
        "Linker script and memory map",
        "",
        f"LOAD {tmp_path}/libseen.a",
        f" .text          0x0000000000401000       0x20 {tmp_path}/a (b)/libkept.a(one.o)",
        " .text.unlikely.with.a.long.name",
        f"                0x0000000000401020        0x8 {tmp_path}/a (b)/libkept.a(two.o)",
        f" .data          0x0000000000402000        0x8 {tmp_path}/a (b)/libkept.a(two.o)",
        f" .bss           0x0000000000403000        0x0 {tmp_path}/libempty.a(one.o)",
        f" .comment       0x0000000000000000       0x1f {tmp_path}/libseen.a(one.o)",
        f" .text          0x0000000000404000        0x4 {tmp_path}/heap.o",
        "",
    )
    assert buildinfo_maker.taken("\n".join(lines)) == {tmp_path / "a (b)" / "libkept.a": 2, tmp_path / "heap.o": 1}


def test_another_linkers_map_is_refused() -> None:
    with pytest.raises(BuildError, match=r"^the linker's map has no memory map"):
        buildinfo_maker.taken("             VMA              LMA     Size Align Out     In      Symbol\n")


def test_a_library_that_nobody_expects_is_refused(tmp_path: Path) -> None:
    """Its licence has to be looked at first."""
    python = Python(tmp_path / "python.o", tmp_path, tmp_path, "3.0-1")
    with pytest.raises(BuildError, match=r"^the linker took something from dpkg, which is not expected"):
        buildinfo_maker.linked({Path("/usr/bin/dpkg"): 1}, tmp_path, python, toolchain(LINUX_AMD64))


def test_own_objects_are_no_libraries(tmp_path: Path) -> None:
    python = Python(tmp_path / "cache" / "python.o", tmp_path, tmp_path, "3.11.2-6+deb12u8")
    files = {tmp_path / "own" / "heap.o": 1, tmp_path / "cache" / "python.o": 1}
    (entry,) = buildinfo_maker.linked(files, tmp_path / "own", python, toolchain(LINUX_AMD64))
    assert (entry["name"], entry["version"], entry["archives"]) == ("CPython", "3.11.2-6+deb12u8", {"python.o": 1})


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "made.buildinfo is not JSON: "),
        ("[]", "made.buildinfo is not a buildinfo of this program: "),
        ('{"name": "tfs_model_status_probe"}', "made.buildinfo is not a buildinfo of this program: 'executable'"),
    ],
)
def test_what_is_no_buildinfo_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "made.buildinfo").write_text(content)
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        read(tmp_path / "made.buildinfo")
