"""What is changed in CPython's source before it is compiled, in a copy of it.

A patch that finds nothing to change stops the build: CPython has changed there, and somebody has to look.
"""

from __future__ import annotations

import re
from pathlib import Path

from build.command import BuildError

CLOSE_ARENAS = Path(__file__).resolve().parent / "launcher" / "close_arenas.c"
"""Code that becomes a part of CPython's allocator."""
ERROR_PREFIXES = ("SSL_R_", "PEM_R_", "X509_R_")


def apply(source: Path) -> None:
    """Changes a copy of CPython's source. Raises BuildError where there is nothing to change."""
    shorten_error_names(source)
    shrink_arenas(source)
    load_modules(source)
    if is_3_11(source):
        make_snapshot_immortal(source)
        leave_snapshot_alone(source)
        keep_bytecode(source)


def is_3_11(source: Path) -> bool:
    """Returns whether this is CPython 3.11. Later versions have immortal objects of their own, and another allocator,
    to which the patches for the snapshot do not apply: there the executable works as well, but copies more pages."""
    header = (source / "Include" / "patchlevel.h").read_text()
    return re.search(r"^#define PY_MINOR_VERSION\s+11$", header, re.MULTILINE) is not None


def shorten_error_names(source: Path) -> None:
    """Leaves `_ssl` the names of those OpenSSL errors that a connection can meet. With all of them its import takes as
    long as a handshake, and the snapshot is a megabyte larger."""
    kept = "|".join(ERROR_PREFIXES)
    replace(
        source,
        "Modules/_ssl_data*.h",
        rf"  #ifdef (?!{kept})\w+\n    \{{[^}}]*\}},\n  #else\n    \{{[^}}]*\}},\n  #endif\n",
        "",
    )


def shrink_arenas(source: Path) -> None:
    """Makes CPython allocate memory for small objects in arenas of a quarter of a mebibyte instead of a whole one: the
    unused part of the last arena is in the snapshot as well."""
    header = "Include/internal/pycore_obmalloc.h"  # since 3.12
    file = header if (source / header).exists() else "Objects/obmalloc.c"
    replace(source, file, r"(#define ARENA_BITS +)20( +)/\* 1 MiB \*/", r"\g<1>18\2/* 256 KiB */")


def load_modules(source: Path) -> None:
    """Makes CPython leave the code of the archive's modules to launcher/archive.c, which verifies and decompresses
    it. A MemoryError stays one: CPython would report a damaged module on top of it."""
    replace(
        source,
        "Python/import.c",
        r"    PyObject \*co = PyMarshal_ReadObjectFromString\(info->data, info->size\);",
        r"    extern PyObject *load_code(const char *, Py_ssize_t);\n"
        r"    PyObject *co = load_code(info->data, info->size);\n"
        r"    if (co == NULL && PyErr_ExceptionMatches(PyExc_MemoryError)) return NULL;",
    )


def make_snapshot_immortal(source: Path) -> None:
    """Makes the objects of the snapshot immortal: their reference counts are neither written nor believed.

    An object is in the snapshot if its address is below `_Py_snapshot_end` (launcher/snapshot.c), which is 0 while the
    snapshot is made. A count that is not written is a page of the executable that is not copied. These are all the
    places that use the field `ob_refcnt` itself."""
    header, core, interpreter = "Include/object.h", "Include/internal/pycore_object.h", "Python/ceval.c"
    declared = (
        r"\1extern uintptr_t _Py_snapshot_end;\n#define _Py_IN_SNAPSHOT(op) ((uintptr_t)(op) < _Py_snapshot_end)\n"
    )
    large = "((Py_ssize_t)1 << 40)"  # never 1, which lets CPython change an object in place, and cannot overflow
    # The declaration comes first, so the other patterns match the functions that follow it.
    replace(source, header, r"(#define Py_Is\(x, y\) \(\(x\) == \(y\)\)\n)", declared)
    replace(source, header, r"    return ob->ob_refcnt;", f"    return _Py_IN_SNAPSHOT(ob) ? {large} : ob->ob_refcnt;")
    replace(source, header, r"    ob->ob_refcnt = refcnt;", "    if (!_Py_IN_SNAPSHOT(ob)) ob->ob_refcnt = refcnt;")
    replace(source, header, r"    op->ob_refcnt\+\+;", "    if (!_Py_IN_SNAPSHOT(op)) op->ob_refcnt++;")
    replace(source, header, r"if \(--op->ob_refcnt == 0\)", "if (!_Py_IN_SNAPSHOT(op) && --op->ob_refcnt == 0)")
    replace(source, core, r"if \(--op->ob_refcnt != 0\)", "if (_Py_IN_SNAPSHOT(op) || --op->ob_refcnt != 0)")
    replace(source, core, r"    op->ob_refcnt--;", "    if (!_Py_IN_SNAPSHOT(op)) op->ob_refcnt--;")
    replace(source, interpreter, r"if \(--op->ob_refcnt == 0\)", "if (!_Py_IN_SNAPSHOT(op) && --op->ob_refcnt == 0)")


def leave_snapshot_alone(source: Path) -> None:
    """Keeps CPython's allocator away from the snapshot: memory of it is never freed, and so never used again."""
    replace(
        source,
        "Objects/obmalloc.c",
        r"(_PyObject_Free\(void \*ctx, void \*p\)\n\{\n.*\n    if \(p == NULL)\)",
        r"\1 || _Py_IN_SNAPSHOT(p))",
    )
    replace(source, "Objects/obmalloc.c", r"\n#else   /\* ! WITH_PYMALLOC \*/", f"\n{CLOSE_ARENAS.read_text()}\\g<0>")


def keep_bytecode(source: Path) -> None:
    """Keeps the snapshot's bytecode as the rehearsal has adapted it (launcher/rehearsal.py). CPython counts how often
    an instruction could not be specialised, or met something else than it was specialised for, and would write such a
    count to nearly every page with code."""
    file = "Python/ceval.c"
    replace(
        source, file, r"    (\(cache\)->counter < \(1<<ADAPTIVE_BACKOFF_BITS\))", r"    (!_Py_IN_SNAPSHOT(cache) && \1)"
    )
    replace(source, file, r"    (\(cache\)->counter -= )", r"    if (!_Py_IN_SNAPSHOT(cache)) \1")
    replace(
        source,
        file,
        r"        \*counter -= 1;\n        if \(\*counter == 0\)",
        "        if (!_Py_IN_SNAPSHOT(counter) && --*counter == 0)",
    )


def replace(source: Path, files: str, pattern: str, replacement: str) -> None:
    """Replaces a regular expression in every file that a glob names. Raises BuildError for a file in which it matches
    nothing, and where there is no such file."""
    found = sorted(source.glob(files))
    if not found:
        raise BuildError(f"CPython's source has no {files}, which {__name__} changes")
    for file in found:
        text, count = re.subn(pattern, replacement, file.read_text())
        if not count:
            name = file.relative_to(source)
            raise BuildError(f"{name} of CPython's source has nothing that matches {pattern!r}: see {__name__}")
        file.write_text(text)
