"""The Dockerfile of a release, filled in from the example."""

from __future__ import annotations

import pytest

from release.checkout import ReleaseError
from release.dockerfile import faults, render
from tests.support.variants import ROOT

EXAMPLE = (ROOT / "Dockerfile.example").read_text()
REPOSITORY, SHA256 = "somebody/probe", "0123456789abcdef" * 4


def test_owner_version_and_checksum() -> None:
    """Three places change, and nothing else."""
    text = render(EXAMPLE, REPOSITORY, "9.8.7", SHA256)
    assert faults(text, REPOSITORY, "9.8.7", SHA256) == []
    changed = [new for old, new in zip(EXAMPLE.splitlines(), text.splitlines(), strict=True) if old != new]
    assert changed[:2] == ["ARG TFS_PROBE_VERSION=9.8.7", f"ARG TFS_PROBE_SHA256={SHA256}"]
    (url,) = changed[2:]
    assert url.strip().startswith(f"https://github.com/{REPOSITORY}/releases/download/")


def test_an_owner_that_nobody_knows() -> None:
    """It stays OWNER, as in the example."""
    assert render(EXAMPLE, None, "9.8.7", SHA256).count("OWNER/") == EXAMPLE.count("OWNER/") == 1


@pytest.mark.parametrize("mark", ["OWNER/tfs-model-status-probe", "ARG TFS_PROBE_VERSION=", "ARG TFS_PROBE_SHA256="])
@pytest.mark.parametrize("count", [0, 2])
def test_a_mark_that_is_not_there_once(mark: str, count: int) -> None:
    lines = [line for line in EXAMPLE.splitlines(keepends=True) if count or mark not in line]
    lines += [line for line in lines if mark in line]
    with pytest.raises(ReleaseError, match=f"^Dockerfile.example must contain a line with `.*`.* {count}$"):
        render("".join(lines), REPOSITORY, "9.8.7", SHA256)


def test_all_marks_at_once() -> None:
    with pytest.raises(ReleaseError) as caught:
        render("FROM scratch\n", REPOSITORY, "9.8.7", SHA256)
    assert len(str(caught.value).splitlines()) == 3
