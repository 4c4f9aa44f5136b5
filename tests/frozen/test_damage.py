"""A damaged executable reports that and exits with 102, whatever was damaged. A truncated one never reports a model as
ready."""

from __future__ import annotations

import itertools
import random
import re
import resource
import struct
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyInstaller.archive.readers import CArchiveReader

from build.shared.elf import Part, sections
from probe.tfs import exit_codes
from tests.fake_tfs import FakeServing
from tests.frozen.elf import SNAPSHOT, guarded, mapped_bytes
from tests.support.runner import HANG_SECONDS
from tests.support.variants import ROOT

PARTS = ("pydata", *SNAPSHOT)
EACH_PART = pytest.mark.parametrize("part", PARTS)
PAGE, WORD = 4096, 8
FLIPS = 60
SAYS = b"error: this executable is damaged: fetch it again, and compare its checksum\n"


class Damaged:
    """A copy of the executable that is damaged, run, and restored."""

    def __init__(self, executable: Path, cwd: Path) -> None:
        self.file = executable
        self.whole = executable.read_bytes()
        self.parts = guarded(executable)
        self._cwd = cwd

    def run(self, *changes: tuple[int, bytes], flag: str = "-version") -> subprocess.CompletedProcess[bytes]:
        """Runs the file with these bytes at these places."""
        with self.file.open("r+b") as file:
            for at, content in changes:
                assert self.whole[at : at + len(content)] != content, "this changes nothing"
                file.seek(at)
                file.write(content)
        try:
            return subprocess.run(
                [self.file, flag], cwd=self._cwd, capture_output=True, timeout=HANG_SECONDS, check=False
            )
        finally:
            with self.file.open("r+b") as file:
                for at, content in changes:
                    file.seek(at)
                    file.write(self.whole[at : at + len(content)])

    def is_detected(self, *changes: tuple[int, bytes]) -> None:
        """Asserts that the damage is detected."""
        done = self.run(*changes)
        assert (done.returncode, done.stdout, done.stderr) == (exit_codes.DAMAGED, b"", SAYS), changes
        assert list(self._cwd.iterdir()) == []

    def flipped(self, at: int, bit: int) -> tuple[int, bytes]:
        """Returns the change of one bit."""
        return at, bytes([self.whole[at] ^ 1 << bit])

    def words(self, part: Part, size: int = WORD) -> list[bytes]:
        """Returns the complete words of a part."""
        return [self.whole[at : at + size] for at in range(part.offset, part.end - size + 1, size)]


@pytest.fixture
def damaged(executable: Path, empty: Path) -> Iterator[Damaged]:
    copy = Damaged(executable, empty)
    yield copy
    # The restored copy works, so the damage caused what the test saw.
    assert executable.read_bytes() == copy.whole
    assert copy.run().returncode == 0


@EACH_PART
def test_flipped_bits(damaged: Damaged, part: str) -> None:
    draw = random.Random(part)
    place = damaged.parts[part]
    for at in (place.offset, place.end - 1, *(draw.randrange(place.offset, place.end) for _ in range(FLIPS))):
        damaged.is_detected(damaged.flipped(at, draw.randrange(8)))


def test_flipped_truths(damaged: Damaged) -> None:
    """Every variable of CPython and the launcher that is 1, among them snapshot_made."""
    place = damaged.parts["py_data"]
    ones = [place.offset + 4 * at for at, word in enumerate(damaged.words(place, 4)) if word == b"\1\0\0\0"]
    assert len(ones) > 100
    for at in ones:
        damaged.is_detected((at, b"\0"))


def test_flipped_checksum(damaged: Damaged) -> None:
    sums = sections(damaged.file)["py_sums"]
    for at in range(sums.offset, sums.end):
        damaged.is_detected(damaged.flipped(at, at % 8))
    damaged.is_detected((sums.offset, bytes(sums.size)))


def test_damaged_module(damaged: Damaged) -> None:
    """A module of the archive has a checksum of its own, which is verified when it is loaded, and only then."""
    entries = CArchiveReader(str(damaged.file)).toc
    place = damaged.parts["pydata"]
    offset, length, *_ = entries["probe.cli.usage"]
    for at in (0, length // 2, length - 1):
        change = damaged.flipped(place.offset + offset + at, 3)
        done = damaged.run(change, flag="-h")
        assert (done.returncode, done.stdout, done.stderr) == (exit_codes.DAMAGED, b"", SAYS), at
        assert damaged.run(change, flag="-model-version=x").returncode == exit_codes.DAMAGED, "usage errors load it too"
        assert damaged.run(change, flag="-addr=:0").returncode == exit_codes.DIAL
    assert damaged.run(flag="-h").returncode == exit_codes.OK


@EACH_PART
def test_two_flipped_bits(damaged: Damaged, part: str) -> None:
    """Also where two additions could cancel out: the same bit in two words, including the highest."""
    draw = random.Random(part)
    place = damaged.parts[part]
    last = (place.size // WORD) - 1
    for bit in (7, 0, 3):
        for distance in (1, 2, 4, 64, 2 ** (last.bit_length() - 1)):
            word = draw.randint(0, last - distance)
            first = place.offset + word * WORD + WORD - 1
            damaged.is_detected(damaged.flipped(first, bit), damaged.flipped(first + distance * WORD, bit))


@EACH_PART
def test_zeroed_pages(damaged: Damaged, part: str) -> None:
    """As after a disk error, or an incomplete copy."""
    place = damaged.parts[part]
    pages = [Part(at, min(PAGE, place.end - at)) for at in range(place.offset, place.end, PAGE)]
    filled = [page for page in pages if any(damaged.whole[page.offset : page.end])]
    for page in random.Random(part).sample(filled, min(20, len(filled))):
        damaged.is_detected((page.offset, bytes(page.size)))
    damaged.is_detected((place.offset, bytes(place.size)))


@EACH_PART
@pytest.mark.parametrize("size", [4, WORD, 16, PAGE])
def test_swapped_words(damaged: Damaged, part: str, size: int) -> None:
    draw = random.Random(f"{part} {size}")
    place = damaged.parts[part]
    words = damaged.words(place, size)
    pairs: list[tuple[int, int]] = []
    while len(words) > 1 and len(pairs) < 10:
        one, other = draw.randrange(len(words)), draw.randrange(len(words))
        if words[one] != words[other]:
            pairs.append((one, other))
    for one, other in pairs:
        swapped = (place.offset + one * size, words[other]), (place.offset + other * size, words[one])
        damaged.is_detected(*swapped)


def test_swapped_words_that_are_nearly_the_same(damaged: Damaged) -> None:
    """Words that differ only in their highest bits, at a distance with many factors of 2: sums of 64-bit words would
    wrap around and not differ. Only the heap has such words."""
    place = damaged.parts["py_heap"]
    words = [struct.unpack("<Q", word)[0] for word in damaged.words(place)]
    alike = defaultdict(list)
    for at, word in enumerate(words):
        alike[word % 2**46].append(at)
    pairs = [
        (one, other)
        for places in alike.values()
        for one, other in itertools.pairwise(places)
        if words[one] != words[other] and (words[one] - words[other]) * (one - other) % 2**64 == 0
    ]
    assert pairs, "no such words: the test proves nothing"
    for one, other in pairs[:20]:
        damaged.is_detected(
            (place.offset + one * WORD, struct.pack("<Q", words[other])),
            (place.offset + other * WORD, struct.pack("<Q", words[one])),
        )


@pytest.fixture
def no_core_dumps() -> Iterator[None]:
    """The kernel kills what it cannot map; its core dumps are not needed."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.usefixtures("no_core_dumps")
def test_cut_short(damaged: Damaged, server: FakeServing, empty: Path) -> None:
    """From the end to the start. The model is not ready, and no run may report that it is. The executable works as long
    as everything that is mapped is there; only debuggers read the rest."""
    draw = random.Random("cut")
    end = mapped_bytes(damaged.file)
    lengths = {end, end - PAGE, *(part.end - 1 for part in damaged.parts.values()), PAGE, 64, 63, 1, 0}
    lengths |= {draw.randrange(len(damaged.whole)) for _ in range(30)}
    command = [str(damaged.file), f"-addr={server.address}", "-model-name=slow", "-timeout=20s"]
    ended: dict[int, int | str] = {}
    try:
        for length in sorted(lengths, reverse=True):
            with damaged.file.open("r+b") as file:
                file.truncate(length)
            try:
                # Not through a shell, which would run what the kernel refuses as a script.
                done = subprocess.run(command, cwd=empty, capture_output=True, timeout=HANG_SECONDS, check=False)
                ended[length] = done.returncode
            except OSError as error:
                ended[length] = str(error.strerror)
    finally:
        damaged.file.write_bytes(damaged.whole)
    assert 0 not in ended.values(), ended
    assert {code for length, code in ended.items() if length >= end} == {exit_codes.LOADING}
    assert exit_codes.LOADING not in {code for length, code in ended.items() if length <= end - PAGE}, ended


def test_the_kernel_refuses_other_files(damaged: Damaged) -> None:
    """The kernel checks the first bytes of the file."""
    with pytest.raises(OSError, match="Exec format error"):
        damaged.run((0, b"\0"))


def test_exit_codes_are_those_of_the_table() -> None:
    source = (ROOT / "build" / "launcher" / "failure.h").read_text()
    constants = {name: int(code) for name, code in re.findall(r"\bEXIT_(\w+) = (\d+)", source)}
    table = {name: getattr(exit_codes, name) for name in ("DIAL", "INTERNAL", "DAMAGED")}
    assert constants == {**table, "SIGNAL": 128}
    assert (exit_codes.INTERRUPTED, exit_codes.TERMINATED) == (128 + 2, 128 + 15)
    readme = {int(code) for code in re.findall(r"^\| (\d+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)}
    assert {exit_codes.INTERNAL, exit_codes.DAMAGED} <= readme
