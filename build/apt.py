"""A private state of apt for this checkout: package lists of its own, fetched from the mirrors of the machine.

A stock machine has no lists of source packages, and its lists of packages may be old or absent. The machine's own state
is left alone, and no step needs root.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from build.command import BuildError, run

OS_RELEASE = Path("/etc/os-release")


def updated(state: Path, *kinds: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Fetches the lists of this kind (`deb`, `deb-src`) into a folder. Returns the options that make apt's commands
    use them, those given among them. Raises BuildError."""
    for folder in (state / "lists" / "partial", state / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    sources = state / "sources.list"
    sources.write_text("\n".join(_entries(kinds)) + "\n")
    options = (
        *options,
        f"-oDir::Etc::SourceList={sources}",
        "-oDir::Etc::SourceParts=/dev/null",
        f"-oDir::State::Lists={state / 'lists'}",
        f"-oDir::Cache={state}",
        "-oAcquire::Languages=none",
        "-oAPT::Sandbox::User=root" if os.geteuid() == 0 else "-oDebug::NoLocking=1",
    )
    run("apt-get", *options, "update", "-qq", "--error-on=any")
    return options


def architecture(name: str) -> tuple[str, ...]:
    """Returns options for packages of another architecture, by Debian's name for it."""
    return f"-oAPT::Architecture={name}", f"-oAPT::Architectures::={name}"


def _entries(kinds: tuple[str, ...]) -> list[str]:
    """Returns lines of a sources.list for those mirrors of the machine that are of its release."""
    codename = re.search(r"^VERSION_CODENAME=(\w+)", OS_RELEASE.read_text(), re.MULTILINE)
    if not codename:
        raise BuildError(f"{OS_RELEASE} names no Debian release; the build platform is Debian")
    found = []
    for file in _source_lists():
        found += _mirrors(file.read_text(), file.suffix == ".sources", codename[1])
    return [f"{kind} {mirror}" for kind in kinds for mirror in dict.fromkeys(found)]


def _source_lists() -> list[Path]:
    """Returns the files in which apt's configuration names mirrors."""
    shell = run("apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d")
    places = dict(re.findall(r"^(\w+)='(.*)'$", shell, re.MULTILINE))
    parts = Path(places["PARTS"])
    files = [Path(places["LIST"]), *(sorted(parts.iterdir()) if parts.is_dir() else ())]
    return [file for file in files if file.is_file() and file.suffix in (".list", ".sources")]


def _mirrors(text: str, deb822: bool, codename: str) -> list[str]:
    """Returns the entries of a file that are of this release, without the word for their kind."""
    found = []
    if deb822:
        for paragraph in re.split(r"\n\s*\n", text):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", paragraph, re.MULTILINE))
            signed = f"[signed-by={fields['Signed-By']}] " if fields.get("Signed-By", "").startswith("/") else ""
            for uri in fields.get("URIs", "").split():
                for suite in fields.get("Suites", "").split():
                    if suite.startswith(codename) and "deb" in fields.get("Types", "").split():
                        found.append(f"{signed}{uri} {suite} {fields.get('Components', 'main')}")
        return found
    for line in text.splitlines():
        entry = re.match(r"\s*deb\s+((?:\[[^]]*\]\s+)?\S+\s+(\S+)\s+.*)", line)
        if entry and entry[2].startswith(codename):
            found.append(entry[1])
    return found
