"""Flags that contradict each other, and those that do not, in whole runs.

tests/cli/test_conflicts.py compares every combination with the rules of grpc_health_probe.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.frozen.roots import inside, root_with
from tests.support.certificates import Certificates
from tests.support.runner import Outcome
from tests.support.variants import Variant, built

FILES = {"tls-ca-cert": "/ca.pem", "tls-client-cert": "/client.pem", "tls-client-key": "/client.key"}
GIVEN = {
    "tls": "true", "alts": "true", "spiffe": "true", "tls-no-verify": "true", "tls-server-name": "half.example",
    **FILES,
}  # fmt: skip

# The flags that -tls can be combined with.
ACCEPTED = [
    combination
    for combination in map(
        frozenset,
        itertools.chain.from_iterable(
            itertools.combinations(("tls-no-verify", "tls-ca-cert", "client", "tls-server-name"), number)
            for number in range(5)
        ),
    )
    if "tls-no-verify" not in combination or not combination & {"tls-ca-cert", "tls-server-name"}
]


def by_flags(names: tuple[str, ...]) -> list[str]:
    return [f"-{name}={GIVEN[name]}" for name in names]


def by_variables(names: tuple[str, ...]) -> dict[str, str]:
    return {"TFS_PROBE_" + name.upper().replace("-", "_"): GIVEN[name] for name in names}


def check_refused(outcome: Outcome, words: str) -> None:
    assert outcome.exit_code == 1, outcome
    assert outcome.verdict.startswith(f"error: {words}: ")  # and the remedy
    assert len(outcome.lines) == 1 and outcome.stdout == ""


@pytest.mark.parametrize("engine", [(), ("-engine=grpcio",)], ids=["", "grpcio"])
def test_refused(variant: Variant, engine: tuple[str, ...]) -> None:
    """By flags, by variables and by both, before any engine is asked."""
    given, words = ("tls", "alts"), "cannot specify -tls with -alts"
    check_refused(variant.run(*engine, *by_flags(given)), words)
    check_refused(variant.run(*engine, env=by_variables(given)), words)
    check_refused(variant.run(*engine, *by_flags(given[:1]), env=by_variables(given[1:])), words)


def test_a_flag_that_is_off_contradicts_nothing(variant: Variant) -> None:
    outcome = variant.run("-tls=false", "-tls-no-verify=false", "-alts=false", "-addr=127.0.0.1:1", "-timeout=50ms")
    assert outcome.exit_code == 2


@pytest.fixture(scope="module")
def root(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the executable, the files that the flags name, and nothing else."""
    copied: dict[str, str | Path] = {path[1:]: certificates.file(path[1:]) for path in FILES.values()}
    copied["etc/ssl/certs/ca-certificates.crt"] = certificates.file("ca.pem")
    made = root_with(tmp_path_factory.mktemp("conflicts"), built("frozen").command[0], copied)
    for name in copied:
        (made / name).chmod(0o644)
    return made


@pytest.fixture(scope="module", params=["", "ca"], ids=["", "mutual"])
def server(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[tuple[FakeServing, bool]]:
    client_ca = certificates.read("ca.pem") if request.param else None
    tls = certificates.pair("server")
    with FakeServing({"default": {1: "AVAILABLE"}}, rest=False, tls=tls, client_ca=client_ca) as running:
        yield running, bool(request.param)


@pytest.mark.parametrize("combination", ACCEPTED, ids=lambda names: "-".join(sorted(names)) or "alone")
def test_accepted(root: Path, server: tuple[FakeServing, bool], combination: frozenset[str]) -> None:
    """In an empty read-only root, by flags and by variables."""
    running, mutual = server
    client = ("tls-client-cert", "tls-client-key") if "client" in combination else ()
    names = ("tls", *client, *sorted(combination - {"client"}))
    place = ("-addr", running.address, "-timeout=20s")
    for outcome in (
        inside(root).run(*place, *by_flags(names)),
        inside(root).run(*place, env=by_variables(names)),
    ):
        assert outcome.exit_code == (2 if mutual and not client else 0), outcome
        assert "deadline" not in outcome.stderr


def test_headers_user_agent_and_gzip_go_with_all_of_them(root: Path, server: tuple[FakeServing, bool]) -> None:
    running, _ = server
    others = ("-rpc-header=a: b", "-user-agent=me", "-gzip", "-v", "-liveness")
    names = ("tls", *FILES)
    assert inside(root).run("-addr", running.address, "-timeout=20s", *by_flags(names), *others).exit_code == 0
    assert dict(running.metadata[-1])["a"] == "b"
