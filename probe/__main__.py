"""The program: argv -> a question -> an outcome -> a verdict -> lines and an exit code.

Rule of this file: it wires the layers and holds no rule of theirs. Here, and nowhere else, the process ends.
"""

import sys
import time

from . import flags
from .engine import ask
from .model import SETUP, Failure, Timings
from .report import lines, plain, stamp
from .verdict import ExitCode, judge

try:
    import _launcher as process  # type: ignore[import-not-found, unused-ignore]  # the static executable's own
except ImportError:
    from . import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .model import ModelStatus

STDOUT, STDERR = 1, 2
# How long a standard stream may keep the end waiting where no -timeout bounds the run, in seconds.
PATIENCE = 1.0


def main(argv: "list[str] | None" = None) -> int:
    """Runs the probe with `argv` (the program's name first) and returns its exit code."""
    begun = time.monotonic_ns()
    program, *arguments = sys.argv if argv is None else argv
    try:
        environment: dict[bytes, bytes] = {}
        for prefix in flags.VARIABLES:
            environment.update(process.environment(prefix))
        options = flags.parse(arguments, environment, begun)
    except flags.UsageError as error:
        from .usage import usage

        sentence = f"{error}\n" if str(error) else ""
        exit_code = ExitCode.USAGE if sentence else ExitCode.OK
        return _say(STDERR, sentence + usage(program), exit_code)
    if options.version:
        from .about import about

        return _say(STDOUT, about() + "\n", ExitCode.OK)
    timings = Timings()
    if options.install:
        process.complete()
        from .install import install

        done = install(process.own_file, options.install)
        if isinstance(done, Failure):
            return _tell(done, options, timings)
        return _say(STDOUT, "".join(plain(line) + "\n" for line in done), ExitCode.OK)
    outcome = Failure(SETUP, options.problem) if options.problem else ask(options.call, timings)
    return _tell(outcome, options, timings)


def _tell(outcome: "ModelStatus | Failure", options: "flags.Options", timings: Timings) -> int:
    """Judges an outcome, and writes the lines about it."""
    verdict = judge(outcome, options.wanted)
    time_now = stamp(time.localtime())
    text = lines(outcome, verdict, time_now)
    if options.verbose or options.ignored:
        from .verbose import details

        text = details(options, timings, time_now) + text
    return _say(STDERR, text, verdict.exit_code, min(options.call.deadline.remaining(), PATIENCE))


def _say(descriptor: int, text: str, exit_code: int, seconds: float = PATIENCE) -> int:
    """Writes the text, and answers with the exit code, which nothing that happens to the text can change."""
    process.write(descriptor, text.encode("utf-8", "surrogateescape"), seconds, exit_code)
    return exit_code


def run() -> None:
    """The whole life of the process. Never returns."""
    try:
        process.prepare()
        exit_code = main()
    except BaseException as error:
        text = plain(f"internal error: {type(error).__name__}: {error}")  # one line, whatever the error says
        exit_code = _say(STDERR, text + "\n", ExitCode.INTERNAL)
    process.end(exit_code)


if __name__ == "__main__":
    run()
