"""What speaks against a release, each fault in a clone that has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.release.clones import AUTHOR, clone, commit, git, run
from tests.support.variants import VERSION

MAJOR, MINOR, PATCH = VERSION.split(".")
NEXT = f"{MAJOR}.{MINOR}.{int(PATCH) + 1}"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that may be released, for tests that only read it."""
    return clone(tmp_path_factory.mktemp("guard") / "checkout")


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Replaces the first occurrence of a text in a file of a clone, and commits that."""

    def change(checkout: Path) -> None:
        text = (checkout / file).read_text()
        assert old in text
        (checkout / file).write_text(text.replace(old, new, 1))
        commit(checkout)

    return change


def heading(checkout: Path) -> str:
    """The changelog's line for this version."""
    return next(line for line in (checkout / "CHANGELOG.md").read_text().splitlines() if f"[{VERSION}]" in line)


def without_text(checkout: Path) -> None:
    text = (checkout / "CHANGELOG.md").read_text()
    (checkout / "CHANGELOG.md").write_text(text[: text.index(heading(checkout))] + heading(checkout) + "\n")
    commit(checkout)


def without_releases(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    commit(checkout)


def without_date(checkout: Path) -> None:
    edit("CHANGELOG.md", heading(checkout), f"## [{VERSION}]")(checkout)


def yanked(checkout: Path) -> None:
    edit("CHANGELOG.md", heading(checkout), f"{heading(checkout)} [YANKED]")(checkout)


def dirty(checkout: Path) -> None:
    with (checkout / "README.md").open("a") as file:
        file.write("\n")
    (checkout / "new file").write_text("new")


def tagged_elsewhere(checkout: Path) -> None:
    git(checkout, *AUTHOR, "tag", "--annotate", "--message=tag", f"v{VERSION}")
    commit(checkout)


def next_version(checkout: Path) -> None:
    for pattern in ("probe/__init__.py", "README.md", "Dockerfile.example", "deploy/**/*"):
        for file in filter(Path.is_file, checkout.glob(pattern)):
            file.write_text(file.read_text().replace(VERSION, NEXT))
    commit(checkout)


def another_image(checkout: Path) -> None:
    (checkout / "deploy").mkdir(exist_ok=True)
    (checkout / "deploy" / "pod.yaml").write_text("image: ghcr.io/OWNER/tfs-model-status-probe:1.2.3\n")
    commit(checkout)


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "the changelog knows an older version": (
        next_version,
        f"the newest release in CHANGELOG.md is {VERSION}, and probe/__init__.py says {NEXT}: write what changed under "
        f"`## [{NEXT}] - ",
    ),
    "another version for readers": (another_image, f"deploy/pod.yaml names version 1.2.3: write {VERSION}"),
    "no release at all": (without_releases, f"CHANGELOG.md has no release, and probe/__init__.py says {VERSION}: "),
    "no text": (without_text, f"CHANGELOG.md says nothing about {VERSION}: write what changed"),
    "no date": (without_date, f"the heading of {VERSION} in CHANGELOG.md has no date: write it as `## [{VERSION}] - "),
    "yanked": (yanked, f"CHANGELOG.md has {VERSION} as yanked: release the next patch version"),
    "entries that are not released": (
        edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- A flag.\n"),
        f"CHANGELOG.md has entries under [Unreleased], which are in this tree: move them to {VERSION}",
    ),
    "a dirty tree": (dirty, 'the tree differs from its commit in README.md, "new file": commit or remove it'),
    "a tag on another commit": (tagged_elsewhere, f"the tag v{VERSION} is on "),
}


def test_a_clone_may_be_released(pristine: Path) -> None:
    assert run(pristine, "guard") == (0, "", "")
    assert run(pristine, "guard", f"v{VERSION}") == (0, "", "")


def test_the_tag_that_stands_here_is_right(tmp_path: Path) -> None:
    checkout = clone(tmp_path / "checkout")
    git(checkout, *AUTHOR, "tag", "--annotate", "--message=tag", f"v{VERSION}")
    assert run(checkout, "guard", f"v{VERSION}") == (0, "", "")


@pytest.mark.parametrize("tag", [f"v{NEXT}", VERSION, "v2", f"v{VERSION}-rc1"])
def test_another_tag(pristine: Path, tag: str) -> None:
    wanted = (
        f"the tag is {tag}, and probe/__init__.py says {VERSION}: tag the commit whose version is meant, or release "
        f"this one as v{VERSION}\n"
    )
    assert run(pristine, "guard", tag) == (1, "", wanted)


@pytest.mark.parametrize("name", list(FAULTS))
def test_fault(tmp_path: Path, name: str) -> None:
    change, sentence = FAULTS[name]
    checkout = clone(tmp_path / "checkout")
    change(checkout)
    done = run(checkout, "guard")
    assert done.exit_code == 1
    assert [line for line in done.stderr.splitlines() if line.startswith(sentence)], done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_all_faults_at_once(tmp_path: Path) -> None:
    checkout = clone(tmp_path / "checkout")
    for name in ("entries that are not released", "no date", "a tag on another commit", "a dirty tree"):
        FAULTS[name][0](checkout)
    done = run(checkout, "guard", f"v{NEXT}")
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 4), done.stderr  # the tag given has no commit yet


def test_a_version_that_is_none(tmp_path: Path) -> None:
    checkout = clone(tmp_path / "checkout")
    edit("probe/__init__.py", f'"{VERSION}"', f'"{VERSION}.dev1"')(checkout)
    done = run(checkout, "guard")
    assert f"the version in probe/__init__.py is {VERSION}.dev1: a release's has three numbers, X.Y.Z" in done.stderr


def test_no_checkout(tmp_path: Path) -> None:
    checkout = clone(tmp_path / "checkout")
    (checkout / ".git").rename(tmp_path / "git")
    wanted = f"{checkout} is not a git checkout: make the release from a clone of the repository\n"
    assert run(checkout, "guard") == (1, "", wanted)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tag", f"v{NEXT}"], f"the tag is v{NEXT}, and probe/__init__.py says {VERSION}: "),
        (["--repository", "nobody"], "nobody is not a repository: write it as OWNER/NAME"),
    ],
)
def test_a_refused_release_leaves_nothing(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """What an earlier run made is removed as well, so that it cannot be published by mistake."""
    checkout = clone(tmp_path / "checkout")
    stale = checkout / "dist" / "release" / "an asset"
    stale.parent.mkdir(parents=True)
    stale.write_text("of an earlier run")
    (checkout / "dist" / "release-notes.md").write_text("of an earlier run")
    done = run(checkout, "prepare", *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"No release.\n{sentence}")
    assert not any((checkout / "dist").iterdir())
