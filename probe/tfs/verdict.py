"""What an outcome means, as data. Total and pure: every outcome gets a verdict.

The meaning of the states is TensorFlow Serving's, the codes are those of the original program.
"""

from ..model import (
    AVAILABLE,
    CALL,
    CREDENTIALS,
    DIAL,
    END,
    LOADING,
    PREDICT,
    SETUP,
    START,
    STATUS,
    UNKNOWN,
    UNLOADING,
    Failure,
    Verdict,
)
from ..rpc import status as grpc_status
from . import exit_codes
from .policy import decide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import ModelStatus, Query, Report

BY_STATE = {
    AVAILABLE: exit_codes.OK,
    UNKNOWN: exit_codes.UNKNOWN,
    START: exit_codes.START,
    LOADING: exit_codes.LOADING,
    UNLOADING: exit_codes.UNLOADING,
    END: exit_codes.END,
}
BY_KIND = {
    SETUP: exit_codes.SETUP,
    CREDENTIALS: exit_codes.CREDENTIALS,
    DIAL: exit_codes.DIAL,
    CALL: exit_codes.CALL,
    STATUS: exit_codes.CALL,
    PREDICT: exit_codes.PREDICT,
}

# The gRPC codes that TensorFlow Serving sends. The others come from a proxy, a mesh or another server;
# DEADLINE_EXCEEDED also from gRPC's libraries, for a handler that hangs.
SERVER_CODES = (
    grpc_status.UNKNOWN,
    grpc_status.INVALID_ARGUMENT,
    grpc_status.NOT_FOUND,
    grpc_status.ALREADY_EXISTS,
    grpc_status.RESOURCE_EXHAUSTED,
    grpc_status.FAILED_PRECONDITION,
    grpc_status.ABORTED,
    grpc_status.OUT_OF_RANGE,
    grpc_status.INTERNAL,
    grpc_status.DATA_LOSS,
)


def judge(
    outcome: "ModelStatus | Failure",
    query: "Query",
    liveness: bool = False,
    labels: "tuple[tuple[str, int | Failure], ...]" = (),
) -> Verdict:
    """The verdict on an outcome. `liveness`: that the server itself answered is a success, whatever it answered.
    `labels`: what became of those that the query names, each with its version or why there is none."""
    verdict = of_failure(outcome) if isinstance(outcome, Failure) else _of_status(outcome, query, labels)
    if liveness and verdict.exit_code and is_alive(outcome):
        return verdict.copy(exit_code=exit_codes.OK, alive=True)
    return verdict


def exit_code(report: "Report") -> int:
    """The first failing model's code, in the order asked. A report on no models is a failure."""
    for result in report.results:
        if result.verdict.exit_code:
            return result.verdict.exit_code
    return exit_codes.OK if report.results else exit_codes.EMPTY


def of_failure(failure: Failure) -> Verdict:
    """The verdict on a failure."""
    if failure.kind == STATUS and failure.code == grpc_status.NOT_FOUND:
        return Verdict(exit_codes.NOT_FOUND, failure=failure, cause=failure.cause)
    return Verdict(BY_KIND[failure.kind], failure=failure, cause=failure.cause)


def _of_status(status: "ModelStatus", query: "Query", labels: "tuple[tuple[str, int | Failure], ...]" = ()) -> Verdict:
    if not status.first:
        return Verdict(exit_codes.EMPTY, cause="empty")
    labeled = []
    for label, answer in labels:
        if isinstance(answer, int):
            labeled.append((label, answer))
        elif answer.cause == "no-label":
            wanted = f"label: {label}"
            return Verdict(exit_codes.NO_MATCH, cause="no-label", wanted=wanted, detail=answer.text)
        else:
            return of_failure(answer)
    decision = decide(status, query, labeled)
    if decision.version is None:
        return Verdict(exit_codes.NO_MATCH, cause="no-match", wanted=decision.wanted)
    return Verdict(BY_STATE.get(decision.version.state, exit_codes.UNEXPECTED), decision.version)


def is_alive(outcome: "ModelStatus | Failure") -> bool:
    """Whether TensorFlow Serving itself answered."""
    return not isinstance(outcome, Failure) or (outcome.kind == STATUS and outcome.code in SERVER_CODES)
