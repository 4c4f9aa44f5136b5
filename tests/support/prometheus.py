"""A real Prometheus that scrapes one target, and its answers to queries."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.frozen.roots import SBIN
from tests.support.runner import HANG_SECONDS

CONFIGURATION = """
global: {{scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: probe
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
Vector = dict[tuple[tuple[str, str], ...], float]


class Prometheus:
    """Answers queries. `asked`: those so far."""

    def __init__(self, port: int) -> None:
        self.asked: set[str] = set()
        self._base = f"http://127.0.0.1:{port}/api/v1/"

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._base}{path}?{query}", timeout=HANG_SECONDS) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The vector of an expression now: labels and values."""
        self.asked.add(expression)
        data = self.get("query", query=expression)
        assert data["resultType"] == "vector", (expression, data)
        return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]

    def wait_until(self, expression: str, is_right: Callable[[list[tuple[dict[str, str], float]]], bool]) -> None:
        limit = time.monotonic() + HANG_SECONDS
        while not is_right(found := self.query(expression)):
            assert time.monotonic() < limit, (expression, found)
            time.sleep(0.1)


def need(command: str) -> None:
    """Skips the test where the command is missing; in CI, fails it."""
    if not any((Path(folder) / command).exists() for folder in SBIN.split(":")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{command} is missing: build/system_packages.sh test")


@contextlib.contextmanager
def prometheus(folder: Path, target: int, rules: Path, port: int) -> Iterator[Prometheus]:
    """A server that scrapes that port of 127.0.0.1 four times a second, and is ready."""
    need("prometheus")
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(rules=rules, port=target))
    command = [
        "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ | {"PATH": SBIN})
    try:
        limit = time.monotonic() + HANG_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                assert process.poll() is None and time.monotonic() < limit, (folder / "log").read_text()
                time.sleep(0.1)
        yield Prometheus(port)
    finally:
        process.kill()
        process.wait()
