"""Podman, beside it a GitHub and a registry with our release, and images that stand in for TensorFlow Serving's."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from build.platform import LINUX_AMD64, PLATFORMS, Platform
from tests.fake_tfs import FakeServing
from tests.frozen.roots import tool
from tests.images import github, registry
from tests.images.dockerfiles import DEFAULT_TAG, REPOSITORY, architecture, argument
from tests.images.engine import Engine
from tests.support.variants import ROOT, VERSION, Variant, built, built_for

SERVING = "docker.io/tensorflow/serving"
IMAGE = f"ghcr.io/{REPOSITORY}:{VERSION}"


@pytest.fixture(scope="session")
def frozen() -> Variant:
    """The static executable."""
    return built("frozen")


@pytest.fixture(scope="package")
def server() -> Iterator[FakeServing]:
    """`default` has version 1, AVAILABLE."""
    with FakeServing({"default": {1: "AVAILABLE"}}, rest=False) as running:
        yield running


@pytest.fixture(scope="session")
def executables() -> dict[Platform, Path]:
    """Those of a release, by platform."""
    return {row: built_for(row) for row in PLATFORMS}


@pytest.fixture(scope="session")
def checksums(executables: dict[Platform, Path]) -> dict[str, str]:
    """What a release's Dockerfile has of them, by the names of its arguments."""
    return {argument(row): hashlib.sha256(file.read_bytes()).hexdigest() for row, file in executables.items()}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is also seen where Podman is."""
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="session")
def engine(executables: dict[Platform, Path], shared: Path) -> Iterator[Engine]:
    """Podman, and beside it a GitHub and a registry which it trusts, with our release."""
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("only root can build images here; test_by_hand.py does the Dockerfile's steps itself")
    authority = trustme.CA()
    certificate, trusted, hosts = shared / "github.pem", shared / "trusted.pem", shared / "hosts"
    authority.issue_cert(github.FRONT, github.STORE).private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(trusted))
    hosts.write_text(github.HOSTS + registry.HOSTS)
    releases = shared / "releases"
    (releases / f"v{VERSION}").mkdir(parents=True)
    for row, file in executables.items():  # without its mode, as from GitHub
        shutil.copyfile(file, releases / f"v{VERSION}" / row.executable(VERSION))
    files = {"etc/hosts": hosts, "etc/ssl/certs/ca-certificates.crt": trusted}
    with Engine(shared, files) as running:
        serve = (sys.executable, "-m", "tests.images.github", str(certificate), REPOSITORY, str(releases))
        process = subprocess.Popen([*running.enter("--net"), *serve], cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            with registry.running(running, authority, shared):
                yield running
        finally:
            process.terminate()
            process.communicate()


@pytest.fixture(scope="session")
def serving(engine: Engine, shared: Path) -> str:
    """An image in the place of TensorFlow Serving's: a shell, a wget, and an apt-get that has nothing to do."""
    context = shared / "serving"
    (context / "bin").mkdir(parents=True)
    shutil.copy(tool("busybox"), context / "bin" / "busybox")
    for name in ("sh", "wget", "chmod"):
        (context / "bin" / name).symlink_to("busybox")
    (context / "bin" / "apt-get").write_text("#!/bin/sh\n")
    (context / "bin" / "apt-get").chmod(0o755)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY bin /bin\n")
    done = engine.build(f"{SERVING}:{DEFAULT_TAG}", context)
    assert done.returncode == 0, done.stderr
    for tag in (f"{DEFAULT_TAG}-gpu", "latest"):
        done = engine.podman("tag", f"{SERVING}:{DEFAULT_TAG}", f"{SERVING}:{tag}")
        assert done.returncode == 0, done.stderr
    return SERVING


@pytest.fixture(scope="session")
def bases(engine: Engine, serving: str, shared: Path) -> dict[Platform, str]:
    """An image for each platform to add the probe to, without a tag; nothing in it is run but TensorFlow Serving's."""
    images = {LINUX_AMD64: serving}
    for row in PLATFORMS:
        if row not in images:
            images[row] = f"docker.io/somebody/serving-{architecture(row)}"
            context = shared / f"serving-{row.name}"
            context.mkdir()
            (context / "Dockerfile").write_text(f"FROM scratch\nLABEL platform={row.name}\n")
            done = engine.build(f"{images[row]}:{DEFAULT_TAG}", context, f"--platform={row.oci}")
            assert done.returncode == 0, done.stderr
    return images


@pytest.fixture(scope="session")
def own(engine: Engine, shared: Path, executables: dict[Platform, Path]) -> str:
    """Our image for all platforms, made as the workflow makes it."""
    (shared / "bin").mkdir()
    (shared / "contexts").mkdir()
    ours = {"ENGINE": str(engine.wrapper(shared / "bin")), "TMPDIR": str(shared / "contexts")}
    files = " ".join(map(str, executables.values()))
    command = ["make", "image", f"IMAGE={IMAGE}", f"REPOSITORY={REPOSITORY}", f"FILE={files}"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list((shared / "contexts").iterdir())
    return IMAGE
