"""The buildinfo tells the truth about the executable.

What it says is held against the executable's bytes and against the package manager, not against the linker's map, which
it is from.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from build import buildinfo as buildinfo_maker
from build.command import BuildError
from build.platform import LINUX_AMD64
from build.python_object import Python
from build.toolchain import toolchain
from release.buildinfo import Buildinfo, read
from tests.release.machine_code import Executable
from tests.support.variants import FROZEN, VERSION, Variant, built

# The packages with static libraries that the build knows, and the version's words in what is linked from them.
PACKAGES = ("libc6-dev", "libgcc-*-dev", "libssl-dev", "libzstd-dev", "zlib1g-dev")
WORDS = {"OpenSSL": "OpenSSL {} ", "glibc": "glibc {}\0", "zlib": " inflate {} Copyright"}


@pytest.fixture
def frozen() -> Variant:
    return built("frozen")


@pytest.fixture
def made(frozen: Variant, buildinfo: Path) -> Buildinfo:
    return read(buildinfo)


def query(*arguments: str) -> list[str]:
    done = subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def recorded(made: Buildinfo) -> dict[str, int]:
    return {archive: members for part in made.linked for archive, members in part.archives.items()}


def differences(archives: dict[str, int], file: Path) -> list[str]:
    """Where the code of the installed libraries that is in a file differs from a list of archives."""
    executable, found = Executable(file), {}
    for package in query("--show", "--showformat=${Package}\n", *PACKAGES):
        for library in query("--listfiles", package):
            if library.endswith(".a") and Path(library).is_file():
                found[Path(library).name] = executable.members_of(Path(library))
    # One member may well be in two libraries; half of them at least have code that is recognised.
    more = [f"{name} is in" for name, members in found.items() if members > max(archives.get(name, 0), 1)]
    less = [f"{name} is not in" for name, members in archives.items() if found.get(name, 0) * 2 < members]
    return more + [fault for fault in less if ".a " in fault]


def test_it_is_of_this_executable(frozen: Variant, made: Buildinfo) -> None:
    content = FROZEN.read_bytes()
    assert (made.executable, made.size) == (FROZEN.name, len(content))
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert frozen.run("-version").stdout.startswith(f"{made.name} {made.version} (commit {made.commit}, ")
    assert made.version == VERSION


def test_its_libraries_are_those_whose_code_is_there(made: Buildinfo) -> None:
    assert differences(recorded(made), FROZEN) == []


@pytest.mark.parametrize("archive", ["libcrypto.a", "libssl.a", "libz.a", "libc.a", "libgcc.a", "libgcc_eh.a"])
def test_an_archive_left_out_is_found_out(made: Buildinfo, archive: str) -> None:
    archives = recorded(made)
    del archives[archive]
    assert differences(archives, FROZEN) == [f"{archive} is in"]


def test_an_archive_too_many_is_found_out(made: Buildinfo) -> None:
    assert differences(recorded(made) | {"libresolv.a": 4}, FROZEN) == ["libresolv.a is not in"]


def test_the_makers_versions_are_in_the_bytes(frozen: Variant, made: Buildinfo) -> None:
    content = FROZEN.read_bytes()
    upstream = {part.name: part.upstream for part in made.linked}
    assert f", CPython {upstream['CPython']}, OpenSSL {upstream['OpenSSL']})" in frozen.run("-version").stdout
    for name, words in WORDS.items():
        assert words.format(upstream[name]).encode() in content, name


def test_the_packages_are_those_installed(made: Buildinfo) -> None:
    for part in made.linked:
        for package in part.packages:
            form = "--showformat=${source:Package} ${source:Version}"
            assert query("--show", form, package) == [f"{part.source} {part.version}"]
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
