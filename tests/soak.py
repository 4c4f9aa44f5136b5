"""`make soak`: the sidecar, round after round, beside a server that goes away now and then.

Memory, descriptors and threads must stay what they are after the first quarter. One sidecar asks in plain text, one
over TLS; both are asked for the metrics, the page and JSON all the while.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import NamedTuple

from tests.fake_tfs import FakeServing
from tests.fake_tfs.state import Models
from tests.support.certificates import shared
from tests.support.sidecar import Sidecar, sidecar
from tests.support.variants import ROOT, Variant, built

LOG = ROOT / ".cache" / "soak.jsonl"
INTERVAL = "10ms"  # the least that there is
TLS_INTERVAL = "50ms"  # a handshake must fit into a round
SAMPLES = 20
SETTLED = SAMPLES // 4  # of the samples: allocators need a while, with TLS above all
MODELS: Models = {"one": {123: "AVAILABLE"}, "two": {7: "AVAILABLE", 8: ("END", 15, "Can't parse it")}}
EARLY_RESTARTS = 25  # before the first sample: each is a TLS context more that the allocator has to find room for
MAX_GROWTH_KIB = 512


class Sample(NamedTuple):
    """What a sidecar uses after so many rounds."""

    name: str
    rounds: int
    resident_kib: int
    anonymous_kib: int
    descriptors: int
    threads: int
    cpu_seconds: float


def rounds(probe: Sidecar) -> int:
    return int(sum(value for name, value in probe.metrics().items() if name.startswith("tfs_probe_checks_total")))


def sample(name: str, probe: Sidecar) -> Sample:
    return Sample(
        name, rounds(probe), probe.status("VmRSS"), probe.status("RssAnon"), probe.descriptors(),
        probe.status("Threads"), probe.cpu_seconds(),
    )  # fmt: skip


def soak(variant: Variant, wanted: int) -> list[Sample]:
    """The samples of that many rounds in plain text, of both sidecars in turn."""
    certificates = shared()
    found: list[Sample] = []
    names = [f"-model-name={name}" for name in MODELS]
    tls_flags = ["-tls", f"-tls-ca-cert={certificates.file('ca.pem')}"]
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(FakeServing(MODELS, rest=False))
        secure = stack.enter_context(FakeServing(MODELS, rest=False, tls=certificates.pair("server")))
        probes = {
            "plain": stack.enter_context(
                sidecar(variant, f"-addr=localhost:{plain.port}", f"-serve-interval={INTERVAL}", *names)
            ),
            "tls": stack.enter_context(
                sidecar(
                    variant, f"-addr=localhost:{secure.port}", f"-serve-interval={TLS_INTERVAL}", *names, *tls_flags
                )
            ),
        }
        for probe in probes.values():
            probe.wait_for_status(200)
        for _ in range(EARLY_RESTARTS):
            restart(plain, secure)
            for probe in probes.values():
                probe.wait_for_status(200)
        due = wanted // SAMPLES
        while due <= wanted:
            restart(plain, secure)
            while rounds(probes["plain"]) < due:
                for probe in probes.values():
                    probe.get("/")
                    probe.get("/readyz", headers={"Accept": "application/json"})
                time.sleep(0.2)
            for probe in probes.values():
                probe.wait_for_status(200)
            found += [sample(name, probe) for name, probe in probes.items()]
            due += wanted // SAMPLES
    return found


def restart(*servers: FakeServing) -> None:
    """All of them are gone for some rounds."""
    for server in servers:
        server.close_ports()
    time.sleep(0.1)
    for server in servers:
        server.open_ports()


def problems(samples: list[Sample]) -> list[str]:
    """What grew after the first quarter."""
    wrong = []
    for name in dict.fromkeys(taken.name for taken in samples):
        mine = [taken for taken in samples if taken.name == name]
        settled, rest = mine[SETTLED], mine[SETTLED:]
        if max(taken.anonymous_kib for taken in rest) > settled.anonymous_kib + MAX_GROWTH_KIB:
            wrong.append(f"{name}: memory grew: {[taken.anonymous_kib for taken in mine]}")
        if max(taken.descriptors for taken in rest) > settled.descriptors + 2:
            wrong.append(f"{name}: descriptors grew: {[taken.descriptors for taken in mine]}")
        if {taken.threads for taken in mine} != {2}:
            wrong.append(f"{name}: threads: {[taken.threads for taken in mine]}")
    return wrong


def main(argv: list[str]) -> int:
    wanted = int(argv[0]) if argv else 100_000
    begun = time.monotonic()
    samples = soak(built("frozen"), wanted)
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("".join(json.dumps(taken._asdict()) + "\n" for taken in samples))
    for taken in samples:
        print(json.dumps(taken._asdict()))
    wrong = problems(samples)
    print(f"{wanted} rounds in {time.monotonic() - begun:.0f} s; {LOG.relative_to(ROOT)}; {'; '.join(wrong) or 'flat'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
