"""Every probe in the examples, run by the executable: as it stands there, but for the port."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.deploy.documents import USES, Use, write_config
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


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ConfigMaps' files."""
    return write_config(tmp_path_factory.mktemp("config"))


def run(frozen: Variant, use: Use, port: int, config: Path) -> Outcome:
    """The probe as the kubelet would run it, but for the port and the folder of the configuration."""
    arguments = use.arguments(port, config)
    assert f"-addr=:{port}" in arguments
    return frozen.run(*arguments)


@every_use
def test_ready(frozen: Variant, server: FakeServing, config: Path, use: Use) -> None:
    for model in use.models:
        server.set(model, 1, "AVAILABLE")
    outcome = run(frozen, use, server.port, config)
    count = len(use.models)
    verdict = "Servable state is AVAILABLE" if count == 1 else f"{count}/{count} models ready"
    assert (outcome.exit_code, outcome.verdict) == (0, verdict)


@every_use
def test_loading(frozen: Variant, server: FakeServing, config: Path, use: Use) -> None:
    """One model is enough."""
    server.set(use.models[-1], 1, "LOADING")
    outcome = run(frozen, use, server.port, config)
    assert outcome.exit_code == (0 if "-liveness" in use.command else 32), outcome


@every_use
def test_busy(frozen: Variant, server: FakeServing, config: Path, use: Use) -> None:
    server.busy = True
    try:
        outcome = run(frozen, use, server.port, config)
    finally:
        server.busy = False
    assert outcome.exit_code == (0 if "-liveness" in use.command else 3), outcome


@pytest.fixture(scope="module")
def refused(frozen: Variant, config: Path) -> dict[str, Outcome]:
    """What each probe says while the port is closed. All at once: it takes each as long as its deadline is away."""
    uses = [*USES, *ORIGINAL]
    with canned.refused() as nobody, ThreadPoolExecutor(len(uses)) as pool:
        outcomes = pool.map(lambda use: run(frozen, use, nobody.port, config), uses)
        return dict(zip((use.name for use in uses), outcomes, strict=True))


@every_use
def test_first_load(refused: dict[str, Outcome], use: Use) -> None:
    """The port is closed until the first models have loaded."""
    outcome = refused[use.name]
    assert outcome.exit_code == 2
    line = outcome.verdict if len(use.models) == 1 else outcome.lines[0]
    assert line.startswith("Error dialing grpc service: context deadline exceeded (last error: connect ")
