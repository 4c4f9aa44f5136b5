"""Pods on a container runtime of our own, by the interface that the kubelet uses: containerd and runc.

Strategy: containerd runs in a mount and a process namespace of its own. Whatever happens to the test, the kernel ends
its containers and takes its mounts with it; and no other containerd on this machine is touched. Pods have this
machine's network, so no plug-in for networks is needed. Needs root.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.deploy.documents import Node
from tests.frozen.roots import SBIN, tool
from tests.support.runner import HANG_SECONDS, Outcome

# Everything is in one folder; the plug-in that is off would make another one in /opt.
CONFIGURATION = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  # The tests may run in a container themselves, which has no cgroups to give, and no say over scores.
  disable_cgroup = true
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
"""

PAUSE = "pause.example.com/pause:1"
"""The image of the process that holds a pod's namespaces."""

messages: Any
services: Any
messages, services = grpc.protos_and_services("tests/deploy/cri.proto")


class Pod:
    """A running pod. `volumes`: name -> folder."""

    def __init__(self, runtime: Any, folder: Path, volumes: dict[str, Path]) -> None:
        self._runtime = runtime
        self._folder = folder
        self._volumes = volumes
        self._config = messages.PodSandboxConfig(
            metadata=messages.PodSandboxMetadata(name="pod", uid="pod", namespace="default"),
            log_directory=str(folder),
            dns_config=messages.DNSConfig(servers=["127.0.0.1"]),
            linux={"security_context": {"namespace_options": {"network": messages.NODE}}},
        )
        self.sandbox = runtime.RunPodSandbox(messages.RunPodSandboxRequest(config=self._config), timeout=HANG_SECONDS)

    def start(self, container: Node, pod: Node) -> Any:
        """Starts a container of a pod spec; its identity."""
        context = pod.get("securityContext", {}) | container["securityContext"]
        user = context.get("runAsUser")
        config = messages.ContainerConfig(
            metadata=messages.ContainerMetadata(name=container["name"]),
            image=messages.ImageSpec(image=container["image"]),
            command=container.get("command", ()),
            args=container.get("args", ()),
            mounts=[
                messages.Mount(
                    container_path=mount["mountPath"],
                    host_path=str(self._volumes[mount["name"]]),
                    readonly=mount.get("readOnly", False),
                )
                for mount in container.get("volumeMounts", ())
            ],
            log_path=f"{container['name']}.log",
            linux={
                "security_context": {
                    "namespace_options": {"network": messages.NODE},
                    "capabilities": {"drop_capabilities": context["capabilities"]["drop"]},
                    "readonly_rootfs": context["readOnlyRootFilesystem"],
                    "no_new_privs": not context["allowPrivilegeEscalation"],
                    "run_as_user": None if user is None else {"value": user},
                }
            },
        )
        request = messages.CreateContainerRequest(
            pod_sandbox_id=self.sandbox.pod_sandbox_id, config=config, sandbox_config=self._config
        )
        made = self._runtime.CreateContainer(request, timeout=HANG_SECONDS)
        self._runtime.StartContainer(made, timeout=HANG_SECONDS)
        return made

    def ended(self, container: Any) -> int:
        """Waits for the end of a container; its exit code."""
        limit = time.monotonic() + HANG_SECONDS
        while time.monotonic() < limit:
            status = self._runtime.ContainerStatus(container, timeout=HANG_SECONDS).status
            if status.state == messages.EXITED:
                return int(status.exit_code)
        raise TimeoutError(f"the container has not ended: {self.log()}")

    def probe(self, container: Any, command: Sequence[str]) -> Outcome:
        """Runs a command in a container, as the kubelet runs a probe."""
        request = messages.ExecSyncRequest(container_id=container.container_id, cmd=command, timeout=int(HANG_SECONDS))
        done = self._runtime.ExecSync(request, timeout=2 * HANG_SECONDS)
        return Outcome(done.exit_code, done.stdout.decode(), done.stderr.decode())

    def log(self) -> str:
        """What the containers have said."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))


class Runtime:
    """containerd, running. `pid`: of the process of which it and everything that it starts are descendants."""

    def __init__(self, folder: Path, service: Any, pid: int) -> None:
        self.pid = pid
        self._folder = folder
        self._service = service

    def load(self, image: Path) -> None:
        """Takes an image from an archive."""
        command = [tool("ctr"), f"--address={self._folder}/containerd.sock", "--namespace=k8s.io", "images", "import"]
        subprocess.run([*command, "--snapshotter=native", str(image)], check=True, capture_output=True)

    @contextmanager
    def pod(self, folder: Path, volumes: dict[str, Path]) -> Iterator[Pod]:
        """A pod that writes its logs to that folder, and is removed in the end."""
        pod = Pod(self._service, folder, volumes)
        try:
            yield pod
        finally:
            self._service.StopPodSandbox(pod.sandbox, timeout=HANG_SECONDS)
            self._service.RemovePodSandbox(pod.sandbox, timeout=HANG_SECONDS)


@contextmanager
def containerd(folder: Path) -> Iterator[Runtime]:
    """containerd with all that it writes in that folder. Only root can run it: for others the test is skipped, and
    where CI is set that is a failure."""
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("containerd wants root")
    configuration = folder / "containerd.toml"
    configuration.write_text(CONFIGURATION.format(folder=folder, pause=PAUSE))
    # The socket of the process beside each container has a fixed place in /run.
    script = 'mount -t tmpfs tmpfs /run; exec "$@"'
    command = [
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc", script, "sh"),
        *(tool("containerd"), f"--config={configuration}", "--log-level=warn"),
    ]
    tool("runc")
    # Who is still there holds the other end of this pipe.
    everybody, held = os.pipe()
    with (folder / "containerd.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            env=os.environ | {"PATH": SBIN},  # it looks for runc
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(held,),
        )
    os.close(held)
    try:
        with grpc.insecure_channel(f"unix://{folder}/containerd.sock") as channel:
            service = services.RuntimeServiceStub(channel)
            try:
                service.Version(messages.Nothing(), wait_for_ready=True, timeout=HANG_SECONDS)
            except grpc.RpcError as error:
                raise RuntimeError((folder / "containerd.log").read_text()) from error
            yield Runtime(folder, service, server.pid)
    finally:
        server.kill()  # unshare; it takes containerd with it, and that one all that is in its process namespace
        server.wait()
        os.read(everybody, 1)
        os.close(everybody)
