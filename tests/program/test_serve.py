"""-serve, as whole processes: what is answered on each path, and how the process begins and ends."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.support.runner import HANG_SECONDS
from tests.support.sidecar import read_to_end, sidecar
from tests.support.variants import Variant, on, on_each_interpreter

FAST = "-serve-interval=100ms"
READY = {"half": {123: "AVAILABLE"}}


@on_each_interpreter
def test_the_life_of_a_model(variant: Variant) -> None:
    with (
        FakeServing(rest=False) as tfs,
        sidecar(variant, f"-addr=:{tfs.port}", "-model-name=half", FAST) as probe,
    ):
        probe.wait_for_line("Model not found")
        assert probe.wait_for_status(503).body.endswith("under the model's base path\n")
        assert probe.get("/livez").status == 200
        tfs.set("half", 123, "LOADING")
        probe.wait_for_line("half: Servable state is LOADING (123 LOADING)")
        assert "Servable state is LOADING" in probe.get("/readyz").body
        tfs.set("half", 123, "AVAILABLE")
        ready = probe.wait_for_status(200)
        assert [line[20:] for line in ready.body.splitlines()] == [
            "ModelStatusResponse: model_version_status:{version:123 state:AVAILABLE status:{}}",
            "Servable state is AVAILABLE",
        ]
        tfs.set("half", 124, "END", 15, "Can't parse it")
        probe.wait_for_line("half: Servable state is AVAILABLE (124 END DATA_LOSS, 123 AVAILABLE)")
        assert "Can't parse it" in probe.get("/readyz").body
        tfs.set("half", 124, "END")
        tfs.remove_model("half")
        probe.wait_for_status(503)
        states = [line[20:] for line in probe.lines]
        assert probe.end() == 0
    assert states[0].startswith("serving on 127.0.0.1:")
    assert len(states) == len(set(states))


@on_each_interpreter
def test_paths(variant: Variant) -> None:
    models = {"one": {1: "AVAILABLE"}, "a/b <c>": {1: "LOADING"}}
    with (
        FakeServing(models, rest=False) as tfs,
        sidecar(variant, f"-addr=:{tfs.port}", "-model-name=one", "-model-name=a/b <c>", FAST) as probe,
    ):
        probe.wait_for_line("LOADING")
        probe.wait_until(lambda reply: "1/2 models ready" in reply.body)
        statuses = {
            path: probe.get(path).status
            for path in (
                "/readyz", "/readyz/one", "/readyz/a%2Fb%20%3Cc%3E", "/readyz/a/b%20%3cc%3e?x=1", "/readyz/",
                "/readyz/two", "/livez", "/healthz", "/metrics", "/", "/?x", "/livez/one", "/favicon.ico", "//", "http://other/livez",
            )
        }  # fmt: skip
        assert statuses == {
            "/readyz": 503, "/readyz/one": 200, "/readyz/a%2Fb%20%3Cc%3E": 503, "/readyz/a/b%20%3cc%3e?x=1": 503,
            "/readyz/": 404, "/readyz/two": 404, "/livez": 200, "/healthz": 200, "/metrics": 200, "/": 200, "/?x": 200,
            "/livez/one": 404, "/favicon.ico": 404, "//": 404, "http://other/livez": 200,
        }  # fmt: skip
        body = probe.get("/readyz", headers={"Accept": "text/html, application/json;q=0.9"}).body
        report = json.loads(body)
        assert (report["ready"], report["exit_code"]) == (False, 32)
        assert {model["name"]: model["ready"] for model in report["models"]} == {"one": True, "a/b <c>": False}
        assert json.loads(probe.get("/readyz/one", headers={"Accept": "application/json"}).body)["ready"]
        head = probe.get("/metrics", "HEAD")
        assert (head.status, head.body) == (200, "")
        assert abs(int(head.headers["Content-Length"]) - len(probe.get("/metrics").body)) < 20
        refused = probe.get("/readyz", "POST")
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")
        page = probe.get("/")
        assert "a/b &lt;c&gt;" in page.body
        assert "<c>" not in page.body
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


@on_each_interpreter
def test_the_first_bytes_of_the_metrics(variant: Variant) -> None:
    """Prometheus 3 refuses a scrape whose Content-Type it does not know, or that does not end with a newline."""
    with (
        FakeServing(READY, rest=False) as tfs,
        sidecar(variant, f"-addr=:{tfs.port}", "-model-name=half", FAST) as probe,
        probe.connect() as connection,
    ):
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert body.endswith(b"} 1\n")


@on_each_interpreter
def test_before_the_first_answer(variant: Variant) -> None:
    """The server accepts connections, and says nothing: the first round takes its whole time."""
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        sidecar(variant, f"-addr=127.0.0.1:{mute.getsockname()[1]}", "-model-name=half", "-serve-interval=2s") as probe,
    ):
        reply = probe.get("/readyz")
        assert (reply.status, "no answer yet" in reply.body) == (503, True)
        assert reply.seconds < 0.1
        assert probe.get("/livez").status == 503
        assert probe.get("/healthz").status == 200
        samples = probe.metrics()
        assert samples['tfs_model_ready{model="half"}'] == 0
        assert samples["tfs_probe_up"] == 0
        assert samples["tfs_probe_last_success_timestamp_seconds"] == 0
        assert samples['tfs_probe_checks_total{result="success"}'] == 0
        assert samples['tfs_probe_checks_total{result="failure"}'] == 0
        assert "not asked yet" in probe.get("/").body
        probe.wait_for_line("no HTTP/2 SETTINGS")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("answers", [True, False])
@on_each_interpreter
def test_a_signal_ends_it_at_once_with_0(variant: Variant, number: int, answers: bool) -> None:
    with (
        FakeServing(READY, rest=False, delay=0 if answers else 2) as tfs,
        sidecar(variant, f"-addr=:{tfs.port}", "-model-name=half", "-serve-interval=20s") as probe,
    ):
        if answers:
            probe.wait_for_status(200)
        begun = time.monotonic()
        probe.process.send_signal(number)
        assert probe.process.wait(HANG_SECONDS) == 0
        assert time.monotonic() - begun < 0.5


@on_each_interpreter
def test_all_addresses(variant: Variant) -> None:
    """`:PORT` is IPv6 and IPv4."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = variant.start(f"-serve=:{port}", "-addr=:1", "-model-name=half")
    try:
        assert process.stderr is not None
        assert f"serving on [::]:{port}, asking :1 every 5s" in process.stderr.readline().decode()
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port)) as connection:
                connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                assert read_to_end(connection).endswith(b"\r\n\r\nok\n")
    finally:
        process.kill()
        process.communicate()


@on_each_interpreter
def test_a_port_in_use(variant: Variant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = variant.run(f"-serve=127.0.0.1:{port}", "-model-name=half")
    assert outcome.exit_code == 1
    assert outcome.verdict == f"error: cannot listen on 127.0.0.1:{port}: address already in use"
    assert outcome.hint.startswith("give another port")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("9808", "error: -serve: address 9808: missing port in address"),
        ("", "error: -serve: address : missing port in address"),
        (":http", "error: -serve: address :http: it must be HOST:PORT with a number"),
        ("unix:/run/probe.sock", "error: -serve: address unix:/run/probe.sock: it must be HOST:PORT with a number"),
        (":65536", "error: -serve: address :65536: invalid port"),
        ("192.0.2.1:9808", "error: cannot listen on 192.0.2.1:9808: cannot assign requested address"),
    ],
)
@on_each_interpreter
def test_an_address_that_cannot_be_bound(variant: Variant, address: str, sentence: str) -> None:
    outcome = variant.run(f"-serve={address}", "-model-name=half")
    assert (outcome.exit_code, outcome.verdict) == (1, sentence)
    assert outcome.hint


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["-wait=1s"], "-wait"),
        (["-liveness"], "-liveness"),
        (["-format=json"], "-format"),
        (["-quiet"], "-quiet"),
        (["-install=/nowhere/at/all"], "-install"),
        (["-wait=1s", "--", "true"], "a command"),
    ],
)
@on("module", "frozen")
def test_conflicts(variant: Variant, flags: list[str], named: str) -> None:
    outcome = variant.run("-serve=:0", *flags)
    assert outcome.exit_code == 1
    text = outcome.stderr + outcome.stdout
    assert "cannot specify -serve with " + named in text


@on("module", "frozen")
def test_the_interval(variant: Variant) -> None:
    assert variant.run("-serve=:0", "-serve-interval=0").verdict == "error: -serve-interval must be above 0"
    assert variant.run("-serve=:0", "-serve-interval=5").exit_code == 2


@on("module", "frozen")
def test_no_variable_makes_a_probe_serve(variant: Variant) -> None:
    with FakeServing(READY, rest=False) as tfs:
        environment = {"TFS_PROBE_SERVE": ":0", "TFS_PROBE_SERVE_INTERVAL": "1s"}
        assert variant.run(f"-addr=:{tfs.port}", "-model-name=half", env=environment).exit_code == 0


@on_each_interpreter
def test_the_configuration_file_is_read_again(variant: Variant, tmp_path: Path) -> None:
    file = tmp_path / "models.config"

    def write(*names: str) -> None:
        models = "".join(
            f'config {{ name: "{name}" base_path: "/m/{name}" model_platform: "tensorflow" }}\n' for name in names
        )
        new = tmp_path / "new"
        new.write_text(f"model_config_list {{ {models} }}\n")
        new.rename(file)

    write("one")
    with (
        FakeServing({"one": {1: "AVAILABLE"}, "two": {1: "LOADING"}}, rest=False) as tfs,
        sidecar(variant, f"-addr=:{tfs.port}", f"-model-config-file={file}", FAST) as probe,
    ):
        probe.wait_for_status(200)
        assert probe.metrics()["tfs_probe_config_last_reload_successful"] == 1
        write("one", "two")
        probe.wait_for_line("the configuration file was read")
        probe.wait_until(lambda reply: "1/2 models ready" in reply.body)
        assert 'tfs_model_ready{model="two"}' in probe.metrics()
        file.write_text("model_config_list { config { name: }")
        probe.wait_for_line("its last usable content stays in use")
        assert "1/2 models ready" in probe.get("/readyz").body
        assert probe.metrics()["tfs_probe_config_last_reload_successful"] == 0
        assert "broken" in probe.get("/").body
        file.unlink()
        probe.wait_for_line("cannot be read")
        write()
        probe.wait_until(lambda reply: reply.body.startswith("20") and "Empty response" in reply.body)
        assert probe.get("/livez").status == 200
        write("one")
        probe.wait_for_status(200)
        samples = probe.metrics()
        assert samples["tfs_probe_config_last_reload_successful"] == 1
        assert 'tfs_model_ready{model="two"}' not in samples


@on("module", "frozen")
def test_a_second_model_in_the_file_of_a_flag_for_one(variant: Variant, tmp_path: Path) -> None:
    """Such a file is a broken one: the model that was asked for before stays the only one."""
    file = tmp_path / "models.config"
    model = 'config {{ name: "{}" base_path: "/m" model_platform: "tensorflow" }} '
    file.write_text(f"model_config_list {{ {model.format('one')} }}")
    with (
        FakeServing({"one": {1: "AVAILABLE"}}, rest=False) as tfs,
        sidecar(variant, f"-addr=:{tfs.port}", f"-model-config-file={file}", FAST, "-model-version=1") as probe,
    ):
        probe.wait_for_status(200)
        file.write_text(f"model_config_list {{ {model.format('one')} {model.format('two')} }}")
        line = (
            "-model-version needs a single model, and -model-config-file lists 2; its last usable content stays in use"
        )
        probe.wait_for_line(line)
        assert probe.get("/readyz").status == 200
        assert probe.metrics()["tfs_probe_config_last_reload_successful"] == 0


@on_each_interpreter
def test_a_broken_file_at_the_start(variant: Variant, tmp_path: Path) -> None:
    file = tmp_path / "models.config"
    file.write_text("model_config_list {")
    outcome = variant.run("-serve=127.0.0.1:0", f"-model-config-file={file}")
    assert outcome.exit_code == 1
    assert "line 1" in outcome.verdict


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        (["-require=latest"], 503),
        (["-require=any"], 200),
        (["-model-version=123"], 200),
        (["-model-version=124"], 503),
        (["-min-version=124"], 503),
        (["-timeout=50ms"], 200),
    ],
)
@on("module", "frozen")
def test_what_counts_as_ready(variant: Variant, flags: list[str], status: int) -> None:
    models = {"half": {123: "AVAILABLE", 124: "LOADING"}}
    with (
        FakeServing(models, rest=False) as tfs,
        sidecar(variant, f"-addr=:{tfs.port}", "-model-name=half", FAST, *flags) as probe,
    ):
        probe.wait_for_line("half: ")
        probe.wait_for_status(status)


@on_each_interpreter
def test_rest(variant: Variant) -> None:
    with (
        FakeServing(READY) as tfs,
        sidecar(variant, f"-addr=http://127.0.0.1:{tfs.rest_port}", "-model-name=half", FAST) as probe,
    ):
        probe.wait_for_status(200)
        assert probe.get("/livez").status == 200
        tfs.set("half", 123, "LOADING")
        probe.wait_for_status(503)
        tfs.set("half", 123, "AVAILABLE")
        probe.wait_for_status(200)
        tfs.close_ports()
        probe.wait_for_status(503)
        tfs.open_ports()
        probe.wait_for_status(200)


@on_each_interpreter
def test_stderr_that_nobody_reads(variant: Variant) -> None:
    """A full pipe loses lines, and nothing else."""
    with FakeServing(READY, rest=False) as tfs, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.close()
        process = variant.start(f"-serve=127.0.0.1:{port}", f"-addr=:{tfs.port}", "-model-name=half", FAST)
        try:
            assert process.stderr is not None
            process.stderr.readline()
            limit = time.monotonic() + 8
            states = ["LOADING", "AVAILABLE"]
            for number in range(2000):
                tfs.set("half", 200 + number, states[number % 2], 0, "")
            while time.monotonic() < limit:
                with socket.create_connection(("127.0.0.1", port)) as connection:
                    connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
                    answer = read_to_end(connection)
                if b" 200 OK" in answer:
                    break
            assert b" 200 OK" in answer
        finally:
            process.kill()
            process.communicate()
