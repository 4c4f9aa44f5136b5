"""What an outcome means: the exit code, the verdict line, and what else is known about it.

Rule of this file: total and pure. Every outcome gets a verdict, and nothing here knows how lines are laid out, what a
socket is, or what time it is. The meaning of the states is TensorFlow Serving's, the lines and codes are those of the
original program.
"""

from .model import (
    AVAILABLE,
    CALL,
    CREDENTIALS,
    DIAL,
    END,
    LOADING,
    SETUP,
    START,
    STATUS,
    UNKNOWN,
    UNLOADING,
    Failure,
    ModelStatus,
    Wanted,
)


class ExitCode:
    """Every code with which the program can end, and what it says."""

    OK = 0  # the model is AVAILABLE (with -liveness: the server answers)
    SETUP = 1  # what was asked cannot be done: flags that contradict each other, something not installed
    USAGE = 2  # an unknown or malformed flag
    DIAL = 2  # no connection
    CALL = 3  # the call failed
    NOT_FOUND = 10  # the server knows no such model
    EMPTY = 11  # the answer lists no versions
    NO_MATCH = 12  # the wanted version is not among those listed
    CREDENTIALS = 20  # no SPIFFE credentials could be had
    UNKNOWN = 30  # state UNKNOWN
    START = 31  # state START
    LOADING = 32  # state LOADING
    UNLOADING = 33  # state UNLOADING
    END = 34  # state END
    UNEXPECTED = 100  # a state that this program does not know
    INTERNAL = 101  # a fault of this program
    DAMAGED = 102  # the executable's checksum is wrong (found by its launcher)
    INTERRUPTED = 130  # ended by SIGINT
    TERMINATED = 143  # ended by SIGTERM


NOT_FOUND, DEADLINE_EXCEEDED = 5, 4

STATES = {
    AVAILABLE: (ExitCode.OK, "AVAILABLE"),
    UNKNOWN: (ExitCode.UNKNOWN, "UNKNOWN"),
    START: (ExitCode.START, "START"),
    LOADING: (ExitCode.LOADING, "LOADING"),
    UNLOADING: (ExitCode.UNLOADING, "UNLOADING"),
    END: (ExitCode.END, "END"),
}


class Verdict:
    """The end of a run: its exit code, the line that says why, and a hint (empty: none)."""

    __slots__ = ("exit_code", "hint", "line")

    def __init__(self, exit_code: int, line: str, hint: str = "") -> None:
        self.exit_code = exit_code
        self.line = line
        self.hint = hint


def judge(outcome: "ModelStatus | Failure", wanted: Wanted) -> Verdict:
    """The verdict on any outcome."""
    verdict = _failed(outcome) if isinstance(outcome, Failure) else _answered(outcome, wanted)
    if wanted.liveness and verdict.exit_code and _is_alive(outcome):
        return Verdict(ExitCode.OK, "Server is alive: " + verdict.line)
    return verdict


def _is_alive(outcome: "ModelStatus | Failure") -> bool:
    """Whether the server itself answered. A DEADLINE_EXCEEDED of its own says that it did not manage to in time: gRPC's
    libraries send it for a handler that hangs, at the very moment at which this side gives up."""
    return not isinstance(outcome, Failure) or (outcome.kind == STATUS and outcome.code != DEADLINE_EXCEEDED)


def _answered(answer: ModelStatus, wanted: Wanted) -> Verdict:
    versions = answer.versions
    if not versions:
        return Verdict(ExitCode.EMPTY, "Empty response", _hint("empty"))
    if wanted.version:
        chosen = next((status for status in versions if status.version == wanted.version), None)
        if chosen is None:
            from .hints import known_versions

            line = f"No matching response found for version: {wanted.version}"
            return Verdict(ExitCode.NO_MATCH, line, known_versions(versions))
    else:
        chosen = next((status for status in versions if status.state == AVAILABLE), versions[0])
    exit_code, name = STATES.get(chosen.state, (ExitCode.UNEXPECTED, "unexpected"))
    line = "Servable state is " + name
    if exit_code == ExitCode.OK and not any(status.error_code for status in versions):
        return Verdict(exit_code, line)
    from .hints import of_version

    return Verdict(exit_code, line, of_version(chosen, versions))


def _failed(failure: Failure) -> Verdict:
    if failure.kind == SETUP:
        return Verdict(ExitCode.SETUP, "error: " + failure.text, _hint(failure.cause))
    if failure.kind == CREDENTIALS:
        return Verdict(ExitCode.CREDENTIALS, "error: " + failure.text, _hint(failure.cause))
    if failure.kind == DIAL:
        return Verdict(ExitCode.DIAL, "Error dialing grpc service: " + failure.text, _hint(failure.cause))
    from .codes import go_name
    from .hints import of_status

    error = f"rpc error: code = {go_name(failure.code)} desc = {failure.text}"
    hint = _hint(failure.cause) or of_status(failure)
    if failure.kind == STATUS and failure.code == NOT_FOUND:
        return Verdict(ExitCode.NOT_FOUND, "Model not found: " + error, hint)
    assert failure.kind in (CALL, STATUS)
    return Verdict(ExitCode.CALL, "Error calling tfs: " + error, hint)


def _hint(cause: str) -> str:
    if not cause:
        return ""
    from .hints import HINTS

    return HINTS[cause]
