"""The examples for images that may not be changed, as pods: containerd and runc run them, and the probes in them.

The released image is built here; the server's image has the command that the example names, which does nothing. The
stand-in server is outside, on the same network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import cri, images
from tests.deploy.documents import DEPLOYMENTS, INSTALLING, PROBES, USES, WAITS, Document, Node, Use, Wait, write_config
from tests.fake_tfs import FakeServing
from tests.frozen.roots import tool
from tests.support.variants import built

IDLE = "usr/bin/tensorflow_model_server"
OWNER = "owner"


def named(image: str) -> str:
    """An image's name with an owner: names are in small letters."""
    return image.replace("OWNER", OWNER)


@pytest.fixture(scope="module")
def runtime() -> Iterator[cri.Runtime]:
    """A container runtime that has the images of the examples."""
    idle = {
        "bin/busybox": Path(tool("busybox")).read_bytes(),
        IDLE: b"#!/bin/busybox sh\nexec /bin/busybox tail -f /dev/null\n",
    }
    probe = {"tfs_model_status_probe": Path(built("frozen").command[0]).read_bytes()}
    pods = [pod for document in DEPLOYMENTS for pod in document.pods]
    everything = {
        container["image"] for pod in pods for container in [*pod["containers"], *pod.get("initContainers", ())]
    }
    released = {image for image in everything if image.startswith("ghcr.io/OWNER/")}
    # A socket's path is short, and pytest's folders are not.
    with tempfile.TemporaryDirectory() as name, cri.containerd(Path(name)) as running:
        archive = Path(name) / "image.tar"
        for image in {cri.PAUSE} | everything - released:
            running.load(images.write(archive, image, idle, [f"/{IDLE}"]))
        for image in map(named, released):
            running.load(images.write(archive, image, probe, ["/tfs_model_status_probe"]))
        yield running


def volumes(pod: Node, folder: Path) -> dict[str, Path]:
    """A folder for each of the pod's volumes, open to everybody, as the kubelet makes an emptyDir; with the files of a
    ConfigMap."""
    made = {}
    for volume in pod.get("volumes", ()):
        place = folder / volume["name"]
        place.mkdir()
        place.chmod(0o777)
        if "configMap" in volume:
            write_config(place)
        made[volume["name"]] = place
    return made


@pytest.mark.parametrize("document", INSTALLING, ids=lambda document: document.name)
def test_life_of_a_pod(runtime: cri.Runtime, tmp_path: Path, document: Document) -> None:
    (spec,) = document.pods
    (installer,), (server,) = spec["initContainers"], spec["containers"]
    startup, readiness, liveness = (
        next(use for use in USES if use.file == document.file and use.kind == kind) for kind in PROBES
    )
    with FakeServing(rest=False, closed=True) as tfs, runtime.pod(tmp_path, volumes(spec, tmp_path)) as pod:
        install = pod.start(installer | {"image": named(installer["image"])}, spec)
        assert pod.ended(install) == 0, pod.log()
        container = pod.start(server, spec)

        def exit_code(use: Use) -> int:
            command = [use.command[0], *use.arguments(tfs.port, Path("/config"))]
            return pod.probe(container, command).exit_code

        assert exit_code(startup) == 2
        for model in startup.models:
            tfs.set(model, 1, "LOADING")
        tfs.open_ports()
        assert exit_code(startup) == 32
        assert exit_code(liveness) == 0
        for model in startup.models:
            tfs.set(model, 1, "AVAILABLE")
        assert [exit_code(startup), exit_code(readiness), exit_code(liveness)] == [0, 0, 0]


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.name)
def test_a_container_that_waits(runtime: cri.Runtime, tmp_path: Path, wait: Wait) -> None:
    """It begins before the port is open, and ends when the model serves."""
    (spec,) = wait.document.pods
    version = wait.flags.values["min-version"] or 1
    (model,) = wait.flags.values["model-name"]
    with FakeServing(rest=False, closed=True) as tfs, runtime.pod(tmp_path, volumes(spec, tmp_path)) as pod:
        container = wait.container | {"image": named(wait.container["image"]), "args": wait.arguments(tfs.port)}
        waiting = pod.start(container, spec)
        tfs.set(model, version - 1, "AVAILABLE")
        tfs.set(model, version, "LOADING")
        tfs.open_ports()
        tfs.set(model, version, "AVAILABLE")
        assert pod.ended(waiting) == 0, pod.log()
        assert "Servable state is AVAILABLE" in pod.log()
