"""The second engine: the same calls through grpcio and protobuf's generated messages. The tests use it as an oracle.

The only file of the program, besides generated ones, that imports `grpc` and `google.protobuf`. Its texts are the
library's own; its kinds of failure are those of the native engine.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor, TimeoutError

# Before the library is imported, which reads it then: it would log to stderr, with the server's control characters.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from google.protobuf.message import DecodeError

from ..deadline import CONNECT, RPC, RUN
from ..model import ALTS, CALL, DIAL, SETUP, SPIFFE, STATUS, CallTrace, Failure, ModelStatus, VersionStatus
from ..net.target import LOCALHOST, Target, parse
from ..rpc.protobuf import WireError
from ..rpc.status import CANCELLED, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE
from ..rpc.unary import MAX_MESSAGE_BYTES
from ..tls import files
from .labels import interpret
from .messages import VersionSink, complete_predict_request, encode_metadata_request
from .methods import METADATA_METHOD, NO_VERSION, NOT_UNICODE, PREDICT_METHOD
from .methods import STATUS_METHOD as METHOD
from .proto.serving_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelSpec

# Milliseconds between two attempts to connect, at first and at most.
FIRST_PAUSE_MS, MAX_PAUSE_MS = 20, 1000
LAST_ERROR_SECONDS = 0.05  # for the library to say why it could not connect
# The library can hang whatever timeouts it was given (1.85: on endless header blocks); this long beyond them it counts
# as hung.
GRACE_SECONDS = 0.5
# Codes that the library gives a call that met no server or a broken one. It does not tell them apart from a server's
# own, so with this engine a server's own count as the library's.
LIBRARY_CODES = (CANCELLED, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ..deadline import Deadline
    from ..model import Cause, ClientConfig, Phase, Query, Security

    Method: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"


class GrpcioClient:
    """A client on one channel. Calls run in a thread, so that a hung library cannot hold the program up."""

    def __init__(self, config: "ClientConfig", channel: grpc.Channel) -> None:
        self._config = config
        self._channel = channel
        self._method: Method = channel.unary_unary(METHOD)
        self._metadata: Method = channel.unary_unary(METADATA_METHOD)
        self._predict: Method = channel.unary_unary(PREDICT_METHOD)
        self._threads = ThreadPoolExecutor(1)
        self._is_hung = False

    def status(self, queries: "tuple[Query, ...]", deadline: "Deadline") -> "tuple[ModelStatus | Failure, ...]":
        return tuple(self._status(query, deadline.with_timeout(self._config.rpc_timeout, RPC)) for query in queries)

    def version_of_label(self, model: str, label: str, deadline: "Deadline") -> "int | Failure":
        sink = VersionSink()
        try:
            message = encode_metadata_request(model, label)
        except UnicodeEncodeError:
            return NOT_UNICODE
        answer = self._timed(self._metadata, message, deadline.with_timeout(self._config.rpc_timeout, RPC))
        if isinstance(answer, Failure):
            return interpret(answer)
        try:
            sink(answer)
        except WireError as error:
            return Failure(CALL, f"grpc: failed to unmarshal the received message: {error}", INTERNAL, "unreadable")
        return sink.version if sink.version is not None else NO_VERSION

    def predict(self, model: str, version: "int | None", request: bytes, deadline: "Deadline") -> "Failure | None":
        try:
            message = complete_predict_request(request, model, version)
        except UnicodeEncodeError:
            return NOT_UNICODE
        answer = self._timed(self._predict, message, deadline.with_timeout(self._config.rpc_timeout, RPC))
        return answer if isinstance(answer, Failure) else None

    @property
    def is_usable(self) -> bool:
        return not self._is_hung

    def close(self) -> None:
        if not self._is_hung:  # closing would hang as well
            self._channel.close()
            self._threads.shutdown()

    def dial(self, first: bytes, deadline: "Deadline") -> "Failure | None":
        """Waits until the channel is connected; why it is not, if so."""
        seconds = deadline.remaining()
        if seconds <= 0:
            return Failure(DIAL, "context deadline exceeded", cause="no-time")
        try:
            return self._threads.submit(self._wait, first, seconds).result(seconds + LAST_ERROR_SECONDS + GRACE_SECONDS)
        except TimeoutError:
            self._is_hung = True
            return Failure(DIAL, "context deadline exceeded", limit=deadline.limit)

    def _wait(self, first: bytes, seconds: float) -> "Failure | None":
        try:
            grpc.channel_ready_future(self._channel).result(seconds)
        except grpc.FutureTimeoutError:
            try:
                self._method(first, timeout=LAST_ERROR_SECONDS)
            except grpc.RpcError as error:
                return Failure(DIAL, f"context deadline exceeded (last error: {error.details()})")
            return Failure(DIAL, "context deadline exceeded")
        return None

    def _status(self, query: "Query", deadline: "Deadline") -> "ModelStatus | Failure":
        if _is_not_unicode(query.model):
            return NOT_UNICODE
        answer = self._timed(self._method, _encode(query), deadline)
        return answer if isinstance(answer, Failure) else _decode(answer)

    def _timed(self, method: "Method", message: bytes, deadline: "Deadline") -> "bytes | Failure":
        """One call in the thread, bounded even if the library hangs."""
        seconds = deadline.remaining()
        cause: Cause = "run-timeout" if deadline.limit == RUN else "call-timeout"
        if seconds <= 0:
            cause = "no-time" if deadline.limit == RPC else cause
            return Failure(CALL, "context deadline exceeded", DEADLINE_EXCEEDED, cause, limit=deadline.limit)
        try:
            return self._threads.submit(self._call, method, message, seconds, cause).result(seconds + GRACE_SECONDS)
        except TimeoutError:
            self._is_hung = True
            return Failure(CALL, "context deadline exceeded", DEADLINE_EXCEEDED, cause, limit=deadline.limit)

    def _call(self, method: "Method", message: bytes, seconds: float, cause: "Cause") -> "bytes | Failure":
        try:
            metadata = self._config.metadata
            sent = ((name.decode(), value if name.endswith(b"-bin") else value.decode()) for name, value in metadata)
            answer = method(message, timeout=seconds, metadata=tuple(sent))
            # For the status OK without a message the library returns None.
            return (
                answer if answer is not None else Failure(CALL, "the answer holds no message", INTERNAL, "unreadable")
            )
        except grpc.RpcError as error:
            code = error.code().value[0]
            if code not in LIBRARY_CODES:
                return Failure(STATUS, error.details() or "", code)
            return Failure(CALL, error.details() or "", code, cause if code == DEADLINE_EXCEEDED else "")


def connect(
    config: "ClientConfig", first: "Query", deadline: "Deadline", enter: "Callable[[Phase], None]"
) -> "tuple[GrpcioClient | Failure, CallTrace]":
    """A connected client, as tfs.client.connect makes it."""
    target = parse(config.address)
    if isinstance(target, Failure):
        return target, CallTrace()
    if _is_not_unicode(first.model):
        return NOT_UNICODE, CallTrace()
    credentials = _credentials(config.security) if config.security else None
    if isinstance(credentials, Failure):
        return credentials, CallTrace()
    enter("dial")
    begun = time.monotonic_ns()
    client = GrpcioClient(config, _channel(config, target, credentials))
    failure = client.dial(_encode(first), deadline.with_timeout(config.connect_timeout, CONNECT))
    if failure:
        client.close()
        return failure, CallTrace()
    return client, CallTrace(config.address, dial_ns=time.monotonic_ns() - begun)


def _channel(config: "ClientConfig", target: Target, credentials: "grpc.ChannelCredentials | None") -> grpc.Channel:
    server_name = config.security.server_name if config.security else ""
    authority = server_name or target.authority
    if config.security and not server_name and len(target.hosts) > 1:
        # The library sends no authority over TLS that the certificate does not name, such as 0.0.0.0.
        authority = f"{target.server_name}:{target.port}"
    options = [
        # This is a probe of its own pod: no variable may send it elsewhere.
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.primary_user_agent", config.user_agent),
        ("grpc.default_authority", authority.encode("utf-8", "surrogateescape")),
        ("grpc.initial_reconnect_backoff_ms", FIRST_PAUSE_MS),
        ("grpc.min_reconnect_backoff_ms", FIRST_PAUSE_MS),
        ("grpc.max_reconnect_backoff_ms", MAX_PAUSE_MS),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if config.security:
        # The name that the certificate must bear; without it the library takes it from the authority.
        options.append(("grpc.ssl_target_name_override", server_name or target.server_name))
    compression = grpc.Compression.Gzip if config.gzip else grpc.Compression.NoCompression
    # As bytes, which the library accepts too: not every name is Unicode.
    name = _name(target).encode("utf-8", "surrogateescape")
    if credentials:
        return grpc.secure_channel(name, credentials, options, compression)  # type: ignore[arg-type]
    return grpc.insecure_channel(name, options, compression)  # type: ignore[arg-type]


def _credentials(security: "Security") -> "grpc.ChannelCredentials | Failure":
    """What secures the channel; a Failure for what the library cannot do."""
    if security.kind == ALTS:
        return grpc.alts_channel_credentials()
    if security.kind == SPIFFE or not security.verify:
        what = "servers identified by their trust domain" if security.kind == SPIFFE else "unverified servers"
        return Failure(SETUP, f"grpcio does not support {what}", cause="native-only", permanent=True)
    identity = files.read(security)
    if isinstance(identity, Failure):
        return identity
    return grpc.ssl_channel_credentials(identity.roots, identity.key or None, identity.certificate or None)


def _name(target: Target) -> str:
    """The target in gRPC's name syntax."""
    if target.path:
        path = target.path.decode("utf-8", "surrogateescape")
        return "unix-abstract:" + path[1:] if path[0] == "\0" else "unix:" + path
    host = target.hosts[0] if len(target.hosts) == 1 else LOCALHOST  # several: both families of this machine
    return f"dns:///[{host}]:{target.port}" if ":" in host else f"dns:///{host}:{target.port}"


def _is_not_unicode(text: str) -> bool:
    return text.encode("utf-8", "replace") != text.encode("utf-8", "surrogateescape")


def _encode(query: "Query") -> bytes:
    return GetModelStatusRequest(model_spec=ModelSpec(name=query.model)).SerializeToString()


def _decode(content: bytes) -> "ModelStatus | Failure":
    try:
        response = GetModelStatusResponse.FromString(content)
    except DecodeError as error:
        return Failure(CALL, f"grpc: failed to unmarshal the received message: {error}", INTERNAL, "unreadable")
    return ModelStatus(
        tuple(
            VersionStatus(
                entry.version,
                entry.state,
                entry.HasField("status"),
                entry.status.error_code,
                entry.status.error_message,
            )
            for entry in response.model_version_status
        )
    )
