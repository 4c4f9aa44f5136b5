"""Rounds: what changes, what is kept, and that a connection whose server has gone is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from probe.deadline import RUN, Deadline
from probe.model import (
    AVAILABLE,
    LOADING,
    CallTrace,
    ClientConfig,
    Failure,
    ModelStatus,
    NamedFile,
    Plan,
    Query,
    VersionStatus,
)
from probe.rounds import Session
from probe.serve.board import Board
from probe.serve.models import Models
from probe.serve.poller import Poller
from probe.tfs.config_file import FileNote

if TYPE_CHECKING:
    from probe.model import Phase

Outcome = ModelStatus | Failure
NOTE = FileNote("line 1: a note", False)
TIMED_OUT = Failure("call", "context deadline exceeded", 4, "call-timeout")
REFUSED = Failure("dial", "connection refused", cause="refused")


class Client:
    """Answers with what the server says at the time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.is_usable = True

    def status(self, queries: tuple[Query, ...], deadline: Deadline) -> tuple[Outcome, ...]:
        self._server.asked.append(queries)
        if isinstance(self._server.says, BaseException):
            raise self._server.says
        return (self._server.says,) * len(queries)

    def version_of_label(self, model: str, label: str, deadline: Deadline) -> int | Failure:
        raise AssertionError

    def predict(self, model: str, version: int | None, request: bytes, deadline: Deadline) -> Failure | None:
        raise AssertionError

    def close(self) -> None:
        self._server.closed += 1


class Server:
    """What the test makes of the server."""

    def __init__(self) -> None:
        self.says: Outcome | BaseException = ModelStatus((VersionStatus(1, AVAILABLE),))
        self.refuses = False
        self.dialed = self.closed = 0
        self.asked: list[tuple[Query, ...]] = []

    def connect(
        self, config: ClientConfig, first: Query, deadline: Deadline, enter: Callable[[Phase], None]
    ) -> tuple[Client | Failure, CallTrace]:
        self.dialed += 1
        return (REFUSED if self.refuses else Client(self)), CallTrace()


class Sidecar:
    """A poller whose rounds the test makes."""

    def __init__(self, names: tuple[str, ...] = ("half",)) -> None:
        plan = Plan(
            ClientConfig(":1"), tuple(Query(name) for name in names), Deadline(None, "run"), interval=1_000_000_000
        )
        self.server = Server()
        self.lines: list[str] = []
        self.board = Board(plan.queries, plan.interval)
        self.wall_ns = 1_764_000_000_000_000_000
        self.models = Models(plan, (), lambda: (plan, ()))
        self._poller = Poller(
            plan,
            self.models,
            self.board,
            Session(self.server.connect),
            lambda: self.wall_ns,
            lambda: "",
            self.lines.append,
        )

    def round(self, seconds: int = 1) -> list[str]:
        """The lines of one round."""
        self.wall_ns += seconds * 1_000_000_000
        before = len(self.lines)
        self._poller.round()
        return self.lines[before:]


@pytest.fixture
def sidecar() -> Sidecar:
    return Sidecar()


def test_one_line_for_each_change(sidecar: Sidecar) -> None:
    assert sidecar.round() == ["half: Servable state is AVAILABLE (1 AVAILABLE)"]
    assert sidecar.round() == []
    sidecar.server.says = ModelStatus((VersionStatus(2, LOADING), VersionStatus(1, AVAILABLE)))
    assert sidecar.round() == ["half: Servable state is AVAILABLE (2 LOADING, 1 AVAILABLE)"]
    sidecar.server.says = Failure("status", "who knows 1", 14)
    assert len(sidecar.round()) == 1
    sidecar.server.says = Failure("status", "who knows 2", 14)  # other words of the same failure
    assert sidecar.round() == []
    latest = sidecar.board.latest
    assert [change.seconds for change in latest.changes] == [1_764_000_004, 1_764_000_003, 1_764_000_001]
    assert (latest.successes, latest.failures) == (3, 2)
    assert latest.last_success == 1_764_000_003
    assert latest.models[0].since == 1_764_000_004


def test_a_failed_connection_is_one_line() -> None:
    sidecar = Sidecar(("one", "two"))
    sidecar.server.refuses = True
    assert sidecar.round() == ["0/2 models ready; Error dialing grpc service: connection refused"]
    sidecar.server.refuses = False
    assert len(sidecar.round()) == 2


def test_the_connection_is_kept(sidecar: Sidecar) -> None:
    for _ in range(5):
        sidecar.round()
    assert (sidecar.server.dialed, sidecar.server.closed) == (1, 0)


def test_a_connection_without_an_answer_is_given_up(sidecar: Sidecar) -> None:
    """The server may be gone without a word, and its name may lead elsewhere by now."""
    sidecar.round()
    sidecar.server.says = TIMED_OUT
    sidecar.round()
    assert sidecar.server.closed == 1
    sidecar.server.says = ModelStatus((VersionStatus(1, AVAILABLE),))
    sidecar.round()
    assert sidecar.server.dialed == 2
    assert sidecar.board.latest.models[0].is_ready


def test_an_error_status_keeps_the_connection(sidecar: Sidecar) -> None:
    sidecar.server.says = Failure("status", "Could not find any versions of model half", 5)
    sidecar.round()
    sidecar.round()
    assert sidecar.server.dialed == 1
    assert sidecar.board.latest.is_alive


def test_a_broken_connection_is_replaced_within_the_round(sidecar: Sidecar) -> None:
    sidecar.round()
    sidecar.server.says = Failure("call", "the connection broke", 14, "broken")
    sidecar.round()
    assert sidecar.server.dialed == 2


def test_no_new_connection_is_tried_without_time() -> None:
    """Its failure would hide what broke the old one."""
    server = Server()
    session = Session(server.connect)
    plan = Plan(ClientConfig(":1"), (Query("half"),), Deadline.after(60_000_000_000, RUN))
    session.round(plan)
    server.says = Failure("call", "the connection broke", 14, "broken")
    server.refuses = True
    (result,) = session.round(plan.copy(deadline=Deadline.after(0, RUN))).results
    assert (result.outcome, server.dialed) == (server.says, 1)


def test_a_bug_is_a_failed_round(sidecar: Sidecar) -> None:
    sidecar.round()
    sidecar.server.says = ZeroDivisionError("what")
    (line,) = sidecar.round()
    assert "internal error: ZeroDivisionError: what" in line
    sidecar.server.says = ModelStatus((VersionStatus(1, AVAILABLE),))
    sidecar.round()
    assert sidecar.board.latest.models[0].is_ready


def test_no_model_is_not_ready_and_the_server_is_asked_all_the_same() -> None:
    sidecar = Sidecar(())
    sidecar.server.says = Failure("status", "Could not find any versions of model default", 5)
    sidecar.round()
    latest = sidecar.board.latest
    assert (latest.is_alive, latest.failures, latest.models) == (True, 1, ())


def test_a_new_model_of_the_file(sidecar: Sidecar) -> None:
    sidecar.round()
    sidecar.models.queries = (Query("other"), Query("half"))
    assert sidecar.round() == ["other: Servable state is AVAILABLE (1 AVAILABLE)"]
    assert [model.name for model in sidecar.board.latest.models] == ["other", "half"]


def test_the_file_is_read_when_it_changes(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "models.config"
    file.write_text("a")
    plan = Plan(
        ClientConfig(":1"), (Query("a"),), Deadline(None, "run"), config_file=NamedFile(str(file), "-model-config-file")
    )
    answers = [
        (plan.copy(queries=(Query("b"),)), (NOTE,)),
        (Failure("setup", "broken"), ()),
        (plan.copy(queries=(Query("c"),)), ()),
    ]
    models = Models(plan, (), lambda: answers.pop(0))  # type: ignore[arg-type,return-value]
    assert not models.refresh()
    for text, names, notes, error in (
        ("bb", "b", (NOTE,), ""),
        ("ccc", "b", (NOTE,), "broken"),
        ("dddd", "c", (), ""),
    ):
        file.write_text(text)
        assert models.refresh()
        assert not models.refresh()
        assert (models.queries, models.notes, models.error) == ((Query(names),), notes, error)
