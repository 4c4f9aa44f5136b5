"""The completion of fish."""

from __future__ import annotations

from build.manual.values import codes, takes_files
from build.platform import PROGRAM
from probe.cli.flag_table import FLAGS, Flag

HEAD = f"""\
# fish completion for {PROGRAM}

# What stands behind -- is a command with arguments of its own.
function __{PROGRAM}_command
    set -l words (commandline -opc)
    set -l dashes (contains -i -- -- $words)
    or return
    set -e words[1..$dashes]
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct) | string collect)
end

complete -c {PROGRAM} -f -a '(__{PROGRAM}_command)'
"""


def render() -> str:
    """The file, which fish loads by its name."""
    return HEAD + "".join(f"complete -c {PROGRAM} {' '.join(_options(flag))}\n" for flag in FLAGS.values())


def _options(flag: Flag) -> list[str]:
    # `-o`: a name of several letters behind one dash.
    options = [f"-o {flag.name}", f"-d {_quote(flag.help)}"]
    if takes_files(flag):
        options.append("-r -F")
    elif flag.choices:
        options.append(f"-x -a {_quote(' '.join(flag.choices))}")
    elif flag.kind == "code":
        described = (f'{code}\\t"{_escape(meaning)}"' for code, meaning in codes().items())
        options.append(f"-x -a '{' '.join(described)}'")
    elif flag.kind != "bool":
        options.append("-x")
    return options


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _escape(text: str) -> str:
    """Text between double quotes, which are between single ones."""
    return text.replace("\\", "\\\\\\\\").replace('"', '\\"').replace("$", "\\$").replace("'", "\\'")
