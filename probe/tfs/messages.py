"""The messages in use: bytes <-> values.

Field numbers are those of TensorFlow Serving's get_model_status.proto, model.proto and status.proto. As in every
protobuf library the last value of a repeated scalar counts, and the parts of a repeated message are merged.
"""

from ..model import ModelStatus, VersionStatus
from ..rpc.protobuf import LENGTH, VARINT, Reader, WireError, length_delimited, signed, tag, varint
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

# How many entries of an answer are kept decoded; what follows is decoded again whenever it is looked at.
MAX_KEPT = 32
MAX_SPEC_BYTES = 65536  # of a model_spec: a name, a label and a version
MAX_FIELD_HEADER_BYTES = 15  # a tag of five bytes and a length of ten

# GetModelStatusResponse{repeated ModelVersionStatus model_version_status = 1}
MODEL_VERSION_STATUS = tag(1, LENGTH)
# ModelVersionStatus{int64 version = 1; State state = 2; StatusProto status = 3}
VERSION, STATE, STATUS = tag(1, VARINT), tag(2, VARINT), tag(3, LENGTH)
# StatusProto{Code error_code = 1; string error_message = 2}
ERROR_CODE, ERROR_MESSAGE = tag(1, VARINT), tag(2, LENGTH)
# GetModelMetadataResponse{ModelSpec model_spec = 1}; ModelSpec{Int64Value version = 2}; Int64Value{int64 value = 1}
MODEL_SPEC, SPEC_VERSION, VALUE = tag(1, LENGTH), tag(2, LENGTH), tag(1, VARINT)


def encode_request(model: str) -> bytes:
    """GetModelStatusRequest{model_spec{name}}. Raises UnicodeEncodeError for a name that is not Unicode.

    The version stays unset: the server would answer NOT_FOUND for one that it does not know."""
    name = model.encode()
    return length_delimited(1, length_delimited(1, name) if name else b"")


def decode_response(data: bytes) -> ModelStatus:
    """GetModelStatusResponse. Raises WireError; the whole answer is checked."""
    reader = Reader(data)
    first: list[VersionStatus] = []
    at, end, rest = 0, len(data), -1
    while found := reader.tag(end):
        if found == MODEL_VERSION_STATUS:
            version = _version(reader, reader.length(end))
            if len(first) < MAX_KEPT:
                first.append(version)
            elif rest < 0:
                rest = at
        else:
            reader.skip(found, end)
        at = reader.at
    return ModelStatus(tuple(first), _Rest(data, rest) if rest >= 0 else ())


def encode_metadata_request(model: str, label: str) -> bytes:
    """GetModelMetadataRequest{model_spec{name, version_label}, metadata_field}. Raises UnicodeEncodeError."""
    spec = length_delimited(1, model.encode()) + length_delimited(4, label.encode())
    return length_delimited(1, spec) + length_delimited(2, b"signature_def")


def complete_predict_request(request: bytes, model: str, version: "int | None") -> bytes:
    """A serialized PredictRequest with our model_spec appended: protobuf merges the parts of a message, and the last
    value wins. Raises UnicodeEncodeError."""
    spec = length_delimited(1, model.encode())
    if version is not None:
        spec += length_delimited(2, varint(VALUE) + varint(version & (1 << 64) - 1))
    return request + length_delimited(1, spec)


class VersionSink:
    """Reads a GetModelMetadataResponse up to the version in its ModelSpec; keeps nothing else.

    A sink of rpc/unary.py. After the call `version` is None if the answer has none."""

    __slots__ = ("_buffer", "_skip", "version")

    def __init__(self) -> None:
        self.version: int | None = None
        self._buffer = b""
        self._skip = 0  # bytes of a field that is passed over

    def __call__(self, piece: bytes) -> bool:
        """Takes a piece of the message; returns whether the version is known. Raises WireError."""
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        self._buffer += piece[skipped:]
        while not self._skip and self._buffer:
            reader = Reader(self._buffer)
            try:
                found = reader.tag(len(self._buffer))
                length = reader.varint(len(self._buffer))
            except WireError:
                if len(self._buffer) > MAX_FIELD_HEADER_BYTES:
                    raise
                return False  # the field's header is incomplete
            if found & 7 != LENGTH:
                raise WireError("an unexpected field in the metadata")
            end = reader.at + length
            if found != MODEL_SPEC:
                self._skip = max(0, end - len(self._buffer))
                self._buffer = self._buffer[end:]
            elif length > MAX_SPEC_BYTES:
                raise WireError("the model_spec is too long")
            elif end > len(self._buffer):
                return False
            else:
                self.version = _spec_version(reader, end)
                self._buffer = self._buffer[end:]
                if self.version is not None:
                    return True
        return False


def _spec_version(reader: Reader, end: int) -> "int | None":
    """The version in a ModelSpec."""
    version = None
    while found := reader.tag(end):
        if found != SPEC_VERSION:
            reader.skip(found, end)
            continue
        stop = reader.length(end)
        version = 0
        while found := reader.tag(stop):
            if found == VALUE:
                version = signed(reader.varint(stop), 64)
            else:
                reader.skip(found, stop)
    return version


class _Rest(Value):
    """The entries from a position of a checked answer on."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int) -> None:
        self.data: Final = data
        self.at: Final = at

    def __iter__(self) -> "Iterator[VersionStatus]":
        data = self.data
        reader = Reader(data, self.at)
        while found := reader.tag(len(data)):
            if found == MODEL_VERSION_STATUS:
                yield _version(reader, reader.length(len(data)))
            else:
                reader.skip(found, len(data))


def _version(reader: Reader, end: int) -> VersionStatus:
    """A ModelVersionStatus."""
    version = state = error_code = 0
    has_status, error_message = False, ""
    while found := reader.tag(end):
        if found == VERSION:
            version = signed(reader.varint(end), 64)
        elif found == STATE:
            state = signed(reader.varint(end), 32)
        elif found == STATUS:
            has_status = True
            stop = reader.length(end)
            while found := reader.tag(stop):
                if found == ERROR_CODE:
                    error_code = signed(reader.varint(stop), 32)
                elif found == ERROR_MESSAGE:
                    error_message = reader.string(stop)
                else:
                    reader.skip(found, stop)
        else:
            reader.skip(found, end)
    return VersionStatus(version, state, has_status, error_code, error_message)
