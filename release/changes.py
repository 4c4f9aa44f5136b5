"""How what is linked into two executables differs."""

from __future__ import annotations

from typing import NamedTuple

from release.buildinfo import Buildinfo


class Change(NamedTuple):
    """A source package of which another version is linked; None means that it is not linked at all."""

    name: str
    source: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if not self.old:
            return f"{self.name} (`{self.source}`) {self.new} is linked in now"
        if not self.new:
            return f"{self.name} (`{self.source}`) {self.old} is no longer linked in"
        return f"{self.name} (`{self.source}`) {self.old} → {self.new}"


def changes(old: Buildinfo, new: Buildinfo) -> list[Change]:
    """Returns the source packages that differ, sorted by name."""
    names = {part.source: part.name for side in (old, new) for part in side.linked}
    before, after = ({part.source: part.version for part in side.linked} for side in (old, new))
    return [
        Change(names[source], source, before.get(source), after.get(source))
        for source in sorted(names)
        if before.get(source) != after.get(source)
    ]
