"""The modules in the executable, packed by PyInstaller: the program's, and those that CPython itself imports."""

from __future__ import annotations

from pathlib import Path

from build.shared.checkout import ROOT

LEFT_OUT = ("probe.tfs.grpcio", "probe.tfs.proto", "probe.process")
"""Modules and packages of the program that the executable never imports: the second engine, and what only an ordinary
Python needs."""

STANDARD = {
    "_frozen_importlib": "importlib/_bootstrap.py",
    "_frozen_importlib_external": "importlib/_bootstrap_external.py",
    "abc": "abc.py",
    "codecs": "codecs.py",
    "encodings": "encodings/__init__.py",
    "encodings.aliases": "encodings/aliases.py",
    "encodings.utf_8": "encodings/utf_8.py",
    "io": "io.py",
}
"""Modules of the standard library, with their paths below its folder. CPython imports them by itself: at its start, to
decode bytes that are not valid text, and for the rest of its initialisation, which `_launcher.complete` does."""

ENTRY, REHEARSAL, COMMIT = "entry", "rehearsal", "probe._commit"
"""The script that the launcher imports, the module that makes ready for the snapshot, and the one that the build
writes."""


def expected() -> set[str]:
    """Returns the names of all modules that belong into the archive, by the files of this checkout."""
    names = {ENTRY, REHEARSAL, COMMIT, *STANDARD}
    for file in (ROOT / "probe").rglob("*.py"):
        name = module_name(file)
        if not is_left_out(name):
            names.add(name)
    return names


def module_name(file: Path) -> str:
    """Returns the name under which a file of the checkout is imported."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def is_left_out(module: str) -> bool:
    """Returns whether a module of the program stays out of the executable."""
    return any(f"{module}.".startswith(f"{name}.") for name in LEFT_OUT)
