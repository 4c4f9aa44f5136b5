"""deploy/sidecar/: held against the schemas, and against each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest

from tests.deploy.clients import Client
from tests.deploy.documents import PROBES, Document, as_pod, load, read
from tests.deploy.sidecar import (
    COMPOSE,
    DASHBOARD,
    DOCUMENTS,
    FILES,
    POD_MONITOR,
    RULES,
    SIDECAR,
    pods,
    server_of,
    sidecar_of,
)
from tests.support.variants import VERSION, built

# Native sidecars are on by default since 1.29.
VERSIONS = ("1.29", "1.33", "1.37")
NUMBERS = "periodSeconds|timeoutSeconds|failureThreshold|start_period|start_interval|interval|timeout|retries"
PORT = 9808

every_file = pytest.mark.parametrize("file", [path.stem for path in FILES])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_kubernetes(document: Document, version: str) -> None:
    if document.kind in ("Deployment", "Service"):
        kubernetes_validate.validate(document.content, version, strict=True)
    for spec in pods(document):
        spec = spec if spec["containers"] else {"containers": spec["initContainers"]}
        kubernetes_validate.validate(as_pod(spec), version, strict=True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_kserve(document: Document) -> None:
    if document.kind not in ("ServingRuntime", "InferenceService"):
        pytest.skip("Kubernetes' own")
    version = document.content["apiVersion"].rpartition("/")[2].capitalize()
    assert Client("kserve").problems(version + document.kind, document.content) == []


def test_compose() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@every_file
def test_the_server_is_asked_about_through_the_sidecar(file: str) -> None:
    sidecar, (server, _) = sidecar_of(file), server_of(file)
    assert sidecar["restartPolicy"] == "Always"
    assert f"-serve=:{PORT}" in sidecar["args"]
    assert sidecar["ports"] == [{"name": "probe", "containerPort": PORT}]
    asked = {kind: server[kind]["httpGet"] for kind in PROBES}
    assert asked == {
        "startupProbe": {"path": "/readyz", "port": PORT},
        "readinessProbe": {"path": "/readyz", "port": PORT},
        "livenessProbe": {"path": "/livez", "port": PORT},
    }
    assert sidecar["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": PORT}
    patience = {name: probe["periodSeconds"] * probe["failureThreshold"] for name, probe in
                (("sidecar", sidecar["livenessProbe"]), ("server", server["livenessProbe"]))}  # fmt: skip
    assert patience["server"] >= 2 * patience["sidecar"]


@every_file
def test_the_sidecar_asks_for_what_the_server_serves(file: str) -> None:
    sidecar, (server, _) = sidecar_of(file), server_of(file)
    (port,) = (word.removeprefix("-addr=:") for word in sidecar["args"] if word.startswith("-addr="))
    (model,) = (word.removeprefix("-model-name=") for word in sidecar["args"] if word.startswith("-model-name="))
    assert f"--port={port}" in server["args"]
    assert {f"--model_name={model}", "--model_name={{.Name}}"} & set(server["args"])
    if file == "kserve":
        assert [d.content["metadata"]["name"] for d in DOCUMENTS if d.kind == "InferenceService"] == [model]


COMMANDS = {path.stem: sidecar_of(path.stem)["args"] for path in FILES} | {
    "compose": read(COMPOSE.read_text())["services"]["probe"]["command"]
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_its_arguments_are_accepted(arguments: list[str]) -> None:
    """By the program itself: with an address that is not this machine's it says so, and nothing else."""
    assert f"-serve=:{PORT}" in arguments
    arguments = [word.replace(f":{PORT}", "192.0.2.1:9808") for word in arguments]
    outcome = built("module").run(*arguments)
    assert outcome.verdict.startswith("error: cannot listen on 192.0.2.1:9808"), outcome


@every_file
def test_no_more_rights_than_needed(file: str) -> None:
    sidecar, (server, pod) = sidecar_of(file), server_of(file)
    for container in (sidecar, server):
        granted = pod.get("securityContext", {}) | container["securityContext"]
        assert granted["runAsNonRoot"]
        assert granted["readOnlyRootFilesystem"]
        assert not granted["allowPrivilegeEscalation"]
        assert granted["capabilities"] == {"drop": ["ALL"]}
        assert granted["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "memory" in container["resources"]["limits"]


@every_file
def test_it_can_be_scraped(file: str) -> None:
    text = (SIDECAR / f"{file}.yaml").read_text()
    assert f'prometheus.io/port: "{PORT}"' in text
    assert 'prometheus.io/scrape: "true"' in text


def test_the_pod_monitor_finds_the_sidecar() -> None:
    """Its port's name and the pods' label. No schema of the Prometheus Operator's is at hand: the names of its fields
    are compared with those that it documents."""
    (monitor,) = load(POD_MONITOR)
    assert monitor.content["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor.kind == "PodMonitor"
    spec = monitor.content["spec"]
    assert set(spec) == {"selector", "podMetricsEndpoints"}
    (endpoint,) = spec["podMetricsEndpoints"]
    assert set(endpoint) == {"port", "path", "interval"}
    assert endpoint["port"] == sidecar_of("kubernetes")["ports"][0]["name"]
    (deployment,) = (document for document in DOCUMENTS if document.name == "kubernetes-Deployment")
    labels = deployment.content["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("path", [*FILES, COMPOSE], ids=lambda path: path.stem)
def test_every_number_of_a_probe_is_explained(path: Path) -> None:
    for line in path.read_text().splitlines():
        if re.match(rf" *({NUMBERS}): ", line):
            assert re.search(r"\S # \S", line), line


@pytest.mark.parametrize("path", [*FILES, COMPOSE, RULES, POD_MONITOR], ids=lambda path: path.stem)
def test_lines_are_short_and_versions_ours(path: Path) -> None:
    text = path.read_text()
    assert max(map(len, text.splitlines())) <= 120
    assert set(re.findall(r"ghcr\.io/OWNER/tfs-model-status-probe:(\S+)", text)) <= {VERSION}


def test_the_compose_file_asks_by_the_name_of_the_service() -> None:
    services = read(COMPOSE.read_text())["services"]
    assert "-addr=tensorflow-serving:8500" in services["probe"]["command"]
    assert "-model-name=" + services["tensorflow-serving"]["environment"]["MODEL_NAME"] in services["probe"]["command"]


def test_the_dashboard() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        taken |= cells
