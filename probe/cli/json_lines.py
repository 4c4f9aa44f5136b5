"""A report -> one JSON object, by docs/report.schema.json. Pure.

Versions are strings, as in TensorFlow Serving's own JSON. Every model is listed; of their versions as many as fit, and
always the deciding one.
"""

from .. import __version__
from ..model import STATE_NAMES, Failure
from ..rpc.status import proto_name
from .json_writer import to_json
from .text import BUDGET, verdict_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import ModelStatus, Report, Result, VersionStatus
    from .json_writer import Json

SCHEMA_VERSION = 1
MAX_BYTES = 1 << 20
MAX_TEXT_CHARACTERS = 4096
MAX_VERSIONS = 1000  # of one model, before the object's size is looked at
CUTS = (MAX_VERSIONS, 100, 10, 1)


def render_json(
    report: "Report", exit_code: int, address: str, total_ns: int, advice: str = "", notes: "tuple[str, ...]" = ()
) -> str:
    """One line with one object, at most MAX_BYTES. `total_ns`: of the run, in nanoseconds; `advice`: replaces hints of
    models that failed; `notes`: about the configuration file."""
    for cut in CUTS:
        text = to_json(_object(report, exit_code, address, total_ns, advice, notes, cut)) + "\n"
        if len(text.encode("utf-8", "surrogateescape")) <= MAX_BYTES:
            break
    return text


def _object(
    report: "Report", exit_code: int, address: str, total_ns: int, advice: str, notes: "tuple[str, ...]", cut: int
) -> "Json":
    trace = report.results[0].trace if report.results else None
    return {
        "schema_version": SCHEMA_VERSION,
        "program": f"tfs_model_status_probe/{__version__}",
        "ready": exit_code == 0,
        "exit_code": exit_code,
        "address": address[:MAX_TEXT_CHARACTERS],
        "peer": trace.peer if trace and trace.peer else None,
        "models": tuple(_model(result, advice, cut) for result in report.results),
        "notes": tuple(note[:MAX_TEXT_CHARACTERS] for note in notes),
        "timings_ms": {
            "connect": _milliseconds(trace.dial_ns) if trace else None,
            "call": _milliseconds(trace.call_ns) if trace else None,
            "total": _milliseconds(total_ns),
        },
    }


def _model(result: "Result", advice: str, cut: int) -> "Json":
    from .hints import hint

    outcome, verdict = result.outcome, result.verdict
    failure = verdict.failure
    advice = advice if advice and verdict.exit_code else hint(verdict, outcome, result.query)
    versions, omitted = ((), 0) if isinstance(outcome, Failure) else _versions(outcome, verdict.version, cut)
    return {
        "name": result.query.model[:MAX_TEXT_CHARACTERS],
        "ready": verdict.exit_code == 0,
        "exit_code": verdict.exit_code,
        "verdict": verdict_line(verdict, result.query, BUDGET.text),
        "version": None if verdict.version is None else str(verdict.version.version),
        "state": None if verdict.version is None else _state(verdict.version.state),
        "versions": tuple(map(_version, versions)),
        "versions_omitted": omitted,
        "failure": None if failure is None else _failure(failure),
        "hint": advice or None,
    }


def _versions(versions: "ModelStatus", deciding: "VersionStatus | None", cut: int) -> "tuple[list[VersionStatus], int]":
    """The first versions, the deciding one among them, and how many are left out."""
    kept: list[VersionStatus] = []
    count = versions.omitted
    for version in versions:
        count += 1
        if len(kept) < cut:
            kept.append(version)
    if deciding is not None and deciding not in kept:
        kept[-1] = deciding
    return kept, count - len(kept)


def _version(version: "VersionStatus") -> "Json":
    return {
        "version": str(version.version),
        "state": _state(version.state),
        "error_code": proto_name(version.error_code),
        "error_message": version.error_message[:MAX_TEXT_CHARACTERS],
    }


def _failure(failure: Failure) -> "Json":
    return {
        "kind": failure.kind,
        "code": proto_name(failure.code) if failure.kind in ("call", "status", "predict") else None,
        "message": failure.text[:MAX_TEXT_CHARACTERS],
        "cause": failure.cause or None,
        "retryable": not failure.permanent,
    }


def _state(state: int) -> str:
    return STATE_NAMES.get(state, str(state))


def _milliseconds(nanoseconds: int) -> float:
    return nanoseconds / 1e6
