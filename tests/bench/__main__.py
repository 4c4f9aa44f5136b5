"""`make bench`: measures, prints the table, and writes docs/benchmark.{json,svg} and README.md's table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from tests.support.variants import FROZEN, ROOT, ZIPAPP

from . import pods, programs
from .picture import PICTURE, picture
from .readme import README, with_figures
from .results import DATA, Hourly, Report, Row, as_json, from_json, machine, today
from .samples import Failed
from .session import FULL, QUICK, measure
from .table import table


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What one call of the probe costs.")
    parser.add_argument("--peer", type=Path, metavar="PATH", help="a drop-in for the probe to compare it with")
    parser.add_argument("--tls-peer", type=Path, metavar="PATH", help="a gRPC health probe to compare it with over TLS")
    parser.add_argument("--quick", action="store_true", help="30 runs, no stock freeze, prints only")
    parser.add_argument("--draw", action="store_true", help="measure nothing: picture and table of the data anew")
    options = parser.parse_args(argv)
    for flag, file in (("--peer", options.peer), ("--tls-peer", options.tls_peer)):
        if file is not None and not file.is_file():
            parser.error(f"{flag}: there is no file {file}")
    return options


def bench(peer: Path | None, tls_peer: Path | None, quick: bool) -> Report:
    """Makes what is missing, and measures."""
    for file in (FROZEN, ZIPAPP):
        if not file.exists():
            raise Failed(f"{file.relative_to(ROOT)} was not built: run `make freeze zipapp`")
    about = machine()  # before all else, since making the programs is a load of its own
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        plain = [programs.floor(Path(scratch)), programs.static()]
        plain += [programs.peer(peer)] if peer else []
        plain += [programs.zipapp()] if quick else [programs.zipapp(), programs.stock()]
        asked = programs.questions(plain[0].file)
        secure = [programs.static_tls(), *([programs.tls_peer(tls_peer)] if tls_peer else [])]
        measured = measure([*plain, *secure, *asked], QUICK if quick else FULL)
        hourly: list[Hourly] = []
        no_pods = ""
        try:
            compared = [program for program in plain if program.name == programs.STATIC or program.is_peer]
            hourly = pods.measure(compared, pods.QUICK if quick else pods.FULL)
        except pods.Unavailable as reason:
            no_pods = str(reason)
    rows, questions = measured.rows[: -len(asked)], measured.rows[-len(asked) :]
    if DATA.exists():
        rows = with_recorded(rows, from_json(DATA.read_text()))
    shown = subprocess.run([FROZEN, "-version"], capture_output=True, text=True, check=True).stdout
    versions = {package: version(package) for package in ("pyinstaller", "grpcio")}
    name, _, build = shown.strip().partition(" ")
    built = {name: build} | versions
    return Report(
        today(), about, built, measured.no_limit, measured.runner_mib, tuple(rows), tuple(questions), no_pods,
        tuple(hourly),
    )  # fmt: skip


def with_recorded(rows: Sequence[Row], earlier: Report) -> list[Row]:
    """The rows, and behind each of ours its peer's of an earlier run, where there was one and there is none now."""
    together = []
    for row in rows:
        together.append(row)
        peer = earlier.peer(row.tls)
        if row.name in programs.OURS and peer and not any(other.is_peer and other.tls == row.tls for other in rows):
            together.append(replace(peer, recorded=peer.recorded or f"{earlier.date}, {earlier.where}"))
    return together


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(argv)
    if options.draw:
        write(from_json(DATA.read_text()))
        return 0
    try:
        report = bench(options.peer, options.tls_peer, options.quick)
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(report), end="")
    if not options.quick:
        DATA.parent.mkdir(exist_ok=True)
        DATA.write_text(as_json(report))
        write(report)
        print("\nwritten: " + ", ".join(str(file.relative_to(ROOT)) for file in (DATA, PICTURE, README)))
    return 0


def write(report: Report) -> None:
    """What people look at: the picture, and the table in README.md."""
    readme = with_figures(README.read_text(), report)
    PICTURE.write_text(picture(report))
    README.write_text(readme)


if __name__ == "__main__":
    raise SystemExit(main())
