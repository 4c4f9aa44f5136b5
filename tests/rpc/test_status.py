"""The status codes, in both spellings."""

from __future__ import annotations

import grpc

from probe.rpc import status


def test_the_codes_have_the_names_of_grpc_and_of_tensorflow() -> None:
    by_number = {code.value[0]: code.name for code in grpc.StatusCode}
    assert {number: status.proto_name(number) for number in range(17)} == by_number
    assert {number: getattr(status, name) for number, name in by_number.items()} == {n: n for n in range(17)}
    assert status.proto_name(17) == "17" and status.proto_name(-1) == "-1"
    assert status.proto_name(20).startswith("DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION")


def test_the_names_of_go() -> None:
    assert [status.go_name(code) for code in range(18)] == [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
        "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
        "Internal", "Unavailable", "DataLoss", "Unauthenticated", "Code(17)",
    ]  # fmt: skip
    assert status.go_name(-1) == "Code(-1)"
