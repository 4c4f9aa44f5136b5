"""TensorFlow Serving's REST API: targets and messages. JSON <-> values.

An answer is what protobuf prints as JSON (https://protobuf.dev/programming-guides/json/): names of enum values, 64-bit
numbers as strings. Integers for both, and null for an absent value, are accepted too. As in gRPC's answer the last
value of a repeated field counts. Every reader raises JsonError.
"""

from _io import BytesIO

from ..model import STATE_NAMES
from ..rpc import status as codes
from ..rpc.json_paths import ARRAY, OBJECT
from ..rpc.json_reader import JsonReader
from ..rpc.json_tokens import JsonError
from ..rpc.protobuf import VARINT, WireError, length_delimited, varint
from ..rpc.uri import percent_encode
from .messages import decode_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import ModelStatus
    from ..rpc.json_reader import Kept


# A state with an unknown name: a number that protobuf does not use, judged like any unknown number.
UNRECOGNIZED_STATE = -1
STATES = {name: number for number, name in STATE_NAMES.items()}
# A code with an unknown name counts as UNKNOWN, as in gRPC.
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


def predict_target(prefix: str, model: str, version: "int | None") -> bytes:
    """The target of a request for a prediction."""
    which = b"" if version is None else b"/versions/%d" % version
    return status_target(prefix, model) + which + b":predict"


def label_target(prefix: str, model: str, label: str) -> bytes:
    """The target of a metadata request for the version that a label points to."""
    return status_target(prefix, model) + b"/labels/" + percent_encode(label) + b"/metadata"


class StatusReader:
    """Reads the answer to a status request.

    It is written anew in protobuf's wire format, which is never longer, and decoded like gRPC's: with the same bounds,
    and without an object for each of 400,000 versions."""

    __slots__ = ("_code", "_has_status", "_json", "_message", "_state", "_text", "_version")

    def __init__(self) -> None:
        self._json = JsonReader(
            ("", VERSIONS, ENTRY, VERSION, STATE, ENTRY_STATUS, ERROR_CODE, ERROR_MESSAGE), self._take
        )
        self._message = BytesIO()  # GetModelStatusResponse; its `getvalue` does not copy
        self._begin_entry()

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the body."""
        self._json.feed(data)

    def end(self) -> "ModelStatus":
        """The body is complete: its meaning."""
        self._json.end()
        try:
            return decode_response(self._message.getvalue())
        except WireError as error:
            raise JsonError(str(error)) from None

    def _take(self, path: str, value: "Kept") -> bool:
        if path in CONTAINERS and value != CONTAINERS[path] and not (value is None and path in MAY_BE_NULL):
            raise JsonError(f"{path or 'the answer'} is not an {CONTAINERS[path].kind}")
        if path == ENTRY:
            self._end_entry()
        elif value is None:
            pass
        elif path == ENTRY_STATUS:
            self._has_status = True
        elif path == VERSION:
            self._version = _integer(path, value)
        elif path == STATE:
            self._state = _enum(path, value, STATES, UNRECOGNIZED_STATE)
        elif path == ERROR_CODE:
            self._code = _enum(path, value, CODES, codes.UNKNOWN)
        elif path == ERROR_MESSAGE:
            self._text = _text(path, value)
        return False

    def _begin_entry(self) -> None:
        self._version = self._state = self._code = 0
        self._has_status = False
        self._text = ""

    def _end_entry(self) -> None:
        """Writes a ModelVersionStatus."""
        entry = _number_field(1, self._version) + _number_field(2, self._state)
        if self._has_status:
            text = length_delimited(2, self._text.encode()) if self._text else b""
            entry += length_delimited(3, _number_field(1, self._code) + text)
        self._message.write(length_delimited(1, entry))
        self._begin_entry()


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
    """A varint field, which is absent when it is 0; negative numbers in two's complement of 64 bits."""
    return varint(field << 3 | VARINT) + varint(number & (1 << 64) - 1) if number else b""
