"""The probe as a container of its own: what it answers when the model serves, and when it does not in time."""

from __future__ import annotations

import re

import pytest

from tests.deploy.documents import CI_SERVICES, WAITS
from tests.fake_tfs import FakeServing
from tests.support.variants import built

COMMANDS = {wait.name: wait.container["args"] for wait in WAITS} | {"ci": CI_SERVICES["model-ready"]["command"]}
MODEL = "half_plus_two"

each_command = pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)


def here(arguments: list[str], port: int, wait: str) -> list[str]:
    """The arguments for a server on this machine, and less patience."""
    moved = (re.sub("^-addr=.*", f"-addr=127.0.0.1:{port}", word) for word in arguments)
    return [re.sub("^-wait=.*", f"-wait={wait}", word) for word in moved]


@each_command
def test_the_model_serves(arguments: list[str]) -> None:
    with FakeServing({MODEL: {125: "AVAILABLE"}}, rest=False) as server:
        outcome = built("frozen").run(*here(arguments, server.port, "30s"))
    assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE"), outcome


@each_command
def test_the_model_does_not_serve_in_time(arguments: list[str]) -> None:
    with FakeServing({MODEL: {125: "LOADING"}}, rest=False) as server:
        outcome = built("frozen").run(*here(arguments, server.port, "300ms"))
    assert (outcome.exit_code, outcome.verdict) == (32, "Servable state is LOADING"), outcome


def test_an_older_version_does_not_pass_the_gate() -> None:
    with FakeServing({MODEL: {123: "AVAILABLE"}}, rest=False) as server:
        outcome = built("frozen").run(*here(COMMANDS["rollout-gate-Job"], server.port, "300ms"))
    assert (outcome.exit_code, outcome.verdict) == (12, "No matching response found for version: 124 or newer")


def test_why_a_version_does_not_belong_in_a_readiness_probe() -> None:
    """What rollout-gate.yaml says: 34 as soon as the next version has replaced it."""
    with FakeServing({MODEL: {125: "AVAILABLE", 124: "END"}}, rest=False) as server:
        asked = (f"-addr=127.0.0.1:{server.port}", f"-model-name={MODEL}")
        assert built("frozen").run(*asked).exit_code == 0
        assert built("frozen").run(*asked, "-model-version=124").exit_code == 34
