"""What an executable is made of, read from its .buildinfo. build/buildinfo.py describes the format."""

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
    """The version upstream."""
    licence: str
    """As an SPDX expression."""
    packages: tuple[str, ...]
    """Those that the archives came from; none for what was compiled from source."""
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

    @property
    def platform(self) -> str:
        """The name of the executable's platform, such as `linux_amd64`."""
        return self.executable.removeprefix(f"{self.name}_{self.version}_")


def read(file: Path) -> Buildinfo:
    """Returns the file's content. Raises ValueError for another file, and for one that names a library without a
    package: such an executable may not be distributed."""
    try:
        found = json.loads(file.read_text())
        executable, distribution = found["executable"], found["distribution"]
        unpackaged = [entry["name"] for entry in found["linked"] if entry["source"] is None]
        if unpackaged:
            raise ValueError(
                f"{', '.join(unpackaged)} did not come from a package of the distribution: it cannot be released"
            )
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
        raise ValueError(f"{file.name} is not a buildinfo of this program: {error}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name} is not JSON: {error}") from error
