"""The flags' values and the environment -> what to do."""

from __future__ import annotations

import pytest

from probe import __version__
from probe.cli import flags
from probe.cli.options import VARIABLE_PREFIXES, Options, options
from probe.deadline import RUN, WAIT, Deadline
from probe.model import ALTS, SETUP, SPIFFE, TLS, Failure, NamedFile, Plan, Query, Security

BEGUN = 10**10


def made(*argv: str, env: dict[str, str] | None = None) -> Options:
    environment = {name.encode(): value.encode("utf-8", "surrogateescape") for name, value in (env or {}).items()}
    return options(flags.parse(list(argv), environment), environment, BEGUN)


def plan(*argv: str, env: dict[str, str] | None = None) -> Plan:
    found = made(*argv, env=env).plan
    assert isinstance(found, Plan)
    return found


def security(*argv: str, env: dict[str, str] | None = None) -> Security:
    found = plan(*argv, env=env).client.security
    assert found
    return found


def test_every_flag_arrives() -> None:
    found = made(
        "-addr=:1", "-model-name=m", "-model-version=7", "-connect-timeout=1s", "-rpc-timeout=2s", "-timeout=3s",
        "-liveness", "-engine=grpcio", "-gzip", "-user-agent=me", "-rpc-header=A: b", "-v", "-version", "-install=x",
    )  # fmt: skip
    assert isinstance(found.plan, Plan)
    client = found.plan.client
    assert (client.address, client.engine, client.gzip, client.security) == (":1", "grpcio", True, None)
    assert (client.connect_timeout, client.rpc_timeout) == (10**9, 2 * 10**9)
    assert (client.metadata, client.user_agent) == (((b"a", b"b"),), b"me")
    assert found.plan.queries == (Query("m", 7),)
    assert found.plan.deadline == Deadline(BEGUN + 3 * 10**9, RUN)
    assert found.plan.liveness
    assert (found.verbose, found.version, found.install) == (True, True, "x")


def test_the_original_defaults_and_no_budget_for_the_whole_run() -> None:
    found = made()
    assert isinstance(found.plan, Plan)
    client = found.plan.client
    assert (client.address, client.engine, client.gzip, client.security) == ("localhost:9000", "native", False, None)
    assert (client.connect_timeout, client.rpc_timeout) == (3 * 10**9, 10 * 10**9)
    assert (client.metadata, client.user_agent) == ((), f"tfs_model_status_probe/{__version__}".encode())
    assert found.plan.queries == (Query("default", 0),)
    assert found.plan.deadline == Deadline(None, WAIT)
    assert not found.plan.liveness
    assert (found.verbose, found.version, found.install) == (False, False, "")


def test_a_negative_budget_is_over_before_the_run_began() -> None:
    assert plan("-timeout=-1s").deadline == Deadline(BEGUN - 10**9, RUN)


def test_tls() -> None:
    assert security("-tls") == Security(TLS)
    assert security("-tls", "-tls-no-verify") == Security(TLS, verify=False)
    assert security(
        "-tls", "-tls-ca-cert=a", "-tls-client-cert=b", "-tls-client-key=c", "-tls-server-name=d"
    ) == Security(
        TLS,
        ca=NamedFile("a", "-tls-ca-cert"),
        certificate=NamedFile("b", "-tls-client-cert"),
        key=NamedFile("c", "-tls-client-key"),
        server_name="d",
    )


def test_the_variables_of_openssl_and_spiffe() -> None:
    env = {"SSL_CERT_FILE": "f\udcff", "SSL_CERT_DIR": "a::b:", "SPIFFE_ENDPOINT_SOCKET": "unix:///s"}
    assert all(name.encode() in VARIABLE_PREFIXES for name in env)
    assert security("-spiffe", env=env) == Security(
        SPIFFE,
        roots_file=NamedFile("f\udcff", "SSL_CERT_FILE"),
        roots_folders=("a", "b"),
        workload_api="unix:///s",
    )


def test_alts() -> None:
    assert security("-alts", "-engine=grpcio") == Security(ALTS)


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (("-tls-ca-cert=x",), ["-tls-ca-cert", "-tls"]),
        (("-alts",), ["-alts", "-engine=grpcio"]),
        (("-rpc-header=te: x",), ["-rpc-header"]),
        (("-user-agent=\n",), ["-user-agent"]),
    ],
)
def test_a_contradiction_or_a_bad_value_is_a_permanent_failure_that_names_the_flags(
    argv: tuple[str, ...], named: list[str]
) -> None:
    found = made(*argv).plan
    assert isinstance(found, Failure)
    assert (found.kind, found.permanent) == (SETUP, True)
    assert all(name in found.text for name in named)
