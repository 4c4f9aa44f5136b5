"""Where the parts of an ELF file are, and what the file says about itself. pyelftools reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from elftools.elf.constants import P_FLAGS, SH_FLAGS
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile


class Part(NamedTuple):
    """A section or a segment: its place in the file, in bytes."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """The offset of the first byte after it."""
        return self.offset + self.size


class MappedPart(NamedTuple):
    """A part of the file, and where it is mapped."""

    offset: int
    size: int
    address: int

    @property
    def end(self) -> int:
        """The offset of the first byte after it."""
        return self.offset + self.size


class Segment(NamedTuple):
    """An entry of the program headers."""

    kind: str
    """As elf.h spells it, such as `PT_LOAD`."""
    part: Part
    address: int
    size: int
    """Bytes in memory, which may be more than in the file."""
    alignment: int
    writable: bool
    executable: bool


class Header(NamedTuple):
    """What the file is, with values as elf.h spells them."""

    kind: str
    machine: str


def header(file: Path) -> Header:
    """Returns the kind of the file and the machine that it is for. Raises ELFError for a file of another format."""
    with _opened(file) as elf:
        return Header(elf.header["e_type"], elf.header["e_machine"])


def sections(file: Path) -> dict[str, Part]:
    """Returns all sections that have bytes in the file, by name."""
    with _opened(file) as elf:
        return {
            section.name: Part(section["sh_offset"], section["sh_size"])
            for section in elf.iter_sections()
            if section["sh_type"] not in ("SHT_NULL", "SHT_NOBITS")
        }


def mapped_parts(file: Path) -> dict[str, MappedPart]:
    """Returns the header and all sections that are mapped from the file, by name."""
    with _opened(file) as elf:
        first = min(segment["p_vaddr"] for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD")
        header = elf.header["e_phoff"] + elf.header["e_phnum"] * elf.header["e_phentsize"]
        return {"header": MappedPart(0, header, first)} | {
            section.name: MappedPart(section["sh_offset"], section["sh_size"], section["sh_addr"])
            for section in elf.iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_type"] != "SHT_NOBITS"
        }


def segments(file: Path) -> list[Segment]:
    """Returns all segments, in the order of the program headers."""
    with _opened(file) as elf:
        return [
            Segment(
                kind=str(segment["p_type"]),
                part=Part(segment["p_offset"], segment["p_filesz"]),
                address=segment["p_vaddr"],
                size=segment["p_memsz"],
                alignment=segment["p_align"],
                writable=bool(segment["p_flags"] & P_FLAGS.PF_W),
                executable=bool(segment["p_flags"] & P_FLAGS.PF_X),
            )
            for segment in elf.iter_segments()
        ]


def needed_libraries(file: Path) -> list[str]:
    """Returns the shared libraries that the file needs."""
    with _opened(file) as elf:
        dynamic = [segment for segment in elf.iter_segments() if isinstance(segment, DynamicSegment)]
        return [str(tag) for segment in dynamic for tag in segment.iter_tags("DT_NEEDED")]


def offset_of_address(file: Path, address: int, length: int) -> int:
    """Returns where in the file the bytes are that are mapped to an address. Raises LookupError."""
    with _opened(file) as elf:
        for offset in elf.address_offsets(address, length):
            return int(offset)
    raise LookupError(f"{file.name} maps no bytes of the file to {address:#x}")


@contextmanager
def _opened(file: Path) -> Iterator[ELFFile]:
    with file.open("rb") as stream:
        yield ELFFile(stream)
