"""Bytes that count how much of them is copied: a count that grows with the square of their length is a defect."""

from __future__ import annotations

from typing import SupportsIndex


class CountedBytes(bytes):
    """Slices are as these bytes are, and count for the same total."""

    copied = 0
    """Bytes copied by slicing, of all objects of this class. A test that looks at it makes a class of its own."""

    def __getitem__(self, key: SupportsIndex | slice) -> bytes:  # type: ignore[override]
        if not isinstance(key, slice):
            raise TypeError("slices only")
        piece = type(self)(super().__getitem__(key))
        type(self).copied += len(piece)
        return piece
