"""CPython for the executable: the distribution's source, compiled into one relocatable object, `python.o`.

Why from source: once the distribution's own static library is linked, it cannot be told apart from the C library, and
the snapshot (launcher/snapshot.h) needs that. Here CPython's variables get sections of their own, and its malloc gets
another name. Link-time optimisation, and leaving out what no module needs, come with it.

Everything that is made here goes to .cache/python/, into a folder whose name is a hash of the recipe: this file, the
files that it reads, the platform, CPython's version and the compiler's. The environment has no say.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from build import python_patches
from build.command import run
from build.python_source import CACHE, PYTHON, Source, source
from build.toolchain import Toolchain

MODULES = Path(__file__).resolve().parent / "launcher" / "modules.c"
RECIPE = (Path(__file__).resolve(), Path(python_patches.__file__).resolve(), python_patches.CLOSE_ARENAS, MODULES)
"""The files that the object depends on, beside CPython's source."""

# Modules in C beyond those without which CPython does not build. launcher/modules.c says which of all are linked.
SETUP = """\
*static*
_json _json.c
_random _randommodule.c
_socket socketmodule.c
_ssl _ssl.c
_struct _struct.c
binascii binascii.c
math mathmodule.c
select selectmodule.c
zlib zlibmodule.c
"""
CONFIGURE = (
    *("--quiet", "--disable-shared", "--without-ensurepip", "--without-doc-strings", "--disable-test-modules"),
    "--without-mimalloc",  # the allocator that came with 3.13, and would start itself in every run
)
# What configure finds out by running programs and, when it compiles for another platform, has to be told, or guesses
# badly: the answers of every 64-bit Linux with glibc. Where words must be aligned, CPython hashes strings by FNV.
FOUND_BY_RUNNING = (
    *("ac_cv_aligned_required=no", "ac_cv_computed_gotos=yes", "ac_cv_buggy_getaddrinfo=no"),
    *("ac_cv_file__dev_ptmx=yes", "ac_cv_file__dev_ptc=no", "ac_cv_broken_sem_getvalue=no"),
    *("ac_cv_pthread_system_supported=yes", "ac_cv_working_tzset=yes"),
)
OPTIMISE = ("-DNDEBUG", "-fwrapv", "-O2", "-g0", "-fno-pie", "-fno-pic")
# The snapshot needs these: variables that begin as zero have bytes in the file as well; and the table that tells the
# memory of small objects from other memory is a small one, which saves half a megabyte.
FOR_SNAPSHOT = ("-fno-zero-initialized-in-bss", "-fno-common", "-DWITH_PYMALLOC_RADIX_TREE=0")
LEAN = ("-ffunction-sections", "-fno-asynchronous-unwind-tables", "-fno-semantic-interposition", "-fvisibility=hidden")
LTO = ("-flto", "-fno-fat-lto-objects")
# The snapshot's sections, by those that the compiler makes; and the functions of the C library that the launcher
# replaces.
SECTIONS = {
    ".data": "py_data",
    ".data.rel": "py_data",
    ".data.rel.local": "py_data",
    ".PyRuntime": "py_runtime",
    ".bss": "py_bss,alloc,load,data,contents",
}
REPLACED = {
    "malloc": "python_malloc",
    "calloc": "python_calloc",
    "realloc": "python_realloc",
    "free": "python_free",
    "mmap64": "python_mmap",
    "munmap": "python_munmap",
    "pthread_self": "python_pthread_self",
}
# Neither is compiled, nor read by what is.
UNUSED = ("Doc", "test", "tests", "idlelib", "lib2to3", "ensurepip", "debian", ".pc")


class Python(NamedTuple):
    """What the executable's CPython is linked from."""

    object: Path
    include: Path
    """CPython's headers as they were compiled, pyconfig.h among them."""
    source: Path
    """As the distribution has it."""
    version: str
    """Of the distribution's source package."""


def python_object(tools: Toolchain) -> Python:
    """Returns CPython for the executable, after making whatever is missing. Raises BuildError."""
    original = source()
    folder = CACHE / f"{PYTHON}-{recipe_hash(original.version, tools)}"
    if not (folder / "python.o").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _make(original, folder, tools)
    return Python(folder / "python.o", folder / "include", original.folder, original.version)


def recipe_hash(source_version: str, tools: Toolchain) -> str:
    """Returns a hash of everything that the object depends on."""
    recipe = [source_version, tools.platform.name, *tools.versions(), *(file.read_text() for file in RECIPE)]
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]


def _make(original: Source, folder: Path, tools: Toolchain) -> None:
    """Compiles a patched copy of the source into the folder's python.o, and leaves its headers beside that."""
    copy = folder / "source"
    shutil.copytree(original.folder, copy, symlinks=True, ignore=shutil.ignore_patterns(*UNUSED))
    python_patches.apply(copy)
    # CPython reports in `sys.version` when it was compiled: this is the time that the compiler is to believe.
    epoch = run("dpkg-parsechangelog", "-l", original.folder / "debian" / "changelog", "-S", "Timestamp").strip()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment = kept | {"SOURCE_DATE_EPOCH": epoch, "LC_ALL": "C.UTF-8"}
    objects = folder / "objects"
    archive = _compile(copy, objects, tools, environment)
    joined = _join(copy, archive, tools, environment)
    shutil.copytree(copy / "Include", folder / "include")
    shutil.copy(objects / "pyconfig.h", folder / "include")
    joined.rename(folder / "python.o")
    shutil.rmtree(objects)
    shutil.rmtree(copy)


def _compile(source: Path, work: Path, tools: Toolchain, environment: dict[str, str]) -> Path:
    """Returns an archive of CPython's objects, without those that hold frozen modules."""
    work.mkdir()
    run(source / "configure", *CONFIGURE, *_cross(tools), cwd=work, env=environment)
    (work / "Modules" / "Setup.local").write_text(SETUP)
    # A target of ours with the source's own list of objects.
    rules = "include Makefile\nprobe.a: $(LIBRARY_OBJS_OMIT_FROZEN)\n\trm -f $@\n\t{} rcsD $@ $^\n"
    (work / "probe.mk").write_text(rules.format(tools.program("gcc-ar")))
    flags = (f"-ffile-prefix-map={source}=python", *FOR_SNAPSHOT, *LEAN, *LTO, "-std=c11")
    run(
        "make",
        "--silent",
        f"--jobs={os.cpu_count() or 1}",
        "--file=probe.mk",
        f"OPT={' '.join(OPTIMISE)}",
        f"CFLAGS_NODIST={' '.join(flags)}",
        "probe.a",
        cwd=work,
        env=environment,
    )
    return work / "probe.a"


def _cross(tools: Toolchain) -> tuple[str, ...]:
    """Returns configure's arguments for another platform than this machine's: none where it is the same."""
    if tools.sysroot is None:
        return ()
    return (
        f"--host={tools.platform.triple}",
        f"--build={run('dpkg-architecture', '-qDEB_BUILD_GNU_TYPE').strip()}",
        f"--with-build-python={sys.executable}",
        f"--with-openssl={tools.root / 'usr'}",
        f"CC={' '.join(tools.gcc)}",
        "PKG_CONFIG=false",  # this machine's, which would find this machine's libraries
        *FOUND_BY_RUNNING,
    )


def _join(source: Path, archive: Path, tools: Toolchain, environment: dict[str, str]) -> Path:
    """Links the objects into one, and gives its sections and what it calls the names that the launcher knows."""
    work = archive.parent
    includes = ("-DPy_BUILD_CORE", f"-I{work}", f"-I{source}/Include", f"-I{source}/Include/internal")
    flags = (*OPTIMISE, *FOR_SNAPSHOT, *LEAN)
    modules, joined, made = work / "launcher-modules.o", work / "joined.o", work / "python.o"
    run(*tools.gcc, *flags, *LTO, *includes, "-c", MODULES, "-o", modules, cwd=work, env=environment)
    run(
        *(*tools.gcc, *flags, f"-flto={os.cpu_count() or 1}", "-r", "-flinker-output=nolto-rel"),
        *(modules, archive, "-o", joined),
        cwd=work,
        env=environment,
    )
    sections = [f"--rename-section={old}={new}" for old, new in SECTIONS.items()]
    symbols = [f"--redefine-sym={old}={new}" for old, new in REPLACED.items()]
    run(tools.program("objcopy"), *sections, *symbols, joined, made)
    return made
