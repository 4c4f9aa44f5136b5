"""Every document, held against the schemas of those who will read it.

Kubernetes' own kinds, and the pods in the other ones: Kubernetes' published schemas, by kubernetes-validate, strictly.
KServe's and Seldon Core's kinds: their own generated clients. compose.yaml: the schema of the Compose specification.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import kubernetes_validate
import pytest

from tests.deploy.clients import Client
from tests.deploy.documents import (
    CI,
    COMPOSE,
    DEPLOYMENTS,
    DOCUMENTS,
    PROBES,
    README,
    SERVERS,
    Document,
    Node,
    as_pod,
    read,
)

# What Kubernetes knows by itself, and what KServe and Seldon Core add to it.
BUILT_IN = ("ConfigMap", "Deployment", "Job", "Service")
CUSTOM = ("ServingRuntime", "InferenceService", "SeldonDeployment")

# The oldest that kubernetes-validate knows, one in the middle, and the newest.
VERSIONS = ("1.25", "1.31", "1.37")


def each(*kinds: str) -> pytest.MarkDecorator:
    """Makes a test run for each document of these kinds; without a kind, for each that has pods."""
    chosen = [document for document in DOCUMENTS if document.kind in kinds] if kinds else DEPLOYMENTS
    return pytest.mark.parametrize("document", chosen, ids=lambda document: document.name)


@pytest.fixture(scope="module")
def kserve() -> Client:
    return Client("kserve")


@pytest.fixture(scope="module")
def seldon() -> Client:
    # Its PodSpec is Kubernetes' of long ago.
    return Client("seldon_deploy_sdk", elsewhere=("PodSpec",))


def problems(document: Node, kserve: Client, seldon: Client) -> list[str]:
    """What is wrong with a document of KServe's or Seldon Core's."""
    version = document["apiVersion"].rpartition("/")[2].capitalize()
    if document["kind"] == "SeldonDeployment":
        return seldon.problems("SeldonDeployment", document)
    return kserve.problems(version + document["kind"], document)


@pytest.mark.parametrize("version", VERSIONS)
@each(*BUILT_IN)
def test_what_kubernetes_knows(document: Document, version: str) -> None:
    kubernetes_validate.validate(document.content, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@each()
def test_pods(document: Document, version: str) -> None:
    for spec in document.pods:
        kubernetes_validate.validate(as_pod(spec), version, strict=True)


@each(*CUSTOM)
def test_what_kserve_and_seldon_know(document: Document, kserve: Client, seldon: Client) -> None:
    assert problems(document.content, kserve, seldon) == []


def test_no_kind_is_left_out() -> None:
    assert {document.kind for document in DOCUMENTS} == {*BUILT_IN, *CUSTOM}


def compose_problems(file: Path) -> str:
    """What check-jsonschema says of a file; empty when it is right."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("file", [COMPOSE, CI], ids=lambda file: file.stem)
def test_compose(file: Path) -> None:
    assert compose_problems(file) == ""


def test_snippets_of_the_readme() -> None:
    """What deploy/README.md shows are probes of a container, and volumes."""
    snippets = [read(part.split("```")[0]) for part in README.read_text().split("```yaml\n")[1:]]
    assert snippets
    for snippet in snippets:
        assert set(snippet) <= {*PROBES, "volumes"}
        probes = {name: content for name, content in snippet.items() if name in PROBES}
        pod = {"containers": [{"name": "server", "image": "server"} | probes], "volumes": snippet.get("volumes", [])}
        kubernetes_validate.validate(as_pod(pod), VERSIONS[-1], strict=True)


# That each of the validators finds what is wrong.


def test_a_misspelt_field_of_kubernetes_is_found() -> None:
    for document in SERVERS:
        spec = copy.deepcopy(document.pods[0])
        spec["containers"][0]["startupProbe"]["failureTreshold"] = 3
        with pytest.raises(kubernetes_validate.ValidationError, match="failureTreshold"):
            kubernetes_validate.validate(as_pod(spec), VERSIONS[-1], strict=True)


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        (
            "InferenceService",
            lambda spec: spec["predictor"].update(minReplica=1),
            "V1beta1InferenceService.spec.predictor.minReplica is not known",
        ),
        (
            "InferenceService",
            lambda spec: spec["predictor"]["model"].pop("modelFormat"),
            "V1beta1InferenceService.spec.predictor.model.modelFormat is missing",
        ),
        (
            "ServingRuntime",
            lambda spec: spec["supportedModelFormats"][0].update(version=2),
            "V1alpha1ServingRuntime.spec.supportedModelFormats[0].version is no str",
        ),
        (
            "SeldonDeployment",
            lambda spec: spec["predictors"][0]["graph"].update(modelURI="gs://elsewhere"),
            "SeldonDeployment.spec.predictors[0].graph.modelURI is not known",
        ),
        (
            "SeldonDeployment",
            lambda spec: spec["predictors"][0].update(replicas="1"),
            "SeldonDeployment.spec.predictors[0].replicas is no int",
        ),
    ],
)
def test_a_mistake_in_a_kind_of_theirs_is_found(
    kind: str, change: Callable[[Node], object], problem: str, kserve: Client, seldon: Client
) -> None:
    content = copy.deepcopy(next(document.content for document in DOCUMENTS if document.kind == kind))
    change(content["spec"])
    assert problems(content, kserve, seldon) == [problem]


def test_a_misspelt_field_of_compose_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("start_period", "startperiod"))
    assert "startperiod" in compose_problems(wrong)
