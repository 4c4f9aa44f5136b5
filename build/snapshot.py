"""The snapshot: taken by running the executable that makes it, and put into a copy of that executable."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from build.command import BuildError, run
from build.shared import elf

HEAP = "py_heap"
SUMS = "py_sums"
WORD, LANES = 4, 8
MASK = (1 << 64) - 1


class Section(NamedTuple):
    """A part of the snapshot: where it is mapped, its bytes, and how many of them are in use."""

    name: str
    address: int
    content: bytes
    used: int


def take(maker: Path, scratch: Path) -> list[Section]:
    """Returns the executable's memory after it has done everything that every run does. Raises BuildError."""
    file = scratch / "snapshot"
    # An empty environment, so that the snapshot holds nothing of this machine.
    listed = run(maker, "make-snapshot", file, env={"TZ": "UTC"})
    content = file.read_bytes()
    sections, at = [], 0
    for line in listed.splitlines():
        name, address, length, used = line.split()
        sections.append(Section(name, int(address, 16), content[at : at + int(length)], int(used)))
        at += int(length)
    if at != len(content):
        raise BuildError("the snapshot's list and its bytes differ in length")
    return sections


def insert(sections: Sequence[Section], maker: Path, archive: Path) -> Path:
    """Returns a copy of the maker with the snapshot in place of its initial data. Raises BuildError."""
    places = elf.sections(maker)
    if SUMS not in places:
        raise BuildError(f"the executable has no section {SUMS}")
    image = bytearray(maker.read_bytes())
    for section in sections:
        try:
            at = elf.offset_of_address(maker, section.address, len(section.content))
        except LookupError as error:
            raise BuildError(f"{section.name}: {error}") from error
        image[at : at + len(section.content)] = section.content
    sums = checksum([archive.read_bytes(), *(section.content for section in sections)])
    at = places[SUMS].offset
    image[at : at + len(sums)] = sums
    made = maker.with_name("executable")
    made.write_bytes(image)
    made.chmod(0o755)
    return made


def checksum(parts: Sequence[bytes]) -> bytes:
    """Returns the running sums of launcher/snapshot.c, as they lie in memory there."""
    whole = b"".join(part + bytes(-len(part) % (LANES * WORD)) for part in parts)
    words = [word for (word,) in struct.iter_unpack("<I", whole)]
    # Words at even places are the lower halves of larger ones.
    sums = [list(itertools.accumulate(words[lane::LANES])) for lane in (*range(0, LANES, 2), *range(1, LANES, 2))]
    last, total = [lane[-1] for lane in sums], [sum(lane) & MASK for lane in sums]
    half = LANES // 2
    return struct.pack(f"<{2 * LANES}Q", *last[:half], *total[:half], *last[half:], *total[half:])
