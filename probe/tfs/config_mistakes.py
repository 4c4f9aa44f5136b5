"""The usual mistakes in a model configuration file, recognised where the parser stopped. Pure."""

from .text_error import TextError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = 'model_config_list { config { name: "m" base_path: "/models/m" model_platform: "tensorflow" } }'

_TEMPLATES = (b"{{", b"{%", b"${", b"$(", b"<no value>")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TYPOGRAPHIC_QUOTES = (b"\xe2\x80\x98", b"\xe2\x80\x99", b"\xe2\x80\x9c", b"\xe2\x80\x9d")
_BLANK = b" \t\n\r\v\f"
_NOT_FILLED_IN = "render the template first, or write the value"


def placeholder(text: bytes) -> "bytes | None":
    """The first template placeholder in a text that was not filled in, such as `${MODEL}`."""
    found = [(at, mark) for mark in _TEMPLATES if (at := text.find(mark)) >= 0]
    if not found:
        return None
    at, mark = min(found)
    if mark == b"<no value>":
        return mark
    closing = {b"{{": b"}}", b"{%": b"%}", b"${": b"}", b"$(": b")"}[mark]
    end = text.find(closing, at)
    return text[at : end + len(closing)] if end >= 0 else None


def explain(data: bytes, error: TextError) -> "tuple[str, str]":
    """Cause and remedy of a syntax error: the usual mistake by name, or else what the parser says."""
    at = error.at
    return (
        _encoding(data, at)
        or _template(data, at)
        or _other_language(data, at)
        or _comment_or_separator(data, at)
        or _typography(data, at)
        or (error.text, error.remedy or f"as an example: {EXAMPLE}")
    )


def not_filled_in(text: bytes) -> "tuple[str, str]":
    """Cause and remedy for a placeholder."""
    return f"the placeholder {shown(text)} was not filled in", _NOT_FILLED_IN


def _encoding(data: bytes, at: int) -> "tuple[str, str] | None":
    if data.startswith(b"\xef\xbb\xbf") and at == 0:
        return "the file begins with a byte order mark (BOM)", "save it as UTF-8 without a BOM"
    if data.startswith(_BYTE_ORDER_MARKS) or b"\0" in data[:2]:
        return "the file is encoded as UTF-16", "save it as UTF-8 without a BOM"
    return None


def _template(data: bytes, at: int) -> "tuple[str, str] | None":
    """A placeholder whose first or second character is where the parser stopped."""
    for start in (at, at - 1):
        if start >= 0 and data.startswith(_TEMPLATES, start):
            line_end = data.find(b"\n", start)
            line = data[start : line_end if line_end >= 0 else len(data)]
            return not_filled_in(placeholder(line) or line)
    if data[at : at + 1] == b"$" and (data[at + 1 : at + 2].isalpha() or data[at + 1 : at + 2] == b"_"):
        end = at + 1
        while data[end : end + 1].isalnum() or data[end : end + 1] == b"_":
            end += 1
        return not_filled_in(data[at:end])
    return None


def _other_language(data: bytes, at: int) -> "tuple[str, str] | None":
    if data.startswith(b"```", at):
        return "a Markdown code fence", "remove the lines of backticks"
    lines = _lines(data)
    first = next(lines, b"")
    if first[:1] in (b"{", b"["):
        return "the file is JSON", f"write it in protobuf's text format: {EXAMPLE}"
    if first.startswith(b"apiVersion:"):
        return "the file is a Kubernetes manifest", "name the file that the ConfigMap holds, not the manifest"
    opens_block = first.endswith(b":") and next(lines, b"{")[:1] not in (b"{", b"<", b"[")
    if opens_block or first.startswith((b"---", b"- ")):
        return "the file is YAML", f"write it in protobuf's text format: {EXAMPLE}"
    return None


def _lines(data: bytes) -> "Iterator[bytes]":
    """The lines that hold more than white space and a comment, stripped."""
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line = data[at:end].strip()
        if line and not line.startswith(b"#"):
            yield line
        at = end + 1


def _comment_or_separator(data: bytes, at: int) -> "tuple[str, str] | None":
    if data.startswith((b"//", b"/*"), at):
        return f"a comment cannot begin with {data[at : at + 2].decode()}", "start each line of the comment with #"
    if data[at : at + 1] not in (b",", b";", b"]"):
        return None
    before = _byte_before(data, at)
    if data[at : at + 1] == b"]":
        return ("a list cannot end with a comma", "remove the comma before ]") if before == b"," else None
    if before in (b",", b";"):
        return f"two separators in a row: {before.decode()}{data[at : at + 1].decode()}", "remove one of them"
    if before in (b"", b"{", b"<", b"["):
        return "a separator without a field before it", "remove it"
    return None


def _byte_before(data: bytes, at: int) -> bytes:
    """The last byte before an offset that is not white space."""
    while at > 0 and data[at - 1] in _BLANK:
        at -= 1
    return data[at - 1 : at] if at else b""


def _typography(data: bytes, at: int) -> "tuple[str, str] | None":
    if data.startswith(_TYPOGRAPHIC_QUOTES, at):
        return "a typographic quotation mark", 'replace it with "'
    if data.startswith(b"\xc2\xa0", at):
        return "a non-breaking space", "replace it with an ordinary space"
    if data[at : at + 1] == b"=":
        return 'a value follows "=" instead of ":"', 'write name: "value", and config { … } without "="'
    return None
