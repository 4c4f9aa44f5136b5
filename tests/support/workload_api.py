"""A stand-in for the SPIFFE Workload API, on grpcio: FetchX509SVID, on a unix socket and on TCP.

As SPIRE's agent does, it refuses a request without the header `workload.spiffe.io: true`, and keeps the stream open
after its first answer, to renew it.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import grpc

from tests.support.spiffe_authority import Authority, Identity
from tests.support.wire import chunk

METHOD = "/SpiffeWorkloadAPI/FetchX509SVID"


def identity(identity: Identity, authority: Authority, *, spiffe_id: str = "", hint: str = "") -> bytes:
    """An X509SVID, as a field of the answer."""
    return svid(
        spiffe_id or f"spiffe://{authority.domain}/probe", identity.der, identity.key_der, authority.bundle, hint
    )


def svid(spiffe_id: str | bytes, certificates: bytes, key: bytes, bundle: bytes, hint: str = "") -> bytes:
    """An X509SVID of any bytes, as a field of the answer."""
    fields = chunk(1, spiffe_id) + chunk(2, certificates) + chunk(3, key) + chunk(4, bundle)
    return chunk(1, fields + (chunk(5, hint) if hint else b""))


def federated(domain: str, bundle: bytes) -> bytes:
    """A bundle of another trust domain, as a field of the answer."""
    return chunk(3, chunk(1, domain) + chunk(2, bundle))


@dataclass
class WorkloadApi:
    """Where it listens, what it answers, and who asked."""

    unix: str
    tcp: str
    folder: Path
    answers: tuple[bytes, ...]
    metadata: list[dict[str, str | bytes]] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """What a workload finds in its environment."""
        return {"SPIFFE_ENDPOINT_SOCKET": self.unix}


@contextlib.contextmanager
def workload_api(
    *answers: bytes,
    status: grpc.StatusCode | None = None,
    details: str = "",
    ends: bool = False,
    silent: bool = False,
    folder: Path | None = None,
) -> Iterator[WorkloadApi]:
    """An API that gives these answers; then it ends the stream with a status, or (`ends`) with OK, or keeps it open.
    `silent`: it accepts the call and sends nothing, not even headers. `folder`: where its socket is created."""

    def fetch(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        gone = threading.Event()  # a workload that has what it wants leaves
        context.add_callback(gone.set)
        metadata = dict(cast("Sequence[tuple[str, str | bytes]]", context.invocation_metadata()))
        api.metadata.append(metadata)
        if metadata.get("workload.spiffe.io") != "true":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
        if silent:
            gone.wait()
        yield from api.answers
        if status:
            context.abort(status, details)
        if not ends:
            gone.wait()

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
            if handler_call_details.method != METHOD:
                return None
            return grpc.unary_stream_rpc_method_handler(fetch)

    unlimited = [("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    # A short path: a socket's has 107 bytes at most.
    with futures.ThreadPoolExecutor(4) as threads, tempfile.TemporaryDirectory(prefix="api-") as short:
        name = folder or short
        server = grpc.server(threads, options=unlimited)
        server.add_generic_rpc_handlers((Handler(),))
        server.add_insecure_port(f"unix:{name}/agent.sock")
        port = server.add_insecure_port("127.0.0.1:0")
        api = WorkloadApi(f"unix://{name}/agent.sock", f"tcp://127.0.0.1:{port}", Path(name), answers)
        server.start()
        try:
            yield api
        finally:
            server.stop(0).wait()
