"""What an answer of TensorFlow Serving's REST API other than 200 means. Total: every answer is a Failure."""

from ..model import CALL, STATUS, Failure
from ..rpc import status as codes
from ..rpc.json_reader import JsonReader
from ..rpc.json_tokens import JsonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..rpc.http1 import Head
    from ..rpc.json_reader import Kept

MAX_ERROR_BYTES = 65536  # of an error's body; more is not looked at
C_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}  # beside these each character stands for itself

# The code behind an HTTP status: model_servers/http_server.cc. Of several with one status, the likeliest.
HTTP_CODES = {
    400: codes.INVALID_ARGUMENT,
    401: codes.UNAUTHENTICATED,
    403: codes.PERMISSION_DENIED,
    404: codes.NOT_FOUND,
    409: codes.ALREADY_EXISTS,
    429: codes.RESOURCE_EXHAUSTED,
    499: codes.CANCELLED,
    500: codes.INTERNAL,
    501: codes.UNIMPLEMENTED,
    503: codes.UNAVAILABLE,
    504: codes.DEADLINE_EXCEEDED,
}


def decode_failure(head: "Head", body: bytes) -> Failure:
    """What an answer other than 200 means. Only TensorFlow Serving's own error counts as the server's status.
    `body`: up to MAX_ERROR_BYTES of it."""
    code = HTTP_CODES.get(head.status, codes.UNKNOWN)
    message = decode_error(body) if head.status >= 400 else None
    if message is not None:
        return Failure(STATUS, message, code)
    headers = dict(reversed(head.headers))
    detail = headers.get(b"content-type", b"no content type").partition(b";")[0].strip()
    if 300 <= head.status < 400:
        detail = b"redirect to " + headers.get(b"location", b"nowhere")
    shown = detail.decode("utf-8", "replace")
    return Failure(CALL, f"unexpected HTTP status {head.status} ({shown})", code, "proxy")


def decode_error(body: bytes) -> "str | None":
    """The message in TensorFlow Serving's error object; None if the body is something else.

    It repeats names from the request, so it may hold bytes that are not UTF-8: they become U+FFFD."""
    text = body.decode("utf-8", "replace")
    found: list[Kept] = []

    def take(_path: str, value: "Kept") -> bool:
        found.append(value)
        return False

    reader = JsonReader((".error",), take)
    try:
        reader.feed(text.encode())
        reader.end()
    except JsonError:
        return _decode_old_error(text.strip())
    return found[-1] if found and isinstance(found[-1], str) else None


def _decode_old_error(text: str) -> "str | None":
    """The form before 2.2, which is not always JSON: `{ "error": "..." }` with the escapes of C (absl's CEscape)."""
    prefix, suffix = '{ "error": "', '" }'
    if not text.startswith(prefix) or not text.endswith(suffix) or len(text) < len(prefix) + len(suffix):
        return None
    content = text[len(prefix) : -len(suffix)].encode()
    plain = bytearray()
    at = 0
    while at < len(content):
        if content[at : at + 1] != b"\\":
            plain += content[at : at + 1]
            at += 1
        elif len(octal := content[at + 1 : at + 4]) == 3 and not octal.translate(None, b"01234567"):
            plain.append(int(octal, 8) & 255)
            at += 4
        else:
            plain += C_ESCAPES.get(content[at + 1 : at + 2], content[at + 1 : at + 2])
            at += 2
    return plain.decode("utf-8", "replace")
