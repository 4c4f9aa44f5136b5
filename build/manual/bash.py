"""The completion of bash. It needs nothing but bash; where bash-completion is loaded, it completes the command after
`--` as that command's own completion does."""

from __future__ import annotations

from build.manual.values import codes, takes_files
from build.platform import PROGRAM
from probe.cli.flag_table import FLAGS, Flag

# Bash makes words of its own of what COMP_WORDBREAKS separates, `=` by default: `-require=la` is three words.
TEMPLATE = """\
# bash completion for @PROGRAM@
_@PROGRAM@() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} flag='' attached='' dash=- i

    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                mapfile -t COMPREPLY < <(compgen -c -- "$cur")
            else
                compopt -o default
            fi
            return
        fi
    done

    if [[ $cur == '=' ]]; then
        flag=$previous cur=''
    elif [[ $previous == '=' ]]; then
        flag=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $cur == -*=* ]]; then
        flag=${cur%%=*} attached=${cur%%=*}= cur=${cur#*=}
    else
        case ${previous/#--/-} in
@WITH_VALUE@)
            flag=$previous
            ;;
        esac
    fi

    case ${flag/#--/-} in
    '')
        [[ $cur == --* ]] && dash=--
        mapfile -t COMPREPLY < <(compgen -P "$dash" -W '@NAMES@' -- "${cur#"$dash"}")
        [[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace
        ;;
@VALUES@
    esac
}
complete -F _@PROGRAM@ @PROGRAM@
"""


def render() -> str:
    """The file, under the name that bash-completion looks for once it is installed."""
    with_value = [flag for flag in FLAGS.values() if flag.kind != "bool"]
    names = " ".join(_name(flag) for flag in FLAGS.values())
    files = [flag for flag in with_value if takes_files(flag)]
    values = [_case(files, 'compgen -f -P "$attached" -- "$cur"', "        compopt -o filenames")]
    for flag in with_value:
        words = flag.choices or (codes() if flag.kind == "code" else ())
        if words:
            values.append(_case([flag], f'compgen -P "$attached" -W \'{" ".join(words)}\' -- "$cur"'))
    booleans = [flag for flag in FLAGS.values() if flag.kind == "bool"]
    values.append(_case(booleans, 'compgen -P "$attached" -W \'true false\' -- "$cur"'))
    return (
        TEMPLATE.replace("@WITH_VALUE@", _pattern(with_value, 8))
        .replace("@NAMES@", names)
        .replace("@VALUES@", "\n".join(values))
        .replace("@PROGRAM@", PROGRAM)
    )


def _name(flag: Flag) -> str:
    return flag.name if flag.kind == "bool" else f"{flag.name}="


def _pattern(flags: list[Flag], indent: int) -> str:
    return " " * indent + "|".join(f"-{flag.name}" for flag in flags)


def _case(flags: list[Flag], command: str, then: str = "") -> str:
    lines = [f"{_pattern(flags, 4)})", f"        mapfile -t COMPREPLY < <({command})", then, "        ;;"]
    return "\n".join(line for line in lines if line)
