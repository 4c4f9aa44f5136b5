"""The same call through grpcio and protobuf's generated messages: the second engine, and the oracle of the first.

The only file of the program, beside generated ones, that imports `grpc` and `google.protobuf`. Its texts are the
library's own; its kinds of failure are those of the native engine.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor, TimeoutError

# Before the library is imported, which looks at it then: it would log to stderr by itself, with the server's words as
# they came, control characters and all.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from google.protobuf.message import DecodeError

from ..model import (
    ALTS,
    CALL,
    DIAL,
    SETUP,
    SPIFFE,
    STATUS,
    Call,
    Deadline,
    Failure,
    ModelStatus,
    Security,
    Timings,
    VersionStatus,
)
from ..target import NAMELESS, Target, parse
from . import trust
from .proto.serving_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelSpec
from .unary import CANCELLED, DEADLINE_EXCEEDED, INTERNAL, MAX_MESSAGE, UNAVAILABLE

METHOD = "/tensorflow.serving.ModelService/GetModelStatus"
# Milliseconds between two attempts to connect, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 20, 1000
# Seconds that the library may take to tell why it could not connect.
LAST_WORD = 0.05
# Seconds beyond its timeouts after which the library counts as held for ever.
GRACE = 0.5
# Codes that the library itself gives a call that met no server, or a broken one. It does not tell them from a server's
# own, so that with this engine a server's own count as the library's.
LIBRARY_CODES = (CANCELLED, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Method: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"


def ask(call: Call, timings: Timings) -> "ModelStatus | Failure":
    """GetModelStatus by grpcio.

    The library can be held for ever, whatever timeouts it was given (1.85: by header blocks without end). So it is
    asked in a thread, which the end of the process takes with it."""
    allowed = min((max(call.connect_timeout, 0) + max(call.rpc_timeout, 0)) / 1e9, call.deadline.remaining()) + GRACE
    try:
        return ThreadPoolExecutor(1).submit(_ask, call, timings).result(allowed)
    except TimeoutError:
        return Failure(CALL, "context deadline exceeded", DEADLINE_EXCEEDED, "call-timeout")


def _ask(call: Call, timings: Timings) -> "ModelStatus | Failure":
    target = parse(call.address)
    if isinstance(target, Failure):
        return target
    if call.model_name.encode("utf-8", "replace") != call.model_name.encode("utf-8", "surrogateescape"):
        return Failure(CALL, "grpc: error while marshaling: string field contains invalid UTF-8", INTERNAL)
    credentials = _credentials(call.security) if call.security else None
    if isinstance(credentials, Failure):
        return credentials
    server_name = call.security.server_name if call.security else ""
    begun = time.monotonic_ns()
    options = [
        # This is a probe of its own pod: no variable may send it elsewhere.
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.primary_user_agent", call.user_agent),
        ("grpc.default_authority", (server_name or target.authority).encode("utf-8", "surrogateescape")),
        ("grpc.initial_reconnect_backoff_ms", FIRST_PAUSE),
        ("grpc.min_reconnect_backoff_ms", FIRST_PAUSE),
        ("grpc.max_reconnect_backoff_ms", LONGEST_PAUSE),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if server_name:
        options.append(("grpc.ssl_target_name_override", server_name))
    compression = grpc.Compression.Gzip if call.gzip else grpc.Compression.NoCompression
    # As bytes, which the library takes too: not every name is Unicode.
    name = _name(target).encode("utf-8", "surrogateescape")
    with (
        grpc.secure_channel(name, credentials, options, compression)  # type: ignore[arg-type]
        if credentials
        else grpc.insecure_channel(name, options, compression)  # type: ignore[arg-type]
    ) as channel:
        method: Method = channel.unary_unary(METHOD)
        content = GetModelStatusRequest(model_spec=ModelSpec(name=call.model_name)).SerializeToString()
        failed = _dial(channel, method, content, call.deadline.sooner(call.connect_timeout, "-connect-timeout"))
        if failed is not None:
            return failed
        dialled = time.monotonic_ns()
        timings.dial, timings.peer = dialled - begun, call.address
        deadline = call.deadline.sooner(call.rpc_timeout, "-rpc-timeout")
        answer = _call(method, content, deadline, call.metadata)
        timings.call = time.monotonic_ns() - dialled
    return answer if isinstance(answer, Failure) else _decoded(answer)


def _credentials(security: Security) -> "grpc.ChannelCredentials | Failure":
    """What secures the channel. What the library has no way to do is left to the other engine."""
    if security.kind == ALTS:
        return grpc.alts_channel_credentials()
    if security.kind == SPIFFE:
        return Failure(
            SETUP, "-spiffe cannot be done by grpcio, which accepts no server by its trust domain", cause="native"
        )
    if not security.verify:
        return Failure(SETUP, "-tls-no-verify cannot be done by grpcio, which verifies every server", cause="native")
    identity = trust.read(security)
    if isinstance(identity, Failure):
        return identity
    return grpc.ssl_channel_credentials(identity.roots, identity.key or None, identity.certificate or None)


def _name(target: Target) -> str:
    """The target in gRPC's name syntax."""
    if target.path:
        path = target.path.decode("utf-8", "surrogateescape")
        return "unix-abstract:" + path[1:] if path[0] == "\0" else "unix:" + path
    host = target.hosts[0] if len(target.hosts) == 1 else NAMELESS  # several: both families of this machine
    return f"dns:///[{host}]:{target.port}" if ":" in host else f"dns:///{host}:{target.port}"


def _dial(channel: grpc.Channel, method: "Method", content: bytes, deadline: Deadline) -> "Failure | None":
    """Waits until the channel is connected."""
    if deadline.remaining() <= 0:
        return Failure(DIAL, "context deadline exceeded", cause="no-time")
    try:
        grpc.channel_ready_future(channel).result(deadline.remaining())
    except grpc.FutureTimeoutError:
        try:
            method(content, timeout=LAST_WORD)
        except grpc.RpcError as error:
            return Failure(DIAL, f"context deadline exceeded (last error: {error.details()})")
        return Failure(DIAL, "context deadline exceeded")
    return None


def _call(
    method: "Method", content: bytes, deadline: Deadline, metadata: "tuple[tuple[bytes, bytes], ...]"
) -> "bytes | Failure":
    if deadline.remaining() <= 0:
        return Failure(CALL, "context deadline exceeded", DEADLINE_EXCEEDED, "no-time")
    try:
        sent = ((name.decode(), value if name.endswith(b"-bin") else value.decode()) for name, value in metadata)
        answer = method(content, timeout=deadline.remaining(), metadata=tuple(sent))
        # With the status OK, but without a message, the library hands out nothing.
        return answer if answer is not None else Failure(CALL, "the answer holds no message", INTERNAL, "unreadable")
    except grpc.RpcError as error:
        code = error.code().value[0]
        if code not in LIBRARY_CODES:
            return Failure(STATUS, error.details() or "", code)
        cause = "call-timeout" if code == DEADLINE_EXCEEDED else ""
        cause = "whole-timeout" if cause and deadline.flag == "-timeout" else cause
        return Failure(CALL, error.details() or "", code, cause)


def _decoded(content: bytes) -> "ModelStatus | Failure":
    try:
        response = GetModelStatusResponse.FromString(content)
    except DecodeError as error:
        return Failure(CALL, f"grpc: failed to unmarshal the received message: {error}", INTERNAL, "unreadable")
    return ModelStatus(
        [
            VersionStatus(
                entry.version,
                entry.state,
                entry.HasField("status"),
                entry.status.error_code,
                entry.status.error_message,
            )
            for entry in response.model_version_status
        ]
    )
