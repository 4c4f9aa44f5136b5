"""A real gRPC server in a process of its own: `python_server.py grpcio` or `python_server.py grpclib`.

Reads one line of JSON from standard input, `{"facts": ..., "tls": ...}`; prints `port N` once it listens; ends when its
standard input ends, so that it cannot outlive whoever started it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream


class Script:
    """The facts of facts.py, as they came through the pipe."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.method: str = facts["method"]
        self.answers = {model: bytes.fromhex(answer) for model, answer in facts["answers"].items()}
        self.errors: dict[str, tuple[int, str]] = facts["errors"]
        self.silent: str = facts["silent"]
        self.cut: str = facts["cut"]
        self.unknown: tuple[int, str] = facts["unknown"]

    def error(self, model: str) -> tuple[int, str]:
        if model in self.errors:
            return self.errors[model]
        code, prefix = self.unknown
        return code, prefix + model


def model_name(request: bytes) -> str:
    """`model_spec.name` of a GetModelStatusRequest; empty when there is none."""
    return _last_field_1(_last_field_1(request)).decode()


def _last_field_1(message: bytes) -> bytes:
    content, at = b"", 0
    while at < len(message):
        key, at = _varint(message, at)
        length, at = _varint(message, at)
        if key & 7 != 2:  # a varint has been read whole; the requests in use hold nothing but these two kinds
            continue
        if key >> 3 == 1:
            content = message[at : at + length]
        at += length
    return content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (message[at] & 0x7F) << shift
        shift += 7
        at += 1
        if message[at - 1] < 0x80:
            return value, at


def announce(port: int) -> None:
    print(f"port {port}", flush=True)


# ---------------------------------------------------------------------------------------------------- grpcio (C-core)


class GrpcioService(grpc.GenericRpcHandler):
    def __init__(self, script: Script) -> None:
        self._script = script

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        if handler_call_details.method != self._script.method:
            return None  # grpcio answers UNIMPLEMENTED
        # Without serializers the handler gets, and gives, the bytes of the message.
        return grpc.unary_unary_rpc_method_handler(self._answer)

    def _answer(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        model = model_name(request)
        if model in self._script.answers:
            return self._script.answers[model]
        if model == self._script.cut:
            context.cancel()
        if model in (self._script.silent, self._script.cut):
            # Wait for the client to go, not for ever: the pool has a limited number of threads.
            over = threading.Event()
            if context.add_callback(over.set):
                over.wait()
            return b""
        code, message = self._script.error(model)
        context.abort(_GRPCIO_CODES[code], message)


_GRPCIO_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def serve_grpcio(script: Script, tls: dict[str, str | None] | None) -> None:
    server = grpc.server(ThreadPoolExecutor(), handlers=[GrpcioService(script)])
    if tls is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        pair = (_read(tls["key"]), _read(tls["certificate"]))
        client_ca = _read(tls["client_ca"]) if tls["client_ca"] else None
        credentials = grpc.ssl_server_credentials([pair], client_ca, require_client_auth=client_ca is not None)
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    announce(port)
    sys.stdin.buffer.read()


def _read(path: str | None) -> bytes:
    assert path is not None
    return Path(path).read_bytes()


# ------------------------------------------------------------------------------------------- grpclib (pure Python, h2)


class BytesCodec(CodecBase):
    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: object) -> bytes:
        return message

    def decode(self, data: bytes, message_type: object) -> bytes:
        return data


class GrpclibService:
    def __init__(self, script: Script) -> None:
        self._script = script

    def __mapping__(self) -> dict[str, Handler]:
        return {self._script.method: Handler(self._answer, Cardinality.UNARY_UNARY, bytes, bytes)}

    async def _answer(self, stream: Stream[bytes, bytes]) -> None:
        request = await stream.recv_message()
        assert request is not None
        model = model_name(request)
        if model in self._script.answers:
            await stream.send_message(self._script.answers[model])
        elif model == self._script.silent:
            await asyncio.Event().wait()  # cancelled when the client gives up
        elif model == self._script.cut:
            await stream.cancel()
        else:
            code, message = self._script.error(model)
            raise GRPCError(Status(code), message)


async def serve_grpclib(script: Script, tls: dict[str, str | None] | None) -> None:
    context = None
    if tls is not None:
        assert tls["certificate"] is not None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls["client_ca"])
        context.verify_mode = ssl.CERT_REQUIRED if tls["client_ca"] else ssl.CERT_NONE
        context.load_cert_chain(tls["certificate"], tls["key"])
        context.set_alpn_protocols(["h2"])
    # A socket of our own, since grpclib does not say which port it got.
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server([GrpclibService(script)], codec=BytesCodec())
    await server.start(sock=listener, ssl=context)
    announce(listener.getsockname()[1])
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


def main() -> None:
    (stack,) = sys.argv[1:]
    order = json.loads(sys.stdin.buffer.readline())
    script = Script(order["facts"])
    if stack == "grpcio":
        serve_grpcio(script, order["tls"])
    else:
        asyncio.run(serve_grpclib(script, order["tls"]))
    os._exit(0)  # without waiting for calls that are still open


if __name__ == "__main__":
    main()
