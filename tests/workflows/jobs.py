"""The workflows and the composite actions as data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from tests.support.variants import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOW_FILES = sorted(FOLDER.glob("*.yml"))
ACTION_FILES = sorted(FOLDER.parent.glob("actions/*/action.yml"))
FILES = [*WORKFLOW_FILES, *ACTION_FILES]


def _content(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(file)
    return loaded


WORKFLOWS = {file.stem: _content(file) for file in WORKFLOW_FILES}
ACTIONS = {file.parent.name: _content(file) for file in ACTION_FILES}
SELF = "$/.github/actions/"
"""How a step refers to an action of this repository, at the workflow's commit."""


class Job(NamedTuple):
    """One job, and where it stands."""

    workflow: str
    name: str
    content: dict[str, Any]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Those of the composite actions in their place; none where the job calls another workflow."""
        own = self.content.get("steps", ())
        return [step for steps in map(expanded, own) for step in steps]

    @property
    def image(self) -> str | None:
        """The container that it runs in."""
        container = self.content.get("container")
        return container["image"] if isinstance(container, dict) else container


class Run(NamedTuple):
    """A step that runs commands."""

    job: Job
    name: str
    script: str

    def __str__(self) -> str:
        return f"{self.job.workflow}.{self.job.name}: {self.name}"


def expanded(step: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the steps that a step stands for."""
    used = str(step.get("uses", ""))
    return list(ACTIONS[used.removeprefix(SELF)]["runs"]["steps"]) if used.startswith(SELF) else [step]


def jobs() -> Iterator[Job]:
    """All of them, in order."""
    for workflow, content in WORKFLOWS.items():
        for name, job in content["jobs"].items():
            yield Job(workflow, name, job)


def runs() -> Iterator[Run]:
    """All of them, in order."""
    for job in jobs():
        for step in job.steps:
            if "run" in step:
                yield Run(job, step["name"], step["run"])
