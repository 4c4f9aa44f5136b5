"""The executable's specification, in code: `python -m build.inspect_artifact FILE [PLATFORM]` names everything in
which the file differs. The platform is linux_amd64 by default."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from elftools.common.exceptions import ELFError
from PyInstaller.archive.readers import ArchiveReadError, CArchiveReader

from build import snapshot
from build.archive_contents import expected
from build.platform import LINUX_AMD64, Platform, find
from build.shared import elf
from build.shared.checkout import ROOT

LARGEST = 12_000_000 if sys.version_info < (3, 13) else 16_000_000
"""Bytes, OpenSSL included. Debian 13's has millions more: zstd comes with it, and CPython has grown as well."""
SMALL_PAGE = 4096
PADDED = 6
"""Segments and sections that begin on a page: on larger pages more bytes come before each."""


def inspect(file: Path, forbidden: Sequence[str], platform: Platform = LINUX_AMD64) -> list[str]:
    """Returns all faults at once. `forbidden`: texts that must not occur in the file, such as the builder's folders."""
    faults = []
    largest = LARGEST + PADDED * (platform.page_size - SMALL_PAGE)
    if file.stat().st_size > largest:
        faults.append(f"it has {file.stat().st_size} bytes, and may have {largest}")
    content = file.read_bytes()
    faults += [f"it names {text}" for text in forbidden if text.encode() in content]
    try:
        return faults + _elf(file, platform) + _modules(file) + _checksums(file)
    except ELFError as error:
        return [*faults, f"it is not an ELF file: {error}"]


def _elf(file: Path, platform: Platform) -> list[str]:
    """Checks that it is static, has no page that is both writable and executable, has RELRO, and can be mapped by
    kernels with the platform's largest pages."""
    segments = {segment.kind: segment for segment in elf.segments(file)}
    stack = segments.get("PT_GNU_STACK")
    wanted = {
        f"it is not an executable for {platform.name}": elf.header(file) == ("ET_EXEC", platform.elf_machine),
        "it asks for an interpreter": "PT_INTERP" not in segments,
        "it needs shared libraries": not elf.needed_libraries(file),
        "its stack is executable": stack is not None and not stack.executable,
        "a segment is writable and executable": not any(it.writable and it.executable for it in elf.segments(file)),
        "it has no RELRO": "PT_GNU_RELRO" in segments,
        f"it cannot be mapped in pages of {platform.page_size} bytes": _fits(elf.segments(file), platform.page_size),
    }
    return [fault for fault, holds in wanted.items() if not holds]


def _fits(segments: Sequence[elf.Segment], page_size: int) -> bool:
    """Returns whether each segment can be mapped in pages of this size: from the file, and on pages of its own."""
    loaded = [segment for segment in segments if segment.kind == "PT_LOAD"]
    mappable = all(it.alignment % page_size == 0 == (it.address - it.part.offset) % page_size for it in loaded)
    ends = [(it.address + it.size - 1) // page_size for it in loaded]
    begins = [it.address // page_size for it in loaded]
    return mappable and all(end < begin for end, begin in zip(ends, begins[1:], strict=False))


def _modules(file: Path) -> list[str]:
    """Compares the archive with the program's modules, because PyInstaller misses those that are chosen at run time."""
    try:
        listed = set(CArchiveReader(str(file)).toc)
    except ArchiveReadError as error:
        return [f"it has no archive of modules: {error}"]
    wanted = expected()
    faults = [f"it lacks the module {name}" for name in sorted(wanted - listed)]
    return faults + [f"it has the unexpected module {name}" for name in sorted(listed - wanted)]


def _checksums(file: Path) -> list[str]:
    """Compares the executable's table of checksums with its content."""
    place = elf.sections(file).get(snapshot.SUMS)
    if place is None:
        return [f"it has no section {snapshot.SUMS}"]
    table = file.read_bytes()[place.offset : place.end]
    return [] if table == snapshot.checksums(file, place.size) else ["its checksums are not those of its content"]


if __name__ == "__main__":
    found = inspect(Path(sys.argv[1]), [str(ROOT)], find(sys.argv[2]) if len(sys.argv) > 2 else LINUX_AMD64)
    print("\n".join(found) or "as specified")
    sys.exit(bool(found))
