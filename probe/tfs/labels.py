"""What an answer to GetModelMetadata says about a label, by its code and text (seen on a real server). Pure."""

from ..model import CALL, STATUS, Failure
from ..rpc import status as codes

# A label that cannot be resolved, rather than a call that failed.
UNKNOWN_LABEL = (
    (codes.INVALID_ARGUMENT, "Unrecognized servable version label"),
    (codes.INVALID_ARGUMENT, "not currently allowed"),
    (codes.UNAVAILABLE, "Model labels does not init yet"),
)
NOT_LOADED = "Servable not found for request: Specific("


def interpret(answer: "int | Failure") -> "int | Failure":
    """The version that a label points to; a Failure with the cause `no-label` if the server does not know the label,
    and any other Failure as it is. A label whose version is not loaded still names it."""
    # grpcio cannot tell a server's UNAVAILABLE from its own.
    if not isinstance(answer, Failure) or answer.kind not in (STATUS, CALL):
        return answer
    if answer.code == codes.NOT_FOUND and answer.text.startswith(NOT_LOADED):
        number = answer.text.rpartition(", ")[2].partition(")")[0]
        digits = number.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 20:
            return int(number)
    if any(answer.code == code and text in answer.text for code, text in UNKNOWN_LABEL):
        return Failure(answer.kind, answer.text, answer.code, "no-label")
    return answer
