"""The stand-in answers as TensorFlow Serving was seen to: captured bytes are replayed, then what its source says.

tests/data/captures.json holds the captures with their origin: situations (models in given states; calls and GETs with
their exact answers) and lives (a script, and the answer after each of its steps).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from google.protobuf import text_format

from probe.tfs.proto import serving_pb2
from tests.fake_tfs import FakeServing
from tests.fake_tfs.__main__ import parse
from tests.fake_tfs.grpc_server import GET_MODEL_STATUS, HEALTH_CHECK, clipped
from tests.fake_tfs.rest import error_body, respond, status_body
from tests.fake_tfs.scripts import SCRIPTS
from tests.fake_tfs.state import Refused, Servables, VersionStatus

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = json.loads((ROOT / "tests" / "data" / "captures.json").read_text(encoding="utf-8"))

HALF = bytes.fromhex("0a060a0468616c66")  # GetModelStatusRequest for the model `half`
HALF_123 = bytes.fromhex("0a06087b101e1a00")  # the answer: version 123 AVAILABLE
HALF_1 = bytes.fromhex("0a060801101e1a00")

Answer = bytes | tuple[str, str | None]


def ask(
    address: str,
    request: bytes = HALF,
    method: str = GET_MODEL_STATUS,
    *,
    timeout: float = 5,
    credentials: grpc.ChannelCredentials | None = None,
    metadata: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """One call with bytes in and out: the answer's bytes, or the name of the status code and its text."""
    options = [("grpc.enable_http_proxy", 0)]
    if credentials is None:
        channel = grpc.insecure_channel(address, options=options)
    else:
        channel = grpc.secure_channel(address, credentials, options=options)
    with channel:
        call: Callable[..., bytes] = channel.unary_unary(method)
        try:
            return call(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            return error.code().name, error.details()


def get(server: FakeServing, path: str, method: str = "GET", **headers: str) -> tuple[int, str | None, bytes]:
    """One REST request on a connection of its own: status, Content-Type, body."""
    connection = http.client.HTTPConnection(server.host, server.rest_port, timeout=5)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read()
    finally:
        connection.close()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Polls until the condition holds; fails after `seconds`."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "the condition did not come true"
        time.sleep(0.005)


def refused(port: int) -> bool:
    """Whether connecting to the port of this machine is refused."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


# ---- replayed captures


def captured_models(models: dict[str, dict[str, Any]]) -> dict[str, dict[int, Any]]:
    """JSON's keys and lists as the stand-in takes them."""
    return {
        name: {int(version): tuple(value) if isinstance(value, list) else value for version, value in versions.items()}
        for name, versions in models.items()
    }


def captured_answer(call: dict[str, Any]) -> Answer | str:
    if "code" in call:
        return call["code"], call["details"]
    return str(call["text"]) if "text" in call else bytes.fromhex(call["response"])


def replay(server: FakeServing, call: dict[str, Any]) -> Answer | str:
    tail, times = call.get("request_tail", ("", 0))
    request = bytes.fromhex(call["request"]) + bytes.fromhex(tail) * times
    answer = ask(server.address, request, call.get("method", GET_MODEL_STATUS))
    if "text" in call and isinstance(answer, bytes):
        return text_format.MessageToString(serving_pb2.GetModelStatusResponse.FromString(answer))
    return answer


@pytest.mark.parametrize("situation", CAPTURES["situations"], ids=lambda situation: situation["name"])
def test_a_captured_situation_gives_the_captured_answers(situation: dict[str, Any]) -> None:
    options = {name: situation[name] for name in ("busy", "health") if name in situation}
    with FakeServing(captured_models(situation["models"]), **options) as server:
        for name in situation.get("removed", ()):
            server.remove_model(name)
        answers = {call["what"]: replay(server, call) for call in situation["calls"]}
        bodies = {request["path"]: get(server, request["path"]) for request in situation.get("gets", ())}
    assert answers == {call["what"]: captured_answer(call) for call in situation["calls"]}
    assert {path: (status, body.decode()) for path, (status, _, body) in bodies.items()} == {
        request["path"]: (request["status"], request["body"]) for request in situation.get("gets", ())
    }


@pytest.mark.parametrize("life", CAPTURES["lives"], ids=lambda life: life["script"])
def test_a_captured_life_gives_the_captured_answers(life: dict[str, Any]) -> None:
    with FakeServing() as server:
        run = server.run_script(life["script"], manual=True)
        answers = []
        for _ in life["answers"]:
            answers.append(ask(server.address, bytes.fromhex(life["request"])))
            run.advance()
    assert answers == [bytes.fromhex(answer) for answer in life["answers"]]


def test_no_capture_is_lost() -> None:
    situations = CAPTURES["situations"]
    assert sum(len(situation["calls"]) for situation in situations) == 43
    assert sum(len(situation.get("gets", ())) for situation in situations) == 9
    assert sum(len(life["answers"]) for life in CAPTURES["lives"]) == 16


# ---- gRPC, from the source of TensorFlow Serving


def test_a_message_of_1024_bytes_is_whole_and_a_longer_one_is_cut_even_inside_a_character() -> None:
    assert clipped("x" * 1024) == b"x" * 1024
    assert clipped("x" * 1025) == b"x" * 1024 + b"...TRUNCATED"
    assert clipped("x" * 1023 + "\u00e9") == b"x" * 1023 + b"\xc3...TRUNCATED"


def test_a_text_cut_inside_a_character_still_arrives_with_its_code() -> None:
    name = ("x" * (1023 - len("Could not find any versions of model ")) + "\u00e9").encode()
    spec = b"\x0a" + bytes((len(name) & 0x7F | 0x80, len(name) >> 7)) + name
    request = b"\x0a" + bytes((len(spec) & 0x7F | 0x80, len(spec) >> 7)) + spec
    with FakeServing({"half": {123: "AVAILABLE"}}) as server:
        code, details = ask(server.address, request)
    assert code == "NOT_FOUND"
    assert isinstance(details, str)
    assert details.endswith("...TRUNCATED")


def test_the_error_inside_an_entry_is_never_cut() -> None:
    with FakeServing({"half": {2: ("END", 13, "x" * 5000)}}) as server:
        answer = ask(server.address)
    assert isinstance(answer, bytes)
    entry = serving_pb2.GetModelStatusResponse.FromString(answer).model_version_status[0]
    assert entry.status.error_message == "x" * 5000


def test_a_state_by_number_and_one_that_nobody_knows() -> None:
    with FakeServing({"half": {1: 0, 2: 60}}) as server:
        assert ask(server.address) == bytes.fromhex("0a060802103c1a000a0408011a00")
        assert b'"state": 60,\n' in get(server, "/v1/models/half")[2]
        assert b'"state": "UNKNOWN",\n' in get(server, "/v1/models/half/versions/1")[2]


def test_a_state_that_does_not_exist_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="LOADED"):
        FakeServing({"half": {1: "LOADED"}})


def test_set_changes_what_is_answered() -> None:
    with FakeServing() as server:
        assert ask(server.address) == ("NOT_FOUND", "Could not find any versions of model half")
        server.set("half", 1, "AVAILABLE")
        assert ask(server.address) == HALF_1
        server.set("half", 1, "END", 11, "Read less bytes than requested")
        assert ask(server.address) == bytes.fromhex(
            "0a28080110321a22080b121e52656164206c657373206279746573207468616e20726571756573746564"
        )


def test_removing_a_model_that_was_never_there_does_not_make_it_known() -> None:
    with FakeServing() as server:
        server.remove_model("half")
        assert ask(server.address) == ("NOT_FOUND", "Could not find any versions of model half")


def test_what_was_received_is_on_record() -> None:
    with FakeServing({"half": {123: "AVAILABLE"}}) as server:
        ask(server.address, metadata=(("authorization", "Bearer x"),))
        ask(server.address, b"", "/foo.Bar/Baz")
        assert server.requests == [HALF, b""]
        assert ("authorization", "Bearer x") in server.metadata[0]
        assert "user-agent" in dict(server.metadata[1])


def test_a_busy_server_refuses_every_method_until_it_is_not_busy() -> None:
    with FakeServing({"half": {123: "AVAILABLE"}}, busy=True, health=True) as server:
        exhausted = ("RESOURCE_EXHAUSTED", "Server Threadpool Exhausted")
        assert ask(server.address) == exhausted
        assert ask(server.address, b"", HEALTH_CHECK) == exhausted
        assert get(server, "/v1/models/half")[0] == 200  # REST has threads of its own
        server.busy = False
        assert ask(server.address) == HALF_123


def test_unreadable_health_requests_are_internal_without_a_text() -> None:
    with FakeServing(health=True) as server:
        assert ask(server.address, b"\xff", HEALTH_CHECK) == ("INTERNAL", "")


def test_a_delayed_answer_comes_and_is_not_waited_for_beyond_the_deadline_or_the_servers_end() -> None:
    with FakeServing({"half": {123: "AVAILABLE"}}, delay=0.05) as server:
        begin = time.monotonic()
        assert ask(server.address) == HALF_123
        assert time.monotonic() - begin >= 0.05
    with FakeServing({"half": {123: "AVAILABLE"}}, delay=600) as server:
        assert ask(server.address, timeout=0.05)[0] == "DEADLINE_EXCEEDED"
        begin = time.monotonic()
    assert time.monotonic() - begin < 5


# ---- REST, from the source of TensorFlow Serving

JSON = "application/json"
MALFORMED = [
    ("GET", "/v1/models/half/versions/abc"),
    ("GET", "/v1/models/half/versions/-1"),
    ("GET", "/v1/foo"),
    ("GET", "/v1/models/half/"),
    ("GET", "/v1/models/half:predict"),
    ("GET", "/v1/models/half/versions/1/labels/x"),
    ("GET", "/v1/models/half/?x=1"),
    ("PUT", "/v1/models/half"),
    ("POST", "/v1/models/half"),
    ("DELETE", "/v1/models/half"),
]


@pytest.fixture(scope="module")
def rest() -> Iterator[FakeServing]:
    with FakeServing({"half": {123: "AVAILABLE"}, "a/b": {1: "AVAILABLE"}}) as server:
        yield server


@pytest.mark.parametrize(("method", "path"), MALFORMED)
def test_a_malformed_request_is_named(rest: FakeServing, method: str, path: str) -> None:
    body = f'{{\n    "error": "Malformed request: {method} {path}"\n}}'
    assert get(rest, path, method) == (400, JSON, body.encode())


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v1/models", (400, JSON, b'{\n    "error": "Missing model name in request."\n}')),
        ("/v1/models/versions/1", (400, JSON, b'{\n    "error": "Missing model name in request."\n}')),
        ("/v1/models/half?x=1", (404, JSON, b'{\n    "error": "Could not find any versions of model half?x=1"\n}')),
        ("/v1/models/?x=1", (404, JSON, b'{\n    "error": "Could not find any versions of model ?x=1"\n}')),
        ("/v1/models/a+b", (404, JSON, b'{\n    "error": "Could not find any versions of model a+b"\n}')),
        ("/v1/models/%C3%A9", (404, JSON, b'{\n    "error": "Could not find any versions of model \xc3\xa9"\n}')),
        ("/v1/models/%ff", (404, JSON, b'{\n    "error": "Could not find any versions of model \xff"\n}')),
        ("/v1/models/half/versions/9223372036854775808", (400, JSON, b"")),
        ("/v1/models/half/versions/99999999999999999999", (400, JSON, b"")),
    ],
)
def test_an_error_has_the_servers_code_and_bytes(rest: FakeServing, path: str, answer: tuple[int, str, bytes]) -> None:
    assert get(rest, path) == answer


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/monitoring/prometheus/metrics", "/v1"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_whatever_is_not_the_api_is_the_page_of_libevent(rest: FakeServing, path: str, method: str) -> None:
    status, media_type, body = get(rest, path, method)
    assert (status, media_type, len(body)) == (404, "text/html", 90)


@pytest.mark.parametrize(
    ("path", "version"),
    [("/V1/Models/half", 123), ("/v1/models/h%61lf/versions/123", 123), ("/v1/models/a%2Fb", 1)],
)
def test_the_prefix_has_no_case_and_names_are_decoded(rest: FakeServing, path: str, version: int) -> None:
    status, media_type, body = get(rest, path)
    assert (status, media_type) == (200, JSON)
    assert json.loads(body)["model_version_status"][0]["version"] == str(version)


def test_a_status_body_has_156_bytes(rest: FakeServing) -> None:
    assert len(get(rest, "/v1/models/half")[2]) == 156


def test_options_need_an_origin(rest: FakeServing) -> None:
    assert get(rest, "/v1/models/half", "OPTIONS", Origin="http://example.org") == (200, None, b"")
    assert get(rest, "/v1/models/half", "OPTIONS") == (400, None, b"")


def test_the_head_of_an_answer_and_a_connection_that_is_kept(rest: FakeServing) -> None:
    with (
        socket.create_connection((rest.host, rest.rest_port), timeout=5) as connection,
        connection.makefile("rb") as file,
    ):
        # libevent sends a body to HEAD, and no length: those bytes precede the next answer.
        connection.sendall(b"HEAD /v1/models/half HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = file.read()
    answer = re.sub(rb"Date: [^\r]+", b"Date: D", answer)
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nDate: D\r\n\r\n"
    head += error_body("Malformed request: HEAD /v1/models/half")
    page = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nDate: D\r\nContent-Length: 90\r\n"
    assert answer.startswith(head + page + b"Connection: close\r\n\r\n<HTML>")


def test_the_two_json_writers_escape_each_in_its_way() -> None:
    text = 'a"\\/\b\x1b\x7f<\u2028\u00e9'
    entry = VersionStatus(2, 50, 13, text)
    escaped = rb'"error_message": "a\"\\/\b\u001b\u007f\u003c\u2028' + b'\xc3\xa9"\n'
    assert escaped in status_body([entry])
    assert error_body(text) == b'{\n    "error": "a\\"\\\\/\\b\\u001B\x7f<\xe2\x80\xa8\xc3\xa9"\n}'


@pytest.mark.parametrize(("code", "status"), [(8, 429), (13, 500), (9, 400), (16, 401), (14, 503)])
def test_codes_become_http_statuses(code: int, status: int) -> None:
    class Failing(Servables):
        def find(self, model: str, version: int | None = None) -> list[VersionStatus]:
            raise Refused(code, "no")

    assert respond(Failing(), "GET", "/v1/models/half").status == status


def test_stopping_ends_connections_that_clients_keep() -> None:
    with FakeServing() as server:
        connection = socket.create_connection((server.host, server.rest_port), timeout=5)
        connection.sendall(b"GET /v1/models/half HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 404"
    with connection, connection.makefile("rb") as file:
        file.read()  # ends: a connection left open would time out


# ---- listeners


def test_a_unix_socket_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "tfs.sock"
    with FakeServing({"half": {123: "AVAILABLE"}}, unix_socket=path, rest=False) as server:
        assert ask(f"unix:{path}") == HALF_123
        assert ask(server.address) == HALF_123
        assert server.rest_port == 0
    assert not path.exists()


def test_an_abstract_unix_socket_answers() -> None:
    name = f"unix-abstract:fake-tfs-{os.getpid()}"
    with FakeServing({"half": {123: "AVAILABLE"}}, unix_socket=name):
        assert ask(name) == HALF_123


def test_ipv6() -> None:
    with FakeServing({"half": {123: "AVAILABLE"}}, host="::1") as server:
        assert server.address == f"[::1]:{server.port}"
        assert ask(server.address) == HALF_123
        assert get(server, "/v1/models/half")[0] == 200


def test_tls_and_mutual_tls() -> None:
    ca, other_ca = trustme.CA(), trustme.CA()
    server_cert, client_cert = ca.issue_cert("127.0.0.1"), ca.issue_cert("client.example")
    key, chain = server_cert.private_key_pem.bytes(), server_cert.cert_chain_pems[0].bytes()
    trusted = grpc.ssl_channel_credentials(ca.cert_pem.bytes())
    with FakeServing({"half": {123: "AVAILABLE"}}, tls=(key, chain)) as server:
        assert ask(server.address, credentials=trusted) == HALF_123
        assert ask(server.address)[0] == "UNAVAILABLE"
        foreign = grpc.ssl_channel_credentials(other_ca.cert_pem.bytes())
        assert ask(server.address, credentials=foreign)[0] == "UNAVAILABLE"
        assert get(server, "/v1/models/half")[0] == 200  # REST never has TLS
    known = grpc.ssl_channel_credentials(
        ca.cert_pem.bytes(), client_cert.private_key_pem.bytes(), client_cert.cert_chain_pems[0].bytes()
    )
    with FakeServing({"half": {123: "AVAILABLE"}}, tls=(key, chain), client_ca=ca.cert_pem.bytes()) as server:
        assert ask(server.address, credentials=known) == HALF_123
        assert ask(server.address, credentials=trusted)[0] == "UNAVAILABLE"


def test_a_fixed_port_is_used_and_one_in_use_is_an_error() -> None:
    with FakeServing() as first:
        with pytest.raises(OSError, match="in use"):
            FakeServing(port=first.port).start()
        port = first.port
    with FakeServing({"half": {123: "AVAILABLE"}}, port=port) as second:
        assert second.port == port
        assert ask(second.address) == HALF_123
    assert refused(port)


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    with FakeServing({"half": {123: "AVAILABLE"}}) as server:
        ask(server.address)
        server.run_script("upgrade")
    until(lambda: not [thread for thread in set(threading.enumerate()) - before if "fake-tfs" in thread.name])


# ---- scripts


def test_closed_ports_refuse_until_they_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "tfs.sock"
    with FakeServing({"half": {123: "AVAILABLE"}}, unix_socket=path, closed=True) as server:
        assert refused(server.port)
        assert refused(server.rest_port)
        assert not path.exists()
        server.open_ports()
        server.open_ports()  # open already: nothing happens
        assert ask(server.address) == ask(f"unix:{path}") == HALF_123
        assert get(server, "/v1/models/half")[0] == 200


def test_a_slow_first_load_is_a_restart_with_both_ports_closed() -> None:
    with FakeServing({"half": {123: "AVAILABLE"}}) as server:
        ports = (server.port, server.rest_port)
        run = server.run_script("slow-first-load", manual=True)
        assert (server.port, server.rest_port) == ports
        assert refused(server.port)
        assert refused(server.rest_port)
        assert ask(server.address)[0] == "UNAVAILABLE"
        assert run.advance()
        assert ask(server.address) == HALF_1  # 123 is forgotten, as after a restart
        assert get(server, "/v1/models/half")[0] == 200


def test_a_failed_first_load_never_opens_and_says_why() -> None:
    lines: list[str] = []
    ended = threading.Event()
    with FakeServing(report=lines.append, closed=True) as server:
        run = server.run_script("failed-first-load", speed=100, exits=ended.set)
        assert ended.wait(5)
        assert run.exit_code == 255
        assert refused(server.port)
        ports = f"(gRPC port {server.port}, REST port {server.rest_port})"
    assert lines == [
        f"loading: ports closed until the first load has ended {ports}",
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: {{{name: half version: 1} due "
        "to error: DATA_LOSS: Can't parse /models/half/1/saved_model.pb as binary proto}, }",
    ]


def test_an_empty_folder_keeps_the_ports_closed_until_a_version_appears() -> None:
    lines: list[str] = []
    with FakeServing(report=lines.append, closed=True) as server:
        run = server.run_script("empty-folder", manual=True)
        assert lines[-1].startswith("No versions of servable half found under base path /models/half. Did you forget")
        assert refused(server.port)
        run.advance()
        assert ask(server.address) == HALF_1


def test_an_empty_config_opens_the_ports_and_knows_no_model() -> None:
    with FakeServing(closed=True) as server:
        server.run_script("empty-config")
        assert ask(server.address) == ("NOT_FOUND", "Could not find any versions of model half")


def test_a_script_runs_by_itself_and_tells_each_step() -> None:
    lines: list[str] = []
    with FakeServing(report=lines.append, rest=False) as server:
        run = server.run_script("upgrade", speed=50)
        assert run.wait(5)
        assert ask(server.address) == bytes.fromhex("0a06087d101e1a000a06087b10321a00")
        until(lambda: len(lines) == 5)
        assert lines == [
            f"gRPC port {server.port}",
            "half: 123 AVAILABLE",
            "half: 125 START, 123 AVAILABLE",
            "half: 125 LOADING, 123 AVAILABLE",
            "half: 125 AVAILABLE, 123 END",
        ]
        assert not run.advance()


def test_a_broken_version_ends_with_its_error_while_the_old_one_serves() -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}) as server:
        run = server.run_script("broken-version", manual=True)  # of the model that the server has
        while run.advance():
            pass
        text = "Can't parse /models/m/124/saved_model.pb as binary proto"
        assert server.servables.find("m") == [VersionStatus(124, 50, 15, text), VersionStatus(123, 30)]
        assert server.servables.describe("m") == "m: 124 END (DATA_LOSS), 123 AVAILABLE"


def test_after_a_rollback_the_first_entry_is_the_one_that_ended() -> None:
    with FakeServing() as server:
        run = server.run_script("rollback", manual=True)
        while run.advance():
            pass
        assert ask(server.address) == bytes.fromhex("0a06087d10321a000a06087b101e1a00")


def test_a_busy_spell_passes() -> None:
    with FakeServing() as server:
        run = server.run_script("busy", manual=True)
        assert ask(server.address) == ("RESOURCE_EXHAUSTED", "Server Threadpool Exhausted")
        run.advance()
        assert ask(server.address) == HALF_1


def test_an_added_model_is_not_found_before_it_loads() -> None:
    with FakeServing({"other": {1: "AVAILABLE"}}) as server:
        run = server.run_script("added-model", model="half", manual=True)
        states: list[object] = []
        while True:
            answer = ask(server.address)
            states.append(answer[5] if isinstance(answer, bytes) else answer[0])
            if not run.advance():
                break
        assert states == ["NOT_FOUND", 10, 20, 30]
        assert ask(server.address, bytes.fromhex("0a070a056f74686572")) == HALF_1


def test_a_new_script_takes_the_place_of_the_one_before() -> None:
    with FakeServing() as server:
        server.run_script("slow-upgrade")
        server.run_script("steady")
        assert ask(server.address) == HALF_123


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_can_be_played_to_its_end(name: str) -> None:
    with FakeServing(closed=True) as server:
        run = server.run_script(name, manual=True)
        while run.advance():
            pass
        assert run.wait(0)
        assert refused(server.port) == (run.exit_code is not None)


# ---- the command line


@contextmanager
def shell(*argv: str) -> Iterator[subprocess.Popen[str]]:
    """The stand-in as a process of its own; killed if the test leaves it running."""
    command = [sys.executable, "-m", "tests.fake_tfs", *argv]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str], pattern: str) -> str:
    """Reads lines until one matches; its first group, or the whole of it."""
    assert process.stdout is not None
    for text in process.stdout:
        if match := re.fullmatch(pattern, text.rstrip("\n")):
            return match[match.lastindex or 0]
    raise AssertionError(f"no line is like {pattern}")


def test_the_process_serves_steps_and_stops_cleanly(tmp_path: Path) -> None:
    path = tmp_path / "tfs.sock"
    with shell("--script", "loading", "--model", "m", "--step", "--grpc-socket-path", str(path)) as process:
        line(process, "m: 1 LOADING")
        port = line(process, r"gRPC port (\d+)")
        line(process, re.escape(f"gRPC socket {path}"))
        line(process, r"REST port (\d+)")
        request = bytes.fromhex("0a030a016d")
        assert ask(f"127.0.0.1:{port}", request) == bytes.fromhex("0a06080110141a00")
        assert process.stdin is not None
        process.stdin.write("\n\n")
        process.stdin.flush()
        line(process, "m: 1 AVAILABLE")
        line(process, "no step is left")
        assert ask(f"unix:{path}", request) == HALF_1
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not path.exists()


def test_the_process_holds_its_ports_closed_until_the_first_load_has_ended() -> None:
    with shell("--script", "slow-first-load", "--step", "--no-rest") as process:
        port = line(process, r"loading: ports closed until the first load has ended \(gRPC port (\d+)\)")
        assert refused(int(port))
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert line(process, r"gRPC port (\d+)") == port
        assert ask(f"127.0.0.1:{port}") == HALF_1
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_the_process_ends_with_255_when_the_first_load_fails() -> None:
    with shell("--script", "failed-first-load", "--speed", "100") as process:
        line(process, r"Failed to start server\. Error: UNKNOWN: .*")
        assert process.wait(10) == 255


def test_the_list_and_a_port_in_use() -> None:
    with FakeServing() as server, shell("--list") as listing, shell("--port", str(server.port)) as loser:
        assert listing.stdout is not None
        listed = [text.split(maxsplit=1) for text in listing.stdout]
        assert [[name, script.sentence + "\n"] for name, script in SCRIPTS.items()] == listed
        assert listing.wait(10) == 0
        assert loser.wait(10) == 1


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--speed", "0"], "0 is not above 0"),
        (["--tls-key", "key.pem"], "--tls-key and --tls-cert go together: give both"),
        (["--client-ca", "ca.pem"], "--client-ca needs TLS: give --tls-key and --tls-cert too"),
        (["--script", "nope"], "invalid choice: 'nope'"),
    ],
)
def test_a_usage_error_names_the_flags(argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
