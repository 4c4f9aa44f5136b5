"""What the linters cannot know of the workflows: who may write, where they run, and that their commands work here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from build.platform import LINUX_AMD64, LINUX_ARM64, PLATFORMS, find
from tests.platforms.other_pythons import SUPPORTED
from tests.support.variants import ROOT
from tests.workflows.jobs import ACTIONS, FILES, FOLDER, WORKFLOWS, Run, jobs, runs

# Each permission to write, and the job that needs it. Nothing that was downloaded is run where one is.
WRITERS = {
    "release.sign": {"id-token"},
    "release.image": {"packages"},
    "release.attest": {"id-token", "attestations"},
    "release.publish": {"contents"},
    "rebuild.propose": {"contents", "pull-requests"},
}
# The machines of each platform.
MACHINES = {LINUX_AMD64.name: "ubuntu-24.04", LINUX_ARM64.name: "ubuntu-24.04-arm"}
# What only GitHub's machines have: a container engine, the signer's identity, releases, a place for outputs.
ELSEWHERE = re.compile(
    r"\b(make (image|smoke)|cosign|gh) |release/(publish|propose|image/push)\.sh|GITHUB_(ENV|OUTPUT)|\$BUNDLE"
)
# What else is run: to get git and make into a fresh Debian, to let git work there, and what CI is on other machines.
PREPARATION = ("apt-get update && apt-get install -y --no-install-recommends ", "git config --global ", ".ci/run")
HERE = [run for run in runs() if not ELSEWHERE.search(run.script)]


def test_nothing_is_permitted_unless_a_job_needs_it() -> None:
    assert all(content["permissions"] == {} for content in WORKFLOWS.values())
    writers = {
        f"{job.workflow}.{job.name}": {what for what, how in job.content["permissions"].items() if how == "write"}
        for job in jobs()
    }
    assert {name: permissions for name, permissions in writers.items() if permissions} == WRITERS


def test_who_builds_or_runs_the_program_cannot_write() -> None:
    for run in runs():
        if re.search(r"make (release|verify-release|freeze|rebuild|check)\b|\.ci/run", run.script):
            assert run.job.content["permissions"] == {"contents": "read"}, run


def test_every_action_is_pinned_to_one_commit() -> None:
    used = defaultdict(set)
    for file in FILES:
        for name, pin in re.findall(r"uses: ([^@\s$]+)(\S*.*)", file.read_text()):
            assert re.fullmatch(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), f"{file.name}: {name}{pin}"
            used[name].add(pin)
    assert used
    assert all(len(pins) == 1 for pins in used.values()), used


def test_all_containers_are_one_image() -> None:
    images = {job.image for job in jobs() if job.image}
    assert len(images) == 1
    assert re.fullmatch(r"debian:bookworm-\d{8}@sha256:[0-9a-f]{64}", images.pop())


def test_every_supported_python_is_run_on_both_systems() -> None:
    matrix = WORKFLOWS["ci"]["jobs"]["pythons"]["strategy"]["matrix"]
    assert tuple(matrix["python"]) == SUPPORTED
    assert [machine.partition("-")[0] for machine in matrix["machine"]] == ["ubuntu", "macos"]


def test_each_executable_is_built_and_then_run_on_machines_of_its_platform() -> None:
    for workflow, job in (("ci", "freeze"), ("release", "build")):
        scripts = [run.script for run in runs() if (run.job.workflow, run.job.name) == (workflow, job)]
        named = {find(name) for script in scripts for name in re.findall(r"PLATFORM=(\w+)", script)}
        assert any(re.match(r"make (release|freeze)\b(?!.*PLATFORM=)", script) for script in scripts)
        assert job == "build" or named | {LINUX_AMD64} == set(PLATFORMS)  # `make release` makes all of them
    for job, content in WORKFLOWS["smoke"]["jobs"].items():
        matrix = content["strategy"]["matrix"]
        alone = {(name, machine) for name in matrix.get("platform", ()) for machine in matrix["machine"]}
        assert alone | {(one["platform"], one["machine"]) for one in matrix["include"]} == set(MACHINES.items()), job
        assert content["runs-on"] == "${{ matrix.machine }}"


def test_no_steps_are_repeated() -> None:
    """What a composite action does, no job does itself."""
    for action in ACTIONS.values():
        for step in action["runs"]["steps"]:
            if "run" in step:
                for file in FILES:
                    assert file.read_text().count(step["run"]) <= 1, file.name
    for content in WORKFLOWS.values():
        for job in content["jobs"].values():
            container = "container" in job
            uses = [step.get("uses", "") for step in job.get("steps", ())]
            assert ("$/.github/actions/debian" in uses) == container


def test_checkouts_keep_no_credentials_and_jobs_end() -> None:
    for job in jobs():
        assert "uses" in job.content or job.content["timeout-minutes"] <= 90, job.name
        for step in job.steps:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, job.name


def test_no_place_is_named() -> None:
    """The repository's home comes from the workflow's context."""
    for file in FILES:
        assert not re.search(r"OWNER|github\.com/|ghcr\.io/(?!\$\{GITHUB_REPOSITORY)", file.read_text()), file.name


def test_a_release_is_verified_and_smoked_before_anything_is_signed_or_published() -> None:
    needs = {name: job.get("needs", []) for name, job in WORKFLOWS["release"]["jobs"].items()}

    def before(name: str) -> set[str]:
        direct = [needs[name]] if isinstance(needs[name], str) else needs[name]
        return set(direct).union(*map(before, direct))

    for name in ("sign", "image", "attest", "publish"):
        assert {"build", "verify", "smoke"} <= before(name)
    assert before("publish") == set(needs) - {"publish"}


@pytest.mark.parametrize("run", HERE, ids=str)
def test_steps_that_need_nothing_of_githubs_are_make_targets(run: Run, tmp_path: Path) -> None:
    """Each is a target that is there, by make's own word; what prepares a fresh machine is known."""
    if run.script.startswith(PREPARATION):
        return
    assert run.script.startswith("make "), run.script
    assert make_only_says(run.script, tmp_path).returncode == 0


def test_targets_that_need_an_engine_are_there(tmp_path: Path) -> None:
    for run in runs():
        for command in re.findall(r"^make .*", run.script, re.MULTILINE):
            done = make_only_says(command, tmp_path)
            assert done.returncode == 0, f"{run}: {done.stderr}"


def test_scripts_that_are_run_are_there() -> None:
    for run in runs():
        for script in re.findall(r"^(?:release|build|\.ci)/\S+", run.script, re.MULTILINE):
            assert os.access(ROOT / script, os.X_OK), f"{run}: {script}"


def make_only_says(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a step with a make that says what it would do."""
    shim = folder / "make"
    shim.write_text(f'#!/bin/sh\nexec {shutil.which("make")} --dry-run "$@"\n')
    shim.chmod(0o755)
    context = {
        "GITHUB_REPOSITORY": "octo-org/tfs-model-status-probe",
        "GITHUB_REF_NAME": "v2.0.0",
        "IMAGE": "alpine:3.24.2",
        "PLATFORM": "linux_arm64",
        "PATH": f"{folder}:{os.environ['PATH']}",
    }
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=ROOT,
        env=os.environ | context,
        capture_output=True,
        text=True,
        check=False,
    )


# For each linter: a file that `make check` gives to it, and a fault that it is there to find.
FAULTS = {
    "actionlint": (FOLDER / "ci.yml", "runs-on: ubuntu-24.04", "runs-on: ubuntu-24.04\n    timeout-minuets: 1"),
    "zizmor": (
        FOLDER / "ci.yml",
        "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
        "actions/checkout@v7",
    ),
    "hadolint": (ROOT / "Dockerfile.example", "FROM ${TFS_IMAGE}:${TFS_TAG}", "FROM tensorflow/serving"),
    "shellcheck": (ROOT / "release" / "publish.sh", 'view "$tag"', "view $tag"),
}


@pytest.mark.parametrize("linter", FAULTS)
def test_linters_are_run_and_find_faults(linter: str, tmp_path: Path) -> None:
    file, right, wrong = FAULTS[linter]
    said = make_only_says("make check", tmp_path).stdout
    words = next(line for line in said.splitlines() if line.startswith(f".venv/bin/{linter} ")).split()
    places = {word: list(ROOT.glob(word)) for word in words if not word.startswith((".venv", "-"))}
    assert any(file == place or place in file.parents for found in places.values() for place in found)
    options = [str(ROOT / word) if word.startswith(".venv") else word for word in words if not places.get(word)]

    copy = tmp_path / ".github" / "workflows" / file.name
    copy.parent.mkdir(parents=True)
    shutil.copy(file, copy)
    lint = [*options, str(copy)]
    assert subprocess.run(lint, capture_output=True, check=False, cwd=tmp_path).returncode == 0
    assert right in file.read_text()
    copy.write_text(file.read_text().replace(right, wrong, 1))
    assert subprocess.run(lint, capture_output=True, check=False, cwd=tmp_path).returncode != 0
