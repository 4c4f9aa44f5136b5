"""The page in Chromium, by screenshot: with one, three and fifty models, on a phone, in a dark theme."""

from __future__ import annotations

import struct
import subprocess
import zlib
from collections import Counter
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.fake_tfs.state import Models
from tests.support.prometheus import need
from tests.support.sidecar import sidecar
from tests.support.variants import built

PHONE, DESK = (390, 844), (1280, 900)
LIGHT, DARK = (0xF6, 0xF7, 0xF9), (0x14, 0x17, 0x1B)
GOOD, BAD = (0x13, 0x7A, 0x3A), (0xB3, 0x26, 0x1E)  # the edges of cards, by STYLE in probe/serve/page.py
GOOD_IN_THE_DARK = (0x6B, 0xD4, 0x90)

Pixel = tuple[int, int, int]


def read_png(path: Path) -> list[list[Pixel]]:
    """The rows of an image with 8 bits a channel, as Chromium writes it (PNG, 2nd edition, 9.2)."""
    data = path.read_bytes()
    at, header, packed = 8, b"", b""
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        content = data[at + 8 : at + 8 + length]
        header, packed = (content, packed) if kind == b"IHDR" else (header, packed + content * (kind == b"IDAT"))
        at += length + 12
    width, height, depth, color = struct.unpack(">IIBB", header[:10])
    size = {2: 3, 6: 4}[color]
    assert depth == 8
    raw = zlib.decompress(packed)
    before, rows = bytearray(width * size), []
    for number in range(height):
        begin = number * (width * size + 1)
        kind, line = raw[begin], bytearray(raw[begin + 1 : begin + 1 + width * size])
        for place in range(len(line)):
            left = line[place - size] if place >= size else 0
            above, corner = before[place], before[place - size] if place >= size else 0
            nearest = min((left, above, corner), key=lambda value: abs(left + above - corner - value))
            line[place] = (line[place] + (0, left, above, (left + above) // 2, nearest)[kind]) & 255
        before = line
        rows.append([(line[x], line[x + 1], line[x + 2]) for x in range(0, len(line), size)])
    return rows


def screenshot(folder: Path, port: int, size: tuple[int, int], *flags: str) -> list[list[Pixel]]:
    need("chromium")
    file = folder / "page.png"
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={folder}/profile", f"--window-size={size[0]},{size[1]}", f"--screenshot={file}", *flags, f"http://127.0.0.1:{port}/",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=90)
    return read_png(file)


def models(count: int) -> Models:
    """The last one is loading, and the first of several has an older version that failed."""
    made: dict[str, dict[int, str | tuple[str, int, str]]] = {f"model_{n:02}": {123: "AVAILABLE"} for n in range(count)}
    if count > 1:
        made["model_00"][124] = (
            "END",
            15,
            "Can't parse /models/model_00/124/saved_model.pb " + "very " * 20 + "<b>long</b>",
        )
        made[f"model_{count - 1:02}"] = {9: "LOADING"}
    return made


@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_page(tmp_path: Path, count: int) -> None:
    served = models(count)
    names = [f"-model-name={name}" for name in served]
    with (
        FakeServing(served, rest=False) as tfs,
        sidecar(built("frozen"), f"-addr=:{tfs.port}", "-serve-interval=1s", *names) as probe,
    ):
        probe.wait_for_status(200 if count == 1 else 503)
        probe.wait_for_line("AVAILABLE")
        desk = screenshot(tmp_path, probe.port, DESK)
        phone = screenshot(tmp_path, probe.port, PHONE) if count == 3 else []
        dark = screenshot(tmp_path, probe.port, DESK, "--blink-settings=preferredColorScheme=0") if count == 3 else []
    seen = Counter(pixel for row in desk for pixel in row)
    assert seen.most_common(2)[0][0] in (LIGHT, (255, 255, 255))
    assert seen[GOOD] > 200
    assert (seen[BAD] > 200) == (count > 1)
    if count == 3:
        # Nothing runs over the right margin of a narrow screen.
        assert {row[-1] for row in phone} == {LIGHT}
        in_the_dark = Counter(pixel for row in dark for pixel in row)
        assert in_the_dark.most_common(1)[0][0] == DARK
        assert in_the_dark[GOOD_IN_THE_DARK] > 200
