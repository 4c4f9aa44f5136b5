"""Finds out from bytes alone which static libraries an executable contains.

A linker places code, and changes it only where relocations tell it to. So what lies between them is in the executable
as it is in the library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

WINDOW, STEP = 32, 16
"""Bytes: of the pieces that are compared, and of the boundaries on which compilers let functions begin."""
AROUND = 8
"""Bytes before a relocation that a linker may change with it, when it relaxes an instruction; and those it fills."""
ENOUGH = 2
"""Pieces of a section; fewer may well be in another library, too."""
TELLING = 12
"""Different bytes that a piece must have; padding has fewer."""


class Executable:
    """An executable's pieces."""

    def __init__(self, file: Path) -> None:
        content = file.read_bytes()
        self.pieces = {content[at : at + WINDOW] for at in range(0, len(content) - WINDOW, STEP)}

    def members_of(self, archive: Path) -> int:
        """How many of a static library's members have a section of code that is in the executable. Small ones, and
        those that consist of calls, are not recognised."""
        return sum(any(map(self._contains, sections(member))) for member in members(archive))

    def _contains(self, pieces: list[bytes]) -> bool:
        return len(pieces) >= ENOUGH and all(piece in self.pieces for piece in pieces)


def members(archive: Path) -> Iterator[bytes]:
    """The contents of an archive; nothing where the file is none, but a linker's script."""
    content = archive.read_bytes()
    at = 8 if content.startswith(b"!<arch>\n") else len(content)
    while at < len(content):
        size = int(content[at + 48 : at + 58])
        if content[at + 60 : at + 64] == b"\x7fELF":
            yield content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2


def sections(elf: bytes) -> Iterator[list[bytes]]:
    """Of each section with code of an x86-64 object: its telling pieces that no relocation touches."""
    (start,) = struct.unpack_from("<Q", elf, 40)
    _, count = struct.unpack_from("<HH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", elf, start + 64 * index) for index in range(count)]
    for index, (_, kind, flags, _, offset, size, _, _, alignment, _) in enumerate(headers):
        if kind != 1 or not flags & 4 or alignment < STEP:  # SHT_PROGBITS, SHF_EXECINSTR
            continue
        touched = set()
        for _, other, _, _, table, length, _, of, _, _ in headers:
            if other == 4 and of == index:  # SHT_RELA
                for (place,) in struct.iter_unpack("<Q16x", elf[table : table + length]):
                    touched |= set(range((place - AROUND) // STEP, (place + AROUND) // STEP + 1))
        pieces = []
        for at in range(0, size - WINDOW, STEP):
            piece = elf[offset + at : offset + at + WINDOW]
            if not touched & {at // STEP, at // STEP + 1} and len(set(piece)) >= TELLING:
                pieces.append(piece)
        yield pieces
