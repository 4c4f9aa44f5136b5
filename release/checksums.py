"""checksums.txt: the SHA-256 of every other asset, as `sha256sum -c` reads it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from build.platform import Platform
from release.assets import Assets

SIGNATURES = "*.sigstore.json"
"""Files that publishing adds. They sign the list, so the list cannot contain them."""


def sha256(file: Path) -> str:
    """Returns the sum of a file, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def of_executables(assets: Assets) -> dict[Platform, str]:
    """Returns the sum of each platform's executable."""
    return {one.platform: sha256(one.executable) for one in assets.platforms}


def write(assets: Assets) -> None:
    """Writes the sums of everything that is published except the list itself."""
    files = sorted(file for file in assets.all if file != assets.checksums)
    assets.checksums.write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files))


def faults(assets: Assets) -> list[str]:
    """Returns a fault for each asset that is missing, not listed, unknown, or different from its sum in the list."""
    if not assets.checksums.is_file():
        return [f"{assets.checksums.name} is missing"]
    name_of_list = assets.checksums.name
    lines = assets.checksums.read_text(errors="replace").splitlines()
    read = [re.fullmatch(r"([0-9a-f]{64})  (\S+)", line) for line in lines]
    listed = {entry[2]: entry[1] for entry in read if entry}
    wanted = {file.name for file in assets.all} - {name_of_list}
    present = {file.name for file in assets.folder.iterdir() if not file.match(SIGNATURES)} - {name_of_list}
    found = [
        f"{name_of_list} has a line that is not a sum and a name: {line}"
        for line, entry in zip(lines, read, strict=True)
        if not entry
    ]
    found += [f"{name} is missing" for name in sorted(wanted - present)]
    found += [f"{name} does not belong to a release" for name in sorted(present - wanted)]
    found += [f"{name_of_list} lacks {name}" for name in sorted(wanted & present - listed.keys())]
    found += [f"{name_of_list} lists {name}, which is not an asset" for name in sorted(listed.keys() - wanted)]
    for name in sorted(wanted & present & listed.keys()):
        if sha256(assets.folder / name) != listed[name]:
            found.append(f"{name} is not the file that {name_of_list} lists: it is damaged or was replaced")
    return found
