"""`make smoke` on images that are as they should be, and on some that are not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import hpack
import pytest
from hyperframe.frame import HeadersFrame

from tests.images.engine import Engine
from tests.support.variants import ROOT, Variant

SERVER = Path(__file__).parent / "model_server.c"
NOT_FOUND = "Could not find any versions of model nosuch"


def answer(code: int, message: str) -> bytes:
    """The one frame with which a call that fails is answered."""
    fields = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", str(code))]
    frame = HeadersFrame(1, hpack.Encoder().encode([*fields, ("grpc-message", message)]))
    frame.flags.add("END_HEADERS")
    frame.flags.add("END_STREAM")
    return frame.serialize()


@pytest.fixture(scope="module")
def smoke(engine: Engine, shared: Path) -> Path:
    """The folder of the images' contexts."""
    folder = shared / "smoke"
    folder.mkdir()
    (folder / "tmp").mkdir()
    engine.wrapper(folder)
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-static", "-w", "-o", folder / "server", SERVER], check=True)
    return folder


def make_smoke(smoke: Path, *variables: str) -> subprocess.CompletedProcess[str]:
    """Runs it with Podman, and sees that it leaves nothing."""
    environment = os.environ | {"ENGINE": str(smoke / "podman"), "TMPDIR": str(smoke / "tmp")}
    done = subprocess.run(
        ["make", "smoke", *variables], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert not list((smoke / "tmp").iterdir())
    return done


def with_server(engine: Engine, smoke: Path, name: str, answered: bytes) -> str:
    """An image with a server that answers so."""
    context = smoke / name
    context.mkdir()
    os.link(smoke / "server", context / "tensorflow_model_server")
    (context / "answer").write_bytes(answered)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY tensorflow_model_server /bin/\nCOPY answer /\n")
    done = engine.build(name, context)
    assert done.returncode == 0, done.stderr
    return name


def test_an_image_with_a_server(engine: Engine, smoke: Path, frozen: Variant) -> None:
    image = with_server(engine, smoke, "good", answer(5, NOT_FOUND))
    done = make_smoke(smoke, f"IMAGE={image}", f"FILE={frozen.command[0]}")
    assert done.stdout.splitlines() == [
        "good: -version: 0, as it should be",
        "good: a closed port: 2, as it should be",
        "good: its own server: 10, as it should be",
    ], done.stderr
    assert done.returncode == 0
    assert engine.podman("ps", "--all", "--quiet").stdout == ""


def test_a_server_that_answers_otherwise(engine: Engine, smoke: Path, frozen: Variant) -> None:
    image = with_server(engine, smoke, "otherwise", answer(12, "unknown service tensorflow.serving.ModelService"))
    done = make_smoke(smoke, f"IMAGE={image}", f"FILE={frozen.command[0]}")
    assert done.returncode == 2  # make's
    assert "error: otherwise: its own server: expected exit code 10 and " in done.stderr
    assert "unknown service tensorflow.serving.ModelService" in done.stderr
    assert engine.podman("ps", "--all", "--quiet").stdout == ""


def test_an_image_without_a_server(engine: Engine, smoke: Path, serving: str, frozen: Variant) -> None:
    done = make_smoke(smoke, f"IMAGE={serving}:latest", f"FILE={frozen.command[0]}")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_another_program(engine: Engine, smoke: Path, serving: str) -> None:
    done = make_smoke(smoke, f"IMAGE={serving}:latest", "FILE=/bin/busybox")
    assert done.returncode == 2
    assert ": -version: expected exit code 0 and " in done.stderr


def test_our_own_image(smoke: Path, own: str) -> None:
    done = make_smoke(smoke, f"IMAGE={own}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{own}: -version: 0, as it should be\n")


def test_an_image_that_is_not_there(smoke: Path, frozen: Variant) -> None:
    done = make_smoke(smoke, "IMAGE=localhost/nosuch", f"FILE={frozen.command[0]}")
    assert done.returncode == 2
    assert "error: localhost/nosuch: -version: expected exit code 0" in done.stderr


def test_no_file(smoke: Path) -> None:
    done = make_smoke(smoke, "IMAGE=x", "FILE=nosuch")
    assert done.stderr.splitlines()[0] == "error: there is no executable at nosuch: make freeze"


def test_no_image(smoke: Path) -> None:
    assert "say which image: make smoke IMAGE=" in make_smoke(smoke).stderr
