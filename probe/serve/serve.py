"""Starts what -serve consists of: sockets, the polling thread, and the loop that answers."""

import _thread
import gc

from .. import __version__
from ..cli import duration
from ..model import SETUP, Failure
from ..rounds import Session
from .board import Board
from .listen import listen, shown_address
from .models import Models
from .poller import Poller
from .server import Server
from .site import Shown, Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Plan, Report
    from ..tfs.config_file import FileNote
    from .models import Read


def serve(
    plan: "Plan",
    notes: "tuple[FileNote, ...]",
    read: "Read",
    advise: "Callable[[Report], str]",
    wall_ns: "Callable[[], int]",
    stamp: "Callable[[], str]",
    log: "Callable[[str], None]",
    signals: "int | None",
) -> Failure:
    """Serves until the process ends; returns only if it cannot start. `plan`: with the questions of its
    configuration file, about which there are `notes`, and which `read` reads again. `advise`: a hint about the command
    line for a report that failed; `wall_ns`: the time since 1970; `stamp`: a line's timestamp; `log`: writes a line.
    `signals`: a descriptor that becomes readable when a signal has arrived whose handler must run, if one is needed."""
    assert plan.serve is not None
    sockets = listen(plan.serve)
    if isinstance(sockets, Failure):
        return sockets
    models = Models(plan, notes, read)
    board = Board(plan.queries, plan.interval)
    shown = Shown(plan.client.address, plan.interval, __version__, models.has_file)
    server = Server(sockets, Site(board, shown, advise, wall_ns, log).respond, signals)
    poller = Poller(plan, models, board, Session(), wall_ns, stamp, log)
    gc.freeze()  # objects from the start are never freed, and scanning them would only copy their memory
    gc.enable()
    places = " and ".join(map(shown_address, sockets))
    log(f"serving on {places}, asking {plan.client.address} every {duration.render(plan.interval)}")
    try:
        _thread.start_new_thread(poller.run, ())
    except RuntimeError:
        return Failure(SETUP, "cannot start the thread that asks", cause="serve-no-thread", permanent=True)
    server.run()
    raise AssertionError("the loop never ends")
