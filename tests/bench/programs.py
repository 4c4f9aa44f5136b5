"""What is measured: the programs, how those are made that are not in dist/, and their command lines."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from tests.support.variants import FROZEN, ROOT, ZIPAPP

from .samples import Failed

HERE = Path(__file__).parent
CACHE = ROOT / ".cache" / "bench"
MODEL = "half"

FLOOR, STATIC, STOCK = "floor", "tfs_model_status_probe", "stock PyInstaller onefile + grpcio"
STATIC_TLS = f"{STATIC} -tls"
OURS = (STATIC, STATIC_TLS)
ZIPPED = f"zipapp on CPython {sys.version_info[0]}.{sys.version_info[1]}"
ORIGINAL = "the original (Go)"

# The entry of the stock freeze. PyInstaller finds all else, grpcio too, by what is imported.
ENTRY = "from probe.__main__ import run\n\nrun()\n"
# grpc_tools is here for the generated messages. PyInstaller would pack its compiler, which no user's freeze contains.
OPTIONS = ("--onefile", "--exclude-module=grpc_tools", "--noconfirm", "--log-level=ERROR")


# What may be asked with the new flags, each row beside `one model` of the same server.
ONE, TWENTY, LABEL, REST = "one model", "twenty models in one run", "-model-label", "REST"
FLOOR_ONE, FLOOR_TWENTY = "floor, one call", "floor, twenty calls"
CURL = "curl on REST"
MANY = 20


class Servers(NamedTuple):
    """Where the plain server listens, where the one with TLS, the file with the CA of the latter's certificate, and
    where the server that replays answers listens."""

    port: int
    tls_port: int
    ca: Path
    replay: int


class Program(NamedTuple):
    """A row: its name, its file, what runs the file (nothing: the file itself), its arguments but for the server,
    whether it is not ours but what ours is compared with, whether it asks over TLS, and the arguments that name the
    server, with the fields of `Servers` in braces."""

    name: str
    file: Path
    interpreter: tuple[str, ...] = ()
    arguments: tuple[str, ...] = (f"-model-name={MODEL}",)
    is_peer: bool = False
    tls: bool = False
    server: tuple[str, ...] = ("-addr=localhost:{port}",)

    def command(self, servers: Servers) -> list[str]:
        """The whole command line."""
        whom = (word.format(**servers._asdict()) for word in self.server)
        return [*self.interpreter, str(self.file), *whom, *self.arguments]


WITH_TLS = ("-addr=localhost:{tls_port}", "-tls", "-tls-ca-cert={ca}")
REPLAYED = ("-addr=localhost:{replay}",)


def floor(scratch: Path) -> Program:
    """The floor, compiled."""
    return Program(FLOOR, compiled("floor", scratch), arguments=(MODEL,), server=("{port}",))


def questions(floor_file: Path) -> list[Program]:
    """The rows about what is asked: the floor's are what the server and the connection cost, without a probe."""
    models = tuple(f"-model-name={MODEL}_{number}" for number in range(MANY))
    curl = shutil.which("curl")
    if curl is None:
        raise Failed("curl is not installed: run build/system_packages.sh test")
    asked = ("--silent", "--fail", "--output", "/dev/null", "--url")
    return [
        Program(FLOOR_ONE, floor_file, arguments=(MODEL,), server=("{replay}",)),
        Program(FLOOR_TWENTY, floor_file, arguments=(MODEL, str(MANY)), server=("{replay}",)),
        Program(ONE, FROZEN, server=REPLAYED),
        Program(TWENTY, FROZEN, arguments=models, server=REPLAYED),
        Program(LABEL, FROZEN, arguments=(f"-model-name={MODEL}", "-model-label=stable"), server=REPLAYED),
        Program(REST, FROZEN, server=("-addr=http://localhost:{replay}",)),
        Program(
            CURL,
            Path(curl),
            arguments=(),
            server=(*asked, f"http://localhost:{{replay}}/v1/models/{MODEL}"),
            is_peer=True,
        ),
    ]


def static() -> Program:
    """The executable that this repository makes."""
    return Program(STATIC, FROZEN)


def static_tls() -> Program:
    """The same, asking over TLS."""
    return Program(STATIC_TLS, FROZEN, tls=True, server=WITH_TLS)


def zipapp() -> Program:
    """The zipapp, run by the interpreter on which the virtual environment stands: the environment would cost more."""
    interpreter = str(Path(sys.executable).resolve())
    return Program(ZIPPED, ZIPAPP, (interpreter, "-I"))


def peer(file: Path) -> Program:
    """Another program that takes the same flags."""
    return Program(ORIGINAL if file.name == "tfs_model_status_probe" else file.name, file, is_peer=True)


def tls_peer(file: Path) -> Program:
    """A probe of gRPC's health service with grpc_health_probe's flags."""
    return Program(f"{file.name} -tls", file, arguments=(), is_peer=True, tls=True, server=WITH_TLS)


def stock() -> Program:
    """Our own program on grpcio, as PyInstaller freezes it by itself. Takes a minute, and is kept for the next time."""
    made = CACHE / f"stock_{_fingerprint()}"
    if not made.exists():
        for outdated in CACHE.glob("stock_*"):
            outdated.unlink()
        work = CACHE / "work"
        work.mkdir(parents=True, exist_ok=True)
        entry = work / "entry.py"
        entry.write_text(ENTRY)
        folders = [f"--workpath={work}", f"--specpath={work}", f"--distpath={CACHE}", f"--paths={ROOT}"]
        command = [sys.executable, "-m", "PyInstaller", *OPTIONS, *folders, f"--name={made.name}", str(entry)]
        environment = os.environ | {"PYINSTALLER_CONFIG_DIR": str(work)}
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"PyInstaller: {done.stderr}")
        shutil.rmtree(work)
    return Program(STOCK, made, arguments=(f"-model-name={MODEL}", "-engine=grpcio"))


def compiled(name: str, scratch: Path) -> Path:
    """One of the C programs here, as a static executable."""
    made = scratch / name
    options = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static")
    subprocess.run(["gcc", *options, str(HERE / f"{name}.c"), "-o", str(made)], check=True)
    return made


def copied(programs: Sequence[Program], scratch: Path) -> list[Program]:
    """The programs as fresh copies: how a file was written decides how it lies in the page cache."""
    copies = []
    for number, program in enumerate(programs):
        folder = scratch / str(number)
        folder.mkdir()
        subprocess.run(["cp", str(program.file), str(folder)], check=True)
        copies.append(program._replace(file=folder / program.file.name))
    return copies


def _fingerprint() -> str:
    """Of everything that decides what the stock freeze holds."""
    digest = hashlib.sha256(repr((ENTRY, OPTIONS)).encode())
    for file in sorted((ROOT / "probe").rglob("*.py")):
        digest.update(file.read_bytes())
    for package in ("pyinstaller", "grpcio", "protobuf"):
        digest.update(version(package).encode())
    return digest.hexdigest()[:12]
