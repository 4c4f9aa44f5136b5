"""Which version decides, against the rules written down a second time.

The oracle asks the rules' own question, whether the model is ready, of the whole list at once; it names no deciding
version. That one is held against what must be true of it.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.model import AVAILABLE, END, LOADING, START, UNKNOWN, UNLOADING, ModelStatus, Query, VersionStatus
from probe.tfs.policy import Decision, decide

STATES = (UNKNOWN, START, LOADING, AVAILABLE, UNLOADING, END, 60)
EXAMPLES = settings(max_examples=600)

numbers = st.integers(0, 6)
versions = st.builds(
    VersionStatus, numbers, st.sampled_from(STATES), st.just(True), st.sampled_from([0, 0, 5]), st.just("")
)
lists = st.lists(versions, min_size=1, max_size=6, unique_by=lambda version: version.version)
labels = st.lists(st.tuples(st.sampled_from(["a", "b"]), numbers), max_size=2, unique_by=lambda pair: pair[0])
minimums = st.one_of(st.none(), numbers)


def answer(listed: list[VersionStatus]) -> ModelStatus:
    """The later ones are decoded whenever they are looked at."""
    return ModelStatus(tuple(listed[:2]), tuple(listed[2:]))


def serves(listed: list[VersionStatus], number: int) -> bool:
    return any(version.version == number and version.state == AVAILABLE for version in listed)


def unloaded(version: VersionStatus) -> bool:
    return version.state == END and version.error_code == 0


def is_ready(listed: list[VersionStatus], query: Query, labeled: list[tuple[str, int]]) -> bool:
    meant = [version for version in listed if not unloaded(version)]
    available = [version.version for version in listed if version.state == AVAILABLE]
    if query.version:
        return serves(listed, query.version)
    if query.label is not None and labeled:
        return serves(listed, labeled[0][1])
    least = -1 if query.min_version is None else query.min_version
    if query.require == "any":
        return any(number >= least for number in available)
    if query.require == "latest":
        newest = max((version.version for version in meant), default=None)
        return newest is not None and newest in available and newest >= least
    superseded = [
        version for version in meant if version.state == END and any(number > version.version for number in available)
    ]
    return (
        all(version.state == AVAILABLE for version in meant if version not in superseded)
        and all(serves(listed, number) for number in query.expected)
        and all(serves(listed, number) for _, number in labeled)
        and any(number >= least for number in available)
    )


queries = st.builds(
    Query,
    st.just("m"),
    st.just(0),
    st.none(),
    st.sampled_from(["any", "latest", "all"]),
    minimums,
    st.lists(numbers, max_size=2).map(tuple),
)
single = st.one_of(
    st.builds(Query, st.just("m"), st.integers(1, 6)), st.builds(Query, st.just("m"), st.just(0), st.just("a"))
)


@given(lists, st.one_of(queries, single), labels)
@EXAMPLES
def test_ready(listed: list[VersionStatus], query: Query, labeled: list[tuple[str, int]]) -> None:
    if query.require != "all" and query.label is None:
        labeled = []
    if query.label is not None and not labeled:
        return  # the label has been resolved, or nothing is decided
    decision = decide(answer(listed), query, labeled)
    ready = decision.version is not None and decision.version.state == AVAILABLE
    assert ready == is_ready(listed, query, labeled), decision


@given(lists, st.one_of(queries, single), labels)
@EXAMPLES
def test_the_deciding_version_is_listed_or_what_is_missing_is_named(
    listed: list[VersionStatus], query: Query, labeled: list[tuple[str, int]]
) -> None:
    decision = decide(answer(listed), query, labeled)
    assert (decision.version is None) == bool(decision.wanted)
    assert decision.version is None or decision.version in listed
    if decision.wanted:
        kind, _, value = decision.wanted.partition(": ")
        assert kind in ("version", "label")
        if value.isdigit():
            assert not any(version.version == int(value) for version in listed)


@given(st.lists(versions, max_size=5), st.one_of(queries, single), labels)
@EXAMPLES
def test_total(listed: list[VersionStatus], query: Query, labeled: list[tuple[str, int]]) -> None:
    """Any list, also with the same number twice, and the empty one."""
    assert isinstance(decide(answer(listed), query, labeled), Decision)


@given(st.permutations([VersionStatus(3, LOADING), VersionStatus(2, AVAILABLE), VersionStatus(1, END)]), queries)
def test_the_servers_order_does_not_matter_but_for_any(listed: list[VersionStatus], query: Query) -> None:
    """TensorFlow Serving sends the newest first, OpenVINO Model Server the oldest."""
    newest_first = sorted(listed, key=lambda version: -version.version)
    assert decide(answer(listed), query) == decide(answer(newest_first), query)


def decided(query: Query, *pairs: tuple[int, int] | tuple[int, int, int], **labeled: int) -> tuple[int, int] | str:
    listed = [VersionStatus(pair[0], pair[1], True, *pair[2:]) for pair in pairs]
    decision = decide(answer(listed), query, tuple(labeled.items()))
    return decision.wanted if decision.version is None else (decision.version.version, decision.version.state)


LATEST, ALL = Query("m", require="latest"), Query("m", require="all")


@pytest.mark.parametrize(
    ("query", "pairs", "expected"),
    [
        (Query("m"), [(3, LOADING), (2, AVAILABLE), (1, AVAILABLE)], (2, AVAILABLE)),
        (Query("m"), [(3, LOADING), (2, END)], (3, LOADING)),
        (Query("m", 2), [(3, AVAILABLE), (2, END)], (2, END)),
        (Query("m", 7), [(3, AVAILABLE)], "version: 7"),
        (LATEST, [(3, END), (2, AVAILABLE)], (2, AVAILABLE)),
        (LATEST, [(3, END, 5), (2, AVAILABLE)], (3, END)),
        (LATEST, [(1, AVAILABLE), (2, START)], (2, START)),
        (LATEST, [(2, END), (1, END)], (2, END)),
        (ALL, [(4, LOADING), (3, UNLOADING), (2, AVAILABLE)], (4, LOADING)),
        (ALL, [(3, AVAILABLE), (2, END, 5), (1, END)], (3, AVAILABLE)),
        (ALL, [(3, END, 5), (2, END, 5)], (3, END)),
        (ALL, [(2, END), (1, END)], (2, END)),
        (Query("m", require="all", expected=(2, 9)), [(2, AVAILABLE), (1, AVAILABLE)], "version: 9"),
        (Query("m", require="all", expected=(1,)), [(2, AVAILABLE), (1, END)], (1, END)),
        (Query("m", min_version=2), [(3, START), (2, LOADING), (1, AVAILABLE)], (3, START)),
        (Query("m", min_version=2), [(1, AVAILABLE)], "version: 2 or newer"),
        (Query("m", require="latest", min_version=9), [(2, AVAILABLE)], "version: 9 or newer"),
        (Query("m", require="latest", min_version=9), [(2, LOADING)], (2, LOADING)),
        (Query("m", require="all", min_version=9), [(2, AVAILABLE), (1, AVAILABLE)], "version: 9 or newer"),
    ],
)
def test_which_version(query: Query, pairs: list[tuple[int, int]], expected: tuple[int, int] | str) -> None:
    assert decided(query, *pairs) == expected


def test_labels() -> None:
    label = Query("m", label="a")
    assert decided(label, (2, AVAILABLE), (1, LOADING), a=1) == (1, LOADING)
    assert decided(label, (2, AVAILABLE), a=7) == "label: a"
    assert decided(ALL, (2, AVAILABLE), (1, AVAILABLE), a=1, b=7) == "label: b"
    assert decided(ALL, (2, AVAILABLE), (1, END), a=1) == (1, END)
