"""The gRPC side: bytes in, bytes or a status out, and the listener that carries them.

Messages are parsed here and not by grpcio, because the two differ in what they say to bytes that cannot be parsed and
to methods that do not exist: TensorFlow Serving answers INTERNAL and UNIMPLEMENTED with no text at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, NoReturn, cast

import grpc
from google.protobuf import wrappers_pb2
from google.protobuf.message import DecodeError

from probe.tfs.proto import serving_pb2

from .prediction import Labels, metadata, predict
from .state import Code, Refused, Servables

GET_MODEL_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
PREDICT = "/tensorflow.serving.PredictionService/Predict"
GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"

# Registered by the server when --enable_grpc_healthcheck_service is given, and never changed afterwards (server.cc):
# they say SERVING whatever the models do. The names lack their package in TensorFlow Serving too.
HEALTHY_SERVICES = ("", "ModelService", "PredictionService")
SERVING = b"\x08\x01"

# As in TensorFlow Serving, a request may have any size.
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

# Bytes of a status message that are sent before it is cut (model_servers/grpc_status_util.cc).
MESSAGE_LIMIT = 1024

_STATUS = {code.value[0]: code for code in grpc.StatusCode}


class Conduct:
    """How calls are met, whatever they ask; and a record of the calls that came."""

    def __init__(self, busy: bool, delay: float, health: bool) -> None:
        self.busy = busy
        self.delay = delay
        self.predict_delay = 0.0
        self.predict_error: Refused | None = None
        self.metadata_delay = 0.0
        self.metadata_error: Refused | None = None
        self.methods: list[str] = []
        self.health = health
        self.closing = threading.Event()
        self.requests: list[bytes] = []
        self.metadata: list[tuple[tuple[str, str | bytes], ...]] = []

    def meet(self, method: str, request: bytes, metadata: tuple[tuple[str, str | bytes], ...]) -> None:
        """Notes the call, holds it for `delay` seconds, and raises Refused when all threads are to be busy."""
        self.methods.append(method)
        self.requests.append(request)
        self.metadata.append(metadata)
        if self.delay:
            self.closing.wait(self.delay)
        if self.busy:
            raise Refused(Code.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")

    def meet_metadata(self) -> None:
        """Holds an answer to GetModelMetadata, and raises the error that it is to end with."""
        if self.metadata_delay:
            self.closing.wait(self.metadata_delay)
        if self.metadata_error is not None:
            raise self.metadata_error

    def meet_prediction(self) -> None:
        """Holds a prediction for `predict_delay` seconds, and raises the error that it is to end with."""
        if self.predict_delay:
            self.closing.wait(self.predict_delay)
        if self.predict_error is not None:
            raise self.predict_error


def get_model_status(servables: Servables, payload: bytes) -> bytes:
    """Answers a serialized GetModelStatusRequest; raises Refused as TensorFlow Serving does."""
    try:
        request = serving_pb2.GetModelStatusRequest.FromString(payload)
    except DecodeError:
        raise Refused(Code.INTERNAL, "") from None
    if not request.HasField("model_spec"):
        raise Refused(Code.INVALID_ARGUMENT, "Missing ModelSpec")
    spec = request.model_spec
    response = serving_pb2.GetModelStatusResponse()
    for entry in servables.find(spec.name, spec.version.value if spec.HasField("version") else None):
        # Numbers go in as they are: an open enum carries those that have no name.
        state = cast("serving_pb2.ModelVersionStatus.State", entry.state)
        code = cast("serving_pb2.StatusProto.Code", entry.code)
        status = serving_pb2.StatusProto(error_code=code, error_message=entry.message)
        response.model_version_status.add(version=entry.version, state=state, status=status)
    return response.SerializeToString()


def check_health(payload: bytes) -> bytes:
    """Answers a serialized grpc.health.v1.HealthCheckRequest."""
    try:
        # The request is one string in field 1, which is just what StringValue is.
        service = wrappers_pb2.StringValue.FromString(payload).value
    except DecodeError:
        raise Refused(Code.INTERNAL, "") from None
    if service not in HEALTHY_SERVICES:
        raise Refused(Code.NOT_FOUND, "service name unknown")
    return SERVING


def clipped(message: str) -> bytes:
    """The text of a status as sent: UTF-8, cut at 1024 bytes, be that inside a character."""
    data = message.encode()
    return data if len(data) <= MESSAGE_LIMIT else data[:MESSAGE_LIMIT] + b"...TRUNCATED"


class _Calls(grpc.GenericRpcHandler):
    """Takes every call, known method or not; without serializers, so requests and responses are bytes."""

    def __init__(self, servables: Servables, labels: Labels, conduct: Conduct) -> None:
        self._servables = servables
        self._labels = labels
        self._conduct = conduct

    def _answer(self, method: str, payload: bytes) -> bytes:
        if method == GET_MODEL_STATUS:
            return get_model_status(self._servables, payload)
        if method == GET_MODEL_METADATA:
            self._conduct.meet_metadata()
            return metadata(self._servables, self._labels, payload)
        if method == PREDICT:
            self._conduct.meet_prediction()
            return predict(self._servables, self._labels, payload)
        if method == HEALTH_CHECK and self._conduct.health:
            return check_health(payload)
        raise Refused(Code.UNIMPLEMENTED, "")

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        method = handler_call_details.method

        def behavior(payload: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                sent = tuple((key, value) for key, value in context.invocation_metadata())
                self._conduct.meet(method, payload, sent)
                return self._answer(method, payload)
            except Refused as refusal:
                _abort(context, refusal)

        handler: Callable[..., grpc.RpcMethodHandler[bytes, bytes]] = grpc.unary_unary_rpc_method_handler
        return handler(behavior)


def _abort(context: grpc.ServicerContext, refusal: Refused) -> NoReturn:
    # grpcio sends a text given as bytes unchanged, which a message cut inside a character needs.
    context.abort(_STATUS[refusal.code], cast(Any, clipped(refusal.message)))


class GrpcListener:
    """A listening gRPC server. `addresses` in gRPC's syntax; `tls` is (private key, certificate chain) in PEM, and
    `client_ca` in PEM makes a client certificate a condition. As in TensorFlow Serving both hold for every address."""

    def __init__(
        self,
        servables: Servables,
        labels: Labels,
        conduct: Conduct,
        addresses: list[str],
        tls: tuple[bytes, bytes] | None = None,
        client_ca: bytes | None = None,
    ) -> None:
        self._pool = futures.ThreadPoolExecutor(max_workers=32, thread_name_prefix="fake-tfs-grpc")
        # Without this a second server on the same port would quietly share it.
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0), *UNLIMITED])
        self._server.add_generic_rpc_handlers((_Calls(servables, labels, conduct),))
        for address in addresses:
            if tls is None:
                self._server.add_insecure_port(address)
            else:
                credentials = grpc.ssl_server_credentials([tls], client_ca, require_client_auth=client_ca is not None)
                self._server.add_secure_port(address, credentials)
        self._server.start()

    def stop(self) -> None:
        """Ends running calls and the listener; returns when both are gone."""
        self._server.stop(None).wait()
        self._pool.shutdown()
