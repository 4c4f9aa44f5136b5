"""A report -> the lines that people read. Pure; the only place that lays out lines.

It escapes whatever could control a terminal or a log, and bounds every length: the kubelet keeps 10 KiB of a probe's
output.
"""

from ..model import CALL, CREDENTIALS, DIAL, SETUP, STATE_NAMES, STATUS, Failure
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import ModelStatus, Query, Report, Verdict, VersionStatus


class Budget(Value):
    """How many bytes the lines may take."""

    __slots__ = ("response", "text")

    def __init__(self, response: int = 4096, text: int = 4096) -> None:
        """`response`: the response line's; `text`: those of each other line, where texts of the server appear."""
        self.response: Final = response
        self.text: Final = text


BUDGET = Budget()
QUOTED = '"\\'  # the characters that need a backslash between quotes
# How the lines of a failure begin.
PREFIXES = {
    SETUP: "error: ",
    CREDENTIALS: "error: ",
    DIAL: "Error dialing grpc service: ",
    CALL: "Error calling tfs: ",
    STATUS: "Error calling tfs: ",
}
NOT_FOUND = 5  # gRPC's code


def timestamp(when: "tuple[int, ...]") -> str:
    """`YYYY/MM/DD HH:MM:SS ` of a `time.localtime` tuple, as Go's log package begins every line."""
    return "{}/{:02d}/{:02d} {:02d}:{:02d}:{:02d} ".format(*when[:6])


def render(report: "Report", now: str, budget: Budget = BUDGET) -> str:
    """All lines of a run; each begins with `now`, a timestamp."""
    out = ""
    for result in report.results:
        outcome, verdict = result.outcome, result.verdict
        if not isinstance(outcome, Failure):
            out += f"{now}ModelStatusResponse: {response(outcome, budget.response)}\n"
        elif outcome.kind in (CALL, STATUS):
            out += f"{now}ModelStatusResponse: <nil>\n"
        out += f"{now}{escape(verdict_line(verdict, result.query), budget.text)}\n"
        if verdict.exit_code or (not verdict.alive and _has_failed_version(outcome)):
            from .hints import hint

            advice = hint(verdict, outcome)
            if advice:
                out += f"{now}hint: {escape(advice, budget.text)}\n"
    return out


def _has_failed_version(outcome: "ModelStatus | Failure") -> bool:
    return not isinstance(outcome, Failure) and any(version.error_code for version in outcome)


def verdict_line(verdict: "Verdict", query: "Query") -> str:
    """The original's line for a verdict, unescaped."""
    if verdict.failure is not None:
        line = _failure_line(verdict.failure)
    elif verdict.version is not None:
        line = f"Servable state is {STATE_NAMES.get(verdict.version.state, 'unexpected')}"
    elif verdict.cause == "no-match":
        line = f"No matching response found for version: {query.version}"
    else:
        line = "Empty response"
    return f"Server is alive: {line}" if verdict.alive else line


def _failure_line(failure: Failure) -> str:
    prefix = PREFIXES[failure.kind]
    if failure.kind not in (CALL, STATUS):
        return prefix + failure.text
    from ..rpc.status import go_name

    if failure.kind == STATUS and failure.code == NOT_FOUND:
        prefix = "Model not found: "
    return f"{prefix}rpc error: code = {go_name(failure.code)} desc = {failure.text}"


def response(status: "ModelStatus", limit: int) -> str:
    """The answer in protobuf's compact text form, cut at a whole entry after `limit` bytes."""
    out = ""
    shown = 0
    versions = iter(status)
    for version in versions:
        entry = _entry(version, limit)
        longer = f"{out} {entry}" if out else entry
        if len(longer.encode()) > limit:
            if shown == 0:
                out, shown = _entry(version, limit // 2), 1
                left = sum(1 for _ in versions)
            else:
                left = 1 + sum(1 for _ in versions)
            return f"{out} ... ({left} more {'version' if left == 1 else 'versions'} left out)" if left else out
        out = longer
        shown += 1
    return out


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
    from ..rpc.status import proto_name

    fields = [f"error_code:{proto_name(code)}"] if code else []
    if message:
        fields.append(f'error_message:"{escape(message, limit, QUOTED)}"')
    return " ".join(fields)


def escape(text: str, limit: int = BUDGET.text, quoted: str = "") -> str:
    """The text with its control characters as Go's protobuf text form escapes them, and a backslash before those in
    `quoted`; cut after `limit` bytes, escapes counted.

    Beyond Go's: DEL, the C1 controls, and the characters that end a line or change its direction."""
    if len(text) <= limit and text.isascii() and text.isprintable() and not quoted:
        return text
    pieces: list[str] = []
    size = 0
    for place, character in enumerate(text):
        piece = "\\" + character if character in quoted else _escape(character) if _is_control(character) else character
        size += len(piece.encode())
        if size > limit:
            return f"{''.join(pieces)} ... ({len(text) - place} more characters left out)"
        pieces.append(piece)
    return "".join(pieces)


def _is_control(character: str) -> bool:
    return (
        character < " "
        or "\x7f" <= character <= "\x9f"
        or character in "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        or 0xD800 <= ord(character) <= 0xDFFF  # as a literal it could not be frozen: marshal needs a codec for it
    )


def _escape(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    if code < 128:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte of argv that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}"
