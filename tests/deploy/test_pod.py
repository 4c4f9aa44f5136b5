"""The examples for images that may not be changed, as pods: containerd and runc run them, and the probes in them.

The released image is built here; the server's image has the command that the example names, which does nothing. The
stand-in server is outside, on the same network.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import cri, images
from tests.deploy.documents import PROBES, USES, Document, Node, Use
from tests.deploy.test_init_container import INSTALLING
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
    containers = [container for document in INSTALLING for pod in document.pods for container in pod["containers"]]
    installers = [container for document in INSTALLING for pod in document.pods for container in pod["initContainers"]]
    # A socket's path is short, and pytest's folders are not.
    with tempfile.TemporaryDirectory() as name, cri.containerd(Path(name)) as running:
        archive = Path(name) / "image.tar"
        for image in {cri.PAUSE} | {container["image"] for container in containers}:
            running.load(images.write(archive, image, idle, [f"/{IDLE}"]))
        for image in {named(container["image"]) for container in installers}:
            running.load(images.write(archive, image, probe, ["/tfs_model_status_probe"]))
        yield running


def volumes(pod: Node, folder: Path) -> dict[str, Path]:
    """A folder for each of the pod's volumes, open to everybody, as the kubelet makes an emptyDir."""
    made = {}
    for volume in pod["volumes"]:
        place = folder / volume["name"]
        place.mkdir()
        place.chmod(0o777)
        made[volume["name"]] = place
    return made


@pytest.mark.parametrize("document", INSTALLING, ids=lambda document: document.name)
def test_life_of_a_pod(runtime: cri.Runtime, tmp_path: Path, document: Document) -> None:
    (spec,) = document.pods
    (installer,), (server,) = spec["initContainers"], spec["containers"]
    startup, readiness, liveness = (
        next(use for use in USES if use.file == document.file and use.kind == kind) for kind in PROBES
    )
    model = next(word[12:] for word in startup.command if word.startswith("-model-name="))
    with FakeServing(rest=False, closed=True) as tfs, runtime.pod(tmp_path, volumes(spec, tmp_path)) as pod:
        install = pod.start(installer | {"image": named(installer["image"])}, spec)
        assert pod.ended(install) == 0, pod.log()
        container = pod.start(server, spec)

        def exit_code(use: Use) -> int:
            command = [re.sub(r"^-addr=:\d+$", f"-addr=:{tfs.port}", word) for word in use.command]
            return pod.probe(container, command).exit_code

        assert exit_code(startup) == 2
        tfs.set(model, 1, "LOADING")
        tfs.open_ports()
        assert exit_code(startup) == 32
        assert exit_code(liveness) == 0
        tfs.set(model, 1, "AVAILABLE")
        assert [exit_code(startup), exit_code(readiness), exit_code(liveness)] == [0, 0, 0]
