"""THE table of cases: a server, a command line, and how the program ends.

Every exit code that a server or a command line can cause has a row. The table runs on the pure judge (from the outcome
to exit code and lines), and line for line on every variant of the program against a real server; on the grpcio engine
the exit code and the verdict's kind are compared.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from probe.model import CALL, DIAL, SETUP, STATUS, Failure, ModelStatus, VersionStatus
from tests.fake_tfs import FakeServing
from tests.fake_tfs.state import state_number
from tests.support import canned
from tests.support.certificates import shared

if TYPE_CHECKING:
    from probe.model import Cause

STATES = ("START", "LOADING", "AVAILABLE", "UNLOADING", "END")


class Case(NamedTuple):
    """A row. `{port}` in a line stands for the server's port, `{folder}` in an argument for the certificates'."""

    name: str
    server: Callable[[], contextlib.AbstractContextManager[int]]
    outcome: ModelStatus | Failure
    argv: tuple[str, ...]
    exit_code: int
    lines: tuple[str, ...]
    hinted: bool = False
    """Whether a hint follows; other tests check which one."""


@contextlib.contextmanager
def serving(models: dict[str, dict[int, object]], **conduct: object) -> Iterator[int]:
    """The stand-in for TensorFlow Serving; gives its port."""
    with FakeServing(models, rest=False, **conduct) as server:  # type: ignore[arg-type]
        yield server.port


@contextlib.contextmanager
def answering(response: bytes | None, code: int = 0, details: str = "") -> Iterator[int]:
    """A gRPC server that gives one answer; gives its port."""
    with canned.canned_grpc(response, code, details) as place:
        yield place.port


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nothing listens."""
    with canned.refused() as place:
        yield place.port


@contextlib.contextmanager
def secured(certificate: str) -> Iterator[int]:
    """The stand-in with TLS, and a model that is AVAILABLE; gives its port."""
    with serving({"default": {1: "AVAILABLE"}}, tls=shared().pair(certificate)) as port:
        yield port


def over_tls(name: str, certificate: str, words: str, cause: Cause, *argv: str) -> Case:
    """A row about that server (or, without a certificate, one in plain text) which ends with the words about it."""
    text = f"connected to 127.0.0.1:{{port}}: {words}"
    return Case(
        name,
        (lambda: secured(certificate)) if certificate else lambda: serving({"default": {1: "AVAILABLE"}}),
        Failure(DIAL, text, 0, cause),
        argv,
        2,
        (f"Error dialing grpc service: {text}",),
        hinted=True,
    )


def model(
    name: str, versions: dict[int, object], argv: tuple[str, ...], exit_code: int, *lines: str, hinted: bool = False
) -> Case:
    """A row about a model `m` of the stand-in. A version is a state, or (state, error code, error message). A failure
    has a hint, but for the states that explain themselves; so has a failed load beside a version that serves."""
    known = [version if isinstance(version, tuple) else (version, 0, "") for version in versions.values()]
    statuses = [
        VersionStatus(number, state_number(state), True, code, message)
        for number, (state, code, message) in sorted(zip(versions, known, strict=True), reverse=True)
    ]
    shown = (f"ModelStatusResponse: {' '.join(map(entry, statuses))}", *lines)
    hinted = hinted or exit_code not in (0, 30, 100) or any(code for _, code, _ in known)
    return Case(
        name,
        lambda: serving({"m": versions}),
        ModelStatus(tuple(statuses)),
        ("-model-name=m", *argv),
        exit_code,
        shown,
        hinted,
    )


def entry(status: VersionStatus) -> str:
    """One version in the text form, for messages without characters that need an escape."""
    names = {state_number(name): name for name in STATES}
    codes = {5: "NOT_FOUND", 15: "DATA_LOSS"}
    error = f'error_code:{codes[status.error_code]} error_message:"{status.error_message}"' if status.error_code else ""
    state = f" state:{names.get(status.state, status.state)}" if status.state else ""
    return f"model_version_status:{{version:{status.version}{state} status:{{{error}}}}}"


def refused(name: str, code: int, details: str, exit_code: int, line: str, *argv: str, hinted: bool = False) -> Case:
    """A row about a server that answers with a status of its own."""
    shown = ("ModelStatusResponse: <nil>", line)
    return Case(
        name, lambda: answering(None, code, details), Failure(STATUS, details, code), argv, exit_code, shown, hinted
    )


LOST = ("END", 15, "Can't parse /models/m/2/saved_model.pb as binary proto")
TRUSTING = "-tls-ca-cert={folder}/ca.pem"
BUSY = "rpc error: code = ResourceExhausted desc = Server Threadpool Exhausted"

CASES = [
    model("available", {123: "AVAILABLE"}, (), 0, "Servable state is AVAILABLE"),
    model("unknown state", {1: 0}, (), 30, "Servable state is UNKNOWN"),
    model("start", {1: "START"}, (), 31, "Servable state is START"),
    model("loading", {1: "LOADING"}, (), 32, "Servable state is LOADING"),
    model("unloading", {1: "UNLOADING"}, (), 33, "Servable state is UNLOADING"),
    model("end", {1: "END"}, (), 34, "Servable state is END"),
    model("a state without a name", {1: 60}, (), 100, "Servable state is unexpected"),
    model("upgrade running", {2: "LOADING", 1: "AVAILABLE"}, (), 0, "Servable state is AVAILABLE", hinted=True),
    model("upgrade done", {2: "AVAILABLE", 1: "END"}, (), 0, "Servable state is AVAILABLE"),
    model("rolled back", {2: "END", 1: "AVAILABLE"}, (), 0, "Servable state is AVAILABLE"),
    model("new version broken, old one serves", {2: LOST, 1: "AVAILABLE"}, (), 0, "Servable state is AVAILABLE"),
    model("the only version broken", {2: LOST}, (), 34, "Servable state is END"),
    model("none available: the newest decides", {3: "LOADING", 2: "END"}, (), 32, "Servable state is LOADING"),
    model("all unloaded", {2: "END", 1: "END"}, (), 34, "Servable state is END"),
    model(
        "the version asked for",
        {2: "LOADING", 1: "AVAILABLE"},
        ("-model-version=1",),
        0,
        "Servable state is AVAILABLE",
        hinted=True,
    ),
    model(
        "the version asked for loads",
        {2: "LOADING", 1: "AVAILABLE"},
        ("-model-version=2",),
        32,
        "Servable state is LOADING",
    ),
    model(
        "the version asked for failed", {2: LOST, 1: "AVAILABLE"}, ("-model-version=2",), 34, "Servable state is END"
    ),
    model(
        "version 0 means any", {1: "AVAILABLE"}, ("-model-version=0",), 0, "Servable state is AVAILABLE", hinted=True
    ),
    model("no such version", {2: "AVAILABLE"}, ("-model-version=7",), 12, "No matching response found for version: 7"),
    model("alive while it loads", {1: "LOADING"}, ("-liveness",), 0, "Server is alive: Servable state is LOADING"),
    model("alive and available", {1: "AVAILABLE"}, ("-liveness",), 0, "Servable state is AVAILABLE"),
    Case(
        "alive without the model",
        lambda: serving({"m": {1: "AVAILABLE"}}),
        Failure(STATUS, "Could not find any versions of model nope", 5),
        ("-model-name=nope", "-liveness"),
        0,
        (
            "ModelStatusResponse: <nil>",
            "Server is alive: Model not found: rpc error: code = NotFound desc = Could not find any versions of model "
            "nope",
        ),
    ),
    Case(
        "no such model",
        lambda: serving({"m": {1: "AVAILABLE"}}),
        Failure(STATUS, "Could not find any versions of model nope", 5),
        ("-model-name=nope",),
        10,
        (
            "ModelStatusResponse: <nil>",
            "Model not found: rpc error: code = NotFound desc = Could not find any versions of model nope",
        ),
        hinted=True,
    ),
    Case(
        "no versions in the answer",
        lambda: answering(b""),
        ModelStatus(()),
        (),
        11,
        ("ModelStatusResponse: ", "Empty response"),
        hinted=True,
    ),
    Case(
        "the other order, as OpenVINO Model Server sends it",
        lambda: answering(bytes.fromhex("0a060801101e1a000a060802101e1a00")),
        ModelStatus((VersionStatus(1, 30), VersionStatus(2, 30))),
        (),
        0,
        (
            "ModelStatusResponse: model_version_status:{version:1 state:AVAILABLE status:{}} "
            "model_version_status:{version:2 state:AVAILABLE status:{}}",
            "Servable state is AVAILABLE",
        ),
    ),
    refused("busy", 8, "Server Threadpool Exhausted", 3, f"Error calling tfs: {BUSY}", hinted=True),
    refused(
        "busy but alive",
        8,
        "Server Threadpool Exhausted",
        0,
        f"Server is alive: Error calling tfs: {BUSY}",
        "-liveness",
    ),
    refused(
        "a proxy answers for a dead server: not alive",
        14,
        "no healthy upstream",
        3,
        "Error calling tfs: rpc error: code = Unavailable desc = no healthy upstream",
        "-liveness",
        hinted=True,
    ),
    refused(
        "another server answers: not alive",
        12,
        "",
        3,
        "Error calling tfs: rpc error: code = Unimplemented desc = ",
        "-liveness",
        hinted=True,
    ),
    refused("no such service", 12, "", 3, "Error calling tfs: rpc error: code = Unimplemented desc = ", hinted=True),
    refused("permission", 7, "no", 3, "Error calling tfs: rpc error: code = PermissionDenied desc = no", hinted=True),
    refused("aborted", 10, "a\nb", 3, "Error calling tfs: rpc error: code = Aborted desc = a\\nb"),
    Case(
        "available over TLS",
        lambda: secured("server"),
        ModelStatus((VersionStatus(1, 30),)),
        ("-tls", TRUSTING, "-gzip", "-rpc-header=a: b"),
        0,
        (
            "ModelStatusResponse: model_version_status:{version:1 state:AVAILABLE status:{}}",
            "Servable state is AVAILABLE",
        ),
    ),
    over_tls("TLS of a plain server", "", "it speaks HTTP/2 in plain text, not TLS", "tls-plain", "-tls", TRUSTING),
    over_tls("plain text of a TLS server", "server", "it closed the connection, and speaks TLS", "speaks-tls"),
    over_tls(
        "a certificate for another host",
        "half",
        "its certificate is not for 127.0.0.1, but for half.example",
        "tls-name",
        *("-tls", TRUSTING, "-liveness"),
    ),
    Case(
        "a file that is not there",
        closed_port,
        Failure(SETUP, "-tls-ca-cert: /nowhere.pem cannot be read: no such file or directory", 0, "tls-file"),
        ("-tls", "-tls-ca-cert=/nowhere.pem"),
        1,
        ("error: -tls-ca-cert: /nowhere.pem cannot be read: no such file or directory",),
        hinted=True,
    ),
    Case(
        "nothing listens",
        closed_port,
        Failure(
            DIAL, "context deadline exceeded (last error: connect 127.0.0.1:{port}: connection refused)", 0, "refused"
        ),
        ("-connect-timeout=100ms",),
        2,
        (
            "Error dialing grpc service: context deadline exceeded "
            "(last error: connect 127.0.0.1:{port}: connection refused)",
        ),
        hinted=True,
    ),
    Case(
        "nothing listens: not alive",
        closed_port,
        Failure(
            DIAL, "context deadline exceeded (last error: connect 127.0.0.1:{port}: connection refused)", 0, "refused"
        ),
        ("-connect-timeout=100ms", "-liveness"),
        2,
        (
            "Error dialing grpc service: context deadline exceeded "
            "(last error: connect 127.0.0.1:{port}: connection refused)",
        ),
        hinted=True,
    ),
    Case(
        "no time to connect",
        closed_port,
        Failure(DIAL, "context deadline exceeded", 0, "no-time"),
        ("-connect-timeout=0",),
        2,
        ("Error dialing grpc service: context deadline exceeded",),
        hinted=True,
    ),
    Case(
        "no time for the call",
        lambda: serving({"default": {1: "AVAILABLE"}}),
        Failure(CALL, "context deadline exceeded", 4, "no-time"),
        ("-rpc-timeout=0",),
        3,
        (
            "ModelStatusResponse: <nil>",
            "Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        ),
        hinted=True,
    ),
    Case(
        "no answer in time",
        lambda: serving({"default": {1: "AVAILABLE"}}, delay=30.0),
        Failure(CALL, "context deadline exceeded", 4, "call-timeout"),
        ("-rpc-timeout=200ms",),
        3,
        (
            "ModelStatusResponse: <nil>",
            "Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        ),
        hinted=True,
    ),
    Case(
        "no answer in time is not alive",
        lambda: serving({"default": {1: "AVAILABLE"}}, delay=30.0),
        Failure(CALL, "context deadline exceeded", 4, "call-timeout"),
        ("-rpc-timeout=200ms", "-liveness"),
        3,
        (
            "ModelStatusResponse: <nil>",
            "Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        ),
        hinted=True,
    ),
]
