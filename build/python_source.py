"""CPython for the executable: the distribution's source, compiled into one relocatable object, `python.o`.

Why from source: the distribution's own static library cannot be told apart from the C library once it is linked, and
for the snapshot (launcher/snapshot.h) it has to be. Here CPython's variables get sections of their own, and its malloc
another name. Link-time optimisation, and leaving out what no module needs, come with it.

All that is made here goes to .cache/python/, under a name that changes with everything that it is made from.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "python"
LAUNCHER = Path(__file__).resolve().parent / "launcher"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

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
OPTIMISE = ("-DNDEBUG", "-fwrapv", "-O2", "-g0", "-fno-pie", "-fno-pic")
ERRORS_NAMED = ("SSL_R_", "PEM_R_", "X509_R_")
# What the snapshot asks for: variables that begin as zero have bytes in the file as well; and the table that tells the
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


class BuildError(Exception):
    """A step of the build failed: what, and what it said."""


class Python(NamedTuple):
    """What the executable's CPython is linked from."""

    object: Path
    includes: tuple[Path, ...]
    source: Path
    version: str
    """Of the distribution's source package."""


def python_object() -> Python:
    """CPython for the executable; everything that is missing is made first. Raises BuildError."""
    version, source = _source()
    modules = LAUNCHER / "modules.c"
    steps = "".join(inspect.getsource(step) for step in (_compile, _shorten_error_names, _shrink_arenas, _join))
    options = (SETUP, CONFIGURE, OPTIMISE, FOR_SNAPSHOT, LEAN, LTO, SECTIONS, REPLACED, ERRORS_NAMED)
    recipe = (version, _compiler(), steps, options, modules.read_text())
    folder = CACHE / f"{PYTHON}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]}"
    made = folder / "python.o"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # The time that the compiler is to believe: CPython says in `sys.version` when it was compiled.
        epoch = run("dpkg-parsechangelog", "-l", source / "debian" / "changelog", "-S", "Timestamp").strip()
        environment = os.environ | {"SOURCE_DATE_EPOCH": epoch, "LC_ALL": "C.UTF-8"}
        archive = _compile(source, folder, environment)
        _join(source, folder, archive, modules, environment)
    includes = (source / "Include", source / "Include" / "internal", folder / "include")
    return Python(made, includes, source, version)


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Runs a command and gives its output. Raises BuildError with the end of what it said."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise BuildError(f"{' '.join(map(str, command[:4]))} … ended with {done.returncode}:\n{said}")
    return done.stdout


def _compiler() -> str:
    """The compiler and the library headers that the object is made with."""
    packages = ("gcc", "binutils", "libc6-dev", "libssl-dev", "zlib1g-dev")
    return run("gcc", "--version") + run("dpkg-query", "-W", *packages)


def _source() -> tuple[str, Path]:
    """The newest version of the source package that the distribution's mirror gives, unpacked."""
    CACHE.mkdir(parents=True, exist_ok=True)
    known = sorted(CACHE.glob(f"{PYTHON}_*.source"))
    if known:
        return known[-1].name[len(PYTHON) + 1 : -len(".source")], known[-1]
    apt = _apt()
    refused = []
    for version in _versions(apt):
        download = CACHE / "download"
        shutil.rmtree(download, ignore_errors=True)
        download.mkdir()
        try:
            run("apt-get", *apt, "source", "--download-only", "-qq", f"{PYTHON}={version}", cwd=download)
        except BuildError as error:
            # A mirror may list a security update that it does not hold any more, or not yet.
            refused.append(str(error))
            continue
        (description,) = download.glob("*.dsc")
        unpacked = CACHE / f"{PYTHON}_{version}.source"
        run("dpkg-source", "--no-check", "-x", description, download / "unpacked")
        (download / "unpacked").rename(unpacked)
        shutil.rmtree(download)
        return version, unpacked
    raise BuildError(f"no source of {PYTHON} can be had from the distribution:\n" + "\n".join(refused))


def _apt() -> tuple[str, ...]:
    """Options of apt-get for a private list of source packages: a stock machine has none, and its own is left alone."""
    apt = CACHE / "apt"
    for folder in (apt / "lists" / "partial", apt / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    release = Path("/etc/os-release").read_text()
    codename = re.search(r"^VERSION_CODENAME=(\w+)", release, re.MULTILINE)
    if not codename:
        raise BuildError("/etc/os-release names no Debian release; the build platform is Debian")
    entries = []
    for file in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        if file.is_file():
            entries += _source_entries(file.read_text(), file.suffix == ".sources", codename[1])
    (apt / "sources.list").write_text("\n".join(dict.fromkeys(entries)) + "\n")
    options = (
        f"-oDir::Etc::SourceList={apt / 'sources.list'}",
        "-oDir::Etc::SourceParts=/dev/null",
        f"-oDir::State::Lists={apt / 'lists'}",
        f"-oDir::Cache={apt}",
        "-oAPT::Sandbox::User=root" if os.geteuid() == 0 else "-oDebug::NoLocking=1",
    )
    run("apt-get", *options, "update", "-qq")
    return options


def _source_entries(text: str, deb822: bool, codename: str) -> list[str]:
    """deb-src lines for the deb entries of a list that are of this release."""
    found = []
    if deb822:
        for paragraph in re.split(r"\n\s*\n", text):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", paragraph, re.MULTILINE))
            signed = f"[signed-by={fields['Signed-By']}] " if fields.get("Signed-By", "").startswith("/") else ""
            for uri in fields.get("URIs", "").split():
                for suite in fields.get("Suites", "").split():
                    if suite.startswith(codename) and "deb" in fields.get("Types", "").split():
                        found.append(f"deb-src {signed}{uri} {suite} {fields.get('Components', 'main')}")
        return found
    for line in text.splitlines():
        entry = re.match(r"\s*deb\s+((?:\[[^]]*\]\s+)?\S+\s+(\S+)\s+.*)", line)
        if entry and entry[2].startswith(codename):
            found.append("deb-src " + entry[1])
    return found


def _versions(apt: tuple[str, ...]) -> list[str]:
    """Versions of the source package, the newest first."""
    listed = run("apt-cache", *apt, "showsrc", "--only-source", PYTHON)
    versions = list(dict.fromkeys(re.findall(r"^Version: (\S+)", listed, re.MULTILINE)))
    for end in range(len(versions) - 1, 0, -1):  # a bubble sort, because only dpkg knows which version is newer
        for at in range(end):
            older = ["dpkg", "--compare-versions", versions[at], "lt", versions[at + 1]]
            if subprocess.run(older, check=False).returncode == 0:
                versions[at : at + 2] = versions[at + 1], versions[at]
    return versions


def _compile(source: Path, folder: Path, environment: dict[str, str]) -> Path:
    """CPython's objects, without those that hold frozen modules, as an archive."""
    _shorten_error_names(source)
    _shrink_arenas(source)
    work = folder / "objects"
    work.mkdir()
    run(source / "configure", *CONFIGURE, cwd=work, env=environment)
    (work / "Modules" / "Setup.local").write_text(SETUP)
    # The source's own list of objects, for a target of ours.
    rules = "include Makefile\nprobe.a: $(LIBRARY_OBJS_OMIT_FROZEN)\n\trm -f $@\n\tgcc-ar rcsD $@ $^\n"
    (work / "probe.mk").write_text(rules)
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


def _shorten_error_names(source: Path) -> None:
    """Leaves `_ssl` the names of those OpenSSL errors that a connection can meet. With all of them its import is as
    long as a handshake, and the snapshot a megabyte larger."""
    for table in (source / "Modules").glob("_ssl_data*.h"):
        entry = re.compile(r"  #ifdef (\w+)\n    \{[^}]*\},\n  #else\n    \{[^}]*\},\n  #endif\n")
        text = table.read_text()
        table.write_text(entry.sub(lambda found: found[0] if found[1].startswith(ERRORS_NAMED) else "", text))


def _shrink_arenas(source: Path) -> None:
    """Has CPython take memory for small objects by the quarter of a megabyte, not by the whole one: what is left over
    of the last piece is in the snapshot as well."""
    for file in (source / "Objects" / "obmalloc.c", source / "Include" / "internal" / "pycore_obmalloc.h"):
        if file.exists():
            text = file.read_text()
            file.write_text(re.sub(r"(#define ARENA_BITS +)20( +)/\* 1 MiB \*/", r"\g<1>18\2/* 256 KiB */", text))


def _join(source: Path, folder: Path, archive: Path, modules: Path, environment: dict[str, str]) -> None:
    """Links the objects into one, and gives its sections and what it calls the names that the launcher knows."""
    includes = ("-DPy_BUILD_CORE", f"-I{archive.parent}", f"-I{source}/Include", f"-I{source}/Include/internal")
    flags = (*OPTIMISE, *FOR_SNAPSHOT, *LEAN)
    run("gcc", *flags, *LTO, *includes, "-c", modules, "-o", folder / "modules.o", cwd=folder, env=environment)
    jobs = f"-flto={os.cpu_count() or 1}"
    joined = folder / "joined.o"
    run(
        *("gcc", *flags, jobs, "-r", "-flinker-output=nolto-rel"),
        *(folder / "modules.o", archive, "-o", joined),
        cwd=folder,
        env=environment,
    )
    sections = [f"--rename-section={old}={new}" for old, new in SECTIONS.items()]
    symbols = [f"--redefine-sym={old}={new}" for old, new in REPLACED.items()]
    run("objcopy", *sections, *symbols, joined, folder / "python.new")
    (folder / "include").mkdir()
    shutil.copy(archive.parent / "pyconfig.h", folder / "include")
    (folder / "python.new").rename(folder / "python.o")
    shutil.rmtree(archive.parent)
    joined.unlink()
