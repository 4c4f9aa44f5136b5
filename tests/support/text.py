"""What must not appear in a line that people read."""

from __future__ import annotations

import unicodedata


def has_control(text: str) -> bool:
    """Whether there are characters that end a line, steer a terminal, change the direction of text, or are invalid."""
    return any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or character in "\u061c\u200e\u200f"
        for character in text
    )
