"""What an executable is made of, from the .buildinfo that was made with it. build/buildinfo.py says what is in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path


@dataclass(frozen=True)
class Linked:
    """A source package of the distribution of which something is linked in."""

    name: str
    source: str
    version: str
    """The distribution's."""
    upstream: str
    """The maker's version."""
    licence: str
    """As an SPDX expression."""
    packages: tuple[str, ...]
    """Those from which the archives came; none for what was compiled from source."""
    archives: dict[str, int]
    """With the number of members taken."""


@dataclass(frozen=True)
class Buildinfo:
    """The executable and its parts."""

    name: str
    version: str
    commit: str
    date: datetime
    """Of the commit."""
    executable: str
    """The file's name."""
    sha256: str
    size: int
    """Bytes."""
    distribution: str
    """Its id, such as `debian`."""
    release: str
    """The distribution's version."""
    linked: tuple[Linked, ...]


def read(file: Path) -> Buildinfo:
    """The file's content. Raises ValueError where it is none, or names a library that is of no package: such an
    executable is for its maker alone."""
    try:
        found = json.loads(file.read_text())
        executable, distribution = found["executable"], found["distribution"]
        unpackaged = [entry["name"] for entry in found["linked"] if entry["source"] is None]
        if unpackaged:
            raise ValueError(f"{', '.join(unpackaged)} came from no package of the distribution: it cannot be released")
        return Buildinfo(
            name=found["name"],
            version=found["version"],
            commit=found["commit"],
            date=datetime.strptime(found["date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc),
            executable=executable["name"],
            sha256=executable["sha256"],
            size=executable["size"],
            distribution=distribution["id"],
            release=distribution["version"],
            linked=tuple(Linked(**{**entry, "packages": tuple(entry["packages"])}) for entry in found["linked"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file.name} is no buildinfo of this program: {error}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name} is not JSON: {error}") from error
