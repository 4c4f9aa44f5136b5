"""The bench itself: that it measures all that it shows."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from tests.support.variants import ROOT, built

from . import pods, programs
from .__main__ import with_recorded
from .limit import tenth_of_a_core
from .picture import picture
from .programs import CURL, FLOOR, LABEL, ONE, REST, STATIC, STATIC_TLS, TWENTY, Program
from .readme import figures
from .results import FIGURES, LIMITED, Report, as_json, from_json, machine, today
from .samples import Failed, quartiles
from .session import Runs, all_servers, measure
from .table import HEADS, shown, table

PEER = "another"
FEW = Runs(fast=3, slow=1, limited=1, limited_slow=1)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of a few runs."""
    built("frozen")
    floor = programs.floor(tmp_path_factory.mktemp("floor"))
    measured = measure([floor, programs.static(), programs.static_tls(), *programs.questions(floor.file)], FEW)
    rows, questions = tuple(measured.rows[:3]), tuple(measured.rows[3:])
    return Report(
        today(), machine(), {STATIC: "2.0.0"}, measured.no_limit, measured.runner_mib, rows, questions, "a reason"
    )


@pytest.fixture(scope="module")
def with_hourly(report: Report) -> Report:
    """With what was measured on containerd. In the peer's place stands the program itself."""
    built("frozen")
    peer = programs.static()._replace(name=PEER, is_peer=True)
    try:
        hourly = pods.measure([programs.static(), peer], pods.Runs(rounds=1, probes=2, seconds=5))
    except pods.Unavailable as reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(reason))
    return replace(report, hourly=tuple(hourly), no_pods="")


def test_every_figure_is_measured(report: Report) -> None:
    assert [row.name for row in report.rows] == [FLOOR, STATIC, STATIC_TLS]
    for row in report.rows:
        assert set(row.figures) == set(FIGURES) - ({LIMITED} if report.no_limit else set())
        assert all(spread.lower > 0 for spread in row.figures.values())
        assert (row.runs, row.limited_runs) == (3, 0 if report.no_limit else 1)
        assert row.size > 0
    assert report.no_limit in table(report)
    (line,) = (line for line in table(report).splitlines() if line.startswith(f"{STATIC}  ") and "to floor" not in line)
    assert len(line.split()) == 1 + len(HEADS)
    assert "-" not in line.split() or report.no_limit


def test_every_question_is_measured(report: Report) -> None:
    """A call that fails is not measured: all of them were answered."""
    assert [row.name for row in report.questions] == [
        "floor, one call", "floor, twenty calls", ONE, TWENTY, LABEL, REST, CURL,
    ]  # fmt: skip
    said = table(report)
    for row in report.questions:
        assert set(row.figures) >= {"wall_ms", "cpu_ms", "memory_mib"}
        assert f"\n{row.name}  " in said
        assert f"\n| {row.name} | " in figures(report)
        assert row.name == ONE or re.search(rf"\n{row.name} +to {ONE} ", said)
    assert f"\n| {ONE} | " not in figures(replace(report, questions=()))


def test_the_replay_server_answers_what_it_is_asked(tmp_path: Path) -> None:
    """Twenty models by as many calls; a label by GetModelMetadata, of which version 123 comes."""
    frozen = built("frozen")
    with all_servers(tmp_path) as servers:
        asked = {program.name: program.command(servers)[1:] for program in programs.questions(tmp_path / "floor")}
        assert frozen.run(*asked[TWENTY]).stderr.count(" state:AVAILABLE ") == programs.MANY
        said = [frozen.run(*asked[name]) for name in (ONE, LABEL, REST)]
        assert {(one.exit_code, one.verdict) for one in said} == {(0, "Servable state is AVAILABLE")}


def test_an_hour_on_containerd_is_measured(with_hourly: Report) -> None:
    """By the sidecar, and by exec probes, with the share of the container runtime."""
    sidecar, ours, peer = with_hourly.hourly
    assert [sidecar.name, ours.name, peer.name] == [
        "sidecar, every 5s", "exec probe, every 10s", f"{PEER}, every 10s",
    ]  # fmt: skip
    assert [one.is_peer for one in with_hourly.hourly] == [False, False, True]
    assert 0 < sidecar.cpu_seconds < ours.cpu_seconds
    call_ms = with_hourly.rows[1].median("cpu_ms")
    assert call_ms
    for probe in (ours, peer):
        assert probe.cpu_seconds / 360 * 1000 > 3 * call_ms


def test_an_hour_on_containerd_is_shown(with_hourly: Report) -> None:
    drawn, said, written = picture(with_hourly), table(with_hourly), figures(with_hourly)
    for one in with_hourly.hourly:
        assert f">{one.name}<" in drawn
        assert f">{shown(one.cpu_seconds)}<" in drawn
        assert re.search(rf"\n{one.name} +{shown(one.cpu_seconds)} +[\d.]+\n", said)
        name = one.name if one.is_peer else f"**{one.name}**"
        assert f"\n| {name} | {shown(one.cpu_seconds)} s | " in written
    assert from_json(as_json(with_hourly)) == with_hourly


def test_without_containerd_the_table_says_why(report: Report) -> None:
    assert "\nNothing was measured on containerd: a reason.\n" in table(report)
    assert "containerd" not in figures(report) + picture(report)


def test_without_root_nothing_is_measured_on_containerd() -> None:
    script = "from tests.bench import pods, programs; pods.measure([programs.static()], pods.QUICK)"
    nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    built("frozen")
    done = subprocess.run([*nobody, sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.endswith("tests.bench.pods.Unavailable: containerd needs root\n")


def test_a_probe_that_fails_in_a_pod_is_not_measured() -> None:
    false = shutil.which("busybox")
    assert false
    broken = Program("broken", Path(false))
    with pytest.raises(Failed, match=r"^/bin/probe_0 ended with \d+ in a pod: "):
        try:
            pods.measure([broken], pods.QUICK)
        except pods.Unavailable as reason:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(reason))


def test_memory_is_the_programs_own(report: Report) -> None:
    """And not that of what started it: this process is far larger."""
    floor, static, tls = (row.median("memory_mib") or 0.0 for row in report.rows)
    assert floor < 2 < static < tls < 20


def test_the_file_gives_the_report_back(report: Report) -> None:
    assert from_json(as_json(report)) == report


def test_a_call_that_fails_is_not_measured() -> None:
    false = shutil.which("false")
    assert false
    with pytest.raises(Failed, match=r"^no probe ended with 1: "):
        measure([Program("no probe", Path(false))], FEW)


def test_the_control_group_is_gone_afterwards() -> None:
    with tenth_of_a_core() as limit:
        if limit.procs is None:
            pytest.skip(limit.reason)
        assert limit.procs.exists()
    assert not limit.procs.parent.exists()


def test_calls_over_tls_are_of_the_kind_that_the_picture_says(tmp_path: Path) -> None:
    with all_servers(tmp_path) as servers:
        _, *question = programs.static_tls().command(servers)
        said = built("frozen").run(*question, "-v")
        assert (said.exit_code, said.verdict) == (0, "Servable state is AVAILABLE")
        assert "(TLSv1.3, " in said.stderr
        another = tmp_path / "another.pem"
        trustme.CA().cert_pem.write_to_path(str(another))
        _, *question = programs.static_tls().command(servers._replace(ca=another))
        assert built("frozen").run(*question).exit_code == 2


def test_quartiles() -> None:
    assert quartiles([4, 1, 3, 2, 5]) == (2, 3, 4)
    assert quartiles([7]) == (7, 7, 7)


def test_a_recorded_peer_is_marked_and_gives_no_ratios(report: Report) -> None:
    recorded = replace(report.rows[1], name="peer", is_peer=True, recorded="2001-02-03, some machine")
    mixed = replace(report, rows=(*report.rows[:2], recorded, report.rows[2]))
    assert "\npeer, recorded 2001-02-03 " in table(mixed)
    assert "to peer" not in table(mixed)
    assert ">recorded 2001-02-03, on another machine<" in picture(mixed)
    assert "\n| peer, recorded 2001-02-03 | " in figures(mixed)
    measured = replace(report, rows=(*report.rows[:2], replace(recorded, recorded=""), report.rows[2]))
    assert "to peer" in table(measured)
    assert "recorded" not in table(measured) + picture(measured) + figures(measured)


def test_peers_that_are_not_measured_come_from_the_earlier_run(report: Report) -> None:
    floor, static, tls = report.rows
    peer, tls_peer = replace(static, name="peer", is_peer=True), replace(tls, name="peer -tls", is_peer=True)
    earlier = replace(report, date="2001-02-03", rows=(*report.rows, tls_peer, peer))
    when = f"2001-02-03, {report.where}"
    behind = [floor, static, replace(peer, recorded=when), tls, replace(tls_peer, recorded=when)]
    assert with_recorded([floor, static, tls], earlier) == behind
    assert with_recorded(behind, earlier) == behind
    assert with_recorded([floor, static, peer, tls], earlier) == [floor, static, peer, tls, behind[-1]]
    assert with_recorded([floor, static, tls], report) == [floor, static, tls]


def test_ratios_are_of_calls_of_one_kind(report: Report) -> None:
    """Nobody wants to know how TLS compares with a call that does without."""
    floor, static, tls = report.rows
    peers = (replace(static, name="peer", is_peer=True), replace(tls, name="peer over TLS", is_peer=True))
    lines = table(replace(report, rows=(floor, static, peers[0], tls, peers[1]))).splitlines()
    ratios = [line.split("  to ")[0].strip() for line in lines if re.search(r"  to peer over TLS ", line)]
    assert ratios == [STATIC_TLS]
    ratios = [line.split("  to ")[0].strip() for line in lines if re.search(r"  to peer  ", line)]
    assert ratios == [FLOOR, STATIC]


def test_peers_are_asked_for_in_the_makefiles_words(report: Report) -> None:
    said = table(report)
    for flag, name in (("--peer", "PEER"), ("--tls-peer", "TLS_PEER")):
        assert f": make bench {name}=/" in said
        done = subprocess.run(["make", "--dry-run", "bench", f"{name}=/a b"], cwd=ROOT, capture_output=True, text=True)
        assert shlex.split(done.stdout.splitlines()[-1])[1:] == ["-m", "tests.bench", flag, "/a b"]
