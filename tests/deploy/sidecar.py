"""The files of deploy/sidecar/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.deploy.documents import FOLDER, Document, Node, load, read

SIDECAR = FOLDER / "sidecar"
COMPOSE = SIDECAR / "compose.yaml"
RULES = SIDECAR / "prometheus-rules.yaml"
POD_MONITOR = SIDECAR / "podmonitor.yaml"
DASHBOARD = SIDECAR / "grafana-dashboard.json"
FILES = tuple(sorted(set(SIDECAR.glob("*.yaml")) - {COMPOSE, RULES, POD_MONITOR}))
DOCUMENTS = [document for path in FILES for document in load(path)]


def pods(document: Document) -> list[Node]:
    """The pod specs in a document, as far as they are given."""
    spec = document.content["spec"]
    if document.kind == "InferenceService":
        predictor = spec["predictor"]
        return [{"containers": [], "initContainers": predictor["initContainers"]}]
    return document.pods


def sidecar_of(file: str) -> Node:
    """The probe's container of a file."""
    (container,) = (
        container
        for document in DOCUMENTS
        if document.file == file
        for pod in pods(document)
        for container in pod.get("initContainers", ())
    )
    return dict(container)


def server_of(file: str) -> tuple[Node, Node]:
    """The server's container of a file, and its pod spec."""
    ((container, pod),) = (
        (container, pod)
        for document in DOCUMENTS
        if document.file == file
        for pod in pods(document)
        for container in pod["containers"]
    )
    return container, pod


def alerts() -> dict[str, str]:
    """The expression of each alert."""
    groups: list[Node] = read(RULES.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def dashboard_queries(**variables: str) -> dict[str, str]:
    """Each query of the dashboard, by its panel's title, with Grafana's variables filled in."""
    return dict(_queries(json.loads(DASHBOARD.read_text()), variables))


def _queries(dashboard: Any, variables: dict[str, str]) -> Iterator[tuple[str, str]]:
    for panel in dashboard["panels"]:
        (target,) = panel["targets"]
        expression = target["expr"]
        for name, value in variables.items():
            expression = expression.replace(f"${name}", value)
        assert "$" not in expression, expression
        yield panel["title"], expression
