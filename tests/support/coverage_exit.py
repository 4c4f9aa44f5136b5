"""A plugin of coverage: a process saves what was measured although it ends by `posix._exit`.

`coverage` has a patch for `os._exit`; `probe/process.py` calls the function of the same name in `posix`, and nothing
that is registered with `atexit` runs then. A plugin is loaded in every measured process before the program is.
"""

from __future__ import annotations

import posix
import signal

import coverage
from coverage.plugin_support import Plugins
from coverage.types import TConfigurable

_exit = posix._exit


def save_and_exit(status: int) -> None:
    # The program's handlers of these signals end the process too: not in the middle of this.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGALRM))
    measured = coverage.Coverage.current()
    if measured is not None:
        measured.stop()
        measured.save()
    _exit(status)


def coverage_init(_: Plugins, __: TConfigurable) -> None:
    """Called by coverage."""
    setattr(posix, "_exit", save_and_exit)  # noqa: B010 - mypy knows that the function does not return
