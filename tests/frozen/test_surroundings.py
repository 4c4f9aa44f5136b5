"""Environment variables of Python, the C library, its loader, OpenSSL, time zones and proxies have no effect."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.frozen.expected import READY, answer, check
from tests.frozen.roots import tool
from tests.support.namespaces import namespaces
from tests.support.variants import Variant

# Modules that CPython or the program would import if they searched the file system.
MODULES = "sitecustomize usercustomize site encodings posix codecs time io os abc entry probe _launcher _socket"
PRINTING_MODULE = "import sys\nsys.stderr.write('loaded\\n')\nsys.stderr.flush()\n"
PRINTING_LIBRARY = """
#include <unistd.h>
__attribute__((constructor)) static void loaded(void) { _exit(write(2, "loaded\\n", 7) ? 77 : 78); }
unsigned la_version(unsigned version) { return version; }
"""
LONG = "x" * 100_000

VARIABLES = [
    # CPython. FOLDER stands for a folder with modules that print, LIBRARY for a shared library that does.
    {"PYTHONHOME": "FOLDER", "PYTHONPATH": "FOLDER"},
    {"PYTHONHOME": "/nowhere", "PYTHONPLATLIBDIR": "nowhere"},
    {"PYTHONSTARTUP": "FOLDER/sitecustomize.py", "PYTHONINSPECT": "1", "PYTHONBREAKPOINT": "posix.abort"},
    {"PYTHONHASHSEED": "bad"},
    {"PYTHONHASHSEED": "1"},
    {"PYTHONMALLOC": "debug", "PYTHONMALLOCSTATS": "1", "PYTHONTRACEMALLOC": "5"},
    {"PYTHONMALLOC": "nonsense"},
    {"PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-16", "PYTHONCOERCECLOCALE": "warn", "PYTHONLEGACYWINDOWSSTDIO": "1"},
    {"PYTHONUTF8": "nonsense"},
    {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error", "PYTHONFAULTHANDLER": "1", "PYTHONASYNCIODEBUG": "1"},
    {"PYTHONVERBOSE": "2", "PYTHONPROFILEIMPORTTIME": "1", "PYTHONDEBUG": "3", "PYTHONDUMPREFS": "1"},
    {"PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "FOLDER", "PYTHONSAFEPATH": "1"},
    {"PYTHONEXECUTABLE": "FOLDER", "PYTHONUNBUFFERED": "1", "PYTHONINTMAXSTRDIGITS": "640", "PYTHONNODEBUGRANGES": "1"},
    # PyInstaller's bootloader, which is replaced.
    {
        "_MEIPASS2": "FOLDER",
        "_PYI_APPLICATION_HOME_DIR": "FOLDER",
        "_PYI_ARCHIVE_FILE": "FOLDER/site.py",
        "TMPDIR": "/no",
    },
    # The loader.
    {"LD_PRELOAD": "LIBRARY"},
    {"LD_AUDIT": "LIBRARY"},
    {"LD_LIBRARY_PATH": "FOLDER:$ORIGIN:$LIB:${PLATFORM}:", "LD_BIND_NOW": "1", "LD_DYNAMIC_WEAK": "1"},
    {"LD_LIBRARY_PATH": LONG},
    {"LD_DEBUG": "all", "LD_WARN": "1", "LD_VERBOSE": "1", "LD_SHOW_AUXV": "1", "LD_PROFILE": "libc.so.6"},
    {"LD_TRACE_LOADED_OBJECTS": "1"},
    # The C library.
    {"LC_ALL": "invalid", "LANG": "ja_JP.SJIS", "LANGUAGE": "de:fr", "LOCPATH": "FOLDER", "NLSPATH": "FOLDER/%N"},
    {"LC_ALL": "C", "LC_CTYPE": "tr_TR.ISO-8859-9", "CHARSET": "EBCDIC", "GCONV_PATH": "FOLDER"},
    {"MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "MALLOC_ARENA_MAX": "1", "MALLOC_TRACE": "FOLDER/trace"},
    {
        "MALLOC_MMAP_THRESHOLD_": "1",
        "MALLOC_TOP_PAD_": "0",
        "MALLOC_TRIM_THRESHOLD_": "0",
        "MALLOC_MMAP_MAX_": "100000",
    },
    {"GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"},
    {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=1:glibc.malloc.mmap_max=65536:glibc.malloc.arena_max=1"},
    {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=2:glibc.malloc.top_pad=1:glibc.malloc.mxfast=0"},
    {"GLIBC_TUNABLES": "glibc.pthread.rseq=0:glibc.pthread.stack_cache_size=0:glibc.pthread.mutex_spin_count=9"},
    {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-SSE4_2,-SSSE3,-ERMS,-FSRM:glibc.cpu.x86_shstk=on"},
    {"GLIBC_TUNABLES": "glibc.malloc.mxfast=glibc.malloc.mxfast=A:::==:" + LONG},
    {
        "RES_OPTIONS": "nonsense:9",
        "LOCALDOMAIN": LONG,
        "HOSTALIASES": "FOLDER/site.py",
        "RESOLV_HOST_CONF": "FOLDER/site.py",
    },
    {"RESOLV_MULTI": "nonsense", "RESOLV_SPOOF_CHECK": "1", "RESOLV_REORDER": "on", "GETCONF_DIR": "FOLDER"},
    # OpenSSL.
    {"OPENSSL_CONF": "FOLDER/openssl.cnf", "OPENSSL_MODULES": "FOLDER", "OPENSSL_ENGINES": "FOLDER"},
    {
        "OPENSSL_ia32cap": "0",
        "SSL_CERT_FILE": "FOLDER/site.py",
        "SSL_CERT_DIR": "FOLDER",
        "SSLKEYLOGFILE": "FOLDER/keys",
    },
    # Time zones affect only the times in the lines.
    {"TZ": "Asia/Kathmandu"},
    {"TZ": ":/etc/shadow"},
    {"TZ": "FOLDER/site.py"},
    {"TZ": "FOLDER"},
    {"TZ": "/dev/null"},
    {"TZ": "../../../../etc/passwd", "TZDIR": "FOLDER"},
    {"TZ": ""},
    {"TZ": ":"},
    {"TZ": "A"},
    {"TZ": "<+99>-167:59:59<-99>+167:59:59,M13.9.9/999,J999"},
    {"TZ": LONG},
    {"TZ": "\1\xff%s%n"},
    # Proxies.
    dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy", "all_proxy", "HTTP_PROXY"), "http://127.0.0.1:1"),
    # The shell's, and unknown ones.
    {"HOME": "/nowhere", "PATH": "", "PWD": "/nowhere", "USER": "", "SHELL": "/nowhere", "IFS": "/", "_": "/nowhere"},
    {"TERM": "nonsense", "COLUMNS": "-1", "LINES": "0", "DISPLAY": ":9", "NOTIFY_SOCKET": "/nowhere"},
    {"X" * 1000: LONG, **{f"LISTEN_{number}": str(number) for number in range(2000)}},
]


def name_of(variables: dict[str, str]) -> str:
    shown = [f"{name[:24]}={value[:40]}" for name, value in list(variables.items())[:2]]
    return re.sub(r"[^\w=,.:/-]", "?", ",".join(shown))


@pytest.fixture(scope="module")
def intruders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with modules, libraries and configuration that must not be used."""
    folder = tmp_path_factory.mktemp("intruders")
    for module in MODULES.split():
        (folder / f"{module}.py").write_text(PRINTING_MODULE)
    (folder / "hosts").write_text("127.0.0.1 myserver\n")
    (folder / "openssl.cnf").write_text("openssl_conf = nowhere\n[broken\n.include /nowhere\n")
    (folder / "library.c").write_text(PRINTING_LIBRARY)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", folder / "library.so", folder / "library.c"], check=True, capture_output=True
    )
    yield folder


def filled(variables: dict[str, str], folder: Path) -> dict[str, str]:
    return {
        name: value.replace("LIBRARY", str(folder / "library.so")).replace("FOLDER", str(folder))
        for name, value in variables.items()
    }


@pytest.mark.parametrize("variables", VARIABLES, ids=name_of)
def test_variables_change_nothing(
    frozen: Variant, server: FakeServing, intruders: Path, variables: dict[str, str]
) -> None:
    before = sorted(intruders.iterdir())
    env = filled(variables, intruders)
    check(frozen, server.address, env)
    # A name, so that the resolver and its thread run in this environment, too.
    hosts = intruders / "hosts"
    known = (*namespaces("--mount"), "sh", "-euc", 'mount --bind "$0" /etc/hosts; exec "$@"', str(hosts))
    # Busybox is static, so the variables do not affect it.
    given = (tool("busybox"), "env", *(f"{name}={value}" for name, value in env.items()))
    asking = Variant("frozen", (*known, *given, *frozen.command))
    assert answer(asking, f"myserver:{server.port}") == READY
    for argv in ("-version", "-bogus"):
        assert frozen.run(argv, env=env) == frozen.run(argv)
    assert sorted(intruders.iterdir()) == before


@pytest.mark.parametrize("variable", ["PYTHONPATH", "LD_PRELOAD", "LD_AUDIT"])
def test_the_intruders_affect_other_programs(intruders: Path, variable: str) -> None:
    """The test above relies on this."""
    value = str(intruders if variable == "PYTHONPATH" else intruders / "library.so")
    env = {name: kept for name, kept in os.environ.items() if not name.startswith("PYTHON")} | {variable: value}
    done = subprocess.run([sys.executable, "-c", ""], env=env, capture_output=True, text=True, check=False)
    assert "loaded" in done.stderr


def test_no_environment_at_all(frozen: Variant, server: FakeServing) -> None:
    check(Variant("frozen", ("env", "-i", *frozen.command)), server.address)


@pytest.mark.parametrize(("zone", "hours"), [("UTC0", 0), ("<+14>-14", 14), ("<-12>12", -12)])
def test_time_is_local(frozen: Variant, server: FakeServing, zone: str, hours: int) -> None:
    """The lines contain the zone's time, which is whole hours from that of another."""
    elsewhere = frozen.run(f"-addr={server.address}", env={"TZ": zone}).stderr
    here = frozen.run(f"-addr={server.address}", env={"TZ": "UTC"}).stderr
    days = [int(re.sub(r"\D", "", line[:10])) for line in (elsewhere, here)]
    clocks = [int(line[11:13]) for line in (elsewhere, here)]
    # A full hour may pass between the two runs.
    assert (clocks[0] - clocks[1] - hours) % 24 in (0, 23), (elsewhere, here)
    assert hours < 0 or days[0] >= days[1]


@pytest.mark.parametrize("folder", ["gone", "unreadable"])
def test_working_directory(frozen: Variant, server: FakeServing, tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    spoil = 'rmdir "$1"' if folder == "gone" else 'chmod 0 "$1"'
    script = f'mkdir -p "$1"; chmod 700 "$1"; cd "$1"; {spoil}; shift; exec "$@"'
    check(Variant("frozen", ("sh", "-ec", script, "sh", str(place), *frozen.command)), server.address)
