"""What the executable for another platform is: the same from two builds, mappable in large pages, without newer
instructions, and made of that platform's packages."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

from build.inspect_artifact import inspect
from build.platform import LINUX_AMD64, Platform
from build.python_object import python_object
from build.shared.checkout import ROOT, VERSION
from build.toolchain import Toolchain, toolchain
from tests.frozen.checkout import copy_checkout, freeze, share_cache

PAGE_SIZE = '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%ld\\n", sysconf(_SC_PAGESIZE)); }\n'
NEWER = {"linux_arm64": ("-march=armv8.1-a",)}
"""By platform: what lets the compiler use instructions that the oldest processor lacks."""
ATOMICS = "#include <stdatomic.h>\nint main(void) { atomic_int count = 0; return atomic_fetch_add(&count, 1); }\n"


def compiled(tools: Toolchain, folder: Path, source: str, *options: str) -> Path:
    """Returns a static executable for the platform."""
    (folder / "made.c").write_text(source)
    command = [*tools.gcc, "-static", "-O2", *options, "-o", "made", "made.c"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "made"


def test_inspection(executable: Path, platform: Platform) -> None:
    assert inspect(executable, [str(ROOT)], platform) == []


def test_a_build_for_small_pages_fails_the_inspection(tools: Toolchain, platform: Platform, tmp_path: Path) -> None:
    fault = f"it cannot be mapped in pages of {platform.page_size} bytes"
    for size, fails in ((4096, True), (platform.page_size, False)):
        made = compiled(tools, tmp_path, PAGE_SIZE, "-no-pie", f"-Wl,-z,max-page-size={size},-z,separate-code")
        assert (fault in inspect(made, [], platform)) == fails


def test_a_program_sees_the_pages(tools: Toolchain, emulator: tuple[str, ...], page_size: int, tmp_path: Path) -> None:
    made = compiled(tools, tmp_path, PAGE_SIZE)
    seen = subprocess.run([*emulator, "-p", str(page_size), made], capture_output=True, text=True, check=True)
    assert seen.stdout == f"{page_size}\n"


def test_the_executable_sees_the_pages(executable: Path, emulator: tuple[str, ...], page_size: int) -> None:
    """It protects what only its start writes to, from the beginning of a page on."""
    command = [*emulator, "-p", str(page_size), "-strace", str(executable), "-version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    ((start, length),) = re.findall(r"mprotect\(0x([0-9a-f]+),(\d+),PROT_READ\) = 0", said)
    (segment,) = subprocess.run(
        ["readelf", "-lW", executable], capture_output=True, text=True, check=True
    ).stdout.split("GNU_RELRO")[1:]
    address, memory = int(segment.split()[1], 16), int(segment.split()[4], 16)
    assert int(start, 16) == address // page_size * page_size
    assert int(length) == (address + memory) // page_size * page_size - int(start, 16)
    assert memory > page_size


def test_the_emulator_refuses_newer_instructions(tools: Toolchain, emulator: tuple[str, ...], tmp_path: Path) -> None:
    """So every other test shows that the executable has none, or does not use them on this processor."""
    for options, exit_code in (((), 0), (NEWER[tools.platform.name], -signal.SIGILL)):
        made = compiled(tools, tmp_path, ATOMICS, *options)
        assert subprocess.run([*emulator, made], capture_output=True, check=False).returncode == exit_code


def test_cpython_is_configured_as_on_this_machine(tools: Toolchain) -> None:
    """But for libraries that are not linked, what is true of the processor, and how well CPython's makers test it."""
    found = []
    for each in (tools, toolchain(LINUX_AMD64)):
        text = (python_object(each).include / "pyconfig.h").read_text()
        found.append(set(re.findall(r"^#define (\w+.*)$", text, re.MULTILINE)))
    differing = {line.split()[0] for line in found[0] ^ found[1]}
    unlinked = (
        r"(HAVE_)?(WINDOW|MVWDELCH|N?CURSES|PANEL|TERM_H|RL_|LIB|UUID|BZLIB|LZMA|ZLIB|GDBM|NDBM|DB_H|SQLITE|PY_SQLITE|"
        r"EDITLINE|READLINE|RPC|CRYPT|FFI)\w*"
    )
    assert {name for name in differing if not re.match(unlinked, name)} <= {
        *("HAVE_GCC_ASM_FOR_X64", "HAVE_GCC_ASM_FOR_X87", "HAVE_GCC_ASM_FOR_MC68881", "PY_SUPPORT_TIER"),
    }


def test_two_builds_are_the_same(executable: Path, platform: Platform, tmp_path: Path) -> None:
    copies = [copy_checkout(tmp_path / name / "checkout") for name in ("one", "another-with-a-longer-name")]
    for checkout in copies:
        share_cache(checkout)
    env = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(tmp_path), "USER": "somebody"}
    sums = [freeze(copies[0], tmp_path / "1", {}, platform), freeze(copies[1], tmp_path / "2", env, platform)]
    assert sums[0] == sums[1]
    made_of = [(tmp_path / out / platform.buildinfo(VERSION)).read_bytes() for out in ("1", "2")]
    assert made_of[0] == made_of[1]


def test_it_is_made_of_the_platforms_packages(executable: Path, platform: Platform, tools: Toolchain) -> None:
    """The sysroot's, in the versions that it has, and nothing of the cross compiler's."""
    made_of = json.loads(executable.with_name(platform.buildinfo(VERSION)).read_text())
    assert made_of["distribution"]["architecture"] == platform.deb
    assert {part["name"] for part in made_of["linked"]} >= {
        "CPython",
        "GCC runtime library",
        "glibc",
        "OpenSSL",
        "zlib",
    }
    assert tools.sysroot
    for part in made_of["linked"]:
        for package in part["packages"]:
            found = tools.sysroot.packages[package]
            assert (found.source, found.source_version) == (part["source"], part["version"])
    assert not any(str(path) in json.dumps(made_of) for path in (ROOT, tools.sysroot.folder))
    assert {"qemu-user-static", *platform.packages[1:]} <= set(made_of["built_with"]["deb"])


def test_dpkg_knows_no_other_architecture(executable: Path) -> None:
    asked = subprocess.run(["dpkg", "--print-foreign-architectures"], capture_output=True, text=True, check=True)
    assert asked.stdout == ""
    assert not [name for name in os.listdir(ROOT / ".cache" / "sysroot") if name.endswith((".new", ".apt"))]
