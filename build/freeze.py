"""The executable, in one command: `python -m build.freeze [OUTDIR [PLATFORM]]` makes
OUTDIR/tfs_model_status_probe_VERSION_PLATFORM (default: dist, linux_amd64), and beside it, in a .buildinfo, what that
is made of. An executable for another platform than this machine's is made by a cross compiler (toolchain.py).

    CPython's source --python_object.py--> python.o --+
    probe/ --PyInstaller, probe.spec--> probe.pkg ----+--> maker --run once--> snapshot --into a copy of maker--> the
    file launcher/*.c -------------------------------------+

The same commit, packages and compiler give the same bytes, in whatever folder. The interpreter that runs this is the
distribution's, since its bytecode has to be that of the CPython that is linked in.

RELINK_WITH in the environment names a folder of static libraries that come before the distribution's. NOTICE says why.
With KEEP_SYMBOLS=1 the executable has symbols, for profilers (launcher/hot_functions.txt), and is not inspected.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from build import buildinfo, outdated, python_object, snapshot
from build.command import BuildError, run
from build.inspect_artifact import inspect
from build.platform import LINUX_AMD64, find
from build.python_object import Python
from build.shared.checkout import ROOT, VERSION, commit
from build.toolchain import Toolchain, toolchain

LAUNCHER = Path(__file__).resolve().parent / "launcher"
# What the launcher's own code is compiled with; warnings are errors.
CFLAGS = ("-std=gnu11", "-O2", "-g0", "-DNDEBUG", "-fno-pie", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror")
CFLAGS_FOR_PYTHON = ("-Wno-missing-field-initializers", "-Wno-strict-prototypes", "-Wno-cast-function-type")
LDFLAGS = ("-static", "-no-pie", "-Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--build-id=none")
# Functions that the launcher replaces.
WRAPPED = (
    "-Wl,--wrap=getaddrinfo,--wrap=getservbyname,--wrap=SSL_CTX_new,--wrap=ossl_default_provider_init",
    "-Wl,--wrap=_dl_get_origin,--wrap=_dl_init_paths,--wrap=_dl_find_object_init,--wrap=_dl_protect_relro",
)
LIBRARIES = ("-lz", "-lm")
LINK_MAP = "maker.map"
# The functions of CPython that calls execute over gRPC, with TLS and without, and over REST: the names in callgrind's
# output files, by
#   grep -ohP '^c?fn=\(\d+\) \K[^\s\x27]+' FILE... | LC_ALL=C sort -u
# of which python.o has a section.
HOT_FUNCTIONS = LAUNCHER / "hot_functions.txt"
KEEP_SYMBOLS = os.environ.get("KEEP_SYMBOLS") == "1"
# Compiled for each link, because it has the size of the heap; and with CPython, because they are parts of it.
APART = ("heap.c", "modules.c", "close_arenas.c")
# The linker warns of every function that a static glibc serves by plug-ins; resolver.c says which it may load.
EXPECTED_WARNING = re.compile(r"statically linked applications requires at runtime the shared libraries|in function")


def main(argv: Sequence[str] | None = None) -> int:
    """Makes, inspects and puts the executable and its buildinfo in their place: whole, or not at all."""
    arguments = sys.argv[1:] if argv is None else argv
    out = Path(arguments[0] if arguments else ROOT / "dist").resolve()
    try:
        platform = find(arguments[1]) if len(arguments) > 1 else LINUX_AMD64
        target = out / platform.executable(VERSION)
        tools = toolchain(platform)
        with tempfile.TemporaryDirectory(prefix="freeze-") as scratch:
            python = python_object.python_object(tools)
            made = freeze(Path(scratch), python, tools)
            faults = [] if KEEP_SYMBOLS else inspect(made, [str(ROOT), scratch], platform)
            if faults:
                raise BuildError(
                    "the executable is not what it should be:\n" + "\n".join(f"- {fault}" for fault in faults)
                )
            made_of = made.with_name("buildinfo")
            linked = buildinfo.write(made_of, made, target.name, made.with_name(LINK_MAP), python, tools)
            out.mkdir(parents=True, exist_ok=True)
            # The executable last: make asks when it was made.
            put(made_of, out / platform.buildinfo(VERSION), 0o644)
            put(made, target, 0o755)
    except (BuildError, ValueError) as error:
        sys.exit(f"{error}")
    for found in outdated.outdated(linked, platform):
        print(f"note: {found}", file=sys.stderr)
    print(target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target)
    return 0


def put(made: Path, target: Path, mode: int) -> None:
    """Copies a file to its place, where it appears whole."""
    new = target.with_name(f"{target.name}.new")
    shutil.copyfile(made, new)
    new.chmod(mode)
    new.replace(target)


def freeze(scratch: Path, python: Python, tools: Toolchain) -> Path:
    """Returns the finished executable, in the scratch folder, where the linker's map is as well."""
    archive = pack(scratch, python)
    objects = compile_launcher(scratch, python, archive, tools)
    # The heap's size is known only afterwards; the second executable has just that.
    maker = link(scratch, python, objects, tools, ())
    used = next(section.used for section in snapshot.take(maker, scratch, tools) if section.name == snapshot.HEAP)
    page_size = tools.platform.page_size
    size = -(-used // page_size) * page_size
    maker = link(scratch, python, objects, tools, (f"-DHEAP_SIZE={size}",))
    return snapshot.insert(snapshot.take(maker, scratch, tools), maker)


def pack(scratch: Path, python: Python) -> Path:
    """Returns PyInstaller's archive of the modules."""
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


def compile_launcher(scratch: Path, python: Python, archive: Path, tools: Toolchain) -> list[Path]:
    """Returns the launcher's objects but for those that are compiled apart."""
    made = []
    for file in sorted(file for file in LAUNCHER.iterdir() if file.suffix in (".c", ".S") and file.name not in APART):
        made.append(scratch / f"{file.name}.o")
        compile_one(file, made[-1], python, tools, (f'-DARCHIVE="{archive}"',))
    return made


def compile_one(file: Path, to: Path, python: Python, tools: Toolchain, options: tuple[str, ...]) -> None:
    """Compiles a file of the launcher, without warnings about CPython's headers."""
    includes = ("-isystem", python.include, "-isystem", python.include / "internal")
    prefixes = (f"-ffile-prefix-map={LAUNCHER}=launcher", f"-ffile-prefix-map={python.include.parent}=python")
    flags: tuple[str | Path, ...] = (*CFLAGS, *CFLAGS_FOR_PYTHON, *prefixes, "-DPy_BUILD_CORE", *includes, *options)
    run(*tools.gcc, *flags, "-c", file, "-o", to)


def link(scratch: Path, python: Python, objects: list[Path], tools: Toolchain, options: tuple[str, ...]) -> Path:
    """Returns an executable that makes a snapshot when it is run."""
    heap, maker = scratch / "heap.o", scratch / "maker"
    page_size = tools.platform.page_size
    compile_one(LAUNCHER / "heap.c", heap, python, tools, (f"-DPAGE_SIZE={page_size}", *options))
    linked = map(str, [*objects, heap, side_by_side(python, scratch, tools)])
    written = ("-Xlinker", f"-Map={scratch / LINK_MAP}", f"-Wl,-z,max-page-size={page_size}")
    first = [f"-L{os.environ['RELINK_WITH']}"] if os.environ.get("RELINK_WITH") else []
    libraries = (*openssl(tools), *LIBRARIES)
    command = [*tools.gcc, *LDFLAGS, *WRAPPED, *written, *first, *linked, *libraries, "-o", str(maker)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    unexpected = [line for line in done.stderr.splitlines() if not EXPECTED_WARNING.search(line)]
    if done.returncode or unexpected:
        raise BuildError("the launcher cannot be linked:\n" + "\n".join(unexpected[:20]))
    if not KEEP_SYMBOLS:
        run(tools.program("strip"), "--strip-all", maker)
    return maker


def side_by_side(python: Python, scratch: Path, tools: Toolchain) -> Path:
    """Returns CPython with those functions side by side that a call needs, so that it touches fewer pages of code. The
    linker puts sections of this name together; a name that no longer exists does no harm."""
    made = scratch / "python.o"
    options = [f"--rename-section=.text.{name}=.text.hot.{name}" for name in HOT_FUNCTIONS.read_text().split()]
    run(tools.program("objcopy"), *options, python.object, made)
    return made


def openssl(tools: Toolchain) -> list[str]:
    """Returns OpenSSL, and what its package says that the static library needs: from Debian 13 on that is zstd too."""
    package = tools.root / "usr" / "lib" / tools.platform.triple / "pkgconfig" / "libcrypto.pc"
    needed = re.search(r"^Libs\.private:(.*)$", package.read_text(), re.MULTILINE)
    return ["-lssl", "-lcrypto", *(needed[1].split() if needed else ())]


if __name__ == "__main__":
    sys.exit(main())
