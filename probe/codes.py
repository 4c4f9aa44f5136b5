"""Names of the canonical status codes, in both spellings.

The numbers are the same in gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html) and in TensorFlow's
error_codes.proto. On the hot path nobody asks for them: only a failure, or a version that ENDed, has a code.
"""

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
    """As protobuf prints it: `NOT_FOUND`; the number where there is no name."""
    if code == 20:  # a value that TensorFlow's table holds so that nobody relies on its being complete
        return "DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_"
    return NAMES[code] if 0 <= code < len(NAMES) else str(code)


def go_name(code: int) -> str:
    """As Go's gRPC prints it: `NotFound`; `Code(99)` where there is no name."""
    if not 0 <= code < len(NAMES):
        return f"Code({code})"
    if code == 1:
        return "Canceled"
    return NAMES[code] if code == 0 else "".join(word.capitalize() for word in NAMES[code].split("_"))
