"""What every outcome means: the original's rules, and liveness. That kinds and causes exist is what mypy checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.cli.hints import HINTS
from probe.model import (
    AVAILABLE,
    CALL,
    CREDENTIALS,
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
    Query,
    Report,
    Result,
    Verdict,
    VersionStatus,
)  # fmt: skip
from probe.tfs import exit_codes
from probe.tfs.policy import decide
from probe.tfs.verdict import exit_code, judge

if TYPE_CHECKING:
    from probe.model import Kind

KINDS: list[Kind] = [SETUP, CREDENTIALS, DIAL, CALL, STATUS]
EXIT_CODES = {code for code, _, _, _ in exit_codes.TABLE}

integers_32 = st.integers(-(2**31), 2**31 - 1)
versions = st.builds(
    VersionStatus,
    st.one_of(st.integers(0, 5), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.sampled_from([UNKNOWN, START, LOADING, AVAILABLE, UNLOADING, END]), integers_32),
    st.booleans(),
    st.one_of(st.integers(0, 21), integers_32),
    st.text(max_size=10),
)
answers = st.lists(versions, max_size=5).map(lambda listed: ModelStatus(tuple(listed)))
failures = st.builds(
    Failure,
    st.sampled_from(KINDS),
    st.text(max_size=10),
    st.one_of(st.integers(0, 20), integers_32),
    st.sampled_from(["", *HINTS]),
)
outcomes = st.one_of(answers, failures)
queries = st.builds(Query, st.just("m"), st.one_of(st.integers(0, 5), st.integers(-(2**63), 2**63 - 1)))


@given(outcomes, queries)
def test_every_outcome_has_a_verdict(outcome: ModelStatus | Failure, query: Query) -> None:
    verdict = judge(outcome, query)
    assert verdict.exit_code in EXIT_CODES and not verdict.alive
    assert verdict.failure is (outcome if isinstance(outcome, Failure) else None)
    assert verdict.version is (None if isinstance(outcome, Failure) else decide(outcome, query).version)
    if isinstance(outcome, Failure):
        assert verdict.exit_code and verdict.cause == outcome.cause


@given(answers, queries)
def test_without_liveness_success_means_that_a_version_asked_for_is_available(
    answer: ModelStatus, query: Query
) -> None:
    asked = [version for version in answer if not query.version or version.version == query.version]
    available = bool(asked) and AVAILABLE in [version.state for version in (asked[:1] if query.version else asked)]
    assert (judge(answer, query).exit_code == exit_codes.OK) == available


# The gRPC codes that TensorFlow Serving sends of its own (cli.md, Liveness).
ALIVE_CODES = {2, 3, 5, 6, 8, 9, 10, 11, 13, 15}


@given(outcomes, queries)
def test_liveness_succeeds_when_tensorflow_serving_answered_and_changes_nothing_else(
    outcome: ModelStatus | Failure, query: Query
) -> None:
    strict, alive = judge(outcome, query), judge(outcome, query, liveness=True)
    answered = not isinstance(outcome, Failure) or (outcome.kind == STATUS and outcome.code in ALIVE_CODES)
    if strict.exit_code == exit_codes.OK or not answered:
        assert alive == strict
    else:
        assert alive == Verdict(
            exit_codes.OK, strict.version, strict.failure, strict.cause, alive=True, wanted=strict.wanted
        )


@pytest.mark.parametrize("code", [*range(1, 18), 99, -1])
def test_only_codes_that_the_server_itself_sends_are_alive(code: int) -> None:
    """UNAVAILABLE, UNIMPLEMENTED and their like are a proxy's answer, for a server that may be dead."""
    judged = judge(Failure(STATUS, "no", code), Query("m"), liveness=True)
    assert judged.alive == (judged.exit_code == exit_codes.OK) == (code in ALIVE_CODES)
    assert not judge(Failure(CALL, "no", code), Query("m"), liveness=True).alive


# (versions and states, the one asked for) -> exit code: the rules of the original program.
ANSWERS: dict[str, tuple[list[tuple[int, int]], int, int]] = {
    "available": ([(1, AVAILABLE)], 0, 0),
    "unknown": ([(1, UNKNOWN)], 0, 30),
    "start": ([(1, START)], 0, 31),
    "loading": ([(1, LOADING)], 0, 32),
    "unloading": ([(1, UNLOADING)], 0, 33),
    "end": ([(1, END)], 0, 34),
    "a state without a name": ([(1, 77)], 0, 100),
    "a negative state": ([(1, -1)], 0, 100),
    "an available one among others": ([(3, LOADING), (2, AVAILABLE), (1, END)], 0, 0),
    "none available: the first": ([(3, LOADING), (2, UNLOADING), (1, END)], 0, 32),
    "none available: the first, not the newest": ([(1, END), (3, LOADING)], 0, 34),
    "no versions": ([], 0, 11),
    "no versions, one asked for": ([], 7, 11),
    "the one asked for": ([(3, AVAILABLE), (2, END)], 2, 34),
    "the one asked for twice: the first": ([(2, LOADING), (2, AVAILABLE)], 2, 32),
    "another one asked for": ([(3, AVAILABLE)], 7, 12),
    "a negative one asked for": ([(3, AVAILABLE)], -7, 12),
    "version 0 is any": ([(0, LOADING), (1, AVAILABLE)], 0, 0),
}


@pytest.mark.parametrize(("pairs", "version", "code"), ANSWERS.values(), ids=ANSWERS)
def test_answers(pairs: list[tuple[int, int]], version: int, code: int) -> None:
    answer = ModelStatus(tuple(VersionStatus(number, state) for number, state in pairs))
    assert judge(answer, Query("m", version)).exit_code == code
    assert judge(answer, Query("m", version), liveness=True).exit_code == 0


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Failure(SETUP, "no"), 1),
        (Failure(DIAL, "no"), 2),
        (Failure(CREDENTIALS, "no"), 20),
        (Failure(CALL, "no", 13), 3),
        (Failure(STATUS, "no", 14), 3),
        (Failure(STATUS, "no", 5), 10),
        (Failure(CALL, "no", 5), 3),  # not what the server said
        (Failure(STATUS, "no", 99), 3),
    ],
)
def test_failures(failure: Failure, code: int) -> None:
    assert judge(failure, Query("m")).exit_code == code


# A report.


def report(*codes: int) -> Report:
    return Report(tuple(Result(Query("m"), ModelStatus(()), Verdict(code)) for code in codes))


@pytest.mark.parametrize(("codes", "code"), [((0,), 0), ((0, 0), 0), ((0, 32, 10), 32), ((10, 0), 10), ((), 11)])
def test_the_first_failure_of_a_report_decides_and_no_models_are_one(codes: tuple[int, ...], code: int) -> None:
    assert exit_code(report(*codes)) == code
