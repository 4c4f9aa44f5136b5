"""The program: argv -> plan -> report -> lines and an exit code.

This file wires the packages together and holds none of their rules. It is the only one that ends the process.
"""

import sys
import time

from .check import check
from .cli.backstop import GRACE_SECONDS, PHASES, output_phase
from .cli.escape import escape
from .cli.flags import HelpRequested, UsageError, parse
from .cli.options import VARIABLE_PREFIXES, options
from .cli.output import compose
from .cli.text import timestamp
from .model import Failure, Query, Report, Result
from .tfs import exit_codes
from .tfs.verdict import exit_code, of_failure

try:
    import _launcher as process  # type: ignore[import-not-found, unused-ignore]  # in the static executable
except ImportError:
    from . import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cli.options import Options

STDOUT, STDERR = 1, 2
MAX_WRITE_SECONDS = 1.0  # how long a standard stream may delay the end of a run without -timeout


def main(argv: "list[str] | None" = None) -> int:
    """Runs the probe with `argv`, whose first item is the program's name, and returns its exit code."""
    begun = time.monotonic_ns()
    program, *arguments = sys.argv if argv is None else argv
    environment: dict[bytes, bytes] = {}
    for prefix in VARIABLE_PREFIXES:
        environment.update(process.environment(prefix))
    try:
        flags = parse(arguments, environment)
    except HelpRequested:
        from .cli.usage import usage

        return _write(STDERR, usage(program), exit_codes.OK)
    except UsageError as error:
        from .cli.usage import usage_error

        return _write(STDERR, usage_error(program, error), exit_codes.USAGE)
    asked = options(flags, environment, begun)
    if asked.version:
        from .cli.version import version_line

        return _write(STDOUT, version_line() + "\n", exit_codes.OK)
    if asked.install:
        return _install(asked, environment, begun)
    plan = asked.plan
    if isinstance(plan, Failure):
        report = _failed(plan)
    elif plan.deadline.at is None:
        report = check(plan)
    else:
        process.arm(plan.deadline.remaining() + GRACE_SECONDS)
        report = check(plan, enter=lambda phase: process.enter(*PHASES[phase]))
        process.enter(*output_phase(report, exit_code(report)))
    return _print_report(asked, environment, report, begun)


def _install(asked: "Options", environment: "dict[bytes, bytes]", begun: int) -> int:
    """-install: the executable copies itself."""
    process.complete()
    from .install import install

    done = install(process.own_file, asked.install)
    if isinstance(done, Failure):
        return _print_report(asked, environment, _failed(done), begun)
    return _write(STDOUT, "".join(escape(line) + "\n" for line in done), exit_codes.OK)


def _print_report(asked: "Options", environment: "dict[bytes, bytes]", report: Report, begun: int) -> int:
    """Writes the lines of a report, and returns its exit code."""
    code = exit_code(report)
    text = compose(asked, environment, report, code != 0, timestamp(time.localtime()), time.monotonic_ns() - begun)
    seconds = MAX_WRITE_SECONDS if isinstance(asked.plan, Failure) else asked.plan.deadline.remaining()
    return _write(STDERR, text, code, min(seconds, MAX_WRITE_SECONDS))


def _failed(failure: Failure) -> Report:
    """The report on a run that asked nothing."""
    return Report((Result(Query(""), failure, of_failure(failure)),))


def _write(descriptor: int, text: str, exit_code: int, seconds: float = MAX_WRITE_SECONDS) -> int:
    """Writes the text and returns the exit code, which nothing that happens to the text can change."""
    process.write(descriptor, text.encode("utf-8", "surrogateescape"), seconds, exit_code)
    return exit_code


def run() -> None:
    """Runs the program and ends the process. Never returns."""
    try:
        process.prepare()
        code = main()
    except BaseException as error:
        text = escape(f"internal error: {type(error).__name__}: {error}")  # one line, whatever the error says
        code = _write(STDERR, text + "\n", exit_codes.INTERNAL)
    process.end(code)


if __name__ == "__main__":
    run()
