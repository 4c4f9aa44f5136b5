"""Every probe in the examples, run by the executable: as it stands there, but for the port."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.deploy.documents import USES, Use
from tests.fake_tfs import FakeServing
from tests.support import canned
from tests.support.runner import Outcome
from tests.support.variants import Variant, built

# The sample configuration in the original program's README, whose users change nothing but the image.
ORIGINAL = tuple(
    Use("original", kind, ("/bin/tfs_model_status_probe", "-addr=:8500", "-model-name=half_plus_two"), 1.0, {})
    for kind in ("startupProbe", "livenessProbe")
)

every_use = pytest.mark.parametrize("use", [*USES, *ORIGINAL], ids=lambda use: use.name)


@pytest.fixture(scope="module")
def frozen() -> Variant:
    return built("frozen")


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServing]:
    with FakeServing(rest=False) as running:
        yield running


def model(use: Use) -> str:
    """The name that the probe asks for; liveness leaves it at the default."""
    return next((word.partition("=")[2] for word in use.command if word.startswith("-model-name=")), "default")


def run(frozen: Variant, use: Use, port: int) -> Outcome:
    """The probe as the kubelet would run it, with the port replaced."""
    arguments = [re.sub(r"^-addr=:\d+$", f"-addr=:{port}", word) for word in use.command[1:]]
    assert f"-addr=:{port}" in arguments
    return frozen.run(*arguments)


@every_use
def test_ready(frozen: Variant, server: FakeServing, use: Use) -> None:
    server.set(model(use), 1, "AVAILABLE")
    outcome = run(frozen, use, server.port)
    assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE")


@every_use
def test_loading(frozen: Variant, server: FakeServing, use: Use) -> None:
    server.set(model(use), 1, "LOADING")
    outcome = run(frozen, use, server.port)
    assert outcome.exit_code == (0 if "-liveness" in use.command else 32), outcome


@every_use
def test_busy(frozen: Variant, server: FakeServing, use: Use) -> None:
    server.busy = True
    try:
        outcome = run(frozen, use, server.port)
    finally:
        server.busy = False
    assert outcome.exit_code == (0 if "-liveness" in use.command else 3), outcome


@pytest.fixture(scope="module")
def refused(frozen: Variant) -> dict[str, Outcome]:
    """What each probe says while the port is closed. All at once: it takes each as long as its deadline is away."""
    uses = [*USES, *ORIGINAL]
    with canned.refused() as nobody, ThreadPoolExecutor(len(uses)) as pool:
        outcomes = pool.map(lambda use: run(frozen, use, nobody.port), uses)
        return dict(zip((use.name for use in uses), outcomes, strict=True))


@every_use
def test_first_load(refused: dict[str, Outcome], use: Use) -> None:
    """The port is closed until the first models have loaded."""
    outcome = refused[use.name]
    assert outcome.exit_code == 2
    assert outcome.verdict.startswith("Error dialing grpc service: context deadline exceeded (last error: connect ")
