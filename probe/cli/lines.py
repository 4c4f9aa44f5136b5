"""The parts of lines: timestamps, verdicts, and the response in protobuf's text form. Pure.

Every length is bounded: the kubelet keeps 10 KiB of a probe's output.
"""

from ..model import CALL, CREDENTIALS, DIAL, PREDICT, SETUP, STATE_NAMES, STATUS, Failure
from ..rpc.status import NOT_FOUND, go_name, proto_name
from ..tfs.policy import is_pending
from ..value import Value
from .escape import QUOTED, escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import ModelStatus, Query, Result, Verdict, VersionStatus


class Budget(Value):
    """How many bytes the lines of a run may take."""

    __slots__ = ("failed_response", "hint", "response", "text", "total")

    def __init__(
        self, total: int = 9216, response: int = 4096, failed_response: int = 600, text: int = 400, hint: int = 700
    ) -> None:
        """`total`: all lines together, below the 10 KiB that the kubelet keeps. `response`: the response line, and
        `failed_response` that of a failed run: the verdict has to come within the first 1,024 bytes, which is all that
        some tools show. `text`: what the server says in one message; `hint`: a hint."""
        self.total: Final = total
        self.response: Final = response
        self.failed_response: Final = failed_response
        self.text: Final = text
        self.hint: Final = hint


BUDGET = Budget()
VERBOSE_BUDGET = Budget(failed_response=4096)
# How the lines of a failure begin.
PREFIXES = {
    SETUP: "error: ",
    CREDENTIALS: "error: ",
    DIAL: "Error dialing grpc service: ",
    CALL: "Error calling tfs: ",
    STATUS: "Error calling tfs: ",
    PREDICT: "Error calling model: ",
}


def timestamp(when: "tuple[int, ...]") -> str:
    """`YYYY/MM/DD HH:MM:SS ` of a `time.localtime` tuple, as Go's log package begins every line."""
    return "{}/{:02d}/{:02d} {:02d}:{:02d}:{:02d} ".format(*when[:6])


def verdict_line(verdict: "Verdict", query: "Query", limit: int) -> str:
    """The original's line for a verdict, escaped; at most `limit` bytes of a failure's description."""
    if verdict.failure is not None:
        line = _failure_line(verdict.failure, limit)
    elif verdict.version is not None:
        line = f"Servable state is {STATE_NAMES.get(verdict.version.state, 'unexpected')}"
    elif verdict.wanted:
        line = f"No matching response found for {escape(verdict.wanted, limit)}"
    else:
        line = "Empty response"
    return f"Server is alive: {line}" if verdict.alive else line


def _failure_line(failure: Failure, limit: int) -> str:
    prefix = PREFIXES[failure.kind]
    if failure.kind not in (CALL, STATUS, PREDICT):
        # The text may hold an address or a path besides the peer's words, and is cut at its end.
        return prefix + escape(failure.text, 2 * limit)
    if failure.kind == STATUS and failure.code == NOT_FOUND:
        prefix = "Model not found: "
    return f"{prefix}rpc error: code = {go_name(failure.code)} desc = {escape(failure.text, limit)}"


def may_have_hint(result: "Result") -> bool:
    """Whether there may be something to explain: a failure, or a version newer than the AVAILABLE one that is loading
    or has failed."""
    outcome, chosen = result.outcome, result.verdict.version
    if result.verdict.exit_code:
        return True
    if result.verdict.alive or chosen is None or isinstance(outcome, Failure):
        return False
    newest = chosen.version
    return any(version.version > newest and is_pending(version) for version in outcome)


def response(status: "ModelStatus", deciding: "VersionStatus | None", limit: int) -> str:
    """The answer in protobuf's compact text form; past `limit` bytes it is cut at a whole entry, but never without the
    deciding version, and says how many versions were left out."""
    entries: list[str] = []
    size = count = 0
    place = -1  # of the deciding version
    for version in status:
        if place < 0 and (version is deciding or version == deciding):
            place = count
        count += 1
        if size <= limit:
            entry = _entry(version, limit)
            entries.append(entry)
            size += len(entry.encode()) + 1
    if size <= limit + 1:
        return (" ".join(entries) + _left_out(status.omitted)).strip()
    must = _entry(deciding, limit // 2) if deciding is not None else ""
    shown = len(entries)
    room = limit - (len(must.encode()) if place >= shown - 1 else 0)
    while entries and size > room + 1:
        size -= len(entries.pop().encode()) + 1
        shown -= 1
        if shown == place:
            room = limit - len(must.encode())
    if not entries and deciding is None:
        entries = [_entry(status.first[0], limit // 2)]
        shown = 1
    out = " ".join(entries)
    if shown <= place:
        out = f"{out}{_left_out(place - shown)} {must}".strip()
        shown = place + 1
    return (out + _left_out(count + status.omitted - shown)).strip()


def _left_out(count: int) -> str:
    return f" ... ({count} more {'version' if count == 1 else 'versions'} left out)" if count else ""


def _entry(version: "VersionStatus", limit: int) -> str:
    """One `model_version_status`: its fields in order, without those that hold their default; at most `limit` bytes of
    the error's message."""
    fields = []
    if version.version:
        fields.append(f"version:{version.version}")
    if version.state:
        fields.append(f"state:{STATE_NAMES.get(version.state, version.state)}")
    if version.has_status:
        if version.error_code or version.error_message:
            fields.append(f"status:{{{_error(version.error_code, version.error_message, limit)}}}")
        else:
            fields.append("status:{}")
    return f"model_version_status:{{{' '.join(fields)}}}"


def _error(code: int, message: str, limit: int) -> str:
    fields = [f"error_code:{proto_name(code)}"] if code else []
    if message:
        fields.append(f'error_message:"{escape(message, limit, QUOTED)}"')
    return " ".join(fields)
