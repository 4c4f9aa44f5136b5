"""The executable, in one command: `python build/freeze.py [OUTDIR]` makes
OUTDIR/tfs_model_status_probe_VERSION_linux_amd64 (default: dist), and beside it, in a .buildinfo, what that is made of.

    CPython's source --python_source.py--> python.o --+
    probe/ --PyInstaller, probe.spec--> probe.pkg ----+--> maker --run once--> snapshot --into a copy of maker--> the
    file launcher/*.c -------------------------------------+

The same commit, packages and compiler give the same bytes, in whatever folder. The interpreter that runs this is the
distribution's, since its bytecode has to be that of the CPython that is linked in.

Static libraries in the folder RELINK_WITH, if that is set, are taken before the distribution's: NOTICE says what for.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import buildinfo
import python_source
from inspect_artifact import inspect
from origin import commit, version
from python_source import LAUNCHER, ROOT, BuildError, Python, run

# What the launcher's own code is compiled with; warnings are errors.
CFLAGS = ("-std=gnu11", "-O2", "-g0", "-DNDEBUG", "-fno-pie", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror")
CFLAGS_FOR_PYTHON = ("-Wno-missing-field-initializers", "-Wno-strict-prototypes", "-Wno-cast-function-type")
LDFLAGS = ("-static", "-no-pie", "-Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--build-id=none")
# Calls that launcher.c comes before.
WRAPPED = ("-Wl,--wrap=getaddrinfo,--wrap=getservbyname,--wrap=SSL_CTX_new",)
LIBRARIES = ("-lz", "-lm")
LINK_MAP = "maker.map"
OPENSSL = Path("/usr/lib/x86_64-linux-gnu/pkgconfig/libcrypto.pc")
# The linker warns of every function that a static glibc serves by plug-ins; launcher.c says which it may load.
EXPECTED_WARNING = re.compile(r"statically linked applications requires at runtime the shared libraries|in function")
WORD, LANES = 4, 8
PAGE = 4096
MASK = (1 << 64) - 1


class Section(NamedTuple):
    """A part of the snapshot: where it is mapped, its bytes, and how many of them mean something."""

    name: str
    address: int
    content: bytes
    used: int


def main() -> int:
    """Makes, inspects and puts the executable and its buildinfo in their place: whole, or not at all."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve()
    target = out / f"tfs_model_status_probe_{version()}_linux_amd64"
    try:
        with tempfile.TemporaryDirectory(prefix="freeze-") as scratch:
            python = python_source.python_object()
            made = freeze(Path(scratch), python)
            faults = inspect(made, forbidden=[str(ROOT), scratch])
            if faults:
                raise BuildError(
                    "the executable is not what it should be:\n" + "\n".join(f"- {fault}" for fault in faults)
                )
            made_of = made.with_name("buildinfo")
            buildinfo.write(made_of, made, target.name, made.with_name(LINK_MAP), python)
            out.mkdir(parents=True, exist_ok=True)
            # The executable last: make asks when it was made.
            put(made_of, out / f"tfs_model_status_probe_{version()}.buildinfo", 0o644)
            put(made, target, 0o755)
    except BuildError as error:
        sys.exit(f"{error}")
    print(target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target)
    return 0


def put(made: Path, target: Path, mode: int) -> None:
    """Copies a file to its place, where nobody finds half of it."""
    new = target.with_name(f"{target.name}.new")
    shutil.copyfile(made, new)
    new.chmod(mode)
    new.replace(target)


def freeze(scratch: Path, python: Python) -> Path:
    """The finished executable, in the scratch folder, where the linker's map is as well."""
    archive = pack(scratch, python)
    objects = compile_launcher(scratch, python, archive)
    # The heap's size is known only afterwards; the second executable has just that.
    maker = link(scratch, python, objects, ())
    used = next(section.used for section in snapshot(maker, scratch) if section.name == "py_heap")
    size = -(-used // PAGE) * PAGE
    maker = link(scratch, python, objects, (f"-DHEAP_SIZE={size}",))
    return assemble(maker, archive, snapshot(maker, scratch))


def pack(scratch: Path, python: Python) -> Path:
    """PyInstaller's archive of the modules."""
    environment = os.environ | {
        "PYTHON_SOURCE": str(python.source),
        "PROBE_COMMIT": commit(),
        "SOURCE_DATE_EPOCH": "0",
        "PYTHONHASHSEED": "0",
        "PYINSTALLER_CONFIG_DIR": str(scratch / "pyinstaller"),
    }
    work = scratch / "pack"
    run(
        *(sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=ERROR", "--clean"),
        *("--workpath", work, "--distpath", scratch / "unused", ROOT / "build" / "probe.spec"),
        cwd=scratch,
        env=environment,
    )
    return work / "probe" / "probe.pkg"


def compile_launcher(scratch: Path, python: Python, archive: Path) -> list[Path]:
    """The launcher's objects but for the heap, whose size is an option."""
    made = []
    for name in ("launcher.c", "own_file.c", "snapshot.c", "archive.S"):
        made.append(scratch / f"{name}.o")
        compile_one(LAUNCHER / name, made[-1], python, (f'-DARCHIVE="{archive}"',))
    return made


def compile_one(file: Path, to: Path, python: Python, options: tuple[str, ...]) -> None:
    """Compiles a file of the launcher. CPython's headers are not ours to warn about."""
    includes = [part for folder in python.includes for part in ("-isystem", folder)]
    prefixes = (f"-ffile-prefix-map={LAUNCHER}=launcher", f"-ffile-prefix-map={python.source}=python")
    run("gcc", *CFLAGS, *CFLAGS_FOR_PYTHON, *prefixes, "-DPy_BUILD_CORE", *includes, *options, "-c", file, "-o", to)


def link(scratch: Path, python: Python, objects: list[Path], options: tuple[str, ...]) -> Path:
    """An executable that makes a snapshot when it is run."""
    heap, maker = scratch / "heap.o", scratch / "maker"
    compile_one(LAUNCHER / "heap.c", heap, python, options)
    linked = map(str, [*objects, heap, python.object])
    written = ("-Xlinker", f"-Map={scratch / LINK_MAP}")
    first = [f"-L{os.environ['RELINK_WITH']}"] if os.environ.get("RELINK_WITH") else []
    command = ["gcc", *LDFLAGS, *WRAPPED, *written, *first, *linked, *openssl(), *LIBRARIES, "-o", str(maker)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    unexpected = [line for line in done.stderr.splitlines() if not EXPECTED_WARNING.search(line)]
    if done.returncode or unexpected:
        raise BuildError("the launcher cannot be linked:\n" + "\n".join(unexpected[:20]))
    run("strip", "--strip-all", maker)
    return maker


def openssl() -> list[str]:
    """OpenSSL, and what its package says that the static library needs: from Debian 13 on that is zstd as well."""
    needed = re.search(r"^Libs\.private:(.*)$", OPENSSL.read_text(), re.MULTILINE)
    return ["-lssl", "-lcrypto", *(needed[1].split() if needed else ())]


def snapshot(maker: Path, scratch: Path) -> list[Section]:
    """What the executable's memory holds when all that every run does has been done."""
    file = scratch / "snapshot"
    # An empty environment, so that nothing of this machine is remembered.
    listed = run(maker, "make-snapshot", file, env={"TZ": "UTC"})
    content = file.read_bytes()
    sections, at = [], 0
    for line in listed.splitlines():
        name, address, length, used = line.split()
        sections.append(Section(name, int(address, 16), content[at : at + int(length)], int(used)))
        at += int(length)
    if at != len(content):
        raise BuildError("the snapshot's list and its bytes differ in length")
    return sections


def assemble(maker: Path, archive: Path, sections: list[Section]) -> Path:
    """A copy of the maker with the snapshot in the place of its initial data."""
    elf = bytearray(maker.read_bytes())
    for section in sections:
        at = file_offset(elf, section.address, len(section.content))
        elf[at : at + len(section.content)] = section.content
    sums = checksum([archive.read_bytes(), *(section.content for section in sections)])
    at = section_offset(elf, "py_sums")
    elf[at : at + len(sums)] = sums
    made = maker.with_name("executable")
    made.write_bytes(elf)
    made.chmod(0o755)
    return made


def checksum(parts: list[bytes]) -> bytes:
    """The running sums of launcher/snapshot.c, as they are there."""
    whole = b"".join(part + bytes(-len(part) % (LANES * WORD)) for part in parts)
    words = [word for (word,) in struct.iter_unpack("<I", whole)]
    # Words at even places are the lower halves of larger ones.
    sums = [list(itertools.accumulate(words[lane::LANES])) for lane in (*range(0, LANES, 2), *range(1, LANES, 2))]
    last, total = [lane[-1] for lane in sums], [sum(lane) & MASK for lane in sums]
    half = LANES // 2
    return struct.pack(f"<{2 * LANES}Q", *last[:half], *total[:half], *last[half:], *total[half:])


def file_offset(elf: bytearray, address: int, length: int) -> int:
    """Where in the file the bytes are that are mapped to an address."""
    (headers,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for at in range(headers, headers + size * count, size):
        kind, _, offset, start, _, in_file = struct.unpack_from("<IIQQQQ", elf, at)
        if kind == 1 and start <= address and address + length <= start + in_file:  # PT_LOAD
            return int(offset + address - start)
    raise BuildError(f"nothing of the file is mapped to {address:#x}")


def section_offset(elf: bytearray, name: str) -> int:
    """Where in the file a section begins."""
    (headers,) = struct.unpack_from("<Q", elf, 40)
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    (strings,) = struct.unpack_from("<Q", elf, headers + size * names + 24)
    for at in range(headers, headers + size * count, size):
        (named,) = struct.unpack_from("<I", elf, at)
        if bytes(elf[strings + named :]).partition(b"\0")[0] == name.encode():
            return int(struct.unpack_from("<Q", elf, at + 24)[0])
    raise BuildError(f"the executable has no section {name}")


if __name__ == "__main__":
    sys.exit(main())
