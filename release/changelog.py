"""CHANGELOG.md, in the format of Keep a Changelog."""

from __future__ import annotations

import re
from typing import NamedTuple

UNRELEASED = "Unreleased"
_HEADING = re.compile(r"^## \[([^\]\n]+)\](?: - (\S+))?( \[YANKED\])?[ \t]*$", re.MULTILINE)


class Section(NamedTuple):
    """What changed with a version. The version of what is not released yet is `Unreleased`."""

    version: str
    date: str
    yanked: bool
    text: str


def sections(text: str) -> list[Section]:
    """Returns all sections of a changelog in their order: the newest first."""
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return [
        Section(heading[1], heading[2] or "", bool(heading[3]), text[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    ]


def newest(text: str) -> Section | None:
    """Returns the newest section that was released, or None."""
    return next((section for section in sections(text) if section.version != UNRELEASED), None)


def unreleased(text: str) -> str:
    """Returns what has changed since; empty if nothing has."""
    return next((section.text for section in sections(text) if section.version == UNRELEASED), "")


def with_release(text: str, version: str, date: str, body: str) -> str:
    """Returns the changelog with one more release above the others. Raises ValueError if it has no release yet."""
    place = next((heading for heading in _HEADING.finditer(text) if heading[1] != UNRELEASED), None)
    if not place:
        raise ValueError("CHANGELOG.md has no release yet")
    return f"{text[: place.start()]}## [{version}] - {date}\n\n{body.strip()}\n\n{text[place.start() :]}"
