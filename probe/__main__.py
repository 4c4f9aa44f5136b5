"""The program: argv -> a question -> an outcome -> a verdict -> lines and an exit code.

Rule of this file: it wires the layers and holds no rule of theirs. Here, and nowhere else, the process ends.
"""

import posix
import sys
import time

from . import flags, streams
from .engine import ask
from .model import Timings
from .report import lines, stamp
from .verdict import ExitCode, judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

STDOUT, STDERR = 1, 2
# How long a standard stream may keep the end waiting where no -timeout bounds the run, in seconds.
PATIENCE = 1.0


def main(argv: "list[str] | None" = None) -> int:
    """Runs the probe with `argv` (the program's name first) and returns its exit code."""
    begun = time.monotonic_ns()
    program, *arguments = sys.argv if argv is None else argv
    try:
        options = flags.parse(arguments, posix.environ, begun)
    except flags.UsageError as error:
        from .usage import usage

        sentence = f"{error}\n" if str(error) else ""
        exit_code = ExitCode.USAGE if sentence else ExitCode.OK
        return _say(STDERR, sentence + usage(program), exit_code, PATIENCE)
    if options.version:
        from .about import about

        return _say(STDOUT, about() + "\n", ExitCode.OK, PATIENCE)
    timings = Timings()
    outcome = ask(options.call, timings)
    verdict = judge(outcome, options.wanted)
    time_now = stamp(time.localtime())
    text = lines(outcome, verdict, time_now)
    if options.verbose or options.ignored:
        from .verbose import details

        text = details(options, timings, time_now) + text
    return _say(STDERR, text, verdict.exit_code, min(options.call.deadline.remaining(), PATIENCE))


def _say(descriptor: int, text: str, exit_code: int, seconds: float) -> int:
    """Writes the text, and answers with the exit code, which nothing that happens to the text can change."""
    streams.write(descriptor, text, seconds, give_up=lambda: posix._exit(exit_code))
    return exit_code


def run() -> None:
    """The whole life of the process. Never returns."""
    streams.guard()
    # At once, also where this is PID 1 of a container: to that, the kernel's own default does not apply.
    _signal.signal(_signal.SIGTERM, lambda *_: posix._exit(ExitCode.TERMINATED))
    _signal.signal(_signal.SIGINT, lambda *_: posix._exit(ExitCode.INTERRUPTED))
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    try:
        exit_code = main()
    except BaseException as error:
        exit_code = _say(STDERR, f"internal error: {type(error).__name__}: {error}\n", ExitCode.INTERNAL, PATIENCE)
    # Past the interpreter's own end: nothing is left to clean up, and a resolver that hangs must not be waited for.
    posix._exit(exit_code)


if __name__ == "__main__":
    run()
