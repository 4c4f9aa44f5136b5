"""The lives that a model can live, as a table; and `ScriptRun`, which runs one of them on a server.

Seconds, versions, states and texts are those of the captured runs of TensorFlow Serving 2.19.1, where a disk poll
finds a new version within 0.8 s and loads are retried at once or after 2 s (flags of those runs; by default it is six
attempts, a minute apart). `MODEL` stands for the model's name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from .state import Code, State, VersionStatus

if TYPE_CHECKING:
    from .server import FakeServing


class Step(NamedTuple):
    """One change: `after` seconds since the step before, these versions of the model are in these states."""

    after: float
    changes: tuple[VersionStatus, ...] = ()
    busy: bool = False  # every call is refused from here on
    opens: bool = False  # the initial load has ended: the ports open
    log: str = ""  # what the server's log says
    exit_code: int | None = None  # the process ends


class Script(NamedTuple):
    """A named life. `closed`: it begins before the ports open."""

    sentence: str
    steps: tuple[Step, ...]
    closed: bool = False


def _corrupt(version: int) -> VersionStatus:
    text = f"Can't parse /models/MODEL/{version}/saved_model.pb as binary proto"
    return VersionStatus(version, State.END, Code.DATA_LOSS, text)


def _step(after: float, *changes: tuple[int, State]) -> Step:
    return Step(after, tuple(VersionStatus(version, state) for version, state in changes))


_START, _LOADING, _AVAILABLE, _UNLOADING, _END = State.START, State.LOADING, State.AVAILABLE, State.UNLOADING, State.END

_FAILED_START = (
    "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: {{{name: MODEL version: 1} "
    "due to error: DATA_LOSS: Can't parse /models/MODEL/1/saved_model.pb as binary proto}, }"
)
_NO_VERSIONS = (
    "No versions of servable MODEL found under base path /models/MODEL. "
    "Did you forget to name your leaf directory as a number (eg. '/1/')?"
)
_FIRST_VERSION = (VersionStatus(1, _AVAILABLE),)

SCRIPTS = {
    "steady": Script("One version, AVAILABLE all the time.", (_step(0, (123, _AVAILABLE)),)),
    "loading": Script(
        "A model that was added to a running server: LOADING, then AVAILABLE.",
        (_step(0, (1, _LOADING)), _step(10, (1, _AVAILABLE))),
    ),
    "added-model": Script(
        "The same from the beginning: not found, START, LOADING, AVAILABLE.",
        (Step(0), _step(0.8, (1, _START)), _step(0.1, (1, _LOADING)), _step(0.1, (1, _AVAILABLE))),
    ),
    "added-broken-model": Script(
        "A model that was added and cannot be loaded: not found, LOADING, END with the error.",
        (Step(0), _step(0.8, (1, _LOADING)), Step(0.1, (_corrupt(1),))),
    ),
    "slow-first-load": Script(
        "The first load takes 10 s; until it has ended both ports are closed.",
        (Step(10, _FIRST_VERSION, opens=True),),
        closed=True,
    ),
    "failed-first-load": Script(
        "The first load fails: the ports never open, the process ends with exit code 255.",
        (Step(1, log=_FAILED_START, exit_code=255),),
        closed=True,
    ),
    "empty-folder": Script(
        "No version on disk for 10 s: the ports stay closed until one appears.",
        (Step(0, log=_NO_VERSIONS), Step(10, _FIRST_VERSION, opens=True)),
        closed=True,
    ),
    "empty-config": Script("No models at all: the ports are open, every model is NOT_FOUND.", (Step(0),)),
    "upgrade": Script(
        "A new version replaces the old one, which stays listed as END.",
        (
            _step(0, (123, _AVAILABLE)),
            _step(0.77, (125, _START)),
            _step(0.06, (125, _LOADING)),
            _step(0.07, (125, _AVAILABLE), (123, _END)),
        ),
    ),
    "slow-upgrade": Script(
        "The same, with a load of 10 s during which the old version serves.",
        (
            _step(0, (1, _AVAILABLE)),
            _step(0.78, (2, _START)),
            _step(0.03, (2, _LOADING)),
            _step(10, (2, _AVAILABLE), (1, _END)),
        ),
    ),
    "broken-version": Script(
        "A new version cannot be loaded: LOADING while it is retried, then END with the error; the old one serves.",
        (
            _step(0, (123, _AVAILABLE)),
            _step(0.75, (124, _START)),
            _step(0.05, (124, _LOADING)),
            Step(2, (_corrupt(124),)),
        ),
    ),
    "rollback": Script(
        "The newest version is taken away and an older one comes back: the first entry is the one that ended.",
        (
            _step(0, (125, _AVAILABLE), (123, _END)),
            _step(0.77, (123, _START)),
            _step(0.06, (123, _LOADING)),
            _step(0.07, (125, _END), (123, _AVAILABLE)),
        ),
    ),
    "removal": Script(
        "All versions are removed: END without an error, and the model is still known.",
        (_step(0, (1, _AVAILABLE)), _step(0.5, (1, _END))),
    ),
    "held-removal": Script(
        "The same while a request of 5.2 s holds the version: UNLOADING until it has ended.",
        (_step(0, (1, _AVAILABLE)), _step(0.5, (1, _UNLOADING)), _step(5.2, (1, _END))),
    ),
    "busy": Script(
        "All threads are taken for 6 s: every call is refused, then all is as before.",
        (Step(0, _FIRST_VERSION, busy=True), Step(6)),
    ),
}


class ScriptRun:
    """A script on a server: by hand with `advance`, or by itself with `start`."""

    def __init__(
        self,
        server: FakeServing,
        script: Script,
        model: str,
        report: Callable[[str], None],
        exits: Callable[[], None],
    ) -> None:
        self._server = server
        self._steps = list(script.steps)
        self._model = model
        self._report = report
        self._exits = exits
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self.exit_code: int | None = None
        while self._steps and self._steps[0].after == 0:
            self.advance()

    def advance(self) -> bool:
        """Does the next step at once; False when none was left."""
        with self._lock:
            if not self._steps:
                return False
            step = self._steps.pop(0)
            named = (change._replace(message=change.message.replace("MODEL", self._model)) for change in step.changes)
            self._server.servables.set(self._model, *named)
            self._server.busy = step.busy
            busy = " (every call is refused: all threads are busy)" if step.busy else ""
            self._report(step.log.replace("MODEL", self._model) or self._server.servables.describe(self._model) + busy)
            if step.opens:
                self._server.open_ports()
            if step.exit_code is not None:
                self.exit_code = step.exit_code
                self._exits()
            if not self._steps:
                self._done.set()
            return True

    def _pause(self) -> float | None:
        with self._lock:
            return self._steps[0].after if self._steps else None

    def start(self, speed: float) -> None:
        """Does the steps in their time, divided by `speed`, in a thread of its own."""

        def run() -> None:
            while (pause := self._pause()) is not None and not self._stop.wait(pause / speed):
                self.advance()

        self._thread = threading.Thread(target=run, name="fake-tfs-script")
        self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Waits for the last step, at most `timeout` seconds; whether it was done."""
        return self._done.wait(timeout)

    def stop(self) -> None:
        """Leaves the steps that are left undone."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
