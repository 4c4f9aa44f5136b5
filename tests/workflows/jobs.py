"""The workflows as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from tests.flavours import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
WORKFLOWS: dict[str, dict[str, Any]] = {file.stem: YAML(typ="safe", pure=True).load(file) for file in FILES}


class Job(NamedTuple):
    """One job, and where it stands."""

    workflow: str
    name: str
    content: dict[str, Any]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """None of its own where it calls another workflow."""
        return list(self.content.get("steps", ()))

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
