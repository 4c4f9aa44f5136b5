"""TensorFlow Serving's REST API: targets and messages. JSON <-> values.

An answer is what protobuf prints as JSON (https://protobuf.dev/programming-guides/json/): names of enum values, 64-bit
numbers as strings. Integers for both, and null for an absent value, are accepted too. As in gRPC's answer the last
value of a repeated field counts. Every reader raises JsonError.
"""

from ..model import STATE_NAMES
from ..rpc import status as codes
from ..rpc.json_paths import ARRAY, OBJECT
from ..rpc.json_reader import JsonReader
from ..rpc.json_tokens import JsonError
from ..rpc.protobuf import VARINT, WireError, length_delimited, varint
from .messages import decode_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import ModelStatus
    from ..rpc.json_reader import Kept

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"  # RFC 3986, 2.3

# A state whose name nobody knows: a number that protobuf does not use, judged like any unknown number.
UNRECOGNIZED_STATE = -1
STATES = {name: number for number, name in STATE_NAMES.items()}
# A code whose name nobody knows counts as UNKNOWN, as in gRPC.
CODES = {codes.proto_name(code): code for code in (*range(len(codes.NAMES)), 20)}

# `.model_version_status[]` and so on: the fields of GetModelStatusResponse.
VERSIONS = ".model_version_status"
ENTRY = f"{VERSIONS}[]"
VERSION, STATE, ENTRY_STATUS = f"{ENTRY}.version", f"{ENTRY}.state", f"{ENTRY}.status"
ERROR_CODE, ERROR_MESSAGE = f"{ENTRY_STATUS}.error_code", f"{ENTRY_STATUS}.error_message"
LABEL_VERSION = ".model_spec.version"
CONTAINERS = {"": OBJECT, VERSIONS: ARRAY, ENTRY: OBJECT, ENTRY_STATUS: OBJECT}
MAY_BE_NULL = (VERSIONS, ENTRY_STATUS)


def status_target(prefix: str, model: str) -> bytes:
    """The target of a status request. `prefix`: the path in the server's URL, or empty."""
    return prefix.encode() + b"/v1/models/" + percent_encode(model)


def label_target(prefix: str, model: str, label: str) -> bytes:
    """The target of a metadata request for the version that a label points to."""
    return status_target(prefix, model) + b"/labels/" + percent_encode(label) + b"/metadata"


def percent_encode(text: str) -> bytes:
    """One segment of a path. A byte of argv that is not UTF-8 stays that byte."""
    return b"".join(
        bytes((byte,)) if byte in UNRESERVED else b"%%%02X" % byte for byte in text.encode("utf-8", "surrogateescape")
    )


class StatusReader:
    """Reads the answer to a status request.

    It is written anew in protobuf's wire format, which is never longer, and decoded like gRPC's: with the same bounds,
    and without an object for each of 400,000 versions."""

    __slots__ = ("_entry", "_json", "_message", "_status")

    def __init__(self) -> None:
        self._json = JsonReader(
            ("", VERSIONS, ENTRY, VERSION, STATE, ENTRY_STATUS, ERROR_CODE, ERROR_MESSAGE),
            self._take,
        )
        self._message = bytearray()  # GetModelStatusResponse
        self._entry = bytearray()  # the current ModelVersionStatus
        self._status = bytearray()  # its StatusProto

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the body."""
        self._json.feed(data)

    def end(self) -> "ModelStatus":
        """The body is complete: its meaning."""
        self._json.end()
        try:
            return decode_response(bytes(self._message))
        except WireError as error:
            raise JsonError(str(error)) from None

    def _take(self, path: str, value: "Kept") -> bool:
        if path in CONTAINERS and value != CONTAINERS[path] and not (value is None and path in MAY_BE_NULL):
            raise JsonError(f"{path or 'the answer'} is not an {CONTAINERS[path].kind}")
        if path == ENTRY:
            self._message += length_delimited(1, bytes(self._entry))
            self._entry.clear()
        elif path == ENTRY_STATUS:
            if value is not None:
                self._entry += length_delimited(3, bytes(self._status))
            self._status.clear()
        elif path not in CONTAINERS and value is not None:
            self._take_field(path, value)
        return False

    def _take_field(self, path: str, value: "Kept") -> None:
        if path == VERSION:
            self._entry += _number_field(1, _integer(path, value))
        elif path == STATE:
            self._entry += _number_field(2, _enum(path, value, STATES, UNRECOGNIZED_STATE))
        elif path == ERROR_CODE:
            self._status += _number_field(1, _enum(path, value, CODES, codes.UNKNOWN))
        else:
            self._status += length_delimited(2, _text(path, value).encode())


class LabelReader:
    """Reads the answer to a metadata request up to the version."""

    __slots__ = ("_json", "version")

    def __init__(self) -> None:
        self.version: int | None = None  # known: the rest of the answer is not needed
        self._json = JsonReader((LABEL_VERSION,), self._take)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the body."""
        self._json.feed(data)

    def end(self) -> int:
        """The body is complete: the version."""
        self._json.end()
        if self.version is None:
            raise JsonError(f"{LABEL_VERSION} is missing")
        return self.version

    def _take(self, path: str, value: "Kept") -> bool:
        self.version = _integer(path, value)
        return True


def _integer(path: str, value: "Kept") -> int:
    """An int64, as a string or a number."""
    if isinstance(value, str):
        digits = value[1:] if value[:1] == "-" else value
        number = int(value) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
    else:
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
    if number is None or not -(1 << 63) <= number < 1 << 63:
        raise JsonError(f"{path} is not a 64-bit integer")
    return number


def _enum(path: str, value: "Kept", numbers: "dict[str, int]", unknown: int) -> int:
    """An enum value, as a name or a number of 32 bits."""
    if isinstance(value, str):
        return numbers.get(value, unknown)
    number = _integer(path, value)
    if not -(1 << 31) <= number < 1 << 31:
        raise JsonError(f"{path} is not a 32-bit integer")
    return number


def _text(path: str, value: "Kept") -> str:
    if not isinstance(value, str):
        raise JsonError(f"{path} is not a string")
    return value


def _number_field(field: int, number: int) -> bytes:
    """A varint field; negative numbers in two's complement of 64 bits."""
    return varint(field << 3 | VARINT) + varint(number & (1 << 64) - 1)
