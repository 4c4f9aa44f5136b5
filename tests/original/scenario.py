"""What a scenario is, and the servers that scenarios share.

A scenario's *relation* says how far our answer must agree with the original's (see compare.py). `same`
is the rule wherever the words come from the server or from the program itself; the other ones are
differences that we want.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from tests.original.parts import Part, answer, data, headers
from tests.support.canned import Place, Request, Script, canned_grpc, canned_http2
from tests.support.wire import AVAILABLE, entry, message

Relation = Literal[
    "same",
    "dial_detail",  # ours may add the last error to "context deadline exceeded"
    "unmendable",  # trying again cannot help: ours ends at once, with its own reason
    "client_text",  # the client library makes the status: kind of line and code are the same, the words are ours
    "authority",  # of an address without a host, ours is localhost
    "usage",  # Go's sentence, then a longer usage
    "escaped",  # control characters in the server's words are escaped
    "unknown_fields",  # unknown protobuf fields are not printed
    "response_line_bound",  # a long history is cut
    "description_bound",  # a failed run's description is cut
    "no_http_status",  # an answer without :status is invalid, whatever its grpc-status
    "many_models",  # -model-name is repeatable
    "rest",  # http:// and https:// ask the REST API
]

Server = Callable[[], AbstractContextManager[Place]]


@dataclass(frozen=True)
class Scenario:
    name: str
    server: Server
    args: tuple[str, ...]
    relation: Relation = "same"

    def argv(self, place: Place) -> list[str]:
        """The arguments, for a server at that place; a byte that is no UTF-8 is a surrogate escape."""
        return [argument.replace("{port}", str(place.port)).replace("{socket}", place.socket) for argument in self.args]

    @property
    def needs_ipv6(self) -> bool:
        return any("[::" in argument and "{port}" in argument for argument in self.args)


ADDR = "-addr=127.0.0.1:{port}"
SHORT_DIAL = "-connect-timeout=300ms"
SHORT_CALL = "-rpc-timeout=200ms"

READY = entry(123, AVAILABLE)


def ok(response: bytes) -> Server:
    return partial(canned_grpc, response)


def failing(code: int, details: str = "") -> Server:
    return partial(canned_grpc, None, code, details)


def describe(request: bytes) -> str:
    """Shows the request itself, or what proves it equal."""
    return request.hex() if len(request) <= 64 else f"{len(request)} bytes {hashlib.sha256(request).hexdigest()}"


def http2(*parts: Part, ending: Literal["hold", "close", "reset"] = "hold") -> Server:
    return partial(canned_http2, Script(answer(*parts), ending=ending))


def greeting(first: bytes, ending: Literal["hold", "close", "reset"] = "close") -> Server:
    return partial(canned_http2, Script(None, first, ending))


ECHO = partial(canned_grpc, None, 5, respond=describe)
"""NOT_FOUND with the request's bytes for its message: what was asked is part of the answer."""

DEAF = partial(canned_http2, Script(None))
"""Greets, and never answers a request; grpcio's own server would end the call itself when the client's time is up."""

HEAD = headers((":status", "200"), ("content-type", "application/grpc"))
OK_TRAILERS = headers(("grpc-status", "0"), end=True)

READY_SCRIPT = Script(answer(HEAD, data(message(READY)), OK_TRAILERS))
LATE_SETTINGS = partial(canned_http2, replace(READY_SCRIPT, greets_after=0.4))
LISTENS_LATE = partial(canned_http2, replace(READY_SCRIPT, listens_after=0.4))
"""As TensorFlow Serving that still loads its first model."""


def trailers_only(*fields: tuple[str, str | bytes], http: str = "200") -> Server:
    return http2(headers((":status", http), ("content-type", "application/grpc"), *fields, end=True))


def echo_head(request: Request) -> bytes:
    """NOT_FOUND with the request's head, as far as it is the same at each run."""
    fields = [(name, "" if name in ("grpc-timeout", "user-agent") else value) for name, value in request.headers]
    text = " ".join(f"{name}={value}" for name, value in sorted(fields))
    trailers = headers(
        (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"), ("grpc-message", text), end=True
    )
    return trailers(request.stream)


ECHO_HEAD = partial(canned_http2, Script(echo_head))
