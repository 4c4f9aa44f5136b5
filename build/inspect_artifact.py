"""The executable's specification, in code: `python build/inspect_artifact.py FILE` names everything in which it
differs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LARGEST = 11_000_000 if sys.version_info < (3, 13) else 14_900_000
"""Bytes, OpenSSL included. Debian 13's has millions more: zstd comes with it, and CPython has grown as well."""

# What CPython itself imports; probe.spec says why.
STANDARD = (
    *("_frozen_importlib", "_frozen_importlib_external"),
    *("abc", "codecs", "encodings", "encodings.aliases", "encodings.utf_8", "io"),
)

ROOT = Path(__file__).resolve().parent.parent


def inspect(file: Path, forbidden: list[str]) -> list[str]:
    """All faults at once; `forbidden`: texts that must not occur in the file, such as the builder's folders."""
    faults = []
    if file.stat().st_size > LARGEST:
        faults.append(f"it has {file.stat().st_size} bytes, and may have {LARGEST}")
    content = file.read_bytes()
    faults += [f"it names {text}" for text in forbidden if text.encode() in content]
    return faults + _elf(file) + _modules(file)


def _elf(file: Path) -> list[str]:
    """x86-64, static, no page both writable and executable, RELRO."""
    header = _read("readelf", "--wide", "--file-header", file)
    dynamic = _read("readelf", "--wide", "--dynamic", file)
    listed = _read("readelf", "--wide", "--segments", file)
    segments = re.findall(r"^  (\w+) +(?:0x\w+ +){5}(.{3})", listed, re.MULTILINE)
    kinds, flags = {kind for kind, _ in segments}, dict(segments)
    wanted = {
        "it is not an executable for x86-64": "X86-64" in header and re.search(r"Type: +EXEC", header),
        "it asks for an interpreter": "INTERP" not in kinds,
        "it needs shared libraries": "NEEDED" not in dynamic,
        "its stack is executable": flags.get("GNU_STACK", "E").strip() == "RW",
        "a segment is writable and executable": all(not {"W", "E"} <= set(flag) for _, flag in segments),
        "it has no RELRO": "GNU_RELRO" in kinds,
    }
    return [fault for fault, holds in wanted.items() if not holds]


def _modules(file: Path) -> list[str]:
    """PyInstaller's own viewer lists the program's modules, and nothing else."""
    viewer = Path(sys.executable).parent / "pyi-archive_viewer"
    listed = set(re.findall(r"'([^']+)'$", _read(viewer, "--list", "--brief", file), re.MULTILINE))
    listed |= {line.strip() for line in _read(viewer, "--list", "--brief", file).splitlines() if line.startswith(" ")}
    expected = {"entry", "probe._commit", *STANDARD}
    for module in (ROOT / "probe").rglob("*.py"):
        name = ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith(("probe.tfs.grpcio", "probe.tfs.proto", "probe.process")):
            expected.add(name)
    faults = [f"it lacks the module {name}" for name in sorted(expected - listed)]
    return faults + [f"it has the module {name}, which nobody expects" for name in sorted(listed - expected)]


def _read(*command: str | Path) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    found = inspect(Path(sys.argv[1]), [str(ROOT)])
    print("\n".join(found) or "as specified")
    sys.exit(bool(found))
