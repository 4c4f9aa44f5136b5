"""The program against real gRPC servers of other makers: the same facts, the same verdicts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hints import HINTS
from tests.support.variants import Variant, built

from . import facts, servers


@pytest.fixture(scope="module", params=list(servers.SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[servers.Server]:
    """Each server in turn, once for all tests."""
    with servers.SERVERS[request.param](None) as running:
        yield running


def ask(variant: Variant, server: servers.Server, model: str, *argv: str) -> tuple[int, str]:
    outcome = variant.run("-addr", server.target, "-model-name", model, "-timeout=10s", *argv)
    return outcome.exit_code, outcome.verdict


@pytest.mark.parametrize("engine", ["native", "grpcio"])
def test_states(server: servers.Server, engine: str) -> None:
    module = built("module")
    engine_flag = f"-engine={engine}"
    assert ask(module, server, "half", engine_flag) == (0, "Servable state is AVAILABLE")
    assert ask(module, server, "loading", engine_flag) == (32, "Servable state is LOADING")


def test_every_variant(server: servers.Server, variant: Variant) -> None:
    assert ask(variant, server, "half") == (0, "Servable state is AVAILABLE")
    assert ask(variant, server, "loading") == (32, "Servable state is LOADING")
    assert ask(variant, server, "nope")[0] == 10


def test_an_answer_larger_than_the_first_window(server: servers.Server, variant: Variant) -> None:
    assert len(facts.ANSWERS["big"]) > 65535
    outcome = variant.run("-addr", server.target, "-model-name=big", "-timeout=10s")
    assert outcome.exit_code == 0
    assert outcome.lines[0].endswith("more versions left out)")


@pytest.mark.parametrize("model", ["no-such", "größe 模型", "100%", "a\nb", "%41"])
def test_names_go_and_come_whole(server: servers.Server, model: str) -> None:
    escaped = model.replace("\n", "\\n")
    verdict = f"Model not found: rpc error: code = NotFound desc = Could not find any versions of model {escaped}"
    assert ask(built("module"), server, model) == (10, verdict)


def test_a_request_larger_than_the_first_window(server: servers.Server) -> None:
    # The server's message comes back cut by its own limits, if at all: what counts is that the request arrived.
    exit_code, verdict = ask(built("module"), server, "x" * 100_000)
    assert exit_code in (3, 10), verdict


def test_a_server_that_is_silent(server: servers.Server) -> None:
    exit_code, verdict = ask(built("module"), server, facts.SILENT, "-rpc-timeout=300ms")
    assert exit_code == 3
    assert verdict == "Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded"


def test_a_server_that_goes_away(server: servers.Server) -> None:
    exit_code, verdict = ask(built("module"), server, facts.CUT)
    assert exit_code == 3
    assert verdict.startswith("Error calling tfs: rpc error: code = ")


def test_an_error_of_the_server_comes_whole(server: servers.Server) -> None:
    exit_code, verdict = ask(built("module"), server, "broken")
    message = facts.BROKEN_MESSAGE.replace("\n", "\\n")
    assert (exit_code, verdict) == (3, f"Error calling tfs: rpc error: code = Internal desc = {message}")


def test_a_proxy_without_a_server_behind_it() -> None:
    with servers.nginx_without_upstream() as proxy:
        outcome = built("module").run("-addr", proxy.target, "-timeout=10s")
    assert outcome.exit_code == 3
    assert outcome.verdict.startswith(
        "Error calling tfs: rpc error: code = Unavailable desc = unexpected HTTP status code"
    )
    assert "502" in outcome.verdict
    assert outcome.hint == HINTS["proxy"]
