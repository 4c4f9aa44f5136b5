"""The YAML documents of deploy/, and what of them matters here: pods, containers, probes.

Rule of this file: it knows where each kind keeps its pods. A kind that it does not know is an error, so that no new
document goes unchecked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from probe.cli import duration
from probe.cli.flags import ParsedFlags, parse
from tests.support.variants import ROOT

FOLDER = ROOT / "deploy"
COMPOSE, CI = FOLDER / "compose.yaml", FOLDER / "ci-compose.yaml"
FILES = tuple(sorted(set(FOLDER.glob("*.yaml")) - {COMPOSE, CI}))
README = FOLDER / "README.md"

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")

Node = dict[str, Any]


class Document(NamedTuple):
    """One YAML document."""

    file: str
    content: Node

    @property
    def kind(self) -> str:
        return str(self.content["kind"])

    @property
    def name(self) -> str:
        """For a test's name."""
        return f"{self.file}-{self.kind}"

    @property
    def pods(self) -> list[Node]:
        """The pod specs in it, as far as they are given: the operators of KServe and Seldon Core add to theirs."""
        if self.kind in ("Service", "InferenceService", "ConfigMap"):
            return []
        spec = self.content["spec"]
        if self.kind in ("Deployment", "Job"):
            return [spec["template"]["spec"]]
        if self.kind == "SeldonDeployment":
            return [component["spec"] for predictor in spec["predictors"] for component in predictor["componentSpecs"]]
        if self.kind == "ServingRuntime":
            return [{name: spec[name] for name in ("containers", "volumes")}]
        raise AssertionError(f"{self.file}: where does a {self.kind} keep its pods?")


class Use(NamedTuple):
    """One probe as it is used. `allowed`: seconds until it is killed."""

    file: str
    kind: str
    command: tuple[str, ...]
    allowed: float
    container: Node

    @property
    def name(self) -> str:
        """For a test's name."""
        return f"{self.file}-{self.kind}"

    @property
    def models(self) -> list[str]:
        """What it asks for: models by name, those of its ConfigMap's file, or the default, which liveness keeps."""
        if any(word.startswith("-model-config-file=") for word in self.command):
            return re.findall(r'(?m)^ *name: "(\w+)"$', "".join(CONFIG_FILES.values()))
        return [word.partition("=")[2] for word in self.command if word.startswith("-model-name=")] or ["default"]

    def arguments(self, port: int, config: Path) -> list[str]:
        """The command's arguments, with another port, and the configuration file in another folder."""
        moved = (re.sub(r"^-addr=:\d+$", f"-addr=:{port}", word) for word in self.command[1:])
        return [word.replace("-model-config-file=/config/", f"-model-config-file={config}/") for word in moved]


class Wait(NamedTuple):
    """The probe as a container of its own, which waits."""

    document: Document
    container: Node

    @property
    def name(self) -> str:
        """For a test's name."""
        return self.document.name

    @property
    def flags(self) -> ParsedFlags:
        """Its flags, as the program understands them."""
        return parse(self.container["args"], {})

    def arguments(self, port: int, wait: str = "") -> list[str]:
        """Its arguments, with another server, and another time if one is given."""
        moved = (re.sub(r"^-addr=.*", f"-addr=127.0.0.1:{port}", word) for word in self.container["args"])
        return [re.sub(r"^-wait=.*", f"-wait={wait}", word) if wait else word for word in moved]


def read(text: str) -> Any:
    """What a YAML text holds. A key that is given twice is an error, as it is to Kubernetes."""
    return YAML(typ="safe", pure=True).load(text)


def load(path: Path) -> list[Document]:
    """A file's documents."""
    return [Document(path.stem, content) for content in YAML(typ="safe", pure=True).load_all(path.read_text())]


DOCUMENTS = [document for path in FILES for document in load(path)]
COMPOSE_SERVICE: Node = read(COMPOSE.read_text())["services"]["tensorflow-serving"]
DEPLOYMENTS = [document for document in DOCUMENTS if document.pods]
SERVERS = [document for document in DEPLOYMENTS if "startupProbe" in document.pods[0]["containers"][0]]
INSTALLING = [document for document in SERVERS if "initContainers" in document.pods[0]]
WAITS = [
    Wait(document, container)
    for document in DEPLOYMENTS
    for pod in document.pods
    for container in [*pod["containers"], *pod.get("initContainers", ())]
    if any(word.startswith("-wait=") for word in container.get("args", ()))
]
CONFIG_FILES: dict[str, str] = {
    name: text
    for document in DOCUMENTS
    if document.kind == "ConfigMap"
    for name, text in document.content["data"].items()
}
"""The files of the ConfigMaps, by their names."""
CI_SERVICES: Node = read(CI.read_text())["services"]


def _uses() -> Iterator[Use]:
    # KServe fills the name of the InferenceService in.
    service = next(
        document.content["metadata"]["name"] for document in DOCUMENTS if document.kind == "InferenceService"
    )
    for document in SERVERS:
        for container in (container for pod in document.pods for container in pod["containers"]):
            for kind in PROBES:
                probe = container[kind]
                command = tuple(word.replace("{{.Name}}", service) for word in probe["exec"]["command"])
                yield Use(document.file, kind, command, float(probe.get("timeoutSeconds", 1)), container)
    check = COMPOSE_SERVICE["healthcheck"]
    how, *command_line = check["test"]
    assert how == "CMD"
    yield Use("compose", "healthcheck", tuple(command_line), duration.parse(check["timeout"]) / 1e9, COMPOSE_SERVICE)


USES = list(_uses())


def write_config(folder: Path) -> Path:
    """Writes the ConfigMaps' files, as their volume has them. Returns the folder."""
    for name, text in CONFIG_FILES.items():
        (folder / name).write_text(text)
    return folder


def as_pod(spec: Node) -> Node:
    """A pod with this spec."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}
