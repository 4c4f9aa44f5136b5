"""Protobuf's wire format for the messages in use: bytes <-> values.

Rule of this file: no I/O. `decode` returns values or raises WireError, on any bytes, in bounded time and memory.
Source: https://protobuf.dev/programming-guides/encoding/ and the field numbers of TensorFlow Serving's
get_model_status.proto, model.proto and status.proto, and of SPIFFE's workload.proto. Unknown fields are skipped, a
repeated scalar's last value counts and a repeated message's parts are merged, as every protobuf library does.
"""

from .model import ModelStatus, Svid, VersionStatus

# Beyond this many fields an answer is no history of versions any more (a version takes four; 4 MiB can hold two
# million).
MAX_FIELDS = 400_000
MAX_GROUP_DEPTH = 10_000  # as Go's; nothing here recurses

VARINT, FIXED64, LENGTH, GROUP, END_GROUP, FIXED32 = 0, 1, 2, 3, 4, 5


class WireError(ValueError):
    """The bytes are not the message that they should be."""


def encode_request(model_name: str) -> bytes:
    """GetModelStatusRequest{model_spec{name}}. Raises UnicodeEncodeError for a name that is not Unicode.

    The version stays unset: with it, the server would answer NOT_FOUND for one that it does not know."""
    name = model_name.encode()
    spec = b"\x0a" + varint(len(name)) + name if name else b""
    return b"\x0a" + varint(len(spec)) + spec


def varint(number: int) -> bytes:
    """A number >= 0 in seven-bit groups, least significant first."""
    out = b""
    while number > 127:
        out += bytes((number & 127 | 128,))
        number >>= 7
    return out + bytes((number,))


def decode_response(data: bytes) -> ModelStatus:
    """GetModelStatusResponse{repeated model_version_status = 1}."""
    reader = _Reader(data)
    versions = []
    while (number_and_type := reader.tag(len(data))) is not None:
        if number_and_type == (1, LENGTH):
            versions.append(_version(reader, reader.length(len(data))))
        else:
            reader.skip(number_and_type, len(data))
    return ModelStatus(versions)


def _version(reader: "_Reader", end: int) -> VersionStatus:
    """ModelVersionStatus{int64 version = 1; State state = 2; StatusProto status = 3}."""
    status = VersionStatus(0, 0, has_status=False)
    while (number_and_type := reader.tag(end)) is not None:
        if number_and_type == (1, VARINT):
            status.version = _signed(reader.varint(end), 64)
        elif number_and_type == (2, VARINT):
            status.state = _signed(reader.varint(end), 32)
        elif number_and_type == (3, LENGTH):
            status.has_status = True
            _status(reader, reader.length(end), status)
        else:
            reader.skip(number_and_type, end)
    return status


def _status(reader: "_Reader", end: int, into: VersionStatus) -> None:
    """StatusProto{Code error_code = 1; string error_message = 2}."""
    while (number_and_type := reader.tag(end)) is not None:
        if number_and_type == (1, VARINT):
            into.error_code = _signed(reader.varint(end), 32)
        elif number_and_type == (2, LENGTH):
            into.error_message = reader.string(end)
        else:
            reader.skip(number_and_type, end)


def decode_svid(data: bytes) -> "Svid | None":
    """X509SVIDResponse{repeated X509SVID svids = 1; map<string, bytes> federated_bundles = 3}: the first identity,
    which is the default one, and the bundles of all trust domains, those of further identities included. None where
    there is no identity."""
    reader = _Reader(data)
    identities: list[Svid] = []
    federated: list[tuple[str, bytes]] = []
    while (number_and_type := reader.tag(len(data))) is not None:
        if number_and_type == (1, LENGTH):
            # X509SVID{string spiffe_id = 1; bytes x509_svid = 2; bytes x509_svid_key = 3; bytes bundle = 4}
            spiffe_id, (certificates, key, bundle) = _text_and_bytes(reader, reader.length(len(data)), 3)
            identities.append(Svid(spiffe_id, certificates, key, bundle))
        elif number_and_type == (3, LENGTH):
            # What a map's entry is: {string key = 1; bytes value = 2}
            domain, (bundle,) = _text_and_bytes(reader, reader.length(len(data)), 1)
            federated.append((domain, bundle))
        else:
            reader.skip(number_and_type, len(data))
    if not identities:
        return None
    first = identities[0]
    first.federated = (*((other.spiffe_id, other.bundle) for other in identities[1:]), *federated)
    return first


def _text_and_bytes(reader: "_Reader", end: int, count: int) -> "tuple[str, list[bytes]]":
    """The first fields of a message: a string, and `count` times bytes."""
    text = ""
    found = [b""] * count
    while (number_and_type := reader.tag(end)) is not None:
        number, kind = number_and_type
        if number_and_type == (1, LENGTH):
            text = reader.string(end)
        elif kind == LENGTH and number <= count + 1:
            stop = reader.length(end)
            found[number - 2] = reader.data[reader.at : stop]
            reader.at = stop
        else:
            reader.skip(number_and_type, end)
    return text, found


def _signed(number: int, bits: int) -> int:
    """The low `bits` of a number, read as two's complement."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


class _Reader:
    """A place in the bytes, moving forward."""

    __slots__ = ("at", "data", "left")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.left = MAX_FIELDS

    def tag(self, end: int) -> "tuple[int, int] | None":
        """Field number and wire type of the next field, None at the end of the message."""
        if self.at >= end:
            return None
        self.left -= 1
        if self.left < 0:
            raise WireError(f"more than {MAX_FIELDS} fields")
        tag = self.varint(end)
        if not 0 < tag >> 3 < 1 << 29:
            raise WireError(f"invalid field number {tag >> 3}")
        return tag >> 3, tag & 7

    def varint(self, end: int) -> int:
        """An unsigned number of at most 64 bits."""
        number = shift = 0
        while self.at < end:
            byte = self.data[self.at]
            self.at += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift == 70:
                if number >> 64 or byte > 127:
                    raise WireError("number of more than 64 bits")
                return number
        raise WireError("truncated message")

    def length(self, end: int) -> int:
        """Reads a length; returns where what it measures ends."""
        length = self.varint(end)
        if length > end - self.at:
            raise WireError("truncated message")
        return self.at + length

    def string(self, end: int) -> str:
        """A text behind its length."""
        stop = self.length(end)
        start, self.at = self.at, stop
        try:
            return self.data[start:stop].decode()
        except UnicodeDecodeError:
            raise WireError("string field contains invalid UTF-8") from None

    def skip(self, number_and_type: "tuple[int, int]", end: int) -> None:
        """Passes over a field that nobody here knows; a group (proto2) counts with all that is in it."""
        open_groups: list[int] = []
        while True:
            number, kind = number_and_type
            if kind == VARINT:
                self.varint(end)
            elif kind == LENGTH:
                self.at = self.length(end)
            elif kind in (FIXED32, FIXED64):
                self.at += 4 if kind == FIXED32 else 8
                if self.at > end:
                    raise WireError("truncated message")
            elif kind == GROUP and len(open_groups) < MAX_GROUP_DEPTH:
                open_groups.append(number)
            elif kind == END_GROUP and open_groups and open_groups[-1] == number:
                open_groups.pop()
            else:
                raise WireError(f"invalid wire type {kind} of field {number}")
            if not open_groups:
                return
            following = self.tag(end)
            if following is None:
                raise WireError("truncated message")
            number_and_type = following
