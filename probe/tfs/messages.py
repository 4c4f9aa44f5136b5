"""The messages in use: bytes <-> values.

Field numbers are those of TensorFlow Serving's get_model_status.proto, model.proto and status.proto. As in every
protobuf library the last value of a repeated scalar counts, and the parts of a repeated message are merged.
"""

from ..model import ModelStatus, VersionStatus
from ..rpc.protobuf import LENGTH, VARINT, Reader, length_delimited, signed
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

# How many entries of an answer are kept decoded; what follows is decoded again whenever it is looked at.
MAX_KEPT = 32


def encode_request(model: str) -> bytes:
    """GetModelStatusRequest{model_spec{name}}. Raises UnicodeEncodeError for a name that is not Unicode.

    The version stays unset: the server would answer NOT_FOUND for one that it does not know."""
    name = model.encode()
    return length_delimited(1, length_delimited(1, name) if name else b"")


def decode_response(data: bytes) -> ModelStatus:
    """GetModelStatusResponse{repeated model_version_status = 1}. Raises WireError; the whole answer is checked."""
    reader = Reader(data)
    first: list[VersionStatus] = []
    at, rest = 0, -1
    while (number_and_type := reader.tag(len(data))) is not None:
        if number_and_type == (1, LENGTH):
            version = _version(reader, reader.length(len(data)))
            if len(first) < MAX_KEPT:
                first.append(version)
            elif rest < 0:
                rest = at
        else:
            reader.skip(number_and_type, len(data))
        at = reader.at
    return ModelStatus(tuple(first), _Rest(data, rest) if rest >= 0 else ())


class _Rest(Value):
    """The entries from a position of a checked answer on."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int) -> None:
        self.data: Final = data
        self.at: Final = at

    def __iter__(self) -> "Iterator[VersionStatus]":
        data = self.data
        reader = Reader(data, self.at)
        while (number_and_type := reader.tag(len(data))) is not None:
            if number_and_type == (1, LENGTH):
                yield _version(reader, reader.length(len(data)))
            else:
                reader.skip(number_and_type, len(data))


def _version(reader: Reader, end: int) -> VersionStatus:
    """ModelVersionStatus{int64 version = 1; State state = 2; StatusProto status = 3}."""
    version = state = error_code = 0
    has_status, error_message = False, ""
    while (number_and_type := reader.tag(end)) is not None:
        if number_and_type == (1, VARINT):
            version = signed(reader.varint(end), 64)
        elif number_and_type == (2, VARINT):
            state = signed(reader.varint(end), 32)
        elif number_and_type == (3, LENGTH):
            # StatusProto{Code error_code = 1; string error_message = 2}
            has_status = True
            stop = reader.length(end)
            while (number_and_type := reader.tag(stop)) is not None:
                if number_and_type == (1, VARINT):
                    error_code = signed(reader.varint(stop), 32)
                elif number_and_type == (2, LENGTH):
                    error_message = reader.string(stop)
                else:
                    reader.skip(number_and_type, stop)
        else:
            reader.skip(number_and_type, end)
    return VersionStatus(version, state, has_status, error_code, error_message)
