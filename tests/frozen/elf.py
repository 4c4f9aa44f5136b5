"""The parts of the executable that its checksum covers."""

from __future__ import annotations

import struct
from pathlib import Path

from build.shared.elf import Part, sections, segments

SNAPSHOT = ("py_data", "py_heap", "py_runtime", "py_bss")
COOKIE = b"MEI\014\013\012\013\016"
"""The mark at the end of PyInstaller's archive."""


def guarded(file: Path) -> dict[str, Part]:
    """Returns the parts over which the executable has a checksum, by section. After the archive its section has some
    bytes of padding."""
    content = file.read_bytes()
    found = sections(file)
    archive = found["pydata"]
    cookie = content.rindex(COOKIE, archive.offset, archive.end)
    (length,) = struct.unpack_from(">I", content, cookie + len(COOKIE))
    return {"pydata": Part(archive.offset, length), **{name: found[name] for name in SNAPSHOT}}


def mapped_bytes(file: Path) -> int:
    """Returns how many bytes from the start of the file are mapped when it runs; symbols and the like come after."""
    return max(segment.part.end for segment in segments(file) if segment.kind == "PT_LOAD")
