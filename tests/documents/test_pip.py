"""The documents' `pip` commands, each in a virtual environment of its own, in a folder with what it names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from probe.cli.hints import PIP_INSTALL
from tests.documents.known import commands_for
from tests.documents.reading import Command
from tests.fake_tfs import FakeServing
from tests.frozen.checkout import copy_checkout
from tests.support.variants import ROOT, VERSION, Variant

COMMANDS = commands_for("test_pip.py")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this one, with a wheel in it, as if it had been downloaded there."""
    folder = copy_checkout(tmp_path_factory.mktemp("checkout") / "checkout")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_it_installs_a_probe_that_works(command: Command, checkout: Path, tmp_path: Path) -> None:
    """Without an index, unless grpcio is asked for: the package depends on nothing."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    commands = tmp_path / "venv" / "bin"
    alone = {} if "grpcio" in command.text else {"PIP_NO_INDEX": "1"}
    variables = {"PATH": f"{commands}:{os.environ['PATH']}", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    install = ["sh", "-euc", command.text]
    done = subprocess.run(
        install, cwd=checkout, env=os.environ | variables | alone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    installed = Variant("package", (str(commands / "tfs_model_status_probe"),))
    assert installed.run("-version").stdout.startswith(f"tfs_model_status_probe {VERSION} ")
    engine = "grpcio" if "[grpcio]" in command.text else "native"
    with FakeServing({"default": {1: "AVAILABLE"}}, rest=False) as server:
        outcome = installed.run(f"-addr={server.address}", f"-engine={engine}", cwd=tmp_path)
    assert (outcome.exit_code, outcome.verdict) == (0, "Servable state is AVAILABLE"), outcome


def test_the_second_engine_is_not_there_unless_it_is_asked_for(checkout: Path) -> None:
    """And the program's own advice is README's command."""
    assert [command.text for command in COMMANDS if "grpcio" in command.text] == [PIP_INSTALL]
    assert (checkout / f"tfs_model_status_probe-{VERSION}-py3-none-any.whl").exists()
    assert shutil.which("pip", path=str(ROOT / ".venv" / "bin"))
