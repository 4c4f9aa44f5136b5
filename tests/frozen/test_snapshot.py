"""A run leaves the snapshot alone: it frees no object of it, writes no reference count, and copies few pages."""

from __future__ import annotations

import sys

import pytest

from probe.tfs import exit_codes
from tests.fake_tfs import FakeServing
from tests.frozen.at_exit import memory_at_exit
from tests.frozen.objects import WORD, Snapshot
from tests.support.variants import FROZEN, Variant

PAGE = 4096
MAX_COPIED_PAGES = 30
"""Of the 730 in the snapshot."""

CALLS = {
    "a model that is ready": (exit_codes.OK, "-model-name=default"),
    "with a deadline": (exit_codes.OK, "-model-name=default", "-timeout=20s"),
    "a model that is not": (exit_codes.LOADING, "-model-name=slow"),
    "a usage error, which loads modules": (exit_codes.USAGE, "-nonsense"),
}


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later versions of CPython are not patched")
@pytest.mark.parametrize(("exit_code", "argv"), [(code, argv) for code, *argv in CALLS.values()], ids=CALLS)
def test_objects_are_immortal(exit_code: int, argv: list[str], frozen: Variant, server: FakeServing) -> None:
    snapshot = Snapshot(FROZEN)
    ranges = {name: (part.address, part.size) for name, part in snapshot.parts.items()}
    code, memory = memory_at_exit([*frozen.command, f"-addr={server.address}", *argv], ranges)
    assert code == exit_code
    objects = snapshot.objects()
    assert len(objects) > 10_000
    # The count, and the type, which an object that was freed might have lost.
    changed = [
        (name, hex(at))
        for name, at in objects
        if memory[name][at : at + 2 * WORD] != snapshot.bytes[name][at : at + 2 * WORD]
    ]
    assert changed == []


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later versions of CPython are not patched")
def test_few_pages_are_copied(frozen: Variant, server: FakeServing) -> None:
    snapshot = Snapshot(FROZEN)
    ranges = {name: (part.address, part.size) for name, part in snapshot.parts.items()}
    _, memory = memory_at_exit([*frozen.command, f"-addr={server.address}", "-model-name=default"], ranges)
    copied = [
        (name, at)
        for name, content in snapshot.bytes.items()
        for at in range(0, len(content), PAGE)
        if memory[name][at : at + PAGE] != content[at : at + PAGE]
    ]
    assert len(copied) <= MAX_COPIED_PAGES, copied
