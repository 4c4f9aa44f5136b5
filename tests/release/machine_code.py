"""Finds out from bytes alone which static libraries an executable contains.

A linker places code, and changes it only where relocations tell it to. So what lies between them is in the executable
as it is in the library.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

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
        return sum(any(map(self._contains, member)) for member in code(archive))

    def _contains(self, pieces: list[bytes]) -> bool:
        return len(pieces) >= ENOUGH and all(piece in self.pieces for piece in pieces)


@functools.cache
def code(archive: Path) -> list[list[list[bytes]]]:
    """Of each member of a static library and each of its sections with code: the pieces that no relocation touches."""
    return [list(sections(member)) for member in members(archive)]


def members(archive: Path) -> Iterator[bytes]:
    """The contents of an archive; nothing where the file is none, but a linker's script."""
    content = archive.read_bytes()
    at = 8 if content.startswith(b"!<arch>\n") else len(content)
    while at < len(content):
        size = int(content[at + 48 : at + 58])
        if content[at + 60 : at + 64] == b"\x7fELF":
            yield content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2


def sections(member: bytes) -> Iterator[list[bytes]]:
    """Of each section with code of an object: its telling pieces that no relocation touches."""
    elf = ELFFile(io.BytesIO(member))
    relocated = {it["sh_info"]: it for it in elf.iter_sections() if isinstance(it, RelocationSection)}
    for index, section in enumerate(elf.iter_sections()):
        executable = section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR
        if section["sh_type"] != "SHT_PROGBITS" or not executable or section["sh_addralign"] < STEP:
            continue
        touched: set[int] = set()
        if index in relocated:
            for entry in relocated[index].iter_relocations():
                place = entry["r_offset"]
                touched |= set(range((place - AROUND) // STEP, (place + AROUND) // STEP + 1))
        content, pieces = section.data(), []
        for at in range(0, len(content) - WINDOW, STEP):
            piece = content[at : at + WINDOW]
            if not touched & {at // STEP, at // STEP + 1} and len(set(piece)) >= TELLING:
                pieces.append(piece)
        yield pieces
