"""The YAML documents of deploy/, and what of them matters here: pods, containers, probes.

Rule of this file: it knows where each kind keeps its pods. A kind that it does not know is an error, so that no new
document goes unchecked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from probe.cli import duration
from tests.support.variants import ROOT

FOLDER = ROOT / "deploy"
COMPOSE = FOLDER / "compose.yaml"
FILES = tuple(sorted(set(FOLDER.glob("*.yaml")) - {COMPOSE}))
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
        spec = self.content["spec"]
        if self.kind == "Deployment":
            return [spec["template"]["spec"]]
        if self.kind == "SeldonDeployment":
            return [component["spec"] for predictor in spec["predictors"] for component in predictor["componentSpecs"]]
        if self.kind == "ServingRuntime":
            return [{name: spec[name] for name in ("containers", "volumes")}]
        if self.kind in ("Service", "InferenceService"):
            return []
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


def read(text: str) -> Any:
    """What a YAML text holds. A key that is given twice is an error, as it is to Kubernetes."""
    return YAML(typ="safe", pure=True).load(text)


def load(path: Path) -> list[Document]:
    """A file's documents."""
    return [Document(path.stem, content) for content in YAML(typ="safe", pure=True).load_all(path.read_text())]


DOCUMENTS = [document for path in FILES for document in load(path)]
COMPOSE_SERVICE: Node = read(COMPOSE.read_text())["services"]["tensorflow-serving"]
DEPLOYMENTS = [document for document in DOCUMENTS if document.pods]


def _uses() -> Iterator[Use]:
    # KServe fills the name of the InferenceService in.
    service = next(
        document.content["metadata"]["name"] for document in DOCUMENTS if document.kind == "InferenceService"
    )
    for document in DEPLOYMENTS:
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


def as_pod(spec: Node) -> Node:
    """A pod with this spec."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}
