"""The meaning of every outcome: the original's rules, liveness, and the hints that stand behind them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe.hints import HINTS
from probe.verdict import ExitCode, Verdict, judge

import probe
from probe import codes, hints
from probe.engine import spiffe
from probe.model import (
    AVAILABLE,
    CALL,
    DIAL,
    END,
    LOADING,
    SETUP,
    START,
    STATUS,
    UNKNOWN,
    UNLOADING,
    Failure,
    ModelStatus,
    VersionStatus,
    Wanted,
)

PROBE = Path(probe.__file__).parent
EXIT_CODES = {value for name, value in vars(ExitCode).items() if name.isupper()}

integers_32 = st.integers(-(2**31), 2**31 - 1)
versions = st.builds(
    VersionStatus,
    st.one_of(st.integers(0, 5), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.sampled_from([UNKNOWN, START, LOADING, AVAILABLE, UNLOADING, END]), integers_32),
    st.booleans(),
    st.one_of(st.integers(0, 21), integers_32),
    st.text(max_size=10),
)
answers = st.builds(ModelStatus, st.lists(versions, max_size=5))
failures = st.builds(
    Failure,
    st.sampled_from([SETUP, DIAL, CALL, STATUS]),
    st.one_of(st.text(max_size=10), st.just("Threadpool is full")),
    st.one_of(st.integers(0, 20), integers_32),
    st.sampled_from(["", *HINTS]),
)
outcomes = st.one_of(answers, failures)
wishes = st.builds(Wanted, st.one_of(st.integers(0, 5), st.integers(-(2**63), 2**63 - 1)), st.booleans())


@given(outcomes, wishes)
def test_every_outcome_has_a_verdict(outcome: ModelStatus | Failure, wanted: Wanted) -> None:
    verdict = judge(outcome, wanted)
    assert verdict.exit_code in EXIT_CODES
    assert verdict.line
    if verdict.exit_code == ExitCode.OK:
        assert verdict.line.startswith(("Servable state is AVAILABLE", "Server is alive: "))


@given(answers, wishes)
def test_without_liveness_success_means_that_a_wanted_version_is_available(answer: ModelStatus, wanted: Wanted) -> None:
    wanted = Wanted(wanted.version)
    first_match = next((status for status in answer.versions if status.version == wanted.version), None)
    available = (
        first_match is not None and first_match.state == AVAILABLE
        if wanted.version
        else any(status.state == AVAILABLE for status in answer.versions)
    )
    assert (judge(answer, wanted).exit_code == ExitCode.OK) == available


@given(outcomes, wishes)
def test_liveness_only_ever_turns_failure_into_success(outcome: ModelStatus | Failure, wanted: Wanted) -> None:
    strict, alive = judge(outcome, Wanted(wanted.version)), judge(outcome, Wanted(wanted.version, liveness=True))
    if strict.exit_code == ExitCode.OK or (isinstance(outcome, Failure) and outcome.kind != STATUS):
        assert (strict.exit_code, strict.line, strict.hint) == (alive.exit_code, alive.line, alive.hint)
    elif isinstance(outcome, ModelStatus) or outcome.code != 4:
        assert (alive.exit_code, alive.line, alive.hint) == (ExitCode.OK, "Server is alive: " + strict.line, "")


def versions_of(*pairs: tuple[int, int]) -> ModelStatus:
    return ModelStatus([VersionStatus(version, state) for version, state in pairs])


# (versions and states, the wanted one) -> exit code and line: the rules of the original program.
ANSWERS: dict[str, tuple[list[tuple[int, int]], int, int, str]] = {
    "available": ([(1, AVAILABLE)], 0, 0, "Servable state is AVAILABLE"),
    "unknown": ([(1, UNKNOWN)], 0, 30, "Servable state is UNKNOWN"),
    "start": ([(1, START)], 0, 31, "Servable state is START"),
    "loading": ([(1, LOADING)], 0, 32, "Servable state is LOADING"),
    "unloading": ([(1, UNLOADING)], 0, 33, "Servable state is UNLOADING"),
    "end": ([(1, END)], 0, 34, "Servable state is END"),
    "a state that nobody knows": ([(1, 77)], 0, 100, "Servable state is unexpected"),
    "a negative state": ([(1, -1)], 0, 100, "Servable state is unexpected"),
    "an available one among others": ([(3, LOADING), (2, AVAILABLE), (1, END)], 0, 0, "Servable state is AVAILABLE"),
    "none available: the first": ([(3, LOADING), (2, UNLOADING), (1, END)], 0, 32, "Servable state is LOADING"),
    "none available: the first, not the newest": ([(1, END), (3, LOADING)], 0, 34, "Servable state is END"),
    "no versions": ([], 0, 11, "Empty response"),
    "no versions, one wanted": ([], 7, 11, "Empty response"),
    "the wanted one": ([(3, AVAILABLE), (2, END)], 2, 34, "Servable state is END"),
    "the wanted one twice: the first": ([(2, LOADING), (2, AVAILABLE)], 2, 32, "Servable state is LOADING"),
    "another one wanted": ([(3, AVAILABLE)], 7, 12, "No matching response found for version: 7"),
    "a negative one wanted": ([(3, AVAILABLE)], -7, 12, "No matching response found for version: -7"),
    "version 0 is any": ([(0, LOADING), (1, AVAILABLE)], 0, 0, "Servable state is AVAILABLE"),
}


@pytest.mark.parametrize(("pairs", "wanted", "exit_code", "line"), ANSWERS.values(), ids=ANSWERS)
def test_answers(pairs: list[tuple[int, int]], wanted: int, exit_code: int, line: str) -> None:
    verdict = judge(versions_of(*pairs), Wanted(wanted))
    assert (verdict.exit_code, verdict.line) == (exit_code, line)
    alive = judge(versions_of(*pairs), Wanted(wanted, liveness=True))
    assert (alive.exit_code, alive.line) == (0, line if exit_code == 0 else "Server is alive: " + line)


FAILURES: dict[str, tuple[Failure, int, str]] = {
    "setup": (Failure(SETUP, "no"), 1, "error: no"),
    "dial": (Failure(DIAL, "no"), 2, "Error dialing grpc service: no"),
    "call": (Failure(CALL, "no", 13), 3, "Error calling tfs: rpc error: code = Internal desc = no"),
    "status": (Failure(STATUS, "no", 14), 3, "Error calling tfs: rpc error: code = Unavailable desc = no"),
    "not found": (Failure(STATUS, "no", 5), 10, "Model not found: rpc error: code = NotFound desc = no"),
    "not found, says this side": (Failure(CALL, "no", 5), 3, "Error calling tfs: rpc error: code = NotFound desc = no"),
    "a code that nobody knows": (
        Failure(STATUS, "no", 99),
        3,
        "Error calling tfs: rpc error: code = Code(99) desc = no",
    ),
    "too late, says the server": (
        Failure(STATUS, "no", 4),
        3,
        "Error calling tfs: rpc error: code = DeadlineExceeded desc = no",
    ),
}
ALIVE = {"status", "not found", "a code that nobody knows"}


@pytest.mark.parametrize("case", FAILURES)
def test_failures(case: str) -> None:
    failure, exit_code, line = FAILURES[case]
    verdict = judge(failure, Wanted())
    assert (verdict.exit_code, verdict.line) == (exit_code, line)
    alive = judge(failure, Wanted(liveness=True))
    assert (alive.exit_code, alive.line) == ((0, "Server is alive: " + line) if case in ALIVE else (exit_code, line))


def test_the_codes_have_the_names_of_grpc_and_of_tensorflow() -> None:
    by_number = {code.value[0]: code.name for code in grpc.StatusCode}
    assert {number: codes.proto_name(number) for number in range(17)} == by_number
    assert codes.proto_name(17) == "17" and codes.proto_name(-1) == "-1"
    assert codes.proto_name(20).startswith("DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION")
    assert [codes.go_name(code) for code in range(18)] == [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
        "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
        "Internal", "Unavailable", "DataLoss", "Unauthenticated", "Code(17)",
    ]  # fmt: skip
    assert codes.go_name(-1) == "Code(-1)"


# Hints.


def hint(outcome: ModelStatus | Failure, wanted: int = 0) -> str:
    return judge(outcome, Wanted(wanted)).hint


@pytest.mark.parametrize("kind", [SETUP, DIAL, CALL])
@pytest.mark.parametrize("cause", HINTS)
def test_a_cause_has_its_hint(kind: str, cause: str) -> None:
    assert hint(Failure(kind, "no", 13, cause)) == HINTS[cause]


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        (5, "", "check -model-name"),
        (12, "", "no tensorflow.serving.ModelService"),
        (8, "Threadpool is full", "all its threads are busy"),
        (8, "message too large", ""),
        (16, "", "a proxy or a mesh"),
        (7, "", "a proxy or a mesh"),
        (13, "", ""),
        (99, "", ""),
    ],
)
def test_a_status_has_the_hint_that_fits(code: int, text: str, words: str) -> None:
    said = hint(Failure(STATUS, text, code))
    assert words in said and bool(words) == bool(said)
    assert hint(Failure(CALL, text, code)) == "", "what this side says of itself is not the server's status"


BROKEN = "Data loss: Can't parse saved_model.pb"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (VersionStatus(7, END, True, 15, BROKEN), f"version 7 failed with DATA_LOSS: {BROKEN}"),
        (VersionStatus(7, LOADING, True, 0, "odd"), "version 7 failed with OK: odd"),
        (VersionStatus(7, END, True, 0, "OK"), "version 7 was unloaded in good order"),
        (VersionStatus(7, END), "version 7 was unloaded in good order"),
        (VersionStatus(7, START), "version 7 is still being loaded"),
        (VersionStatus(7, LOADING), "version 7 is still being loaded"),
        (VersionStatus(7, UNLOADING), "version 7 is being unloaded"),
        (VersionStatus(7, UNKNOWN), ""),
        (VersionStatus(7, 77), ""),
        (VersionStatus(7, AVAILABLE), ""),
        # Its own error is that of an earlier attempt, or nonsense: it is AVAILABLE.
        (VersionStatus(7, AVAILABLE, True, 15, BROKEN), ""),
    ],
)
def test_a_state_has_the_hint_that_fits(status: VersionStatus, words: str) -> None:
    said = hint(ModelStatus([status]))
    assert said.startswith(words) and bool(words) == bool(said)


def test_an_available_version_tells_of_a_newer_one_that_failed() -> None:
    older, newer = VersionStatus(1, AVAILABLE), VersionStatus(2, END, True, 15, BROKEN)
    assert hint(ModelStatus([newer, older])) == f"version 2 failed with DATA_LOSS: {BROKEN}; version 1 serves instead"
    oldest = VersionStatus(0, END, True, 15, BROKEN)
    assert hint(ModelStatus([older, oldest])) == ""


def test_a_version_that_is_not_there_has_the_list_of_those_that_are() -> None:
    assert hint(versions_of((3, END)), 7) == "the server lists version 3"
    assert hint(versions_of((3, END), (2, END)), 7) == "the server lists versions 3, 2"
    ten = versions_of(*((number, END) for number in range(10)))
    assert hint(ten, 777) == "the server lists versions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    many = versions_of(*((number, END) for number in range(100, 0, -1)))
    assert hint(many, 777) == "the server lists versions 100, 99, 98, 97, 96, 95, 94, 93, 92, 91 and 90 more"


def test_no_versions_at_all_has_a_hint() -> None:
    assert hint(ModelStatus([])) == HINTS["empty"]


# Every key that the program can use is in the table, and every key of the table is used. Where a cause is written down:
# function -> the argument's place and name.
CAUSE_OF = {
    "Failure": (3, "cause"),
    "Retriable": (1, "cause"),
    "Unmendable": (1, "cause"),
    "_bad": (2, "cause"),
    "_fail": (2, "cause"),
    "_hint": (0, "cause"),
    "_none": (1, "cause"),
    "Unusable": (1, "cause"),
}
# Functions that give a sentence and the key of its hint: what they return is looked at where they are.
PAIRS = ("of_server", "of_peer", "of_silence", "of_certificate", "explain")
HANDED_ON = "refusal"  # a pair that another object keeps


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def taken(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    """What an assignment to a variable, or to several at once, gives the one of that name."""
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple):
        at = [ast.unparse(part) for part in target.elts]
        if name in at:
            for whole in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                yield whole.elts[at.index(name)] if isinstance(whole, ast.Tuple) else whole


class Scope:
    """The function around an expression, to find what a name in it may hold."""

    def __init__(self, module: ast.Module, function: ast.FunctionDef) -> None:
        self.module = module
        self.function = function

    def keys(self, expression: ast.expr, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        """The texts that the expression may be. Fails on a form that is new here, so that none is overlooked."""
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            yield expression.value
        elif isinstance(expression, ast.IfExp):
            yield from self.keys(expression.body, seen)
            yield from self.keys(expression.orelse, seen)
        elif isinstance(expression, ast.Name) and expression.id in [arg.arg for arg in self.function.args.args]:
            # Passed on: what the callers give is looked at there.
            assert expression.id == "cause" and self.function.name in (*CAUSE_OF, "__init__")
        elif isinstance(expression, ast.Name):
            if expression.id not in seen:
                for value in self.assigned(expression.id):
                    yield from self.keys(value, seen | {expression.id})
        elif isinstance(expression, ast.Call):
            if name_of(expression) in PAIRS:
                return
            called = self.called(name_of(expression))
            for node in ast.walk(called):
                if isinstance(node, ast.Return) and node.value:
                    yield from Scope(self.module, called).keys(node.value)
        else:
            # Handed on from another failure.
            whole = expression.value if isinstance(expression, ast.Subscript) else expression
            known = "cause" if whole is expression else HANDED_ON
            assert isinstance(whole, ast.Attribute) and whole.attr == known, ast.unparse(expression)

    def assigned(self, name: str) -> list[ast.expr]:
        """Every value that the function gives a variable of its own."""
        values = [
            value
            for node in ast.walk(self.function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            for value in taken(target, node.value, name)
        ]
        assert values, f"{name} comes from nowhere"
        return values

    def called(self, name: str) -> ast.FunctionDef:
        """The module's function of that name."""
        (function,) = (
            node for node in ast.walk(self.module) if isinstance(node, ast.FunctionDef) and node.name == name
        )
        return function


def causes_in(module: ast.Module) -> Iterator[str]:
    """Every text that is used as the key of a hint in a module."""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        if function.name in PAIRS:
            yield from second_of_pairs(module, function)
        if function.name == "__init__":  # what a cause is where none is given
            given = function.args.args[len(function.args.args) - len(function.args.defaults) :]
            for argument, default in zip(given, function.args.defaults, strict=True):
                if argument.arg == "cause":
                    yield from Scope(module, function).keys(default)
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or name_of(node) not in CAUSE_OF:
            continue
        place, keyword = CAUSE_OF[name_of(node)]
        around = [function for function in functions if node in ast.walk(function)]
        starred = [argument.value for argument in node.args if isinstance(argument, ast.Starred)]
        assert all(isinstance(pair, ast.Call) and name_of(pair) in PAIRS for pair in starred), ast.unparse(node)
        written = [argument.value for argument in node.keywords if argument.arg == keyword]
        for expression in written or node.args[place : place + 1]:
            yield from Scope(module, around[-1]).keys(expression)


def second_of_pairs(module: ast.Module, function: ast.FunctionDef) -> Iterator[str]:
    """The keys among what such a function returns."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
            if isinstance(node.value, ast.Tuple):
                yield from Scope(module, function).keys(node.value.elts[1])
            else:
                assert isinstance(node.value, ast.Call) and name_of(node.value) in PAIRS, ast.unparse(node)


def test_every_key_of_a_hint_is_in_the_table_and_every_hint_has_its_use() -> None:
    used = {key for path in PROBE.rglob("*.py") for key in causes_in(ast.parse(path.read_text(encoding="utf-8")))}
    assert used - {""} | set(spiffe.HINTS.values()) == set(HINTS)
    assert set(spiffe.HINTS) <= used, "a key that nothing has, or that was renamed"


def test_a_hint_is_a_sentence_without_control_characters_and_of_bounded_length() -> None:
    for text in HINTS.values():
        assert text.isprintable() and len(text) <= 300 and not text.endswith(".")
    assert hints.of_status(Failure(CALL, "", 5)) == ""


def test_a_verdict_has_no_hint_unless_it_is_given_one() -> None:
    assert Verdict(0, "line").hint == ""
