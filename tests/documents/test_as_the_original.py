"""Who comes from the original changes owner and version, and nothing else: its Dockerfile's steps and its pod's probes.

The steps are run in a root with BusyBox, a name service and a GitHub of its own. tests/images builds an image of the
same Dockerfile; this does without a builder.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from tests.deploy.test_commands import ORIGINAL
from tests.fake_tfs import FakeServing
from tests.frozen.roots import SBIN, inside, tool
from tests.images import github
from tests.images.dockerfiles import AS_THE_ORIGINAL, PROBE, REPOSITORY, instructions
from tests.support.runner import HANG_SECONDS
from tests.support.variants import FROZEN, ROOT, VERSION, built

DEVICES = ("dev/null", "dev/urandom")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What the steps need of the server's image: a shell, wget, and an apt-get that has nothing to do."""
    root = tmp_path / "root"
    for folder in ("bin", "dev", "etc"):
        (root / folder).mkdir(parents=True)
    shutil.copy(tool("busybox"), root / "bin" / "busybox")
    for name in ("sh", "wget", "chmod"):
        (root / "bin" / name).symlink_to("busybox")
    (root / "bin" / "apt-get").write_text("#!/bin/sh\n")
    (root / "bin" / "apt-get").chmod(0o755)
    (root / "etc" / "hosts").write_text(github.HOSTS)
    for device in DEVICES:
        (root / device).touch()
    return root


def done_in(root: Path, steps: list[str], serve: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs the steps of a Dockerfile in that root, beside a server in a network of their own."""
    place = shlex.quote(str(root))
    script = [
        "ip link set lo up",
        *(f"mount --bind /{device} {place}/{device}" for device in DEVICES),
        f"mkfifo {place}/ready",
        f"{shlex.join(serve)} >{place}/ready &",
        "trap 'kill $!' EXIT",
        f"read -r said <{place}/ready",
        f"rm {place}/ready",
        *(f"chroot {place} /bin/sh -c {shlex.quote(step)}" for step in steps),
    ]
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return subprocess.run(
        ["unshare", *own, "--mount", "--net", "sh", "-euc", "\n".join(script)],
        cwd=ROOT,
        env=os.environ | {"PATH": SBIN},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_the_originals_way(root: Path, tmp_path: Path) -> None:
    certificate, release = tmp_path / "github.pem", tmp_path / "releases" / f"v{VERSION}"
    trustme.CA().issue_cert(github.FRONT, github.STORE).private_key_and_cert_chain_pem.write_to_path(str(certificate))
    release.mkdir(parents=True)
    shutil.copyfile(built("frozen").command[0], release / FROZEN.name)  # without its mode, as from GitHub
    first, *steps = instructions(AS_THE_ORIGINAL)
    assert first == ["FROM", "tensorflow/serving"]
    assert {step[0] for step in steps} == {"RUN"}
    serve = [sys.executable, "-m", "tests.images.github", str(certificate), REPOSITORY, str(release.parent)]
    done = done_in(root, [" ".join(step[1:]) for step in steps], serve)
    assert done.returncode == 0, done.stderr

    with FakeServing({"half_plus_two": {123: "AVAILABLE"}}, rest=False) as server:
        for use in ORIGINAL:
            assert use.command[0] == PROBE
            command = [f"-addr=:{server.port}" if word == "-addr=:8500" else word for word in use.command]
            outcome = inside(root, *command).run()
            assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE"), outcome
