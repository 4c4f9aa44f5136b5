"""-serve with credentials of the Workload API: fetched once for each connection, and anew for the next."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.fake_tfs import FakeServing
from tests.support.sidecar import Sidecar, sidecar
from tests.support.spiffe_authority import Authority
from tests.support.variants import Variant, on_each_interpreter
from tests.support.workload_api import identity, workload_api

DOMAIN = "ours.test"
MODELS = {"half": {1: "AVAILABLE"}}
SUCCESSES = 'tfs_probe_checks_total{result="success"}'


def serving(authority: Authority, port: int = 0) -> FakeServing:
    """A server with an identity of that authority, which demands one."""
    shown = authority.identity().pem
    return FakeServing(MODELS, rest=False, port=port, tls=shown, client_ca=authority.pem)


def answer(authority: Authority) -> bytes:
    return identity(authority.identity("/probe"), authority)


def wait_for_rounds(probe: Sidecar, count: int) -> None:
    """Waits for so many more rounds that succeed."""
    before = probe.metrics()[SUCCESSES]
    probe.wait_until(lambda _: probe.metrics()[SUCCESSES] >= before + count, "/healthz")


@on_each_interpreter
def test_all_credentials_are_replaced(variant: Variant) -> None:
    """The authority of the domain is another one: neither side's old credentials are of any use."""
    before, after = Authority(DOMAIN), Authority(DOMAIN)
    with workload_api(answer(before)) as api, serving(before) as first:
        port, address = first.port, first.address
        with sidecar(
            variant, "-spiffe", f"-addr={address}", "-model-name=half", "-serve-interval=300ms", env=api.env
        ) as probe:
            probe.wait_for_status(200)
            wait_for_rounds(probe, 3)
            assert len(api.metadata) == 1  # one connection, whose credentials are fetched once
            first.stop()
            probe.wait_for_status(503)
            with serving(after, port):
                probe.wait_for_line("does not vouch for it")
                assert probe.get("/readyz").status == 503
                api.answers = (answer(after),)
                probe.wait_for_status(200)
                assert probe.get("/livez").status == 200
                fetched = len(api.metadata)
                wait_for_rounds(probe, 3)
                assert len(api.metadata) == fetched


@on_each_interpreter
def test_an_api_that_comes_late_and_goes(variant: Variant) -> None:
    """Without it there is no connection; one that stands does not need it."""
    ours = Authority(DOMAIN)
    with tempfile.TemporaryDirectory(prefix="api-") as folder, serving(ours) as tfs:
        env = {"SPIFFE_ENDPOINT_SOCKET": f"unix://{folder}/agent.sock"}
        flags = ("-spiffe", f"-addr={tfs.address}", "-model-name=half", "-serve-interval=300ms")
        with sidecar(variant, *flags, env=env) as probe:
            probe.wait_for_line("agent.sock")
            assert probe.get("/readyz").status == probe.get("/livez").status == 503
            with workload_api(answer(ours), folder=Path(folder)):
                probe.wait_for_status(200)
            wait_for_rounds(probe, 3)
            assert probe.get("/readyz").status == 200
            tfs.close_ports()
            probe.wait_for_status(503)
            tfs.open_ports()
            probe.wait_for_line("agent.sock", after=len(probe.lines) - 1)
            assert probe.get("/readyz").status == 503
