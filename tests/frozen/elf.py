"""Where in the executable its parts are."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

SNAPSHOT = ("py_data", "py_heap", "py_runtime", "py_bss")
COOKIE = b"MEI\014\013\012\013\016"
"""The mark at the end of PyInstaller's archive."""


class Part(NamedTuple):
    """A section, or a segment: its place in the file, in bytes."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """Of the last byte, the next one."""
        return self.offset + self.size


def sections(file: Path) -> dict[str, Part]:
    """All sections that have bytes in the file."""
    elf = file.read_bytes()
    (headers,) = struct.unpack_from("<Q", elf, 40)
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    (strings,) = struct.unpack_from("<Q", elf, headers + size * names + 24)
    found = {}
    for at in range(headers, headers + size * count, size):
        name, kind, _, _, offset, length = struct.unpack_from("<IIQQQQ", elf, at)
        if kind not in (0, 8):  # SHT_NULL, SHT_NOBITS
            found[elf[strings + name : elf.index(b"\0", strings + name)].decode()] = Part(offset, length)
    return found


def end_of_segments(file: Path) -> int:
    """Where the bytes that are mapped end."""
    elf = file.read_bytes()
    (headers,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    ends = []
    for at in range(headers, headers + size * count, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", elf, at)
        if kind == 1:  # PT_LOAD
            ends.append(offset + length)
    return int(max(ends))


def guarded(file: Path) -> dict[str, Part]:
    """The parts over which the executable has a checksum. Behind the archive its section has some bytes of padding."""
    content = file.read_bytes()
    found = sections(file)
    archive = found["pydata"]
    cookie = content.rindex(COOKIE, archive.offset, archive.end)
    (length,) = struct.unpack_from(">I", content, cookie + len(COOKIE))
    return {"pydata": Part(archive.offset, length), **{name: found[name] for name in SNAPSHOT}}
