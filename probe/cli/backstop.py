"""What a run prints if its backstop ends it: one text for each phase, ready before it is needed.

The backstop (process.arm) ends a run whose deadline has passed while code was running that looks at no clock.
"""

from ..tfs import exit_codes
from .lines import verdict_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Phase, Report

# After the deadline: the run itself ends at the deadline, and says more.
GRACE_SECONDS = 0.03
MAX_TEXT_BYTES = 400

# Phase -> exit code and lines.
PHASES: "dict[Phase, tuple[int, bytes]]" = {
    "files": (
        exit_codes.DIAL,
        b"Error dialing grpc service: context deadline exceeded\n"
        b"hint: raise -timeout, or give smaller files (-tls-ca-cert, -model-config-file, -predict): "
        b"reading them took all of it\n",
    ),
    "credentials": (
        exit_codes.CREDENTIALS,
        b"error: no SPIFFE credentials: context deadline exceeded\n"
        b"hint: check the SPIFFE agent, or raise -timeout: reading its answer took all of it\n",
    ),
    "dial": (
        exit_codes.DIAL,
        b"Error dialing grpc service: context deadline exceeded\n"
        b"hint: raise -timeout or the CPU limit; inside the pod use -addr=:PORT, which needs no lookup of names\n",
    ),
    "predict": (
        exit_codes.PREDICT,
        b"Error calling model: rpc error: code = DeadlineExceeded desc = context deadline exceeded\n"
        b"hint: raise -timeout or the CPU limit: the model's answer took all of it\n",
    ),
    "call": (
        exit_codes.CALL,
        b"ModelStatusResponse: <nil>\n"
        b"Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded\n"
        b"hint: raise -timeout or the CPU limit: reading the server's answer took all of it\n",
    ),
}


def output_phase(report: "Report", exit_code: int) -> "tuple[int, bytes]":
    """The phase in which the outcome is known, and its lines are made."""
    result = report.results[0] if report.results else None
    line = verdict_line(result.verdict, result.query, MAX_TEXT_BYTES) if result else ""
    text = f"{line}\nhint: raise -timeout, or check TZ and /etc/localtime: making the lines took the rest of it\n"
    return exit_code, text.encode("utf-8", "surrogateescape")
