"""The NOTICE of a release: the repository's, what exactly is linked in, and the texts of the licences.

The texts come from the packages that were linked: their copyright files, for CPython that of the compiled source, and
the distribution's copies of the licences that the copyright files only name.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from pathlib import Path

from build.shared.checkout import ROOT, SYSROOTS, unpacked_source
from build.shared.debian import installed, unpacked
from release.buildinfo import Buildinfo, Linked, read

LICENCES = Path("/usr/share/common-licenses")
RULE = "=" * 100


def write(buildinfos: Sequence[Path], to: Path) -> None:
    """Writes the NOTICE of the executables that these buildinfos describe, on the machine that built them. Raises
    ValueError if a package is not there in the version that was linked in."""
    made = [read(file) for file in buildinfos]
    parts = [(ROOT / "NOTICE").read_text(), *map(_versions, made)]
    texts: dict[str, str] = {}
    for it in made:
        for part in it.linked:
            heading = f"{part.name}: the copyright file of {part.source} {part.version}"
            if heading not in texts:
                texts[heading] = _copyright(part, it)
    for heading, text in texts.items():
        parts += [_heading(heading), text]
    for licence in sorted({name for it in made for part in it.linked for name in _named(part.licence)}):
        parts += [_heading(f"The licence {licence}"), (LICENCES / licence).read_text()]
    parts += [_heading("shiv: its licence"), _shiv()]
    new = to.with_name(f"{to.name}.new")
    new.write_text("\n".join(f"{part.rstrip()}\n" for part in parts))
    new.replace(to)


def _heading(text: str) -> str:
    return f"\n{RULE}\n{text}\n{RULE}"


def _versions(made: Buildinfo) -> str:
    """Returns a list of what is linked in, with the places of the sources."""
    lines = [_heading(f"What is linked into {made.executable}"), f"SHA-256 {made.sha256}, commit {made.commit}", ""]
    for part in made.linked:
        taken = ", ".join(f"{archive} ({members})" for archive, members in part.archives.items())
        lines += [
            f"{part.name} {part.upstream}",
            f"    source   {part.source} {part.version}",
            f"             https://snapshot.debian.org/package/{part.source}/{part.version}/",
            f"    taken    {taken}",
            f"    licence  {part.licence}",
            "",
        ]
    return "\n".join(lines)


def _copyright(part: Linked, made: Buildinfo) -> str:
    """Returns the copyright file of the version that was linked in. Raises ValueError if it is not on this machine."""
    if not part.packages:
        file = unpacked_source(part.source, part.version) / "debian" / "copyright"
    else:
        file = _root(part, made) / "usr" / "share" / "doc" / part.packages[0] / "copyright"
    try:
        return file.read_text()
    except FileNotFoundError:
        raise ValueError(f"the copyright file of {part.source} {part.version} is not on this machine") from None


def _root(part: Linked, made: Buildinfo) -> Path:
    """Returns where a package is, in the version that was linked in: in the platform's sysroot, or installed. Raises
    ValueError if it is in neither."""
    name, folder = part.packages[0], SYSROOTS / made.platform
    for root, package in ((folder, unpacked(folder, name)), (Path("/"), installed(name))):
        if package and (package.source, package.source_version) == (part.source, part.version):
            return root
    raise ValueError(f"{part.source} {part.version} was linked in, but another version is installed here")


def _named(expression: str) -> list[str]:
    """Returns the licences of an SPDX expression whose texts the distribution keeps in one place, under its names for
    them; other texts are in the copyright files."""
    names = [re.sub(r"-(only|or-later)$", "", word) for word in re.findall(r"[\w.-]+", expression)]
    names = [name for word in names for name in (word, word.removesuffix(".0"))]
    return [name for name in names if (LICENCES / name).is_file()]


def _shiv() -> str:
    """Returns the licence of the code that shiv puts into the zipapp."""
    for file in importlib.metadata.files("shiv") or ():
        if file.name == "LICENSE":
            return file.read_text()
    raise ValueError("the installed shiv has no licence file")
