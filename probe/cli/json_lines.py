"""A report -> one JSON object, by docs/report.schema.json. Pure.

Versions are strings, as in TensorFlow Serving's own JSON. Every model is listed as long as its name fits; of their
versions as many as fit, and always the deciding one.
"""

from .. import __version__
from ..model import STATE_NAMES, Failure
from ..rpc.status import proto_name
from ..value import Value
from .json_writer import to_json
from .lines import BUDGET, verdict_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import ModelStatus, Report, Result, VersionStatus
    from ..tfs.config_file import FileNote
    from .json_writer import Json

SCHEMA_VERSION = 1
MAX_BYTES = 1 << 20
# What is tried in turn until the object fits: versions of one model, and characters of one text.
CUTS = ((1000, 4096), (100, 4096), (10, 1024), (1, 256), (1, 64))


class _Cut(Value):
    """How much of a report is shown."""

    __slots__ = ("characters", "versions")

    def __init__(self, versions: int, characters: int) -> None:
        self.versions: Final = versions
        self.characters: Final = characters

    def text(self, text: str) -> str:
        return text if len(text) <= self.characters else text[: self.characters - 1] + "\u2026"


def render_json(
    report: "Report", exit_code: int, address: str, total_ns: int, advice: str = "", notes: "tuple[FileNote, ...]" = ()
) -> str:
    """One line with one object, at most MAX_BYTES. `total_ns`: of the run, in nanoseconds; `advice`: replaces hints of
    models that failed; `notes`: about the configuration file."""
    for versions, characters in CUTS:
        cut = _Cut(versions, characters)
        frame = _frame(report, exit_code, address, total_ns, notes[: cut.versions], cut)
        left = MAX_BYTES - len(_encode(frame))
        models: list[str] = []
        for result in report.results:
            text = to_json(_model(result, advice, cut))
            left -= len(text.encode("utf-8", "surrogateescape")) + 1
            if left < 0:
                break
            models.append(text)
        else:
            break
    frame["models_omitted"] = len(report.results) - len(models)
    return to_json(frame).replace('"models":[]', f'"models":[{",".join(models)}]', 1) + "\n"


def _encode(frame: "dict[str, Json]") -> bytes:
    return to_json({**frame, "models_omitted": 1 << 63}).encode("utf-8", "surrogateescape") + b"\n"


def _frame(
    report: "Report", exit_code: int, address: str, total_ns: int, notes: "tuple[FileNote, ...]", cut: _Cut
) -> "dict[str, Json]":
    """The object without its models, which come before any text of the server's or the user's."""
    trace = report.results[0].trace if report.results else None
    return {
        "schema_version": SCHEMA_VERSION,
        "program": f"tfs_model_status_probe/{__version__}",
        "ready": exit_code == 0,
        "exit_code": exit_code,
        "models": (),
        "models_omitted": 0,
        "address": cut.text(address),
        "peer": trace.peer if trace and trace.peer else None,
        "notes": tuple(cut.text(note.text) for note in notes),
        "timings_ms": {
            "connect": _milliseconds(trace.dial_ns) if trace else None,
            "call": _milliseconds(trace.call_ns) if trace else None,
            "total": _milliseconds(total_ns),
        },
    }


def _model(result: "Result", advice: str, cut: _Cut) -> "Json":
    from .hints import hint_on

    outcome, verdict = result.outcome, result.verdict
    failure = verdict.failure
    versions, omitted = ((), 0) if isinstance(outcome, Failure) else _versions(outcome, verdict.version, cut.versions)
    return {
        "name": cut.text(result.query.model),
        "ready": verdict.exit_code == 0,
        "exit_code": verdict.exit_code,
        "verdict": verdict_line(verdict, result.query, min(BUDGET.text, cut.characters)),
        "version": None if verdict.version is None else str(verdict.version.version),
        "state": None if verdict.version is None else _state(verdict.version.state),
        "versions": tuple(_version(version, cut) for version in versions),
        "versions_omitted": omitted,
        "failure": None if failure is None else _failure(failure, cut),
        "hint": cut.text(hint_on(result, advice)) or None,
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


def _version(version: "VersionStatus", cut: _Cut) -> "Json":
    return {
        "version": str(version.version),
        "state": _state(version.state),
        "error_code": proto_name(version.error_code),
        "error_message": cut.text(version.error_message),
    }


def _failure(failure: Failure, cut: _Cut) -> "Json":
    return {
        "kind": failure.kind,
        "code": proto_name(failure.code) if failure.kind in ("call", "status", "predict") else None,
        "message": cut.text(failure.text),
        "cause": failure.cause or None,
        "retryable": not failure.permanent,
    }


def _state(state: int) -> str:
    return STATE_NAMES.get(state, str(state))


def _milliseconds(nanoseconds: int) -> float:
    return nanoseconds / 1e6
