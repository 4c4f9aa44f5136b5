"""The program: argv -> plan -> report -> lines and an exit code.

This file wires the packages together and holds none of their rules. It is the only one that ends the process.
"""

import sys
import time

from .check import check
from .cli.backstop import GRACE_SECONDS, PHASES, output_phase
from .cli.escape import escape
from .cli.flags import HelpRequested, UsageError, parse
from .cli.lines import timestamp
from .cli.options import VARIABLE_PREFIXES, options, query, with_queries
from .cli.output import compose, compose_json
from .model import SETUP, Failure, Query, Report, Result, Verdict
from .tfs import exit_codes
from .tfs.verdict import exit_code, of_failure

try:
    import _launcher as process  # type: ignore[import-not-found, unused-ignore]  # in the static executable
except ImportError:
    from . import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cli.options import Options
    from .model import Phase, Plan
    from .tfs.config_file import FileNote

STDOUT, STDERR = 1, 2
ENOENT = 2
OUT_OF_MEMORY = "error: out of memory\nhint: raise the container's memory limit, or ulimit -v\n"
PIPE_BYTES = 4096  # a pipe that is writable takes these many at once
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
    code = flags.values["explain"]
    if code is not None:
        from .cli.explain import explain

        return _write(STDOUT, explain(code), exit_codes.OK)
    if asked.install:
        return _install(asked, environment, begun)
    try:
        return _ask(asked, environment, begun)
    except Exception as error:
        if flags.values["format"] != "json":
            raise
        failure = Failure(SETUP, f"internal error: {type(error).__name__}: {error}")
        report = Report((Result(Query(""), failure, Verdict(exit_codes.INTERNAL, failure=failure)),))
        return _print_report(asked, environment, report, begun)


def _ask(asked: "Options", environment: "dict[bytes, bytes]", begun: int) -> int:
    """Asks the server, and prints what it answered."""
    plan = asked.plan
    notes: tuple[FileNote, ...] = ()
    if not isinstance(plan, Failure) and plan.deadline.at is not None:
        process.enter(*PHASES["dial"])  # the alarm may ring before the first phase begins
        process.arm(plan.deadline.remaining() + GRACE_SECONDS)
    if not isinstance(plan, Failure) and plan.config_file:
        _enter("files")
        plan, notes = _with_config_file(asked, plan)
    if isinstance(plan, Failure):
        return _print_report(asked, environment, _failed(plan), begun)
    if plan.serve is not None:
        return _serve(asked, plan, environment, begun, notes)
    if plan.wait:
        return _wait(asked, plan, environment, begun, notes)
    if plan.deadline.at is None:
        report = check(plan)
    else:
        report = check(plan, enter=_enter)
        process.enter(*output_phase(report, exit_code(report)))
    return _print_report(asked, environment, report, begun, notes)


def _with_config_file(asked: "Options", plan: "Plan") -> "tuple[Plan | Failure, tuple[FileNote, ...]]":
    """The plan with the questions that its configuration file stands for, and the notes about the file."""
    from .tfs.config_file import read_queries

    assert plan.config_file is not None
    values = asked.flags.values
    return with_queries(plan, read_queries(plan.config_file, plan.queries, query(values, "")), values)


def _enter(phase: "Phase") -> None:
    process.enter(*PHASES[phase])


def _wait(
    asked: "Options", plan: "Plan", environment: "dict[bytes, bytes]", begun: int, notes: "tuple[FileNote, ...]"
) -> int:
    """-wait: round after round, and the command once the models are ready."""
    import posix

    from .cli.progress import Progress
    from .rounds import Session, wait

    values = asked.flags.values
    silent = values["format"] == "json" or (values["quiet"] and not asked.verbose)
    shown = Progress(posix.isatty(STDERR))

    def progress(report: Report) -> None:
        text = shown.update(report, time.monotonic_ns() - begun, timestamp(time.localtime()))
        if text and not silent:
            _write(STDERR, text, exit_code(report), plan.deadline.remaining())
            process.arm(plan.deadline.remaining() + GRACE_SECONDS)

    session = Session()
    report = wait(plan, session, progress, enter=_enter)
    process.enter(*output_phase(report, exit_code(report)))
    session.close()
    if not silent:
        _write(STDERR, shown.end(), exit_code(report))
    code = _print_report(asked, environment, report, begun, notes)
    if code or not asked.flags.command:
        return code
    command = [argument.encode("utf-8", "surrogateescape") for argument in asked.flags.command]
    reason, code = process.execute(command), exit_codes.NOT_EXECUTABLE
    if reason == ENOENT:
        code = exit_codes.COMMAND_NOT_FOUND
    text = escape(f"error: cannot execute {asked.flags.command[0]}: {posix.strerror(reason)}")
    return _write(STDERR, f"{timestamp(time.localtime())}{text}\n", code)


def _serve(
    asked: "Options", plan: "Plan", environment: "dict[bytes, bytes]", begun: int, notes: "tuple[FileNote, ...]"
) -> int:
    """-serve: rounds in the background, and answers over HTTP. Returns only if it cannot begin."""
    from .cli.output import advice, options_lines
    from .serve.serve import serve

    def stamp() -> str:
        return timestamp(time.localtime())

    def read() -> "tuple[Plan | Failure, tuple[FileNote, ...]]":
        assert not isinstance(asked.plan, Failure)
        return _with_config_file(asked, asked.plan)  # whose questions are only those of the command line

    if asked.verbose:
        _log(options_lines(asked, environment, stamp(), notes))
    failure = serve(
        plan, notes, read, lambda report: advice(asked, report), time.time_ns, stamp,
        lambda text: _log(f"{stamp()}{escape(text)}\n"), process.exit_on_signal(exit_codes.OK),
    )  # fmt: skip
    return _print_report(asked, environment, _failed(failure), begun)


def _log(text: str) -> None:
    """Writes as much of the text to stderr as possible without blocking: a slow reader must not delay the server."""
    import posix
    import select

    writable = select.poll()
    writable.register(STDERR, select.POLLOUT)
    data = text.encode("utf-8", "surrogateescape")
    try:
        while data and any(event & select.POLLOUT for _, event in writable.poll(0)):
            data = data[posix.write(STDERR, data[:PIPE_BYTES]) :]
    except OSError:
        pass  # closed, or full


def _install(asked: "Options", environment: "dict[bytes, bytes]", begun: int) -> int:
    """-install: the executable copies itself."""
    try:
        process.complete()
        from .install import install

        done = install(process.own_file, asked.install)
    except MemoryError:
        done = Failure(SETUP, "out of memory", cause="memory", permanent=True)
    if isinstance(done, Failure):
        return _print_report(asked, environment, _failed(done), begun)
    return _write(STDOUT, "".join(escape(line) + "\n" for line in done), exit_codes.OK)


def _print_report(
    asked: "Options", environment: "dict[bytes, bytes]", report: Report, begun: int, notes: "tuple[FileNote, ...]" = ()
) -> int:
    """Writes the lines of a report, or its object, and returns its exit code."""
    code = exit_code(report)
    total_ns = time.monotonic_ns() - begun
    seconds = MAX_WRITE_SECONDS if isinstance(asked.plan, Failure) else asked.plan.deadline.remaining()
    if asked.flags.values["format"] == "json":
        _write(STDOUT, compose_json(asked, report, code, total_ns, notes), code, min(seconds, MAX_WRITE_SECONDS))
        if not asked.verbose:
            return code
    try:
        text = compose(asked, environment, report, code, timestamp(time.localtime()), total_ns, notes)
    except MemoryError:  # the outcome is known, and stays
        text = OUT_OF_MEMORY
    return _write(STDERR, text, code, min(seconds, MAX_WRITE_SECONDS))


def _failed(failure: Failure) -> Report:
    """The report on a run that asked nothing."""
    return Report((Result(Query(""), failure, of_failure(failure)),))


def _write(descriptor: int, text: str, exit_code: int, seconds: float = MAX_WRITE_SECONDS) -> int:
    """Writes the text and returns the exit code, which nothing that happens to the text can change."""
    if not text:
        return exit_code
    process.write(descriptor, text.encode("utf-8", "surrogateescape"), seconds, exit_code)
    return exit_code


def run() -> None:
    """Runs the program and ends the process. Never returns."""
    try:
        process.prepare()
        code = main()
    except MemoryError:
        code = _write(STDERR, OUT_OF_MEMORY, exit_codes.DIAL)
    except BaseException as error:
        text = escape(f"internal error: {type(error).__name__}: {error}")  # one line, whatever the error says
        code = _write(STDERR, text + "\n", exit_codes.INTERNAL)
    process.end(code)


if __name__ == "__main__":
    run()
