"""The rules and the dashboard: unit-tested by promtool, and asked of a real Prometheus that scrapes the executable."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from tests.deploy.documents import FOLDER
from tests.deploy.sidecar import RULES, alerts, dashboard_queries
from tests.fake_tfs import FakeServing
from tests.support.prometheus import Prometheus, need, prometheus
from tests.support.sidecar import sidecar
from tests.support.variants import built

HERE = Path(__file__).parent
QUERIES = dashboard_queries(job=".*", instance=".*", model=".*", __rate_interval="5s")
ALERTS = alerts()
STATES = ("UNKNOWN", "START", "LOADING", "AVAILABLE", "UNLOADING", "END")


CONFIG = 'model_config_list { config { name: "half" base_path: "/models/half" model_platform: "tensorflow" } }'


def promtool(*arguments: str | Path, given: str = "") -> str:
    """What it says about files, or about `given` on its standard input."""
    need("promtool")
    done = subprocess.run(["promtool", *map(str, arguments)], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_rules() -> None:
    promtool("check", "rules", RULES)


def test_each_alert_fires_when_it_should(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    test = shutil.copy(HERE / "rules_test.yaml", tmp_path)
    promtool("test", "rules", test)
    tested = (HERE / "rules_test.yaml").read_text()
    assert [alert for alert in ALERTS if f"alertname: {alert}" not in tested] == []


def test_the_files_are_there() -> None:
    assert RULES.is_relative_to(FOLDER)


def one(server: Prometheus, expression: str) -> float:
    ((_, value),) = server.query(expression)
    return value


def pending(server: Prometheus) -> set[str]:
    """The alerts whose expression holds now."""
    return {alert for alert, expression in ALERTS.items() if server.query(expression)}


def states(server: Prometheus) -> dict[str, str]:
    """By version, what the dashboard shows."""
    return {
        labels["version"]: STATES[int(value) - 1] for labels, value in server.query(QUERIES["State of each version"])
    }


def test_the_life_of_a_model(tmp_path: Path) -> None:
    """Loading, ready, an upgrade, a broken upgrade, its repair, removal, a server that goes away, and a broken file."""
    config = tmp_path / "models.config"
    config.write_text(CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        FakeServing({"half": {1: "LOADING"}}, rest=False) as tfs,
        sidecar(
            built("frozen"), f"-addr=:{tfs.port}", f"-model-config-file={config}", "-serve-interval=250ms"
        ) as probe,
        prometheus(tmp_path, probe.port, RULES, port) as server,
    ):
        server.wait_until(QUERIES["State of each version"], lambda found: bool(found))
        (target,) = server.get("targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")
        assert states(server) == {"1": "LOADING"}
        assert pending(server) == {"TensorFlowServingModelNotReady", "TensorFlowServingVersionStuckLoading"}
        assert (one(server, QUERIES["Models ready"]), one(server, QUERIES["Models not ready"])) == (0, 1)
        assert server.query(QUERIES["Since all models were last ready"]) == []

        tfs.set("half", 1, "AVAILABLE")
        server.wait_until(QUERIES["Models ready"], lambda found: [value for _, value in found] == [1])
        assert states(server) == {"1": "AVAILABLE"}
        assert pending(server) == set()
        assert one(server, QUERIES["Since all models were last ready"]) < 5
        assert one(server, QUERIES["Servers that do not answer"]) == 0
        assert 0 < one(server, QUERIES["Duration of a round"]) < 0.25
        ((labels, value),) = server.query(QUERIES["Probes"])
        assert (labels["version"], value) == ("2.0.0", 1)

        tfs.set("half", 2, "LOADING")
        server.wait_until(QUERIES["State of each version"], lambda found: len(found) == 2)
        assert states(server) == {"2": "LOADING", "1": "AVAILABLE"}
        assert pending(server) == {"TensorFlowServingVersionStuckLoading"}

        tfs.set("half", 2, "END", 15, "Can't parse it")
        server.wait_until(ALERTS["TensorFlowServingNewestVersionNotServed"], lambda found: bool(found))
        assert states(server) == {"2": "END", "1": "AVAILABLE"}
        assert pending(server) == {"TensorFlowServingNewestVersionNotServed"}
        assert promtool("check", "metrics", given=probe.get("/metrics").body) == ""
        stale = QUERIES["Models with a version that ended beside one that serves"]
        assert one(server, stale) == 1

        tfs.set("half", 3, "AVAILABLE")
        tfs.set("half", 1, "END")
        server.wait_until(
            QUERIES["State of each version"], lambda found: [labels["version"] for labels, _ in found] == ["3"]
        )
        assert states(server) == {"3": "AVAILABLE"}
        assert pending(server) == set()
        assert one(server, stale) == 0

        tfs.remove_model("half")
        server.wait_until(QUERIES["Models ready"], lambda found: [value for _, value in found] == [0])
        assert states(server) == {"3": "END", "2": "END"}
        assert pending(server) == {"TensorFlowServingModelNotReady"}

        tfs.close_ports()
        server.wait_until(QUERIES["Servers that do not answer"], lambda found: [value for _, value in found] == [1])
        assert states(server) == {}
        assert pending(server) == {"TensorFlowServingNoAnswer"}
        assert len(server.query('tfs_model_version_state{version="3"} == 0')) == 6
        assert promtool("check", "metrics", given=probe.get("/metrics").body) == ""
        assert len(server.query(QUERIES["Ready"])) == len(server.query(QUERIES["TensorFlow Serving answers"])) == 1

        tfs.set("half", 4, "AVAILABLE")
        tfs.open_ports()
        server.wait_until(QUERIES["Models ready"], lambda found: [value for _, value in found] == [1])
        rates = {labels["result"]: value for labels, value in server.query(QUERIES["Rounds per second, by result"])}
        assert set(rates) == {"success", "failure"}
        assert rates["success"] + rates["failure"] > 0

        config.write_text("model_config_list {")
        server.wait_until(ALERTS["TensorFlowServingProbeConfigBroken"], lambda found: bool(found))
        assert pending(server) == {"TensorFlowServingProbeConfigBroken"}
        config.write_text(CONFIG)
        server.wait_until(ALERTS["TensorFlowServingProbeConfigBroken"], lambda found: not found)
        assert pending(server) == set()

        probe.end()
        server.wait_until(ALERTS["TensorFlowServingProbeDown"], lambda found: bool(found))
        assert pending(server) == {"TensorFlowServingProbeDown"}
        assert server.asked >= {*QUERIES.values(), *ALERTS.values()}
