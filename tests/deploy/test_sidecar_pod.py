"""The sidecar of deploy/sidecar/kubernetes.yaml in a pod on containerd, asked over HTTP as a kubelet asks.

There is no kubelet here: the test starts the sidecar before anything else, as a kubelet does with a native sidecar. The
stand-in server is outside, on the same network.
"""

from __future__ import annotations

import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy import cri, images
from tests.deploy.documents import PROBES
from tests.deploy.sidecar import server_of, sidecar_of
from tests.fake_tfs import FakeServing
from tests.frozen.roots import tool
from tests.support.variants import built

IMAGE = "ghcr.io/owner/tfs-model-status-probe:2.0.0"
KUBELET = {"User-Agent": "kube-probe/1.37", "Accept": "*/*", "Connection": "close"}
MODEL = "half_plus_two"


@pytest.fixture(scope="module")
def runtime() -> Iterator[cri.Runtime]:
    # A socket's path is short, and pytest's folders are not.
    with tempfile.TemporaryDirectory() as name, cri.containerd(Path(name)) as running:
        archive = Path(name) / "image.tar"
        idle = {
            "bin/busybox": Path(tool("busybox")).read_bytes(),
            "idle": b"#!/bin/busybox sh\nexec /bin/busybox tail -f /dev/null\n",
        }
        running.load(images.write(archive, cri.PAUSE, idle, ["/idle"]))
        probe = {"tfs_model_status_probe": Path(built("frozen").command[0]).read_bytes()}
        running.load(images.write(archive, IMAGE, probe, ["/tfs_model_status_probe"]))
        yield running


def ask(port: int, path: str) -> int:
    """The status; 0 without an answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=KUBELET)
    try:
        with urllib.request.urlopen(request, timeout=1) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_the_life_of_a_pod(runtime: cri.Runtime, tmp_path: Path) -> None:
    container, (server, spec) = sidecar_of("kubernetes"), server_of("kubernetes")
    paths = {kind: server[kind]["httpGet"]["path"] for kind in PROBES}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with FakeServing(rest=False, closed=True) as tfs, runtime.pod(tmp_path, {}) as pod:
        arguments = [
            word.replace("-addr=:8500", f"-addr=:{tfs.port}").replace("-serve=:9808", f"-serve=:{port}")
            for word in container["args"]
        ]
        changed = {"image": IMAGE, "args": [*arguments, "-serve-interval=300ms"], "volumeMounts": []}
        pod.start(container | changed, spec)

        def wait_for(kind: str, status: int, also: Callable[[], bool] = lambda: True) -> None:
            limit = time.monotonic() + 15
            while ask(port, paths[kind]) != status or not also():
                assert time.monotonic() < limit, (kind, ask(port, paths[kind]), pod.log())
                time.sleep(0.02)

        def said(part: str) -> Callable[[], bool]:
            return lambda: part in pod.log()

        wait_for("startupProbe", 503, said("connection refused"))
        assert ask(port, container["livenessProbe"]["httpGet"]["path"]) == 200
        assert ask(port, paths["livenessProbe"]) == 503

        tfs.set(MODEL, 1, "LOADING")
        tfs.open_ports()
        wait_for("livenessProbe", 200)
        assert ask(port, paths["startupProbe"]) == 503
        tfs.set(MODEL, 1, "AVAILABLE")
        for kind in PROBES:
            wait_for(kind, 200)

        tfs.set(MODEL, 2, "LOADING")  # an upgrade
        wait_for("readinessProbe", 200, said("2 LOADING, 1 AVAILABLE"))
        tfs.set(MODEL, 2, "AVAILABLE")
        tfs.set(MODEL, 1, "END")
        wait_for("readinessProbe", 200, said("(2 AVAILABLE)"))
        tfs.set(MODEL, 3, "END", 15, "Can't parse it")  # a broken one
        wait_for("readinessProbe", 200, said("3 END DATA_LOSS, 2 AVAILABLE"))

        tfs.remove_model(MODEL)
        wait_for("readinessProbe", 503)
        assert ask(port, paths["livenessProbe"]) == 200
        tfs.set(MODEL, 4, "AVAILABLE")
        wait_for("readinessProbe", 200)

        tfs.close_ports()  # as when the server is killed
        wait_for("readinessProbe", 503)
        wait_for("livenessProbe", 503)
        tfs.open_ports()
        wait_for("readinessProbe", 200)
