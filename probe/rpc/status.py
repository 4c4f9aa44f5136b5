"""The canonical status codes, and both spellings of their names.

The numbers are the same in gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html) and in TensorFlow's
error_codes.proto.
"""

(
    OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
    RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS,
    UNAUTHENTICATED,
) = range(17)  # fmt: skip

NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


def proto_name(code: int) -> str:
    """As protobuf prints a code: `NOT_FOUND`; the number for a code without a name."""
    if code == 20:  # in TensorFlow's enum, so that a switch over it has to have a default
        return "DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_"
    return NAMES[code] if 0 <= code < len(NAMES) else str(code)


def go_name(code: int) -> str:
    """As Go's gRPC prints a code: `NotFound`; `Code(99)` for a code without a name."""
    if not 0 <= code < len(NAMES):
        return f"Code({code})"
    if code == CANCELLED:
        return "Canceled"
    return NAMES[code] if code == OK else "".join(word.capitalize() for word in NAMES[code].split("_"))
