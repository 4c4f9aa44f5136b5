"""The Dockerfile of a release, filled in from the example."""

from __future__ import annotations

import pytest

from build.platform import LINUX_AMD64, LINUX_ARM64, PLATFORMS
from release.checkout import ReleaseError
from release.dockerfile import faults, render
from tests.support.variants import ROOT

EXAMPLE = (ROOT / "Dockerfile.example").read_text()
REPOSITORY = "somebody/probe"
SUMS = {LINUX_AMD64: "0123456789abcdef" * 4, LINUX_ARM64: "fedcba9876543210" * 4}
URL = f"https://github.com/{REPOSITORY}/releases/download/"


def test_the_example_is_for_every_platform() -> None:
    assert set(SUMS) == set(PLATFORMS)


def test_owner_version_and_checksums() -> None:
    """Five places change, and nothing else."""
    text = render(EXAMPLE, REPOSITORY, "9.8.7", SUMS)
    assert faults(text, EXAMPLE, REPOSITORY, "9.8.7", SUMS) == []
    changed = [new for old, new in zip(EXAMPLE.splitlines(), text.splitlines(), strict=True) if old != new]
    assert [line for line in changed if URL not in line] == [
        "ARG TFS_PROBE_VERSION=9.8.7",
        f"ARG TFS_PROBE_SHA256_AMD64={SUMS[LINUX_AMD64]}",
        f"ARG TFS_PROBE_SHA256_ARM64={SUMS[LINUX_ARM64]}",
    ]
    assert len(changed) == 5


def test_an_owner_that_nobody_knows() -> None:
    """It stays OWNER, as in the example."""
    assert render(EXAMPLE, None, "9.8.7", SUMS).count("OWNER/") == EXAMPLE.count("OWNER/") == 2


@pytest.mark.parametrize(
    ("mark", "wanted"),
    [
        ("OWNER/tfs-model-status-probe", 2),
        ("ARG TFS_PROBE_VERSION=", 1),
        ("ARG TFS_PROBE_SHA256_AMD64=", 1),
        ("ARG TFS_PROBE_SHA256_ARM64=", 1),
    ],
)
@pytest.mark.parametrize("times", [0, 2])
def test_a_mark_that_is_not_there_as_often_as_it_should_be(mark: str, wanted: int, times: int) -> None:
    lines = [line for line in EXAMPLE.splitlines(keepends=True) if times or mark not in line]
    lines += [line for line in lines if mark in line]
    sentence = f"^Dockerfile.example must have `.*` in {wanted} of its lines, and has it in {times * wanted}$"
    with pytest.raises(ReleaseError, match=sentence):
        render("".join(lines), REPOSITORY, "9.8.7", SUMS)


def test_all_marks_at_once() -> None:
    with pytest.raises(ReleaseError) as caught:
        render("FROM scratch\n", REPOSITORY, "9.8.7", SUMS)
    assert len(str(caught.value).splitlines()) == 4


def test_two_checksums_that_were_mixed_up() -> None:
    text = render(EXAMPLE, REPOSITORY, "9.8.7", dict(zip(SUMS, reversed(SUMS.values()), strict=True)))
    lines = [f"ARG TFS_PROBE_SHA256_AMD64={SUMS[LINUX_AMD64]}", f"ARG TFS_PROBE_SHA256_ARM64={SUMS[LINUX_ARM64]}"]
    found = faults(text, EXAMPLE, REPOSITORY, "9.8.7", SUMS)
    assert [f"it lacks `{line}`" for line in lines] == found[:2]
    assert len(found) == 4


def test_two_executables_that_were_mixed_up() -> None:
    """The lines are all there, in each other's stages."""
    text = render(EXAMPLE, REPOSITORY, "9.8.7", SUMS)
    mixed = text.replace("_linux_amd64 ", "_linux_x ").replace("_linux_arm64 ", "_linux_amd64 ")
    mixed = mixed.replace("_linux_x ", "_linux_arm64 ")
    assert faults(mixed, EXAMPLE, REPOSITORY, "9.8.7", SUMS) == ["its lines are in another order"]


def test_another_repository_in_one_of_the_stages() -> None:
    """Whether one is asked for or any is accepted."""
    text = render(EXAMPLE, REPOSITORY, "9.8.7", SUMS)
    at = text.rindex(REPOSITORY)
    text = text[:at] + "another/probe" + text[at + len(REPOSITORY) :]
    for repository in (REPOSITORY, None):
        assert any("another/probe" in fault for fault in faults(text, EXAMPLE, repository, "9.8.7", SUMS))
