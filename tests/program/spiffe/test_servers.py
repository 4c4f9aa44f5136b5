"""Which servers the program accepts when it has credentials: those whose own trust domain vouches for them."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.fake_tfs import FakeServing
from tests.frozen.roots import inside, listing, root_with
from tests.interop.servers import TlsFiles, grpc_js_server
from tests.support.hints import HINTS
from tests.support.runner import Outcome
from tests.support.spiffe_authority import DAY, Authority, Identity, authority, uri, usage
from tests.support.variants import Variant, built, on_each_interpreter
from tests.support.workload_api import WorkloadApi, federated, identity, svid, workload_api

OURS, THEIRS, UNBUNDLED = "ours.test", "theirs.test", "unbundled.test"
"""The program's own trust domain, one that it has a federated bundle of, and one that it has none of."""
READY = "Servable state is AVAILABLE"
MODELS = {"default": {1: "AVAILABLE"}}


def ours() -> bytes:
    """An answer of the Workload API: an identity in OURS, and whom to trust."""
    return identity(authority(OURS).identity("/probe"), authority(OURS)) + federated(
        f"spiffe://{THEIRS}", authority(THEIRS).bundle
    )


@pytest.fixture(scope="module")
def api() -> Iterator[WorkloadApi]:
    with workload_api(ours()) as running:
        yield running


@contextlib.contextmanager
def serving(shown: Identity) -> Iterator[str]:
    """A server with that identity, which demands one of OURS; gives its address."""
    with FakeServing(MODELS, rest=False, tls=shown.pem, client_ca=authority(OURS).pem) as server:
        yield server.address


def ask(variant: Variant, shown: Identity, api: WorkloadApi, *argv: str) -> Outcome:
    with serving(shown) as address:
        return variant.run("-spiffe", f"-addr={address}", *argv, env=api.env)


@pytest.mark.parametrize("domain", [OURS, THEIRS])
def test_domains_with_a_bundle(variant: Variant, api: WorkloadApi, domain: str) -> None:
    """On every variant; and nothing is known of the host's name."""
    outcome = ask(variant, authority(domain).identity(), api, "-v")
    assert (outcome.exit_code, outcome.verdict) == (0, READY)
    assert f"SPIFFE ID spiffe://{OURS}/probe" in outcome.lines
    assert any(re.search(rf"TLSv1\.3, \S+, spiffe://{domain}/serving\)", line) for line in outcome.lines)


@on_each_interpreter
def test_the_api_is_told_who_asks_and_by_the_header(variant: Variant) -> None:
    with workload_api(ours()) as api:
        assert ask(variant, authority(OURS).identity(), api).exit_code == 0
        (metadata,) = api.metadata
    assert metadata["workload.spiffe.io"] == "true"
    assert str(metadata["user-agent"]).startswith("tfs_model_status_probe/")


@on_each_interpreter
def test_the_api_on_tcp(variant: Variant, api: WorkloadApi) -> None:
    with serving(authority(OURS).identity()) as address:
        assert variant.run("-spiffe", f"-addr={address}", env={"SPIFFE_ENDPOINT_SOCKET": api.tcp}).exit_code == 0


def test_in_an_empty_root(frozen: Variant) -> None:
    """Read-only, with the executable and the API's socket, and nothing else: no place where a key could be put."""
    with tempfile.TemporaryDirectory() as folder:
        root = root_with(Path(folder), frozen.command[0])
        with workload_api(ours(), folder=root), serving(authority(THEIRS).identity()) as address:
            (root / "agent.sock").chmod(0o777)
            before = listing(root)
            socket = {"SPIFFE_ENDPOINT_SOCKET": "unix:///agent.sock"}
            outcome = inside(root).run("-spiffe", "-v", f"-addr={address}", env=socket)
            assert listing(root) == before
    assert outcome.exit_code == 0, outcome


@pytest.fixture
def frozen() -> Variant:
    return built("frozen")


# Servers that are refused.


def by_other(path: str = "/serving") -> Identity:
    """THEIRS signs for a server that claims to be one of OURS."""
    return authority(THEIRS).identity(names=[uri(f"spiffe://{OURS}{path}")])


def dns(name: str) -> x509.DNSName:
    return x509.DNSName(name)


# What the server shows -> words of the line about it.
REFUSED: dict[str, tuple[Callable[[], Identity], tuple[str, ...]]] = {
    "another domain's CA": (
        by_other,
        (f" spiffe://{OURS}/serving,", f"the trust bundle of {OURS} "),
    ),
    "our CA about another domain": (
        lambda: authority(OURS).identity(names=[uri(f"spiffe://{THEIRS}/serving")]),
        (f" spiffe://{THEIRS}/serving,", f"the trust bundle of {THEIRS} "),
    ),
    "a domain without a bundle": (
        lambda: authority(UNBUNDLED).identity(),
        (f" spiffe://{UNBUNDLED}/serving,", f"no trust bundle of {UNBUNDLED}", OURS, THEIRS),
    ),
    "our CA about a domain without a bundle": (
        lambda: authority(OURS).identity(names=[uri(f"spiffe://{UNBUNDLED}/serving")]),
        (f" spiffe://{UNBUNDLED}/serving,", f"no trust bundle of {UNBUNDLED}", OURS, THEIRS),
    ),
    "a CA without a bundle about our domain": (
        lambda: authority(UNBUNDLED).identity(names=[uri(f"spiffe://{OURS}/serving")]),
        (f" spiffe://{OURS}/serving,", f"the trust bundle of {OURS} "),
    ),
    "another CA with our domain's name": (
        lambda: Authority(OURS).identity(),
        (f" spiffe://{OURS}/serving,", f"the trust bundle of {OURS} "),
    ),
    "an ordinary CA": (
        lambda: Authority("example.com").identity(names=[dns("localhost")]),
        ("X.509-SVID", "no URIs"),
    ),
    "no SPIFFE ID": (
        lambda: authority(OURS).identity(names=[dns("localhost")]),
        ("X.509-SVID", "no URIs"),
    ),
    "no names": (lambda: authority(OURS).identity(names=[]), ("X.509-SVID", "no URIs")),
    "two SPIFFE IDs": (
        lambda: authority(OURS).identity(names=[uri(f"spiffe://{OURS}/a"), uri(f"spiffe://{OURS}/b")]),
        ("X.509-SVID", "2 URIs"),
    ),
    "a SPIFFE ID and another URI": (
        lambda: authority(OURS).identity(names=[uri(f"spiffe://{OURS}/a"), uri("https://example.com/")]),
        ("X.509-SVID", "2 URIs"),
    ),
    "another URI": (
        lambda: authority(OURS).identity(names=[uri("https://example.com/")]),
        ("X.509-SVID", "spiffe://"),
    ),
    "a domain in capitals": (
        lambda: authority(OURS).identity(names=[uri("spiffe://OURS.test/serving")]),
        ("X.509-SVID", "trust domain"),
    ),
    "a domain with a port": (
        lambda: authority(OURS).identity(names=[uri(f"spiffe://{OURS}:80/serving")]),
        ("X.509-SVID", "trust domain"),
    ),
    "a user before the domain": (
        lambda: authority(OURS).identity(names=[uri(f"spiffe://{OURS}@{OURS}/serving")]),
        ("X.509-SVID", "trust domain"),
    ),
    "a zero byte after the domain": (
        lambda: authority(THEIRS).identity(names=[uri(f"spiffe://{OURS}\0.{THEIRS}/serving")]),
        ("X.509-SVID", "trust domain"),
    ),
    "a path with dots": (
        lambda: authority(OURS).identity("/a/../b"),
        ("X.509-SVID", "path"),
    ),
    "a path that ends with a slash": (
        lambda: authority(OURS).identity("/a/"),
        ("X.509-SVID", "path"),
    ),
    "a SPIFFE ID that is too long": (
        lambda: authority(OURS).identity("/" + "a" * 2048),
        ("X.509-SVID", "2048 bytes"),
    ),
    "a CA": (lambda: authority(OURS).identity(ca=True, key_usage=None), ("X.509-SVID", "CA")),
    "a key that may sign lists": (
        lambda: authority(OURS).identity(key_usage=usage(digital_signature=True, crl_sign=True)),
        ("X.509-SVID", "its key may sign"),
    ),
    "a key that may sign certificates": (
        lambda: authority(OURS).identity(key_usage=usage(digital_signature=True, key_cert_sign=True)),
        ("X.509-SVID", "its key may sign"),
    ),
}


def check_refused(outcome: Outcome, *words: str) -> None:
    assert outcome.exit_code == 2, outcome
    assert re.match(r"Error dialing grpc service: connected to 127\.0\.0\.1:\d+: ", outcome.verdict)
    assert [word for word in words if word not in outcome.verdict] == []
    assert outcome.hint == HINTS["spiffe-peer"]


@pytest.mark.parametrize("name", REFUSED)
def test_refused(api: WorkloadApi, name: str) -> None:
    shown, words = REFUSED[name]
    check_refused(ask(built("module"), shown(), api), *words)


@pytest.mark.parametrize("name", ["another domain's CA", "a domain without a bundle", "no SPIFFE ID"])
def test_refused_by_every_variant(variant: Variant, api: WorkloadApi, name: str) -> None:
    shown, words = REFUSED[name]
    check_refused(ask(variant, shown(), api), *words)


@pytest.mark.parametrize(("since", "until", "cause"), [(-2 * DAY, -DAY, "tls-expired"), (DAY, 2 * DAY, "tls-not-yet")])
@on_each_interpreter
def test_out_of_date(
    variant: Variant, api: WorkloadApi, since: datetime.timedelta, until: datetime.timedelta, cause: str
) -> None:
    outcome = ask(variant, authority(OURS).identity(since=since, until=until), api)
    assert outcome.exit_code == 2
    assert outcome.hint == HINTS[cause]


@on_each_interpreter
def test_a_server_without_tls(variant: Variant, api: WorkloadApi) -> None:
    """It does not speak TLS; the hint is about -spiffe, since -tls was not given."""
    with FakeServing(MODELS, rest=False) as server:
        outcome = variant.run("-spiffe", f"-addr={server.address}", env=api.env)
    assert outcome.exit_code == 2
    assert "HTTP/2 in plain text, not TLS" in outcome.verdict
    assert outcome.hint == HINTS["spiffe-plain"]


@on_each_interpreter
def test_a_server_that_does_not_trust_us(variant: Variant, api: WorkloadApi) -> None:
    with FakeServing(MODELS, rest=False, tls=authority(OURS).identity().pem, client_ca=authority(THEIRS).pem) as server:
        outcome = variant.run("-spiffe", f"-addr={server.address}", env=api.env)
    assert outcome.exit_code in (2, 3)
    assert "client certificate" in outcome.verdict
    assert outcome.hint == HINTS["spiffe-refused"]


# Other keys, chains and makers.


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@on_each_interpreter
def test_kinds_of_keys(variant: Variant, kind: str) -> None:
    """On both sides, the authority's included."""
    domain = authority(OURS, kind)
    with (
        workload_api(identity(domain.identity("/probe"), domain)) as api,
        FakeServing(MODELS, rest=False, tls=domain.identity().pem, client_ca=domain.pem) as server,
    ):
        outcome = variant.run("-spiffe", f"-addr={server.address}", env=api.env)
    assert outcome.exit_code == 0, outcome


@pytest.mark.parametrize("depth", [1, 2])
@on_each_interpreter
def test_intermediate_authorities(variant: Variant, depth: int) -> None:
    """Both sides show their whole chains, as with SPIRE under an upstream authority."""
    root = signer = authority(OURS)
    for _ in range(depth):
        signer = Authority(OURS, signer=signer)
    assert len(signer.identity().chain) == depth + 1
    with workload_api(identity(signer.identity("/probe"), root)) as api, serving(signer.identity()) as address:
        outcome = variant.run("-spiffe", f"-addr={address}", env=api.env)
    assert outcome.exit_code == 0, outcome


def test_a_chain_without_its_intermediate(api: WorkloadApi) -> None:
    signer = Authority(OURS, signer=authority(OURS))
    whole = signer.identity()
    outcome = ask(built("module"), dataclasses.replace(whole, chain=whole.chain[:1]), api)
    assert outcome.exit_code == 2
    assert f"the trust bundle of {OURS} does not vouch for it" in outcome.verdict


def test_a_bundle_of_several_authorities() -> None:
    """As while an authority is being replaced: the old one and the new one count."""
    new, old = Authority(OURS), Authority(OURS)
    shown = new.identity("/probe")
    answer = svid(f"spiffe://{OURS}/probe", shown.der, shown.key_der, old.bundle + new.bundle)
    for signer in (new, old):
        with (
            workload_api(answer) as api,
            FakeServing(MODELS, rest=False, tls=signer.identity().pem, client_ca=new.pem) as server,
        ):
            outcome = built("module").run("-spiffe", f"-addr={server.address}", env=api.env)
        assert outcome.exit_code == 0, outcome


def test_of_several_identities_the_first_is_shown_and_all_bundles_count() -> None:
    first, second = authority(OURS), authority(THEIRS)
    answer = identity(first.identity("/probe"), first) + identity(second.identity(), second, hint="external")
    with workload_api(answer) as api:
        outcome = ask(built("module"), second.identity(), api, "-v")
    assert outcome.exit_code == 0, outcome
    assert f"SPIFFE ID spiffe://{OURS}/probe" in outcome.lines


def test_of_two_bundles_of_a_domain_the_last_counts() -> None:
    first, last = Authority(THEIRS), Authority(THEIRS)
    more = (federated(f"spiffe://{THEIRS}", one.bundle) for one in (first, last))
    with workload_api(identity(authority(OURS).identity("/probe"), authority(OURS)) + b"".join(more)) as api:
        assert ask(built("module"), last.identity(), api).exit_code == 0
        assert ask(built("module"), first.identity(), api).exit_code == 2


@on_each_interpreter
def test_a_later_answer_of_the_stream_is_not_waited_for(variant: Variant) -> None:
    with workload_api(ours(), b"\xff" * 100) as api:
        assert ask(variant, authority(OURS).identity(), api).exit_code == 0


@on_each_interpreter
def test_node(variant: Variant, api: WorkloadApi, tmp_path: Path) -> None:
    """OpenSSL on the other side, which demands a certificate of our domain."""
    key, chain = authority(THEIRS).identity().pem
    files = TlsFiles(tmp_path / "key", tmp_path / "chain", tmp_path / "ca")
    files.key.write_bytes(key)
    files.certificate.write_bytes(chain)
    (tmp_path / "ca").write_bytes(authority(OURS).pem)
    with grpc_js_server(files) as server:
        outcome = variant.run("-spiffe", f"-addr={server.target}", "-model-name=half", env=api.env)
    assert outcome.exit_code == 0, outcome


@on_each_interpreter
def test_unix_socket_of_the_server(variant: Variant, api: WorkloadApi) -> None:
    place = api.folder / "tfs.sock"
    with FakeServing(
        MODELS, rest=False, unix_socket=place, tls=authority(OURS).identity().pem, client_ca=authority(OURS).pem
    ):
        assert variant.run("-spiffe", f"-addr=unix://{place}", env=api.env).exit_code == 0
