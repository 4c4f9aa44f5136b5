"""checksums.txt: the SHA-256 of every other asset, as `sha256sum -c` reads it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from release.assets import Assets

SIGNATURES = "*.sigstore.json"
"""What publishing adds: it speaks of the list, and cannot stand in it."""


def sha256(file: Path) -> str:
    """The sum of a file, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write(assets: Assets) -> None:
    """Sums of everything that is published but for the list itself."""
    files = sorted(file for file in assets.all if file != assets.checksums)
    assets.checksums.write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files))


def faults(assets: Assets) -> list[str]:
    """Assets that are missing, not listed, no part of a release, or not what the list says."""
    if not assets.checksums.is_file():
        return [f"{assets.checksums.name} is missing"]
    lines = assets.checksums.read_text(errors="replace").splitlines()
    read = [re.fullmatch(r"([0-9a-f]{64})  (\S+)", line) for line in lines]
    listed = {line[2]: line[1] for line in read if line}
    wanted = {file.name for file in assets.all} - {assets.checksums.name}
    there = {file.name for file in assets.folder.iterdir() if not file.match(SIGNATURES)} - {assets.checksums.name}
    told = [f"{assets.checksums.name}: no sum and name: {line}" for line, it in zip(lines, read, strict=True) if not it]
    told += [f"{name} is missing" for name in sorted(wanted - there)]
    told += [f"{name} is no part of a release" for name in sorted(there - wanted)]
    told += [f"{assets.checksums.name} lacks {name}" for name in sorted(wanted & there - listed.keys())]
    told += [f"{assets.checksums.name} lists {name}, which is no asset" for name in sorted(listed.keys() - wanted)]
    for name in sorted(wanted & there & listed.keys()):
        if sha256(assets.folder / name) != listed[name]:
            told.append(f"{name} is not the file that {assets.checksums.name} lists: it is damaged, or another one")
    return told
