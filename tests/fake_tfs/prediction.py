"""PredictionService: which version a request means, its metadata, and an answer to Predict.

The model of every name is `half_plus_two`: it wants the input `x`. Texts and the order of checks are those of a
TensorFlow Serving 2.19.1 (GetModelMetadata, labels, a good Predict); those of a bad Predict are named in its source.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.message import DecodeError, Message

from probe.tfs.proto import serving_pb2

from .state import Code, Refused, Servables, State

METADATA_FIELD = "signature_def"
# The metadata of half_plus_two as captured: field 2 of GetModelMetadataResponse, and the JSON of REST.
METADATA = bytes.fromhex(
    "12b7010a0d7369676e61747572655f64656612a5010a36747970652e676f6f676c65617069732e636f6d2f74656e736f72666c6f772e73657276"
    "696e672e5369676e61747572654465664d6170126b0a690a0f73657276696e675f64656661756c7412560a1b0a017812160a03783a3010011a0d"
    "120b08ffffffffffffffffff01121b0a017912160a03793a3010011a0d120b08ffffffffffffffffff011a1a74656e736f72666c6f772f736572"
    "76696e672f70726564696374"
)
_TENSOR = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}}
_SIGNATURE = {
    "inputs": {"x": {**_TENSOR, "name": "x:0"}},
    "outputs": {"y": {**_TENSOR, "name": "y:0"}},
    "method_name": "tensorflow/serving/predict",
    "defaults": {},
}
# Field 1 of a PredictResponse, `y` = [2.5, 3.0], and the signature in its model_spec.
OUTPUTS = bytes.fromhex("0a130a0179120e08011204120208012a0400004040")
SIGNATURE_NAME = "serving_default"


def _message(name: str, fields: Iterable[tuple[str, int, str]]) -> type[Message]:
    """The class of a message of TensorFlow Serving's that begins with a model_spec. `fields`: name, number, and
    `strings` or `bytes`, both repeated: map entries stay bytes."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"tests/{name}.proto", package="tests", syntax="proto3", dependency=[serving_pb2.DESCRIPTOR.name]
    )
    message = file.message_type.add(name=name)
    kinds = descriptor_pb2.FieldDescriptorProto
    message.field.add(
        name="model_spec",
        number=1,
        label=kinds.LABEL_OPTIONAL,
        type=kinds.TYPE_MESSAGE,
        type_name=".tensorflow.serving.ModelSpec",
    )
    for field, number, kind in fields:
        which = kinds.TYPE_STRING if kind == "strings" else kinds.TYPE_BYTES
        message.field.add(name=field, number=number, label=kinds.LABEL_REPEATED, type=which)
    pool = serving_pb2.DESCRIPTOR.pool
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tests.{name}"))


GetModelMetadataRequest = _message("GetModelMetadataRequest", [("metadata_field", 2, "strings")])
PredictRequest = _message("PredictRequest", [("inputs", 2, "bytes"), ("output_filter", 3, "strings")])


class Labels:
    """Which labels point to which versions, as the server's configuration says; safe to use from several threads."""

    def __init__(self, labels: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self._lock = threading.Lock()
        self._labels = {model: dict(each) for model, each in (labels or {}).items()}
        self.initialized = True
        """False: the server was started from a file without a list."""
        self.allowed = True

    def version(self, model: str, label: str) -> int:
        """The version that a label points to; raises Refused."""
        if not self.allowed:
            text = "ModelSpec has 'version_label' set, but it is not currently allowed by the server."
            raise Refused(Code.INVALID_ARGUMENT, text)
        if not self.initialized:
            raise Refused(Code.UNAVAILABLE, f"Model labels does not init yet.{label}")
        with self._lock:
            found = self._labels.get(model, {}).get(label)
        if found is None:
            raise Refused(Code.INVALID_ARGUMENT, f"Unrecognized servable version label: {label}")
        return found

    def replace(self, labels: Mapping[str, Mapping[str, int]], servables: Servables) -> None:
        """A reload: all labels anew, or none of them if one points to a version that is not AVAILABLE; raises
        Refused."""
        for model, each in labels.items():
            for version in each.values():
                if version not in available(servables, model):
                    text = (
                        f"Request to assign label to version {version} of model {model}, which is not currently "
                        "available for inference"
                    )
                    raise Refused(Code.FAILED_PRECONDITION, text)
        with self._lock:
            self._labels = {model: dict(each) for model, each in labels.items()}
        self.initialized = True


def available(servables: Servables, model: str) -> list[int]:
    """The versions that can be called, newest first."""
    try:
        return [entry.version for entry in servables.find(model) if entry.state == State.AVAILABLE]
    except Refused:
        return []


def resolve(servables: Servables, labels: Labels, name: str, version: int | None, label: str | None) -> int:
    """The version that answers a request; raises Refused where none can."""
    if not name:
        raise Refused(Code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
    if label is not None:
        version = labels.version(name, label)
    ready = available(servables, name)
    if version is None:
        if not ready:
            raise Refused(Code.NOT_FOUND, f"Servable not found for request: Latest({name})")
        return ready[0]
    if version not in ready:
        raise Refused(Code.NOT_FOUND, f"Servable not found for request: Specific({name}, {version})")
    return version


def metadata(servables: Servables, labels: Labels, payload: bytes) -> bytes:
    """Answers a serialized GetModelMetadataRequest; raises Refused."""
    request = _parse(GetModelMetadataRequest, payload)
    if not request.HasField("model_spec"):
        raise Refused(Code.INVALID_ARGUMENT, "Missing ModelSpec")
    if not request.metadata_field:
        text = "GetModelMetadataRequest must specify at least one metadata_field"
        raise Refused(Code.INVALID_ARGUMENT, text)
    for field in request.metadata_field:
        if field != METADATA_FIELD:
            raise Refused(Code.INVALID_ARGUMENT, f"Metadata field {field} is not supported")
    return _spec(request.model_spec.name, _resolve_spec(servables, labels, request.model_spec), 1) + METADATA


def predict(servables: Servables, labels: Labels, payload: bytes) -> bytes:
    """Answers a serialized PredictRequest; raises Refused."""
    request = _parse(PredictRequest, payload)
    if not request.HasField("model_spec"):
        raise Refused(Code.INVALID_ARGUMENT, "Missing ModelSpec")
    version = _resolve_spec(servables, labels, request.model_spec)
    if not any(entry.startswith(b"\n\x01x") for entry in request.inputs):
        raise _wrong_inputs()
    return OUTPUTS + _spec(request.model_spec.name, version, 2, SIGNATURE_NAME)


def predict_json(body: bytes) -> bytes:
    """Answers the JSON of REST's :predict; raises Refused."""
    try:
        request = json.loads(body)
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "JSON Parse error: Invalid value. at offset: 0") from None
    instances = request.get("instances") if isinstance(request, dict) else None
    if not isinstance(instances, list):
        raise Refused(Code.INVALID_ARGUMENT, "Missing 'inputs' or 'instances' key")
    if not all(isinstance(one, (int, float)) for one in instances):
        raise _wrong_inputs()
    return json.dumps({"predictions": [one / 2 + 2 for one in instances]}, indent=4).encode()


def metadata_json(name: str, version: int) -> bytes:
    """The answer of REST's /metadata."""
    spec = json.dumps({"name": name, "signature_name": "", "version": str(version)}, indent=1, ensure_ascii=False)
    signatures = json.dumps({"signature_def": {SIGNATURE_NAME: _SIGNATURE}}, indent=1)
    # The writer of the outer object is another than that of the parts.
    return f'{{\n"model_spec":{spec}\n,\n"metadata": {{"signature_def": {signatures}\n}}\n}}\n'.encode()


def _parse(kind: type[Message], payload: bytes) -> Any:
    try:
        return kind.FromString(payload)
    except DecodeError:
        raise Refused(Code.INTERNAL, "") from None


def _resolve_spec(servables: Servables, labels: Labels, spec: serving_pb2.ModelSpec) -> int:
    version = spec.version.value if spec.HasField("version") else None
    label = spec.version_label if spec.HasField("version_label") else None
    return resolve(servables, labels, spec.name, version, label)


def _spec(name: str, version: int, field: int, signature: str = "") -> bytes:
    """A model_spec as field number `field`."""
    spec = serving_pb2.ModelSpec(name=name, signature_name=signature)
    spec.version.value = version
    body = spec.SerializeToString(deterministic=True)
    return bytes([field << 3 | 2, len(body)]) + body if len(body) < 128 else _long(field, body)


def _long(field: int, body: bytes) -> bytes:
    return bytes([field << 3 | 2, len(body) & 127 | 128, len(body) >> 7]) + body


def _wrong_inputs() -> Refused:
    text = "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}."
    return Refused(Code.INVALID_ARGUMENT, text)
