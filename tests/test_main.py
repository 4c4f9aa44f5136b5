"""The wiring of the program, in one process: what it asks of the operating system, and how it ends."""

from __future__ import annotations

import pytest

from probe import __main__ as program
from probe.cli.backstop import PHASES
from tests.fake_tfs import FakeServing
from tests.support.canned import refused


class Process:
    """Stands in for the operating system, and records what is asked of it."""

    def __init__(self, environment: dict[bytes, bytes] | None = None) -> None:
        self.calls: list[tuple[str, int]] = []
        self.written: list[tuple[int, str]] = []
        self.variables = environment or {}

    def prepare(self) -> None:
        self.calls.append(("prepare", 0))

    def environment(self, prefix: bytes) -> dict[bytes, bytes]:
        return {name: value for name, value in self.variables.items() if name.startswith(prefix)}

    def enter(self, exit_code: int, lines: bytes) -> None:
        assert lines.endswith(b"\n")
        self.calls.append(("enter", exit_code))

    def arm(self, seconds: float) -> None:
        self.calls.append(("arm", 0))

    def write(self, descriptor: int, data: bytes, seconds: float, exit_code: int) -> None:
        assert 0 <= seconds <= program.MAX_WRITE_SECONDS
        self.calls.append(("write", exit_code))
        self.written.append((descriptor, data.decode()))

    def complete(self) -> None:
        self.calls.append(("complete", 0))

    def own_file(self) -> int:
        return -1

    def end(self, exit_code: int) -> None:
        self.calls.append(("end", exit_code))


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    recorder = Process()
    monkeypatch.setattr(program, "process", recorder)
    return recorder


def test_a_backstop_has_its_exit_code_before_it_can_ring(process: Process) -> None:
    """Or a run whose time is up while its modules are still being imported would end with 0."""
    with refused() as place:
        assert program.main(["probe", f"-addr=:{place.port}", "-timeout=50ms"]) == 2
    assert process.calls[:2] == [("enter", PHASES["dial"][0]), ("arm", 0)]
    assert 0 not in [code for name, code in process.calls if name == "enter"]
    assert process.calls[-1] == ("write", 2)


def test_each_phase_is_announced_and_then_the_outcome(process: Process) -> None:
    with FakeServing({"m": {1: "LOADING"}}, rest=False) as server:
        assert program.main(["probe", f"-addr={server.address}", "-model-name=m", "-timeout=20s"]) == 32
    codes = [code for name, code in process.calls if name == "enter"]
    assert codes == [2, 2, 3, 32]


def test_without_a_budget_there_is_no_backstop(process: Process) -> None:
    with FakeServing({"m": {1: "AVAILABLE"}}, rest=False) as server:
        assert program.main(["probe", f"-addr={server.address}", "-model-name=m"]) == 0
    assert process.calls == [("write", 0)]
    ((descriptor, text),) = process.written
    assert descriptor == program.STDERR and text.endswith(" Servable state is AVAILABLE\n")


@pytest.mark.parametrize(
    ("argv", "exit_code", "descriptor", "words"),
    [
        (["-h"], 0, 2, "Usage of probe:\n"),
        (["-bogus"], 2, 2, "flag provided but not defined: -bogus\n"),
        (["-version"], 0, 1, "tfs_model_status_probe "),
        (["-tls-no-verify"], 1, 2, "error: specified -tls-no-verify without specifying -tls"),
        (["-addr=x"], 2, 2, "Error dialing grpc service: address x: "),
        (["-install=/nowhere/"], 1, 2, "error: "),
    ],
)
def test_runs_that_dial_nothing(process: Process, argv: list[str], exit_code: int, descriptor: int, words: str) -> None:
    assert program.main(["probe", *argv]) == exit_code
    ((written, text),) = process.written
    assert written == descriptor and words in text
    assert process.calls[-1] == ("write", exit_code)


def test_variables_are_read(process: Process) -> None:
    process.variables = {b"TFS_PROBE_ADDR": b"x", b"TFS_PROBE_V": b"1", b"OTHER": b"x"}
    assert program.main(["probe"]) == 2
    assert '-addr="x" (from TFS_PROBE_ADDR)' in process.written[0][1]


def test_what_escapes_is_one_line_and_a_code_of_its_own(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise KeyError("two\nlines")

    monkeypatch.setattr(program, "main", broken)
    program.run()
    assert process.calls == [("prepare", 0), ("write", 101), ("end", 101)]
    ((_, text),) = process.written
    assert text.startswith("internal error: KeyError: ") and text.count("\n") == 1


def test_the_exit_code_of_a_run_ends_the_process(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "main", lambda: 12)
    program.run()
    assert process.calls == [("prepare", 0), ("end", 12)]
