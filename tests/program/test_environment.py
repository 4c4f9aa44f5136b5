"""Environment variables: TFS_PROBE_* set flags, other variables with that prefix are ignored, and no proxy is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from probe.cli.flag_table import FLAGS
from tests.fake_tfs import FakeServing
from tests.support.behaviours import answers
from tests.support.canned import refused
from tests.support.http2_writer import GOOD
from tests.support.runner import Outcome
from tests.support.scripted_server import scripted_server
from tests.support.variants import MODULE, Variant, on

READY = "Servable state is AVAILABLE"
LOADING = "Servable state is LOADING"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServing]:
    """`default` has version 1, AVAILABLE; `other` has version 7, LOADING."""
    with FakeServing({"default": {1: "AVAILABLE"}, "other": {7: "LOADING"}}, rest=False) as running:
        yield running


class Set(NamedTuple):
    """A variable, what else is given, and how the run ends."""

    variable: str
    value: str
    exit_code: int
    text: str
    argv: tuple[str, ...] = ()


# One that works for every flag. ADDR stands for the server's address.
WORKS = [
    Set("ADDR", "127.0.0.1", 2, "missing port in address"),
    Set("CONNECT_TIMEOUT", "-1s", 2, "context deadline exceeded"),
    Set("MODEL_NAME", "other", 32, LOADING),
    Set("MODEL_VERSION", "7", 12, "No matching response found for version: 7"),
    Set("MODEL_VERSION", "0x0_7", 12, "No matching response found for version: 7"),
    Set("RPC_TIMEOUT", "0", 3, "context deadline exceeded"),
    Set("TIMEOUT", "-1ns", 2, "context deadline exceeded"),
    Set("LIVENESS", "T", 0, "Server is alive: " + LOADING, ("-model-name=other",)),
    Set("LIVENESS", "false", 32, LOADING, ("-model-name=other",)),
    Set("ENGINE", "native", 0, READY),
    Set("V", "1", 0, "option -v=true (from TFS_PROBE_V)"),
]
WINS = [
    Set("ADDR", "127.0.0.1", 0, READY, ("-addr=ADDR",)),
    Set("CONNECT_TIMEOUT", "-1s", 0, READY, ("-connect-timeout=20s",)),
    Set("MODEL_NAME", "other", 0, READY, ("-model-name=default",)),
    Set("MODEL_NAME", "other", 10, "Model not found", ("-model-name=",)),
    Set("MODEL_VERSION", "7", 0, READY, ("-model-version=1",)),
    Set("MODEL_VERSION", "7", 0, READY, ("-model-version=0",)),
    Set("RPC_TIMEOUT", "0", 0, READY, ("-rpc-timeout=20s",)),
    Set("TIMEOUT", "-1s", 0, READY, ("-timeout=0",)),
    Set("LIVENESS", "true", 32, LOADING, ("-model-name=other", "-liveness=false")),
    Set("ENGINE", "nonsense", 0, READY, ("-engine=native",)),
    Set("RPC_TIMEOUT", "nonsense", 0, READY, ("-rpc-timeout=20s",)),
]


def run(variant: Variant, server: FakeServing, one: Set) -> Outcome:
    variables = {"TFS_PROBE_ADDR": server.address, f"TFS_PROBE_{one.variable}": one.value}
    return variant.run(*(word.replace("ADDR", server.address) for word in one.argv), env=variables)


@on("frozen")
@pytest.mark.parametrize("one", WORKS + WINS, ids=lambda one: f"{one.variable}={one.value}{' '.join(one.argv)}")
def test_variable(variant: Variant, server: FakeServing, one: Set) -> None:
    check(run(variant, server, one), one)


@pytest.mark.parametrize("one", [WORKS[2], WINS[2]], ids=["variable", "flag-wins"])
def test_variable_on_every_variant(variant: Variant, server: FakeServing, one: Set) -> None:
    check(run(variant, server, one), one)


def check(outcome: Outcome, one: Set) -> None:
    assert outcome.exit_code == one.exit_code, outcome
    assert one.text in outcome.stderr


def test_engine_from_a_variable(server: FakeServing) -> None:
    outcome = MODULE.run(env={"TFS_PROBE_ADDR": server.address, "TFS_PROBE_ENGINE": "grpcio"})
    assert outcome.exit_code == 0
    assert "grpc-python" in str(dict(server.metadata[-1])["user-agent"])


@on("frozen")
@pytest.mark.parametrize("name", FLAGS)
def test_empty_variable_is_ignored(variant: Variant, server: FakeServing, name: str) -> None:
    variable = "TFS_PROBE_" + name.upper().replace("-", "_")
    outcome = variant.run(env={"TFS_PROBE_ADDR": server.address} | ({variable: ""} if name != "addr" else {}))
    assert (outcome.exit_code, outcome.verdict) == (0, READY)


def test_empty_address_is_the_default(variant: Variant) -> None:
    outcome = variant.run("-connect-timeout=0", "-v", env={"TFS_PROBE_ADDR": ""})
    (defaults,) = (line for line in outcome.lines if line.startswith("defaults "))
    assert '-addr="localhost:9000"' in defaults.split()


# By the flags' kind, so that one that is new is tested, too.
BOOLEANS = [flag.name for flag in FLAGS.values() if flag.kind == "bool" and flag.from_environment]
PARSED = [flag.name for flag in FLAGS.values() if flag.kind in ("int", "duration", "choice") and flag.from_environment]


@on("frozen")
@pytest.mark.parametrize("name", PARSED)
def test_malformed_value_names_the_variable(variant: Variant, name: str) -> None:
    variable = "TFS_PROBE_" + name.upper().replace("-", "_")
    outcome = variant.run(env={variable: '3 "s\x1b'})
    assert outcome.exit_code == 2
    *others, last = FLAGS[name].choices or ("",)
    problem = f"must be {', '.join(others)} or {last}" if last else "parse error"
    assert outcome.stderr.startswith(rf'invalid value "3 \"s\x1b" for {variable}: {problem}' + "\nUsage of ")


@on("frozen")
@pytest.mark.parametrize("name", BOOLEANS)
def test_malformed_boolean_names_the_variable(variant: Variant, name: str) -> None:
    variable = "TFS_PROBE_" + name.upper().replace("-", "_")
    outcome = variant.run(env={variable: "yes"})
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith(f'invalid boolean value "yes" for {variable}: parse error\nUsage of ')


def test_value_out_of_range(variant: Variant) -> None:
    outcome = variant.run(env={"TFS_PROBE_MODEL_VERSION": "9223372036854775808"})
    assert outcome.exit_code == 2
    sentence = 'invalid value "9223372036854775808" for TFS_PROBE_MODEL_VERSION: value out of range\n'
    assert outcome.stderr.startswith(sentence)


# What Kubernetes makes for a Service named tfs-probe, what Dockerfiles hold, and what is nearly a flag's.
FOREIGN = {
    "TFS_PROBE_SERVICE_HOST": "10.0.0.1",
    "TFS_PROBE_SERVICE_PORT": "8500",
    "TFS_PROBE_SERVICE_PORT_GRPC": "8500",
    "TFS_PROBE_PORT": "tcp://10.0.0.1:8500",
    "TFS_PROBE_PORT_8500_TCP": "tcp://10.0.0.1:8500",
    "TFS_PROBE_PORT_8500_TCP_ADDR": "10.0.0.1",
    "TFS_PROBE_PORT_8500_TCP_PORT": "8500",
    "TFS_PROBE_PORT_8500_TCP_PROTO": "tcp",
    "TFS_PROBE_VERSION": "1.0.1",
    "TFS_PROBE_HELP": "1",
    "TFS_PROBE_H": "1",
    "TFS_PROBE_": "1",
    "TFS_PROBE__ADDR": "nowhere",
    "TFS_PROBE_ADDR_": "nowhere",
    "TFS_PROBE_model_name": "other",
    "TFS_PROBE_MODEL-NAME": "other",
    "TFS_PROBE_MODELNAME": "other",
    "tfs_probe_model_name": "other",
    "tfs_probe_MODEL_NAME": "other",
    "TFS_PROBEMODEL_NAME": "other",
    "TFS_MODEL_NAME": "other",
    "MODEL_NAME": "other",
    "XTFS_PROBE_MODEL_NAME": "other",
}


def test_foreign_variables_are_ignored(variant: Variant, server: FakeServing) -> None:
    outcome = variant.run(env={"TFS_PROBE_ADDR": server.address, **FOREIGN})
    assert (outcome.exit_code, outcome.stdout, outcome.lines[1:]) == (0, "", [READY])


def test_version_is_a_flag_only(variant: Variant) -> None:
    outcome = variant.run("-version", env={"TFS_PROBE_VERSION": "1.0.1", "TFS_PROBE_TIMEOUT": "-1s"})
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("tfs_model_status_probe ")


# Bytes that are not text, as argv and variables may hold them.
BYTES = [
    (b"-model-name=\xff", 3, "string field contains invalid UTF-8"),
    (b"-addr=\xff:1", 2, r"lookup \xff: "),
    (b"-addr=127.0.0.1:\xff", 2, r"\xff"),
    (b"-addr=unix:\xff", 2, r"connect unix:\xff: no such file or directory"),
    (b"-timeout=\xff", 2, r'invalid value "\xff" for flag -timeout: parse error'),
    (b"-\xff", 2, "flag provided but not defined: -"),
]


@pytest.mark.parametrize(("argument", "exit_code", "text"), BYTES, ids=lambda value: str(value))
def test_bytes_that_are_not_text(variant: Variant, argument: bytes, exit_code: int, text: str) -> None:
    outcome = variant.run("-connect-timeout=300ms", argument)
    assert outcome.exit_code == exit_code, outcome
    assert text in outcome.stderr


@pytest.mark.parametrize("argument", [argument for argument, _, _ in BYTES])
def test_bytes_that_are_not_text_with_the_grpcio_engine(argument: bytes) -> None:
    outcome = MODULE.run("-engine=grpcio", "-connect-timeout=300ms", argument)
    assert outcome.exit_code == next(code for given, code, _ in BYTES if given == argument), outcome


def test_variable_that_is_not_text(variant: Variant) -> None:
    outcome = variant.run("-connect-timeout=300ms", env={"TFS_PROBE_ADDR": "unix:\udcff"})
    assert outcome.exit_code == 2
    assert r"connect unix:\xff: no such file or directory" in outcome.verdict


# Proxies.

PROXIES = (
    "http_proxy",
    "https_proxy",
    "grpc_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "GRPC_PROXY",
    "ALL_PROXY",
)


def proxied(variant: Variant, port: int, *argv: str) -> Outcome:
    return variant.run(*argv, "-timeout=20s", env=dict.fromkeys(PROXIES, f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""])
def test_dead_proxy_is_not_used(variant: Variant, server: FakeServing, host: str) -> None:
    with refused() as proxy:
        outcome = proxied(variant, proxy.port, f"-addr={host}:{server.port}")
    assert (outcome.exit_code, outcome.verdict) == (0, READY)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""])
def test_dead_proxy_is_not_used_with_the_grpcio_engine(server: FakeServing, host: str) -> None:
    with refused() as proxy:
        outcome = proxied(MODULE, proxy.port, f"-addr={host}:{server.port}", "-engine=grpcio")
    assert (outcome.exit_code, outcome.verdict) == (0, READY)


@pytest.mark.parametrize("engine", ["native", "grpcio"])
def test_proxy_is_not_contacted(engine: str, tmp_path: Path) -> None:
    """Also where there is nothing to connect to without it."""
    with scripted_server(answers(GOOD)) as proxy, refused() as place:
        outcome = proxied(
            MODULE, proxy.port, f"-addr=127.0.0.1:{place.port}", f"-engine={engine}", "-connect-timeout=200ms"
        )
        unix = proxied(MODULE, proxy.port, f"-addr=unix:{tmp_path}/none", f"-engine={engine}", "-connect-timeout=200ms")
    assert (outcome.exit_code, unix.exit_code) == (2, 2)
    assert proxy.peers == []
