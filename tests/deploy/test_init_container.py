"""The way of images that may not be changed, gone through with what stands in the examples.

First the init container: the released image, which is nothing but the executable, with a volume mounted. Then the
server's container, which has a file system of its own and the same volume; there the probe is run. Both roots are
read-only, and the uid is nobody's.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.documents import INSTALLING, PROBES, USES, Document, Node, write_config
from tests.fake_tfs import FakeServing
from tests.frozen.roots import inside, root_with
from tests.support.variants import Variant, built

each_document = pytest.mark.parametrize("document", INSTALLING, ids=lambda document: document.name)


def mount_path(container: Node, volume: str) -> str:
    """Where a container has that volume, without the leading slash."""
    return str(next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == volume)).lstrip("/")


@pytest.fixture(scope="module")
def frozen() -> Variant:
    return built("frozen")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """An emptyDir, which the kubelet makes for everybody to write to."""
    folder = tmp_path / "volume"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@each_document
def test_install_and_probe(frozen: Variant, volume: Path, tmp_path: Path, document: Document) -> None:
    (install,) = document.pods[0]["initContainers"]
    (server,) = document.pods[0]["containers"]
    image = root_with(tmp_path / "image", frozen.command[0])
    (image / mount_path(install, "probe")).mkdir()
    installed = inside(image, binds={mount_path(install, "probe"): volume}).run(*install["args"])
    assert installed.exit_code == 0, installed
    assert [path.name for path in volume.iterdir()] == ["tfs_model_status_probe"]
    (copy,) = volume.iterdir()
    assert copy.read_bytes() == Path(frozen.command[0]).read_bytes()

    elsewhere = tmp_path / "server"
    (elsewhere / mount_path(server, "probe")).mkdir(parents=True)
    (elsewhere / "config").mkdir()
    (tmp_path / "config").mkdir()
    binds = {mount_path(server, "probe"): volume, "config": write_config(tmp_path / "config")}
    uses = {use.kind: use for use in USES if use.file == document.file}
    with FakeServing(rest=False) as running:
        for kind, state, expected in zip(PROBES, ("LOADING", "AVAILABLE", "LOADING"), (32, 0, 0), strict=True):
            for model in uses[kind].models:
                running.set(model, 1, state)
            probe = inside(elsewhere, uses[kind].command[0], binds=binds)
            outcome = probe.run(*uses[kind].arguments(running.port, Path("/config")))
            assert outcome.exit_code == expected, outcome


@each_document
def test_a_restarted_init_container_installs_again(
    frozen: Variant, volume: Path, tmp_path: Path, document: Document
) -> None:
    """A node that was restarted runs the init containers anew; the volume is as it was."""
    (install,) = document.pods[0]["initContainers"]
    image = root_with(tmp_path, frozen.command[0])
    (image / mount_path(install, "probe")).mkdir()
    container = inside(image, binds={mount_path(install, "probe"): volume})
    for _ in range(2):
        assert container.run(*install["args"]).exit_code == 0
    assert [path.name for path in volume.iterdir()] == ["tfs_model_status_probe"]
