"""The man page, in mdoc (mdoc(7)).

What is in the tables comes from the tables. The rest are facts about the command line as a whole, which no table
holds.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from datetime import date

from build.platform import PROGRAM
from probe import __version__
from probe.cli.flag_table import ENVIRONMENT_PREFIX, FLAGS, Flag
from probe.cli.options import ROOTS_FILE, ROOTS_FOLDERS, WORKLOAD_API
from probe.cli.usage import EXAMPLES, render_value
from probe.tfs.exit_codes import TABLE

WIDTH = 80
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

ADDRESSES = (
    ("HOST:PORT", "A name or an IPv4 address. All addresses of a name are tried."),
    (":PORT", "This machine, over IPv4 and then IPv6."),
    ("[IPV6]:PORT", "An IPv6 address. A link-local one takes its zone: [fe80::1%eth0]:8500."),
    ("unix:///PATH", "A unix socket. Also unix:PATH and unix-abstract:NAME."),
    ("dns:///HOST:PORT", "gRPC's names for HOST:PORT. Also passthrough:///HOST:PORT."),
    ("http://HOST:PORT", "The REST API instead of gRPC, with the same verdicts. Also https://HOST:PORT."),
)

HEAD = """\
.Dd {month} {day}, {year}
.Dt {title} 1
.Os {program} {version}
.Sh NAME
.Nm {program}
.Nd health probe for TensorFlow Serving models
.Sh SYNOPSIS
.Nm
.Op Fl addr Ns = Ns Ar host : Ns Ar port
.Op Fl model-name Ns = Ns Ar name ...
.Op Fl timeout Ns = Ns Ar duration
.Op Ar flag ...
.Nm
.Fl wait Ns = Ns Ar duration
.Op Ar flag ...
.Op Fl \\&- Ar command Op Ar argument ...
.Sh DESCRIPTION
.Nm
asks a TensorFlow Serving server whether its models are ready, prints the reason on standard error, and exits with a
code that tells the result.
It is meant for exec probes in Kubernetes, health checks in compose, rollout gates and CI jobs.
.Pp
Without further flags a model is ready if any of its versions is AVAILABLE.
If none is, the state of the first version in the answer, the newest, decides.
.Pp
Flags follow the rules of Go's flag package: one dash or two, and
.Fl name Ns = Ns Ar value
or
.Fl name Ar value .
A boolean flag takes a value only after an equals sign.
A duration is a number with a unit: 900ms, 3s, 1m30s.
If a flag is repeated, the last one counts, except where it is marked repeatable.
"""

TIMES = """\
.Sh DEADLINES
Set
.Fl timeout
a little below the time after which the caller ends the probe, for example to 900ms for a
.Va timeoutSeconds
of 1.
The probe then ends by itself and prints the reason.
When the kubelet kills a probe, its output is lost.
.Pp
.Fl wait
is for gates, jobs and init containers, not for probes: the kubelet itself asks again.
.Fl timeout
would end such a wait early, so omit it;
.Fl timeout=0
overrides the variable
.Ev TFS_PROBE_TIMEOUT .
"""


def render(day: date) -> str:
    """The whole page, dated that day."""
    parts = [
        HEAD.format(
            month=MONTHS[day.month - 1],
            day=day.day,
            year=day.year,
            title=PROGRAM.upper(),
            program=PROGRAM,
            version=__version__,
        ),
        *_flags(),
        ".Sh ADDRESSES\n",
        *_tagged((f"Li {escape(form)}", what) for form, what in ADDRESSES),
        TIMES,
        *_environment(),
        *_exit_codes(),
        *_examples(),
    ]
    return _wrap("".join(parts))


def _wrap(text: str) -> str:
    """The lines of running text at the width that `mandoc -T lint` asks for."""
    lines, literal = [], False
    for line in text.splitlines():
        if line.startswith("."):
            literal = line.startswith(".Bd") or (literal and not line.startswith(".Ed"))
        if line.startswith(".") or literal:
            lines.append(line)
        else:
            # A quotation mark or a dot at the beginning of a line would make it a request.
            wrapped = textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
            lines += [f"\\&{part}" if part.startswith((".", "'")) else part for part in wrapped]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that roff prints as it is: minus signs where something could be copied, no escapes, no requests."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{text}" if text.startswith(".") else text


def prose(text: str) -> str:
    """Sentences, each on a line of its own, as roff wants them. A hyphen within a word stays one."""
    lines = []
    for sentence in re.split(r"(?<=[.?;]) (?=[A-Z-])", text):
        marked = re.sub(r"(?<![\w-])-(?=[\w-])", "\\-", sentence.replace("\\", "\\e"))
        # A flag's own hyphens are minus signs too.
        lines.append(re.sub(r"\\-[\w-]+", lambda found: "\\-" + found[0][2:].replace("-", "\\-"), marked))
    return "\n".join(lines) + "\n"


def _tagged(items: Iterator[tuple[str, str]]) -> Iterator[str]:
    yield ".Bl -tag -width Ds\n"
    for head, text in items:
        yield f".It {head}\n{prose(text)}"
    yield ".El\n"


def _flags() -> Iterator[str]:
    yield ".Sh FLAGS\n"
    group, is_open = "", False
    for flag in FLAGS.values():
        if not is_open or flag.group != group:
            group = flag.group
            yield ".El\n" if is_open else ""
            yield f".Ss {group or 'Of the original program'}\n.Bl -tag -width Ds\n"
            is_open = True
        yield f".It {_head(flag)}\n{prose(_sentence(flag.help))}"
        if flag.repeatable and "repeatable" not in flag.help:
            yield "Repeatable.\n"
        if flag.default:
            yield f"The default is\n.Ql {escape(_default(flag))} .\n"
    yield ".El\n"


def _head(flag: Flag) -> str:
    if flag.kind == "bool":
        return f"Fl {flag.name}"
    if flag.choices:
        return f"Fl {flag.name} Ns = Ns " + " Ns | Ns ".join(f"Cm {choice}" for choice in flag.choices)
    return f"Fl {flag.name} Ns = Ns Ar {flag.metavar}"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _default(flag: Flag) -> str:
    return render_value(flag, flag.default).strip('"')


def _environment() -> Iterator[str]:
    *some, last = (f"-{flag.name}" for flag in FLAGS.values() if not flag.from_environment)
    yield ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
    yield f".It Ev {ENVIRONMENT_PREFIX}*\n"
    yield prose(f"Every flag except {', '.join(some)} and {last} can also be set by a variable.")
    yield f"Its name is {ENVIRONMENT_PREFIX} and the flag's name in capitals, with underscores, for example\n"
    yield f".Ev {FLAGS['rpc-timeout'].variable}=2s .\n"
    yield "The variable of a repeatable flag takes one value per line.\nThe command line wins.\n"
    yield f".It Ev {ROOTS_FILE} , {ROOTS_FOLDERS}\n"
    yield "Where to find the system's certificates, with\n.Fl tls .\n"
    yield f".It Ev {WORKLOAD_API}\nThe socket of the SPIFFE Workload API, with\n.Fl spiffe .\n.El\n"
    yield ".Pp\nNo proxy is ever used, whatever\n.Ev http_proxy , https_proxy\nand\n.Ev grpc_proxy\nsay.\n"


def _exit_codes() -> Iterator[str]:
    yield ".Sh EXIT STATUS\n"
    yield from _tagged((str(code), f"{_sentence(meaning)}{_check(check)}") for code, _, meaning, check in TABLE)


def _check(text: str) -> str:
    return "" if text == "Nothing." else f" Check: {text}"


def _examples() -> Iterator[str]:
    yield ".Sh EXAMPLES\n"
    for number, (what, arguments) in enumerate(EXAMPLES):
        yield ".Pp\n" if number else ""
        yield f"{what[0].upper()}{what[1:]}:\n"
        yield f".Bd -literal -offset indent\n{PROGRAM} \\e\n"
        yield " \\e\n".join(f"    {escape(word)}" for word in _words(arguments))
        yield "\n.Ed\n"


def _words(arguments: str) -> list[str]:
    """A command line's arguments, what follows `--` as one line."""
    flags, dashes, command = arguments.partition(" -- ")
    return [*shlex.split(flags), *([f"-- {command}"] if dashes else [])]
