"""Builds an image that contains only the executable: `python3 -S -m release.image.build IMAGE REPOSITORY FILE...`

    IMAGE       its name: ghcr.io/OWNER/tfs-model-status-probe:2.0.0
    REPOSITORY  OWNER/tfs-model-status-probe, for the label that links the image to its source
    FILE        the executable, with its buildinfo beside it, which says for which platform it is; and with NOTICE as it
                is released, otherwise this checkout's is used. Or a folder with executables. With several, each for
                another platform, IMAGE is an index of images, which podman makes.

ENGINE in the environment is docker or podman; the default is the one that works here. Needs nothing else but Python's
standard library, and executes nothing that is put into the image.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from build.platform import PLATFORMS, PROGRAM, Platform

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENGINES = ("docker", "podman")


class ImageError(Exception):
    """The image cannot be built. The text is a sentence that says what to do."""


class Executable(NamedTuple):
    """An executable, as its buildinfo describes it."""

    file: Path
    platform: Platform
    version: str
    commit: str


def main(argv: Sequence[str] | None = None) -> int:
    """Builds the image, or prints why it cannot."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) < 3:
        print("usage: python3 -S -m release.image.build IMAGE REPOSITORY FILE...", file=sys.stderr)
        return 1
    image, repository, *files = arguments
    try:
        executables = [described(file) for given in files for file in found(Path(given))]
        if len({one.platform for one in executables}) < len(executables):
            raise ImageError("two of the executables are for the same platform: name one for each")
        build(image, repository, executables)
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def found(given: Path) -> list[Path]:
    """Returns the executables in a folder, or the file that was given. Raises ImageError for an empty folder."""
    files = sorted(file.with_suffix("") for file in given.glob("*.buildinfo")) if given.is_dir() else [given]
    if not files:
        raise ImageError(f"there is no executable with its buildinfo in {given}: make freeze")
    return files


def described(file: Path) -> Executable:
    """Returns what an executable's buildinfo says of it. Raises ImageError, also for another executable's."""
    made_of = file.with_name(f"{file.name}.buildinfo")
    try:
        found = json.loads(made_of.read_text())
        name, sha256 = found["executable"]["name"], found["executable"]["sha256"]
        version, commit = found["version"], found["commit"]
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"there is no {error.filename}: make freeze") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ImageError(f"{made_of} is not a buildinfo of this program: {error}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ImageError(f"{made_of} describes another executable than {file}: make freeze")
    for platform in PLATFORMS:
        if platform.executable(version) == name:
            return Executable(file, platform, version, commit.partition("-")[0])
    raise ImageError(
        f"{made_of} is of {name}, which is for no known platform: {', '.join(row.name for row in PLATFORMS)}"
    )


def build(image: str, repository: str, executables: Sequence[Executable]) -> None:
    """Builds an image of one executable, or an index of several. Raises ImageError."""
    is_index = len(executables) > 1
    command = engine(ENGINES[1:] if is_index else ENGINES)
    if is_index and run(command, "manifest", "exists", image):
        run(command, "manifest", "rm", image)
    for one in executables:
        with tempfile.TemporaryDirectory(prefix="image-") as context:
            fill(Path(context), one)
            words = {"VERSION": one.version, "REVISION": one.commit, "REPOSITORY": repository}
            options = [f"--build-arg={name}={value}" for name, value in words.items()]
            options += [f"--platform={one.platform.oci}", f"--{'manifest' if is_index else 'tag'}={image}"]
            if not run(command, "build", *options, context):
                raise ImageError(f"{command} did not build the image for {one.platform.oci}")


def fill(context: Path, one: Executable) -> None:
    """Puts everything into a folder that the image is made of."""
    notice = one.file.with_name("NOTICE")
    files = {
        "Dockerfile": HERE / "Dockerfile",
        "LICENSE": ROOT / "LICENSE",
        "NOTICE": notice if notice.is_file() else ROOT / "NOTICE",
        PROGRAM: one.file,
    }
    for name, file in files.items():
        shutil.copyfile(file, context / name)
        (context / name).chmod(0o755 if name == PROGRAM else 0o644)


def engine(known: Sequence[str]) -> str:
    """Returns the command of the container engine that works here. Raises ImageError."""
    for command in (os.environ["ENGINE"],) if os.environ.get("ENGINE") else known:
        # Docker's client alone, without a daemon behind it, says so here.
        if (
            shutil.which(command)
            and subprocess.run([command, "info"], capture_output=True, check=False).returncode == 0
        ):
            return command
    raise ImageError(f"no container engine runs here: start or install {' or '.join(known)}")


def run(*command: str) -> bool:
    """Runs a command of the engine, which says itself what is wrong. Returns whether it succeeded."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
