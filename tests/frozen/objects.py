"""The objects of CPython in a snapshot, found in the executable's bytes.

An object begins with its reference count and the address of its type. `type` is the one whose type is itself; what has
that type is a type as well."""

from __future__ import annotations

import struct
from pathlib import Path

from build.shared.elf import mapped_parts

SNAPSHOT = ("py_data", "py_heap", "py_runtime", "py_bss")
VARIABLES = "py_data"
WORD = 8
TYPE_NAME = 24
"""Offset in a type of the address of its name."""


class Snapshot:
    """The snapshot in a file."""

    def __init__(self, file: Path) -> None:
        self._content = file.read_bytes()
        self._mapped = mapped_parts(file)
        self.parts = {name: self._mapped[name] for name in SNAPSHOT}
        self.bytes = {name: self._content[part.offset : part.end] for name, part in self.parts.items()}

    def objects(self) -> list[tuple[str, int]]:
        """Returns the section of each object, and where in it the object begins."""
        words = {
            name: [word for (word,) in struct.iter_unpack("<Q", content[: len(content) // WORD * WORD])]
            for name, content in self.bytes.items()
        }
        # The second word of each object, with the object's address before it.
        second = [
            (name, place - 1, self.parts[name].address + (place - 1) * WORD, word)
            for name, found in words.items()
            for place, word in enumerate(found[:-1])
            if place
        ]
        (type_itself,) = {word for _, _, address, word in second if word == address and self._name(word) == b"type"}
        types = {address for _, _, address, word in second if word == type_itself}
        # In an array of types, a word is followed by another type, and by no count. Among variables that point to
        # types, such as PyExc_NameError, any other variable would look like a count.
        return [
            (name, place * WORD)
            for name, place, _, word in second
            if word in types
            and words[name][place + 2] not in types
            and not (name == VARIABLES and words[name][place - 1] in types)
        ]

    def _name(self, type_address: int) -> bytes:
        """The name of a type."""
        pointer = self._place(type_address + TYPE_NAME)
        name = self._place(struct.unpack_from("<Q", self._content, pointer)[0]) if pointer else 0
        return self._content[name : self._content.index(b"\0", name)] if name else b""

    def _place(self, address: int) -> int:
        """Where in the file an address is; 0 if nowhere."""
        for part in self._mapped.values():
            if part.address <= address < part.address + part.size:
                return part.offset + address - part.address
        return 0
