"""The executable in one clean container: `make smoke IMAGE=alpine:3.24.2 FILE=dist/...`.

With `--file` that executable is mounted into the image; without, the image is our own, and its entry point is run. In
each it says its version (0) and finds a closed port (2); where the image has TensorFlow Serving, a real server without
models is started and asked, as the kubelet asks, by a command in its own container (10).

Wants docker or podman, Python's standard library and nothing else, since it also runs where nothing was installed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PROGRAM = "/tfs_model_status_probe"
SERVER = "tensorflow_model_server"
PATIENCE = 300.0
"""Seconds for one command of the engine, the download of an image included."""
NOT_FOUND = 127
"""How `run` of docker and podman ends where the image has no such command."""

# Nobody's uid, a root that cannot be written to, no privilege: whatever a pod's securityContext may ask for.
CONFINED = ("--rm", "--read-only", "--user=65534:65534", "--cap-drop=all", "--security-opt=no-new-privileges")
# With a list that says nothing every server since 1.15 opens its port at once ("Taking no action for empty config"),
# and knows no model. A file of no bytes at all it cannot read.
NO_MODELS = "# none\n"


class Fault(Exception):
    """What went otherwise than it should, in a sentence."""


def engine() -> str:
    """The command of the container engine that works here. Raises Fault."""
    for command in filter(None, (os.environ.get("ENGINE"), "docker", "podman")):
        # Docker's client alone, without a daemon behind it, says so here.
        if (
            shutil.which(command)
            and subprocess.run([command, "info"], capture_output=True, check=False).returncode == 0
        ):
            return command
    raise Fault("no container engine runs here: start docker, or install podman")


class Image:
    """An image, and the executable in it."""

    def __init__(self, name: str, folder: Path, file: Path | None) -> None:
        """`folder` is for what is mounted; it is the caller's to remove. Raises Fault."""
        self.name = name
        self._engine = engine()
        self._mounts: tuple[str, ...] = ()
        if file is not None:
            # A copy: what came out of an archive has lost its mode.
            copy = Path(shutil.copy(file, folder / "probe"))
            copy.chmod(0o755)
            self._mounts = (f"--volume={copy}:{PROGRAM}:ro",)
        self._models = folder / "models.config"
        self._models.write_text(NO_MODELS)
        self._models.chmod(0o644)
        folder.chmod(0o755)

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs the engine. Raises TimeoutExpired."""
        return subprocess.run(
            [self._engine, *command], capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
        )

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """The probe in a container of its own, without a network."""
        entry = (f"--entrypoint={PROGRAM}",) if self._mounts else ()
        return self.call("run", *CONFINED, "--network=none", *self._mounts, *entry, self.name, *argv)

    def has_server(self) -> bool:
        """Whether TensorFlow Serving is in it. Raises Fault where it is, and does not start."""
        asked = self.call("run", "--rm", "--network=none", f"--entrypoint={SERVER}", self.name, "--version")
        if asked.returncode not in (0, NOT_FOUND):
            raise Fault(f"{SERVER} --version ended with {asked.returncode}: {asked.stderr.strip()}")
        return asked.returncode == 0

    def ask_server(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """The probe beside a real server without models, in its container. Raises Fault."""
        models = f"--volume={self._models}:/models.config:ro"
        options = ("--port=8500", "--model_config_file=/models.config")
        started = self.call(
            *("run", "--detach", "--network=none", *self._mounts, models),
            *(f"--entrypoint={SERVER}", self.name, *options),
        )
        if started.returncode != 0:
            raise Fault(f"{SERVER} was not started: {started.stderr.strip()}")
        container = started.stdout.strip().splitlines()[-1]
        try:
            asked = self.call("exec", container, PROGRAM, *argv)
            if asked.returncode == 2:  # nothing listens: the server knows why
                logs = self.call("logs", container)
                asked.stderr += f"{SERVER} said:\n{logs.stdout}{logs.stderr}"
            return asked
        finally:
            self.call("rm", "--force", "--volumes", container)


def expect(what: str, done: subprocess.CompletedProcess[str], exit_code: int, line: str) -> None:
    """Compares how a run ended, and a line of it (a regular expression), with what it should be. Raises Fault."""
    said = done.stdout + done.stderr
    if done.returncode != exit_code or not re.search(line, said, re.MULTILINE):
        raise Fault(f"{what}: expected exit code {exit_code} and {line!r}, but it was {done.returncode}:\n{said}")
    print(f"{what}: {exit_code}, as it should be")


def smoke(name: str, file: Path | None) -> None:
    """Raises Fault for the first thing that is not as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        image = Image(name, Path(folder), file)
        expect(f"{name}: -version", image.run("-version"), 0, r"^tfs_model_status_probe \d+\.\d+\.\d+ \(commit ")
        refused = image.run("-addr=127.0.0.1:1", "-connect-timeout=100ms")
        expect(f"{name}: a closed port", refused, 2, r"Error dialing grpc service: .*connection refused\)$")
        if file is not None and image.has_server():
            answer = image.ask_server("-addr=:8500", "-model-name=nosuch", "-connect-timeout=60s", "-timeout=60s")
            expect(f"{name}: its own server", answer, 10, "Could not find any versions of model nosuch$")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 if all is as it should be, otherwise 1 and a sentence."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("image")
    parser.add_argument("--file", type=Path, help="the executable to mount; without, the image's own is run")
    options = parser.parse_args(argv)
    try:
        if options.file is not None and not options.file.is_file():
            raise Fault(f"there is no executable at {options.file}: make freeze")
        smoke(options.image, options.file)
    except subprocess.TimeoutExpired as error:
        print(f"error: it took longer than {PATIENCE:g} s: {' '.join(error.cmd)}", file=sys.stderr)
        return 1
    except Fault as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
