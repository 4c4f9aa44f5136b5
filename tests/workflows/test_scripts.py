"""What the workflows run of release/ beside make, with stand-ins for gh and docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from build.platform import PLATFORMS
from tests.support.variants import ROOT, VERSION
from tests.workflows.jobs import Run, runs

TAG = f"v{VERSION}"
STANDS_IN = Path(__file__).with_name("gh.py")


class GitHub:
    """Releases and pull requests, and a gh that knows them."""

    def __init__(self, folder: Path) -> None:
        """Nothing is there."""
        self.folder = folder
        self._state = folder / "state.json"
        self.keep(releases={}, pulls={})
        command(folder, "gh", f'exec {shlex.join([sys.executable, str(STANDS_IN), str(self._state)])} "$@"')

    @property
    def state(self) -> dict[str, Any]:
        """What is there."""
        content: dict[str, Any] = json.loads(self._state.read_text())
        return content

    def keep(self, **state: Any) -> None:
        """Sets what is there."""
        self._state.write_text(json.dumps(state))

    def run(self, *argv: str | Path, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a script with that gh."""
        place = f"{self.folder}:{os.environ['PATH']}"
        environment = {"TMPDIR": str(self.folder), **os.environ, "PATH": place, **env}
        return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def command(folder: Path, name: str, script: str) -> None:
    """Makes a command for a PATH that contains the folder."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    (tmp_path / "github").mkdir()
    return GitHub(tmp_path / "github")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Notes and two assets."""
    made = [tmp_path / name for name in ("notes.md", "probe_2", "checksums.txt")]
    for file in made:
        file.write_text(f"{file.name}\n")
    return made


def publish(github: GitHub, files: list[Path]) -> subprocess.CompletedProcess[str]:
    return github.run(ROOT / "release" / "publish.sh", TAG, *files)


PUBLISHED = {"draft": False, "notes": "notes.md\n", "assets": ["checksums.txt", "probe_2"]}


def test_a_release_is_published(github: GitHub, files: list[Path]) -> None:
    done = publish(github, files)
    assert done.returncode == 0, done.stderr
    assert github.state["releases"] == {TAG: PUBLISHED}


def test_a_draft_of_an_earlier_run_is_replaced(github: GitHub, files: list[Path]) -> None:
    github.keep(releases={TAG: {"draft": True, "notes": "old", "assets": ["half"]}}, pulls={})
    assert publish(github, files).returncode == 0
    assert github.state["releases"] == {TAG: PUBLISHED}


def test_what_is_published_stays(github: GitHub, files: list[Path]) -> None:
    releases = {TAG: {"draft": False, "notes": "old", "assets": ["other"]}}
    github.keep(releases=releases, pulls={})
    done = publish(github, files)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {TAG} is published and must not change: fix it in the next patch version (release/README.md)\n"
    )
    assert github.state["releases"] == releases


def test_a_lost_asset_leaves_a_draft(github: GitHub, files: list[Path]) -> None:
    github.keep(releases={}, pulls={}, loses="checksums.txt")
    done = publish(github, files)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: the draft of {TAG} has unexpected files; run this job again.")
    assert github.state["releases"][TAG]["draft"]


def test_no_release_where_github_does_not_answer(github: GitHub, files: list[Path]) -> None:
    github.keep(broken="HTTP 502: Bad Gateway")
    done = publish(github, files)
    assert done.returncode == 1
    assert done.stderr == f"error: gh does not say whether {TAG} exists: HTTP 502: Bad Gateway\n"


@pytest.mark.parametrize("index", [0, 1])
def test_no_release_without_a_file(github: GitHub, files: list[Path], index: int) -> None:
    files[index].write_text("")
    done = publish(github, files)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {files[index]} is missing or empty: ")
    assert github.state["releases"] == {}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout with a remote, in which a rebuild has changed the version."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet", "--bare", tmp_path / "remote"], check=True)
    subprocess.run([*git, "clone", "--quiet", tmp_path / "remote", tmp_path / "clone"], check=True, capture_output=True)
    made = tmp_path / "clone"
    (made / "probe").mkdir()
    (made / "probe" / "__init__.py").write_text('__version__ = "2.0.0"\n')
    (made / "CHANGELOG.md").write_text("# Changelog\n\n## [2.0.0] - 2026-11-22\n\nThe first.\n")
    for argv in (("add", "."), ("commit", "--quiet", "--message=first"), ("push", "--quiet", "origin", "HEAD:main")):
        subprocess.run([*git, *argv], cwd=made, check=True)
    change(made, "2.0.1", "OpenSSL 3.0.23")
    return made


def change(clone: Path, version: str, what: str) -> None:
    """What `make rebuild` writes."""
    (clone / "probe" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    (clone / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## [{version}] - 2026-11-29\n\n- {what}\n\n## [2.0.0] - 2026-11-22\n\nThe first.\n"
    )


def propose(github: GitHub, clone: Path) -> subprocess.CompletedProcess[str]:
    return github.run(ROOT / "release" / "propose.sh", "rebuild", "main", cwd=clone)


def pushed(clone: Path) -> list[str]:
    """The subjects on the remote's branch, newest first, and the file's text there."""
    log = ["git", "log", "--format=%s", "origin/rebuild"]
    subprocess.run(["git", "fetch", "--quiet"], cwd=clone, check=True)
    subjects = subprocess.run(log, cwd=clone, check=True, capture_output=True, text=True).stdout.splitlines()
    show = ["git", "show", "origin/rebuild:probe/__init__.py"]
    return [*subjects, subprocess.run(show, cwd=clone, check=True, capture_output=True, text=True).stdout]


def test_a_rebuild_is_proposed(github: GitHub, clone: Path) -> None:
    done = propose(github, clone)
    assert done.returncode == 0, done.stderr
    title = "release: 2.0.1, rebuilt against the distribution's updates"
    assert pushed(clone) == [title, "first", '__version__ = "2.0.1"\n']
    assert list(github.state["pulls"]) == ["1"]
    offered = github.state["pulls"]["1"]
    assert (offered["branch"], offered["title"]) == ("rebuild", title)
    assert offered["body"].startswith("\n- OpenSSL 3.0.23\n\nA maintainer merges and tags this")
    assert not list(github.folder.glob("tmp.*"))


def test_the_next_rebuild_updates_the_proposal(github: GitHub, clone: Path) -> None:
    assert propose(github, clone).returncode == 0
    subprocess.run(["git", "switch", "--quiet", "--detach", "HEAD~1"], cwd=clone, check=True)
    change(clone, "2.0.1", "OpenSSL 3.0.24")
    done = propose(github, clone)
    assert done.returncode == 0, done.stderr
    assert len(pushed(clone)) == 3
    assert list(github.state["pulls"]) == ["1"]
    assert "OpenSSL 3.0.24" in github.state["pulls"]["1"]["body"]


LAST: Run = next(run for run in runs() if run.name == "Look for its buildinfos")
LISTED = [f"p_{VERSION}_{row.name}.buildinfo" for row in PLATFORMS]
RELEASED = {TAG: {"draft": False, "notes": "", "assets": [*LISTED, "checksums.txt"]}}


@pytest.mark.parametrize(
    ("state", "exit_code", "output", "said"),
    [
        ({"releases": RELEASED}, 0, "found=true\n", ""),
        ({"releases": {}}, 0, "", "::notice::There is no release yet, so there is nothing to rebuild.\n"),
        ({"broken": "HTTP 502"}, 1, "", "::error::HTTP 502\n"),
    ],
)
def test_the_last_release_is_looked_for(
    github: GitHub, tmp_path: Path, state: dict[str, Any], exit_code: int, output: str, said: str
) -> None:
    github.keep(**state)
    (tmp_path / "output").touch()
    done = github.run(
        "bash", "-eo", "pipefail", "-c", LAST.script, cwd=tmp_path, GITHUB_OUTPUT=str(tmp_path / "output")
    )
    assert (done.returncode, done.stdout) == (exit_code, said), done.stderr
    assert (tmp_path / "output").read_text() == output
    assert sorted(file.name for file in tmp_path.glob("last/*")) == (sorted(LISTED) if output else [])


IMAGE = "ghcr.io/octo-org/tfs-model-status-probe"
DIGEST = "sha256:" + "7" * 64


def push(github: GitHub, digest: str) -> subprocess.CompletedProcess[str]:
    """Pushes by a podman that writes down how it was called. tests/images pushes by a real one."""
    script = (
        'echo "$*" >>"$(dirname "$0")/calls"\ncase $1 in\nlogin) cat >>"$(dirname "$0")/calls" ;;\n'
        f'manifest) echo progress; printf "{digest}" >"$5" ;;\nesac'
    )
    command(github.folder, "podman", script)
    return github.run(ROOT / "release" / "image" / "push.sh", f"{IMAGE}:2.0.0", TOKEN="secret", GITHUB_ACTOR="octocat")


def test_an_image_is_pushed(github: GitHub) -> None:
    done = push(github, DIGEST)
    assert (done.returncode, done.stdout) == (0, f"name={IMAGE}\ndigest={DIGEST}\n"), done.stderr
    calls = (github.folder / "calls").read_text().splitlines()
    assert calls[:2] == ["login ghcr.io --username octocat --password-stdin", "secret"]
    assert re.fullmatch(rf"manifest push --all --digestfile \S+ {IMAGE}:2.0.0 docker://{IMAGE}:2.0.0", calls[2])
    assert not list(github.folder.glob("tmp.*"))


def test_a_push_without_a_digest_is_an_error(github: GitHub) -> None:
    done = push(github, "")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("but podman does not report its digest\n")
