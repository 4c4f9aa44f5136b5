"""Dockerfile.example, our own image and what is made of it, and the original's Dockerfile, built and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.frozen.expected import check
from tests.images.dockerfiles import AS_THE_ORIGINAL, DEFAULT_TAG, EXAMPLE, PROBE, REPOSITORY
from tests.images.engine import Engine
from tests.support.sidecar import sidecar
from tests.support.variants import FROZEN, ROOT, VERSION, Variant

OWNER = REPOSITORY.split("/")[0]


def context_of(folder: Path, dockerfile: str) -> Path:
    """A folder to build in, with nothing but that Dockerfile."""
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    return folder


@pytest.fixture
def context(shared: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of the test's own to build in, with Dockerfile.example as a release has it but for the checksum."""
    assert EXAMPLE.count("OWNER") == 1
    return context_of(shared / request.node.name.replace("/", "-"), EXAMPLE.replace("OWNER", OWNER))


@pytest.mark.parametrize("tag", [None, f"{DEFAULT_TAG}-gpu"])
def test_the_example(
    engine: Engine, serving: str, context: Path, checksum: str, server: FakeServing, frozen: Variant, tag: str | None
) -> None:
    base = [f"--build-arg=TFS_TAG={tag}"] if tag else []
    done = engine.build("with-probe", context, f"--build-arg=TFS_PROBE_SHA256={checksum}", *base)
    assert done.returncode == 0, done.stderr
    assert f"FROM tensorflow/serving:{tag or DEFAULT_TAG}\n" in done.stdout
    check(engine.program("with-probe", PROBE), server.address)
    assert engine.program("with-probe", PROBE).run("-version").stdout == frozen.run("-version").stdout


def test_the_example_with_another_checksum(engine: Engine, serving: str, context: Path, checksum: str) -> None:
    another = checksum[:-1] + ("0" if checksum[-1] != "0" else "1")
    done = engine.build("refused", context, f"--build-arg=TFS_PROBE_SHA256={another}")
    assert done.returncode != 0
    assert another in done.stderr
    assert checksum in done.stderr
    assert engine.podman("image", "exists", "refused").returncode == 1


def test_the_example_as_it_stands_in_the_repository(engine: Engine, serving: str, context: Path) -> None:
    """A build fails until the checksum has been filled in."""
    done = engine.build("refused", context)
    assert done.returncode != 0
    assert "invalid checksum" in done.stderr


def test_the_example_of_a_version_that_is_not_there(engine: Engine, serving: str, context: Path, checksum: str) -> None:
    options = (f"--build-arg=TFS_PROBE_SHA256={checksum}", "--build-arg=TFS_PROBE_VERSION=0.0.1")
    done = engine.build("refused", context, *options)
    assert done.returncode != 0
    assert "404" in done.stderr


def test_as_the_original(engine: Engine, serving: str, shared: Path, server: FakeServing) -> None:
    done = engine.build("as-the-original", context_of(shared / "original", AS_THE_ORIGINAL))
    assert done.returncode == 0, done.stdout + done.stderr
    check(engine.program("as-the-original", PROBE), server.address)


def test_our_image(engine: Engine, own: str, server: FakeServing) -> None:
    check(engine.program(own), server.address)


def test_what_our_image_says_of_itself(engine: Engine, own: str, frozen: Variant) -> None:
    template = '{{.Config.User}} {{.Config.Entrypoint}} {{index .Config.Labels "org.opencontainers.image.%s"}}'
    said = {
        name: engine.podman("image", "inspect", "--format", template % name, own).stdout.strip().split(" ")
        for name in ("version", "revision", "source")
    }
    user = "65532:65532"
    entry = "[/tfs_model_status_probe]"
    commit = frozen.run("-version").stdout.split("commit ")[1].split(",")[0].removesuffix("-dirty")
    assert said == {
        "version": [user, entry, VERSION],
        "revision": [user, entry, commit],
        "source": [user, entry, f"https://github.com/{REPOSITORY}"],
    }


def test_what_our_image_is_for(engine: Engine, own: str) -> None:
    """The port of the documents' -serve is exposed, and registries have something to show."""
    content = (ROOT / "deploy" / "sidecar" / "kubernetes.yaml").read_text()
    (port,) = set(re.findall(r"-serve=:(\d+)", content))
    (said,) = json.loads(engine.podman("image", "inspect", own).stdout)
    assert list(said["Config"]["ExposedPorts"]) == [f"{port}/tcp"]
    assert said["Config"].get("Cmd") is None
    labels = {name.rpartition(".")[2]: text for name, text in said["Config"]["Labels"].items()}
    assert (labels["title"], labels["licenses"]) == ("tfs_model_status_probe", "Apache-2.0")
    assert "over HTTP" in labels["description"]


def test_our_image_as_a_sidecar(engine: Engine, own: str, server: FakeServing) -> None:
    with sidecar(engine.program(own), f"-addr={server.address}", "-serve-interval=100ms") as probe:
        probe.wait_for_status(200)
        assert 'tfs_model_ready{model="default"}' in probe.metrics()
        assert probe.end() == 0
    assert engine.podman("ps", "--all", "--quiet").stdout == ""


def test_what_is_in_our_image(engine: Engine, own: str, shared: Path, frozen: Variant) -> None:
    container = engine.podman("create", own).stdout.strip()
    engine.podman("cp", f"{container}:/", shared / "content")
    engine.podman("rm", container)
    files = {str(file.relative_to(shared / "content")) for file in (shared / "content").rglob("*") if file.is_file()}
    assert files >= {"tfs_model_status_probe", "LICENSE", "NOTICE"}
    assert {file for file in files if "/" not in file} == {"tfs_model_status_probe", "LICENSE", "NOTICE"}
    assert (shared / "content" / "tfs_model_status_probe").read_bytes() == Path(frozen.command[0]).read_bytes()


def test_copied_from_our_image(engine: Engine, serving: str, own: str, shared: Path, server: FakeServing) -> None:
    steps = f"FROM tensorflow/serving:{DEFAULT_TAG}\nCOPY --from={own} /tfs_model_status_probe {PROBE}\n"
    done = engine.build("copied", context_of(shared / "copied", steps))
    assert done.returncode == 0, done.stderr
    check(engine.program("copied", PROBE), server.address)


def test_no_image_of_a_file_without_a_commit(engine: Engine, shared: Path) -> None:
    impostor = shared / "impostor"
    impostor.write_text("#!/bin/sh\necho 'tfs_model_status_probe 2.0.0 (commit unknown, CPython 3.11.2)'\n")
    build = [str(ROOT / "release" / "image" / "build.sh"), str(impostor), "refused", REPOSITORY]
    shutil.copy(ROOT / "LICENSE", shared / "NOTICE")
    ours = {"ENGINE": str(engine.wrapper(shared))}
    done = subprocess.run(build, env=os.environ | ours, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {impostor} was not built from a commit, so no image is made of it")


def test_the_release_has_the_name_that_is_asked_for() -> None:
    url = EXAMPLE.replace("${TFS_PROBE_VERSION}", VERSION)
    assert f"/releases/download/v{VERSION}/{FROZEN.name} " in url


def test_installed_by_an_init_container(
    engine: Engine, serving: str, own: str, shared: Path, server: FakeServing
) -> None:
    """Our image puts the probe where a container whose image cannot be changed finds it."""
    volume = shared / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    init = engine.program(own, options=(f"--volume={volume}:/probe",)).run("-install", "/probe")
    assert (init.exit_code, init.stdout) == (0, "installed /probe/tfs_model_status_probe\n"), init.stderr
    mounted = (f"--volume={volume}:/probe:ro",)
    check(engine.program(f"{serving}:latest", "/probe/tfs_model_status_probe", options=mounted), server.address)
