"""The completion of zsh: a specification for `_arguments`."""

from __future__ import annotations

from build.manual.values import codes, takes_files
from build.platform import PROGRAM
from probe.cli.flag_table import FLAGS, Flag

HEAD = f"""\
#compdef {PROGRAM}
# zsh completion for {PROGRAM}

# What stands behind -- is a command with arguments of its own.
local dashes=${{words[(i)--]}}
if ((dashes < CURRENT)); then
    shift $dashes words
    ((CURRENT -= dashes))
    _normal
    return
fi

"""


def render() -> str:
    """The file, which `compinit` finds by its first line."""
    specifications = [_specification(flag) for flag in FLAGS.values()]
    return HEAD + " \\\n    ".join(["_arguments", *specifications]) + "\n"


def _specification(flag: Flag) -> str:
    again = "*" if flag.repeatable else ""
    if flag.kind == "bool":
        return _quote(f"{again}-{flag.name}[{_escape(flag.help)}]")
    # After `=` or as the next word.
    return _quote(f"{again}-{flag.name}=[{_escape(flag.help)}]:{flag.metavar}:{_action(flag)}")


def _action(flag: Flag) -> str:
    if takes_files(flag):
        return "_files"
    if flag.choices:
        return f"({' '.join(flag.choices)})"
    if flag.kind == "code":
        described = (f'{code}\\:"{_escape(meaning)}"' for code, meaning in codes().items())
        return f"(({' '.join(described)}))"
    return " "


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:").replace("[", "\\[").replace("]", "\\]")


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
