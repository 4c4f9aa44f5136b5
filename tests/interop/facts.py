"""What every server in this directory answers: written once, handed to each of them as JSON on its standard input.

The wire bytes are made by hand, so that neither protobuf nor the program under test has a say in them.
"""

from __future__ import annotations

from collections.abc import Iterator

METHOD = "/tensorflow.serving.ModelService/GetModelStatus"

# tensorflow_serving/apis/get_model_status.proto, enum State
LOADING = 20
AVAILABLE = 30
END = 50

# Status codes of gRPC, which TensorFlow's error codes share
NOT_FOUND = 5
RESOURCE_EXHAUSTED = 8
INTERNAL = 13

NOT_FOUND_PREFIX = "Could not find any versions of model "
BROKEN_MESSAGE = "näive 100%\nfail"

BIG_NEWEST = 9999
BIG_VERSIONS = 2000


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)  # a negative int64 takes all ten bytes


def entry(version: int, state: int, error_code: int = 0, error_message: str = "") -> bytes:
    """One `model_version_status` of a response. As from TensorFlow Serving, `status` is there even when empty."""
    status = b""
    if error_code:
        status = _number(1, error_code) + _field(2, error_message.encode())
    return _field(1, _number(1, version) + _number(2, state) + _field(3, status))


def request(model: str, version: int | None = None) -> bytes:
    """GetModelStatusRequest for one version of a model, or for all. (The servers here do not look at the version.)"""
    choice = b"" if version is None else _field(2, _number(1, version))
    return _field(1, _field(1, model.encode()) + choice)


def _big_entries() -> Iterator[bytes]:
    yield entry(BIG_NEWEST, AVAILABLE)
    for version in range(BIG_NEWEST - 1, BIG_NEWEST - BIG_VERSIONS, -1):
        text = (
            f"Insufficient resources to load servable {{name: big version: {version}}}; the message is long on purpose"
        )
        yield entry(version, END, RESOURCE_EXHAUSTED, text)


# The first two are spelt out, as captured; the builder above must agree with them (tested).
ANSWERS: dict[str, bytes] = {
    "half": bytes.fromhex("0a06087b101e1a00"),
    "loading": bytes.fromhex("0a06080110141a00"),
    # Three times what a connection's initial flow-control window of 65,535 bytes lets through.
    "big": b"".join(_big_entries()),
}
ERRORS: dict[str, tuple[int, str]] = {"broken": (INTERNAL, BROKEN_MESSAGE)}
# Asked about this model, a server takes the call and never says anything.
SILENT = "slow"
# Asked about this one, it ends the call without an answer, as roughly as its stack lets it: servers.py says how.
CUT = "gone"


def script() -> dict[str, object]:
    """The facts as the servers get them, ready for JSON."""
    return {
        "method": METHOD,
        "answers": {model: answer.hex() for model, answer in ANSWERS.items()},
        "errors": ERRORS,
        "silent": SILENT,
        "cut": CUT,
        "unknown": [NOT_FOUND, NOT_FOUND_PREFIX],
    }
