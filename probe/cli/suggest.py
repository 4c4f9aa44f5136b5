"""What the author of a mistyped command line or value probably meant. Pure."""

from ..tfs import exit_codes
from .flag_table import FLAGS
from .go_syntax import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .flags import UsageError

DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
MAX_DISTANCE = 3
LIKELY_MILLISECONDS = 100  # a number without a unit from here on
MIN_PART = 3  # characters


def suggest(error: "UsageError") -> str:
    """The right form of what a usage error is about; empty if there is no guess."""
    flag = FLAGS.get(error.flag)
    if flag is None:
        return explain_argument(error.value) if error.value is not None else _nearest(error.flag)
    text = error.value
    if text is not None and flag.name == "wait" and str(error).startswith("unexpected argument"):
        return f"put -- before the command: -wait=DURATION -- {text}"
    name = flag.variable if flag.variable in str(error) else f"-{flag.name}"
    if text is None:
        return f"write {name}={'PATH' if flag.kind == 'path' else 'VALUE'}"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return f"omit the quotes: write {name}={text[1:-1]}"
    if flag.kind == "duration":
        return _duration(name, text)
    if flag.kind == "code":
        return f"the codes are {', '.join(map(str, sorted(exit_codes.CODES)))}"
    if flag.kind == "int":
        other = "; for labels there is -model-label" if flag.name == "model-version" else ""
        return f"{name} takes a number, for example 124{other}"
    if flag.name == "version" and text.isdigit():
        return f"did you mean -model-version={text}?"
    if flag.kind == "bool":
        return f"write {name}=true or {name}=false"
    if flag.kind == "header":
        return f"write {name}='name: value'"
    if flag.choices:
        *others, last = [f"{name}={choice}" for choice in flag.choices]
        return f"write {', '.join(others)} or {last}"
    return f"write {name}=PATH"


def _duration(name: str, text: str) -> str:
    """A number without a unit: a large one probably counts milliseconds."""
    if not (text.isascii() and text.isdigit()):
        return "add a unit: 900ms, 3s, 1m30s"
    if int(text) >= LIKELY_MILLISECONDS:
        return f"add a unit: {name}={text}ms, or {name}={text}s if you mean seconds"
    return f"write {name}={text}s"


def explain_argument(argument: str) -> str:
    """Why an argument is left over where flags were expected."""
    if argument[:1] in DASHES and argument:
        return f"write a plain hyphen: -{argument.lstrip(DASHES + '-')}"
    if argument[:1] in ("'", '"') and argument[1:2] == "-":
        return "the quotes are part of this item; omit them: there is no shell to remove them"
    if argument.lower() in ("true", "false", "0", "1", "t", "f"):
        return f"a boolean flag takes its value after an equals sign: -FLAG={argument}"
    if " -" in argument:
        return "this item contains several flags: give each its own item"
    return "flags come first, each as -name=value"


def _nearest(name: str) -> str:
    """The flag whose name is most like the given one."""
    if " " in name:
        return "this item contains several flags: give each its own item"
    wanted = name.lower().replace("_", "-")
    best = min(FLAGS, key=lambda flag: (_distance(wanted, flag), flag))
    if _distance(wanted, best) > min(MAX_DISTANCE, (len(wanted) + 1) // 3):
        best = next((flag for flag in FLAGS if _is_part(wanted, flag)), "")
    return f"did you mean -{best}?" if best else ""


def _is_part(name: str, flag: str) -> bool:
    """Whether the name is some of a flag's words, or the beginning of one is the other."""
    if len(name) < MIN_PART or len(flag) < MIN_PART:
        return False
    return f"-{name}-" in f"-{flag}-" or name.startswith(flag) or flag.startswith(name)


def _distance(one: str, other: str) -> int:
    """The Levenshtein distance, where swapping two neighbours counts as one edit."""
    if len(one) > 40:
        return len(one)
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], older[j - 2] + 1)
    return row[-1]


def suspicious_value(values: "dict[str, Any]") -> str:
    """The first string that was evidently not expanded or not unquoted, as a hint; empty if there is none."""
    for flag in FLAGS.values():
        value = values[flag.name]
        if flag.kind == "header":
            for name, content in value:  # which may be a secret, so it is not shown
                reason = _why_suspicious(content.strip(" "))
                if reason:
                    return f"check -{flag.name}={quote(name + ': …')}: {reason}"
            continue
        for text in value if isinstance(value, tuple) else (value,):
            reason = _why_suspicious(text) if isinstance(text, str) and text != flag.default else ""
            if flag.name == "model-name" and "," in text and not reason:
                reason = "give one name per flag: -model-name=A -model-name=B"
            if reason:
                return f"check -{flag.name}={quote(text)}: {reason}"
    return ""


def _why_suspicious(value: str) -> str:
    if "$(" in value and ")" in value:
        return "the variable was not expanded; Kubernetes expands $(NAME) only if the container defines NAME"
    if "${" in value or (value[:1] == "$" and len(value) > 1):
        return "the variable was not expanded; without a shell, Kubernetes expands only $(NAME)"
    if "{{" in value and "}}" in value:
        return "the template was not filled in"
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return "the quotes are part of the value; omit them, since there is no shell to remove them"
    if any(f" -{name}" in value or f" --{name}" in value for name in FLAGS if len(name) > 1):
        return "this item contains several flags; give each its own item"
    if value != value.strip():
        return "it begins or ends with white space; remove it"
    return ""
