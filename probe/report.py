"""The lines that people read.

Rule of this file: pure; it is given the time and returns text. It alone decides the layout, escapes what a server could
do to a terminal or a log, and bounds every length: the kubelet keeps 10 KiB of a probe's output.
"""

from .model import CALL, STATE_NAMES, STATUS, Failure, ModelStatus, VersionStatus
from .verdict import Verdict

# Bytes of the response line, and of the server's words in another line, before the rest is left out.
LONGEST = 4096
# What stands behind a backslash in a text between quotes.
QUOTED = '"\\'


def stamp(when: "tuple[int, ...]") -> str:
    """`YYYY/MM/DD HH:MM:SS ` of a `time.localtime` tuple, as Go's log package puts it before every line."""
    return "{}/{:02d}/{:02d} {:02d}:{:02d}:{:02d} ".format(*when[:6])


def lines(outcome: "ModelStatus | Failure", verdict: Verdict, time: str) -> str:
    """All lines of a run; `time` is the stamp that each begins with."""
    out = ""
    if not isinstance(outcome, Failure):
        out = f"{time}ModelStatusResponse: {response(outcome.versions)}\n"
    elif outcome.kind in (CALL, STATUS):
        out = f"{time}ModelStatusResponse: <nil>\n"
    out += f"{time}{plain(verdict.line)}\n"
    return out + f"{time}hint: {plain(verdict.hint)}\n" if verdict.hint else out


def response(versions: "list[VersionStatus]") -> str:
    """The answer in protobuf's compact text form, cut at a whole entry when it grows too long."""
    out = ""
    for shown, status in enumerate(versions):
        entry = _entry(status, LONGEST)
        longer = f"{out} {entry}" if out else entry
        if len(longer.encode()) > LONGEST:
            if shown == 0:
                out, shown = _entry(status, LONGEST // 2), 1
            left = len(versions) - shown
            return f"{out} ... ({left} more {'version' if left == 1 else 'versions'} left out)" if left else out
        out = longer
    return out


def _entry(status: VersionStatus, most: int) -> str:
    """One `model_version_status`, its fields in order and without those that hold their default; of the error's message
    `most` bytes."""
    fields = []
    if status.version:
        fields.append(f"version:{status.version}")
    if status.state:
        fields.append(f"state:{STATE_NAMES.get(status.state, status.state)}")
    if status.has_status:
        if status.error_code or status.error_message:
            fields.append(f"status:{{{_error(status.error_code, status.error_message, most)}}}")
        else:
            fields.append("status:{}")
    return f"model_version_status:{{{' '.join(fields)}}}"


def _error(code: int, message: str, most: int) -> str:
    from .codes import proto_name

    fields = [f"error_code:{proto_name(code)}"] if code else []
    if message:
        fields.append(f'error_message:"{_bounded(message, most, QUOTED)}"')
    return " ".join(fields)


def plain(text: str) -> str:
    """A text for a line of its own: escaped, and cut when it is long."""
    return _bounded(text, LONGEST)


def _bounded(text: str, most: int, quoted: str = "") -> str:
    """The text with its control characters as Go's protobuf text form escapes them, and a backslash before those that
    are `quoted`; as much of it as comes to `most` bytes, since what is escaped, or is not ASCII, takes several.

    Beyond Go's: DEL, the C1 controls, and the characters that end a line or turn its direction."""
    if len(text) <= most and text.isascii() and text.isprintable() and not quoted:
        return text
    pieces: list[str] = []
    size = 0
    for place, character in enumerate(text):
        piece = "\\" + character if character in quoted else _escape(character) if _is_control(character) else character
        size += len(piece.encode())
        if size > most:
            return f"{''.join(pieces)} ... ({len(text) - place} more characters left out)"
        pieces.append(piece)
    return "".join(pieces)


def _is_control(character: str) -> bool:
    return (
        character < " "
        or "\x7f" <= character <= "\x9f"
        or character in "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        or 0xD800 <= ord(character) <= 0xDFFF  # as text it could not be frozen: marshal needs a codec for it
    )


def _escape(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    if code < 128:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte of argv that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}"
