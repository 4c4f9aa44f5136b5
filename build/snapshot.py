"""The snapshot: taken by running the executable that makes it, and put into a copy of that executable."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from build.command import BuildError
from build.shared import elf
from build.toolchain import Toolchain

HEAP = "py_heap"
SUMS = "py_sums"
TABLE_SUM = struct.Struct("<Q")
CHANGED = (".data.rel.ro", ".got", ".data")
"""Sections in which the C library changes variables before main() begins."""


class Section(NamedTuple):
    """A part of the snapshot: where it is mapped, its bytes, and how many of them are in use."""

    name: str
    address: int
    content: bytes
    used: int


def take(maker: Path, scratch: Path, tools: Toolchain) -> list[Section]:
    """Returns the executable's memory after it has done everything that every run does. Raises BuildError."""
    file = scratch / "snapshot"
    # An empty environment, so that the snapshot holds nothing of this machine.
    listed = tools.run_made(maker, "make-snapshot", file, cwd=scratch, env={"TZ": "UTC"})
    content = file.read_bytes()
    sections, at = [], 0
    for line in listed.splitlines():
        name, address, length, used = line.split()
        sections.append(Section(name, int(address, 16), content[at : at + int(length)], int(used)))
        at += int(length)
    if at != len(content):
        raise BuildError("the snapshot's list and its bytes differ in length")
    return sections


def insert(sections: Sequence[Section], maker: Path) -> Path:
    """Returns a copy of the maker with the snapshot in place of its initial data. Raises BuildError."""
    image = bytearray(maker.read_bytes())
    for section in sections:
        try:
            at = elf.offset_of_address(maker, section.address, len(section.content))
        except LookupError as error:
            raise BuildError(f"{section.name}: {error}") from error
        image[at : at + len(section.content)] = section.content
    made = maker.with_name("executable")
    made.write_bytes(image)
    places = elf.sections(made)
    if SUMS not in places:
        raise BuildError(f"the executable has no section {SUMS}")
    place = places[SUMS]
    image[place.offset : place.end] = checksums(made, place.size)
    made.write_bytes(image)
    made.chmod(0o755)
    return made


def checksums(executable: Path, size: int) -> bytes:
    """Returns the table of launcher/checksum.c, of so many bytes: a row for each part of the executable that is mapped,
    but for the table itself, and the table's own sum. Raises BuildError if there are too many parts."""
    content = executable.read_bytes()
    rows = b"".join(
        struct.pack("<4Q", part.address, part.size, zlib.crc32(content[part.offset : part.end]), name in CHANGED)
        for name, part in elf.mapped_parts(executable).items()
        if name != SUMS
    )
    if len(rows) > size - TABLE_SUM.size:
        raise BuildError("the table in launcher/checksum.c is too small")
    rows = rows.ljust(size - TABLE_SUM.size, b"\0")
    return rows + TABLE_SUM.pack(zlib.crc32(rows))
