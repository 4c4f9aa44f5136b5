"""The objects of CPython in a snapshot, found in the executable's bytes.

An object begins with its reference count and the address of its type. `type` is the one whose type is itself; what has
that type is a type as well."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from build.shared.elf import MappedPart, mapped_parts

SNAPSHOT = ("py_data", "py_heap", "py_runtime", "py_bss")
WORD = 8
NAME = 24
"""Offset of the address of a type's name."""


class Snapshot:
    """The snapshot in a file."""

    def __init__(self, file: Path) -> None:
        content = file.read_bytes()
        self._mapped = mapped_parts(file)
        self._content = content
        self.parts = {name: self._mapped[name] for name in SNAPSHOT}
        self.bytes = {name: content[part.offset : part.end] for name, part in self.parts.items()}

    def objects(self) -> list[tuple[str, int]]:
        """Returns the section of each object, and where in it the object begins."""
        (type_itself,) = (
            word
            for _, address, word in self._words()
            if word == address - WORD and self._text(address - WORD + NAME) == b"type"
        )
        types = {address - WORD for _, address, word in self._words() if word == type_itself}
        return [
            (name, address - WORD - self.parts[name].address)
            for name, address, word in self._words()
            if word in types and address - WORD >= self.parts[name].address
        ]

    def _words(self) -> Iterator[tuple[str, int, int]]:
        """Section, address and value of each word."""
        for name, content in self.bytes.items():
            start = self.parts[name].address
            for at, (word,) in enumerate(struct.iter_unpack("<Q", content[: len(content) // WORD * WORD])):
                yield name, start + at * WORD, word

    def _text(self, address: int) -> bytes:
        """The text to which the word at an address points."""
        place = self._place(address)
        target = self._place(struct.unpack_from("<Q", self._content, place)[0]) if place is not None else None
        return b"" if target is None else self._content[target : self._content.index(b"\0", target)]

    def _place(self, address: int) -> int | None:
        """Where in the file an address is."""
        part: MappedPart
        for part in self._mapped.values():
            if part.address <= address < part.address + part.size:
                return part.offset + address - part.address
        return None
