"""`make bench`: measures, prints the table, and writes docs/benchmark.json and docs/benchmark.svg."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from tests.flavours import FROZEN, ROOT, ZIPAPP

from . import programs
from .picture import PICTURE, picture
from .results import DATA, Report, Row, as_json, from_json, machine, today
from .samples import Failed
from .session import FULL, QUICK, measure
from .table import table


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What one call of the probe costs.")
    parser.add_argument("--peer", type=Path, metavar="PATH", help="a drop-in for the probe to compare it with")
    parser.add_argument("--quick", action="store_true", help="30 runs, no stock freeze, prints only")
    parser.add_argument("--draw", action="store_true", help="measure nothing: draw the picture of the data anew")
    options = parser.parse_args(argv)
    if options.peer is not None and not options.peer.is_file():
        parser.error(f"--peer: there is no file {options.peer}")
    return options


def bench(peer: Path | None, quick: bool) -> Report:
    """Makes what is missing, and measures."""
    for file in (FROZEN, ZIPAPP):
        if not file.exists():
            raise Failed(f"{file.relative_to(ROOT)} was not built: run `make freeze zipapp`")
    about = machine()  # before all else, since making the programs is a load of its own
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        ours = [programs.floor(Path(scratch)), programs.static()]
        rest = [programs.zipapp()] if quick else [programs.zipapp(), programs.stock()]
        middle = [programs.peer(peer)] if peer else []
        measured = measure([*ours, *middle, *rest], QUICK if quick else FULL)
    rows = measured.rows
    if not peer:
        rows[len(ours) : len(ours)] = recorded_peer()
    shown = subprocess.run([FROZEN, "-version"], capture_output=True, text=True, check=True).stdout
    versions = {package: version(package) for package in ("pyinstaller", "grpcio")}
    name, _, build = shown.strip().partition(" ")
    return Report(today(), about, {name: build} | versions, measured.no_limit, measured.runner_mib, tuple(rows))


def recorded_peer() -> list[Row]:
    """The peer's row of an earlier run, if there was one."""
    if not DATA.exists():
        return []
    earlier = from_json(DATA.read_text())
    peer = earlier.peer
    return [replace(peer, recorded=peer.recorded or f"{earlier.date}, {earlier.where}")] if peer else []


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(argv)
    if options.draw:
        PICTURE.write_text(picture(from_json(DATA.read_text())))
        return 0
    try:
        report = bench(options.peer, options.quick)
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(report), end="")
    if not options.quick:
        DATA.parent.mkdir(exist_ok=True)
        DATA.write_text(as_json(report))
        PICTURE.write_text(picture(report))
        print(f"\nwritten: {DATA.relative_to(ROOT)}, {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
