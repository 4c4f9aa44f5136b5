"""The private key goes from the API's answer into OpenSSL, and nowhere else."""

from __future__ import annotations

import base64

import pytest

from tests.fake_tfs import FakeServing
from tests.frozen.test_process import NEW_PROCESS, opened, unchanged
from tests.frozen.watched import watch
from tests.support.spiffe_authority import authority
from tests.support.variants import Variant, built, on_each_interpreter
from tests.support.workload_api import identity, svid, workload_api

DOMAIN = "ours.test"


def test_the_kernel_sees_no_file() -> None:
    domain = authority(DOMAIN)
    with (
        workload_api(identity(domain.identity("/probe"), domain)) as api,
        FakeServing(rest=False, tls=domain.identity().pem, client_ca=domain.pem) as server,
    ):
        watched = watch(built("frozen"), "-spiffe", "-v", f"-addr={server.address}", SPIFFE_ENDPOINT_SOCKET=api.unix)
    assert watched.exit_code == 10, watched.stderr
    unchanged(watched)
    assert opened(watched) == ["/etc/localtime"]
    assert watched.named(*NEW_PROCESS, "pipe", "pipe2", "socketpair", "splice", "vmsplice") == []
    assert len(watched.named("socket")) == 2  # the API's, and the server's


@pytest.mark.parametrize("fits", [True, False])
@on_each_interpreter
def test_no_line_has_it(variant: Variant, fits: bool) -> None:
    domain = authority(DOMAIN)
    shown = domain.identity("/probe")
    chain = shown.der if fits else domain.identity("/other").der
    with workload_api(svid(f"spiffe://{DOMAIN}/probe", chain, shown.key_der, domain.bundle)) as api:
        outcome = variant.run("-spiffe", "-v", "-addr=127.0.0.1:1", "-connect-timeout=50ms", env=api.env)
    assert outcome.exit_code == (2 if fits else 20)
    said = outcome.stdout + outcome.stderr
    # The middle of a key of 138 bytes: its secret number is between 36 and 68.
    for form in (shown.key_der.hex(), base64.b64encode(shown.key_der).decode(), repr(shown.key_der)[2:-1]):
        for at in range(64, 128):
            assert form[at : at + 12] not in said
