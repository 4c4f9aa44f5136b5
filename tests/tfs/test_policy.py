"""Which version decides, and which ones are pending."""

from __future__ import annotations

import pytest

from probe.model import AVAILABLE, END, LOADING, START, UNKNOWN, UNLOADING, ModelStatus, Query, VersionStatus
from probe.tfs.policy import decide, is_pending


def selected(version: int, *pairs: tuple[int, int]) -> tuple[int, int] | None:
    """The deciding one of the versions with these numbers and states."""
    # The later ones are decoded whenever they are looked at.
    entries = tuple(VersionStatus(*pair) for pair in pairs)
    found = decide(ModelStatus(entries[:1], entries[1:]), Query("m", version)).version
    return (found.version, found.state) if found else None


def test_any_version() -> None:
    assert selected(0) is None
    assert selected(0, (3, LOADING), (2, AVAILABLE), (1, AVAILABLE)) == (2, AVAILABLE)
    assert selected(0, (3, LOADING), (2, END)) == (3, LOADING)


def test_one_version() -> None:
    assert selected(2) is None
    assert selected(2, (3, AVAILABLE)) is None
    assert selected(2, (3, AVAILABLE), (2, END), (2, AVAILABLE)) == (2, END)


@pytest.mark.parametrize(
    ("state", "error_code", "pending"),
    [
        (UNKNOWN, 0, True),
        (START, 0, True),
        (LOADING, 0, True),
        (AVAILABLE, 0, False),
        (AVAILABLE, 15, False),
        (UNLOADING, 0, True),
        (END, 0, False),
        (END, 15, True),
    ],
)
def test_pending(state: int, error_code: int, pending: bool) -> None:
    assert is_pending(VersionStatus(1, state, True, error_code)) == pending
