"""The lines: protobuf's own text form as the oracle of the layout, and bounds that hold for whatever a server sends."""

from __future__ import annotations

import ast
import re
import time
from typing import TYPE_CHECKING

import pytest
from google.protobuf import text_format
from hypothesis import example, given
from hypothesis import strategies as st

from probe.cli.lines import BUDGET, VERBOSE_BUDGET, Budget, timestamp
from probe.cli.lines import response as limited_response
from probe.cli.text import render
from probe.model import (
    AVAILABLE,
    CALL,
    CREDENTIALS,
    DIAL,
    END,
    LOADING,
    SETUP,
    STATUS,
    Failure,
    ModelStatus,
    Query,
    Report,
    Result,
    VersionStatus,
)  # fmt: skip
from probe.tfs.policy import decide
from probe.tfs.proto.serving_pb2 import GetModelStatusResponse
from probe.tfs.verdict import judge
from tests.support.text import has_control

if TYPE_CHECKING:
    from probe.model import Kind

NOW = "2024/01/02 03:04:05 "
KUBELET_KEEPS = 10 * 1024  # bytes of a probe's output
LIMIT = BUDGET.response
ANY = Query("m")


def response(listed: list[VersionStatus], query: Query = ANY, limit: int = LIMIT) -> str:
    status = ModelStatus(tuple(listed))
    return limited_response(status, decide(status, query).version, limit)


def lines(
    outcome: ModelStatus | Failure,
    query: Query = ANY,
    liveness: bool = False,
    now: str = NOW,
    budget: Budget = BUDGET,
    advice: str = "",
) -> str:
    """All lines of a run with this outcome."""
    return render(Report((Result(query, outcome, judge(outcome, query, liveness)),)), now, budget, advice)


# Layout.


def message_of(versions: list[VersionStatus]) -> GetModelStatusResponse:
    message = GetModelStatusResponse()
    for status in versions:
        entry = message.model_version_status.add(version=status.version)
        entry.state = status.state  # type: ignore[assignment]
        if status.has_status:
            entry.status.error_code = status.error_code  # type: ignore[assignment]
            entry.status.error_message = status.error_message
            entry.status.SetInParent()
    return message


def as_go_writes_it(text: str) -> str:
    """protobuf's one-line form in the spacing of Go's: `name:{` for `name { `, `name:value` for `name: value`."""
    out = before = ""
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|[{}]|[^\s{}"]+', text):
        if token == "{":
            out += ":{"
        elif token == "}" or before in ("", "{") or before.endswith(":"):
            out += token
        else:
            out += " " + token
        before = token
    return out


integers_32 = st.integers(-(2**31), 2**31 - 1)
# Texts in which nothing is escaped. 20 is a code that TensorFlow names and the copy of its table here does not.
versions = st.builds(
    VersionStatus,
    st.one_of(st.integers(0, 5), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.sampled_from([0, 10, 20, 30, 40, 50, 77]), integers_32),
    st.booleans(),
    st.one_of(st.integers(0, 17), integers_32).filter(lambda code: code != 20),
    st.one_of(st.just(""), st.from_regex(r"[ !#-&(-\[\]-~éß☺]{1,20}", fullmatch=True)),
)


@given(st.lists(versions, max_size=4))
def test_the_response_is_protobuf_text_form_in_the_spacing_of_go(listed: list[VersionStatus]) -> None:
    expected = text_format.MessageToString(message_of(listed), as_one_line=True, as_utf8=True)
    assert response(listed) == as_go_writes_it(expected)


WRITTEN: dict[str, list[VersionStatus]] = {
    "": [],
    "model_version_status:{}": [VersionStatus(0, 0, has_status=False)],
    "model_version_status:{status:{}}": [VersionStatus(0, 0)],
    "model_version_status:{version:123 state:AVAILABLE status:{}}": [VersionStatus(123, AVAILABLE)],
    "model_version_status:{version:-1 state:77}": [VersionStatus(-1, 77, has_status=False)],
    "model_version_status:{version:2 state:LOADING status:{}} model_version_status:{version:1 state:END status:{}}": [
        VersionStatus(2, LOADING),
        VersionStatus(1, END),
    ],
    'model_version_status:{version:1 state:END status:{error_code:NOT_FOUND error_message:"a \\"b\\" \\\\ \'c\'"}}': [
        VersionStatus(1, END, True, 5, "a \"b\" \\ 'c'")
    ],
    'model_version_status:{status:{error_message:"\\n\\r\\t\\x00\\x1b\\x7f\\u0085\\u2028é☺"}}': [
        VersionStatus(0, 0, True, 0, "\n\r\t\x00\x1b\x7f\x85\u2028é☺")
    ],
    "model_version_status:{status:{error_code:99}}": [VersionStatus(0, 0, True, 99)],
    "model_version_status:{status:{error_code:-1}}": [VersionStatus(0, 0, True, -1)],
}


@pytest.mark.parametrize("text", WRITTEN)
def test_responses(text: str) -> None:
    assert response(WRITTEN[text]) == text


@given(st.text(max_size=200))
@example("\x85\u2028\u202e")
def test_a_message_between_quotes_can_be_read_back(text: str) -> None:
    written = response([VersionStatus(0, 0, True, 0, text)])
    if not text:
        assert written == "model_version_status:{status:{}}"
        return
    quoted = written.removeprefix("model_version_status:{status:{error_message:").removesuffix("}}")
    assert ast.literal_eval(quoted) == text


def test_all_lines_of_an_answer() -> None:
    answer = ModelStatus((VersionStatus(123, AVAILABLE),))
    assert lines(answer) == (
        "2024/01/02 03:04:05 ModelStatusResponse: model_version_status:{version:123 state:AVAILABLE status:{}}\n"
        "2024/01/02 03:04:05 Servable state is AVAILABLE\n"
    )


FAILED: dict[Kind, str] = {
    SETUP: "T error: no\n",
    CREDENTIALS: "T error: no\n",
    DIAL: "T Error dialing grpc service: no\n",
    CALL: "T ModelStatusResponse: <nil>\nT Error calling tfs: rpc error: code = Internal desc = no\n",
    STATUS: "T ModelStatusResponse: <nil>\nT Error calling tfs: rpc error: code = Internal desc = no\n",
}


@pytest.mark.parametrize("kind", FAILED)
def test_a_failed_call_has_no_response_and_a_failed_dial_not_even_that_line(kind: Kind) -> None:
    failure = Failure(kind, "no", 13)
    assert lines(failure, now="T ") == FAILED[kind]
    assert lines(failure, now="T ", advice="try\n") == FAILED[kind] + "T hint: try\\n\n"


ANSWERS: dict[str, tuple[list[VersionStatus], str]] = {
    "unknown": ([VersionStatus(1, 0)], "Servable state is UNKNOWN"),
    "start": ([VersionStatus(1, 10)], "Servable state is START"),
    "loading": ([VersionStatus(1, 20)], "Servable state is LOADING"),
    "available": ([VersionStatus(1, 30)], "Servable state is AVAILABLE"),
    "unloading": ([VersionStatus(1, 40)], "Servable state is UNLOADING"),
    "end": ([VersionStatus(1, 50)], "Servable state is END"),
    "a state without a name": ([VersionStatus(1, 77)], "Servable state is unexpected"),
    "no versions": ([], "Empty response"),
}


@pytest.mark.parametrize(("listed", "line"), ANSWERS.values(), ids=ANSWERS)
def test_the_originals_line_for_an_answer(listed: list[VersionStatus], line: str) -> None:
    answer = ModelStatus(tuple(listed))
    assert lines(answer, now="").splitlines()[1] == line
    alive = line if "AVAILABLE" in line else f"Server is alive: {line}"
    assert lines(answer, liveness=True, now="").splitlines()[1:] == [alive]


@pytest.mark.parametrize("version", [7, -7])
def test_the_originals_line_for_a_version_that_is_not_listed(version: int) -> None:
    answer = ModelStatus((VersionStatus(1, AVAILABLE),))
    found = lines(answer, Query("m", version), now="").splitlines()
    assert found[1] == f"No matching response found for version: {version}"


CODES = {
    4: "Error calling tfs: rpc error: code = DeadlineExceeded desc = no",
    5: "Model not found: rpc error: code = NotFound desc = no",
    14: "Error calling tfs: rpc error: code = Unavailable desc = no",
    99: "Error calling tfs: rpc error: code = Code(99) desc = no",
}


@pytest.mark.parametrize("code", CODES)
def test_the_originals_line_for_a_status(code: int) -> None:
    assert lines(Failure(STATUS, "no", code), now="").splitlines()[1] == CODES[code]
    ours = CODES[code].replace("Model not found", "Error calling tfs")
    assert lines(Failure(CALL, "no", code), now="").splitlines()[1] == ours, "only the server can say NOT_FOUND"


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ((2024, 1, 2, 3, 4, 5, 1, 2, 0), "2024/01/02 03:04:05 "),
        ((2024, 12, 31, 23, 59, 60, 1, 366, 0), "2024/12/31 23:59:60 "),
    ],
)
def test_timestamps(when: tuple[int, ...], text: str) -> None:
    assert timestamp(when) == text


def test_a_timestamp_of_the_clock() -> None:
    now = time.localtime()
    assert timestamp(now) == time.strftime("%Y/%m/%d %H:%M:%S ", now)


# Hints on a successful run.

OLD, NEW = VersionStatus(1, AVAILABLE), 2


@pytest.mark.parametrize(
    ("newer", "hinted"),
    [
        (VersionStatus(NEW, LOADING), True),
        (VersionStatus(NEW, END, True, 15, "broken"), True),
        (VersionStatus(NEW, END), False),
        (VersionStatus(NEW, AVAILABLE), False),
        (VersionStatus(0, LOADING), False),
        (VersionStatus(0, END, True, 15, "broken"), False),
    ],
)
@pytest.mark.parametrize("newest_first", [True, False])
def test_a_success_has_a_hint_if_a_newer_version_is_loading_or_has_failed(
    newer: VersionStatus, hinted: bool, newest_first: bool
) -> None:
    answer = ModelStatus((newer, OLD) if newest_first else (OLD, newer))
    assert ("hint: " in lines(answer)) == hinted
    assert "advice" not in lines(answer, advice="advice"), "advice is about failures"


# What a server cannot do.

pieces = st.text(st.characters(codec=None), max_size=4)
controls = st.sampled_from(
    ["\n", "\r", "\x1b[2J", "\0", "\u202e", "\u2066", "\u061c", "\ud800", "\udcff", "\u2029", "\x9b"]
)
# Short ones, and such as are longer than any line may be, whatever a character of theirs takes.
texts = st.one_of(
    pieces,
    controls,
    st.tuples(st.one_of(pieces, controls), st.integers(0, 10_000)).map(lambda pair: pair[0] * pair[1]),
)
wild_versions = st.builds(
    VersionStatus,
    st.integers(-(2**63), 2**63 - 1),
    st.one_of(st.sampled_from([0, 30, 50]), integers_32),
    st.booleans(),
    st.one_of(st.sampled_from([0, 5, 20]), integers_32),
    texts,
)
answers = st.one_of(
    st.lists(wild_versions, max_size=4),
    st.tuples(wild_versions, st.integers(1, 2000)).map(lambda pair: [pair[0]] * pair[1]),
).map(lambda listed: ModelStatus(tuple(listed)))
kinds: list[Kind] = [SETUP, CREDENTIALS, DIAL, CALL, STATUS]
failures = st.builds(
    Failure,
    st.sampled_from(kinds),
    texts,
    st.one_of(st.integers(0, 17), integers_32),
    st.sampled_from(["", "refused", "call-timeout"]),
)
queries = st.builds(Query, texts, st.one_of(st.just(0), st.integers(-(2**63), 2**63 - 1)))


@given(st.one_of(answers, failures), queries, st.booleans())
@example(ModelStatus((VersionStatus(1, END, True, 5, "\u2028" * 1500),)), Query("m"), False)
@example(ModelStatus((VersionStatus(1, END, True, 20, "\U0001f600" * 5000),) * 2), Query("m"), True)
@example(Failure(STATUS, "", 5), Query("\U0001f600" * 5000), False)
def test_whatever_a_server_sends_the_lines_are_clean_and_bounded(
    outcome: ModelStatus | Failure, query: Query, liveness: bool
) -> None:
    for budget in BUDGET, VERBOSE_BUDGET:
        text = lines(outcome, query, liveness, budget=budget)
        assert len(text.encode()) < KUBELET_KEEPS
        assert text.endswith("\n")
        written = text[:-1].split("\n")
        assert not any(has_control(line) for line in written)
        assert all(line.startswith(NOW) for line in written)
        assert len(written) <= 3


CUT_OFF = 1024  # what some tools show of a failed probe's output


@given(st.one_of(answers, failures), queries)
@example(ModelStatus((VersionStatus(1, END, True, 20, "\U0001f600" * 5000),) * 50), Query("m"))
@example(
    ModelStatus((*(VersionStatus(n, END, True, 5, "x" * 90) for n in range(900)), VersionStatus(9999, 40))),
    Query("m", 9999),
)
def test_the_verdict_of_a_failed_run_comes_within_the_first_bytes(outcome: ModelStatus | Failure, query: Query) -> None:
    if judge(outcome, query).exit_code == 0:
        return
    found = lines(outcome, query).encode()
    verdict = next(line for line in lines(outcome, query).splitlines() if "ModelStatusResponse: " not in line)
    place = found.index(verdict.encode())
    assert place + min(len(verdict.encode()), 100) <= CUT_OFF
    if isinstance(outcome, ModelStatus):
        assert place + len(verdict.encode()) + 1 + len(NOW) + len("hint: ") <= CUT_OFF


# What is left out.


def entry(number: int, message: str = "") -> VersionStatus:
    return VersionStatus(number, END, True, 5 if message else 0, message)


@given(st.integers(0, 300), st.integers(0, 60), st.sampled_from(["x", "é", "\n", '"', "\u2028", "\U0001f600"]))
def test_a_long_response_ends_at_a_whole_entry_and_says_how_many_are_left_out(
    count: int, length: int, character: str
) -> None:
    listed = [entry(number, character * length) for number in range(1, count + 1)]
    whole = [response([status]) for status in listed]
    text = response(listed)
    if text == " ".join(whole):
        assert len(text.encode()) <= LIMIT
        return
    found = re.fullmatch(r"(.*) \.\.\. \((\d+) more (versions?) left out\)", text)
    assert found
    left, noun = int(found[2]), found[3]
    assert noun == ("version" if left == 1 else "versions")
    assert found[1] == " ".join(whole[: count - left])
    assert len(found[1].encode()) <= LIMIT < len(" ".join(whole[: count - left + 1]).encode())


@pytest.mark.parametrize(("more", "cut"), [(0, False), (1, True)])
def test_a_response_of_exactly_the_longest_length_is_whole(more: int, cut: bool) -> None:
    rest = LIMIT - len(response([entry(2, "x" * 2000), entry(1, "x")]))
    text = response([entry(2, "x" * 2000), entry(1, "x" * (rest + 1 + more))])
    assert ("left out" in text) == cut
    assert cut or len(text) == LIMIT


def test_one_version_alone_may_be_left_out() -> None:
    assert response([entry(2, "x" * 4000), entry(1, "x" * 100)]).endswith("}} ... (1 more version left out)")


@pytest.mark.parametrize("character", ["x", '"', "\n", "\x1b", "é", "\u2028", "\U0001f600"])
@pytest.mark.parametrize("more", [0, 1, 5])
def test_a_first_entry_that_is_too_long_is_cut_inside_its_message(character: str, more: int) -> None:
    text = response([entry(7, character * 9000), *(entry(number) for number in range(more))])
    found = re.match(
        r'model_version_status:\{version:7 state:END status:\{error_code:NOT_FOUND error_message:"'
        r'(.*) \.\.\. \((\d+) more characters left out\)"\}\}',
        text,
    )
    assert found
    kept, left = ast.literal_eval(f'"{found[1]}"'), int(found[2])
    assert kept == character * (9000 - left)
    assert LIMIT // 2 - 6 < len(found[1].encode()) <= LIMIT // 2
    rest = f" ... ({more} more {'version' if more == 1 else 'versions'} left out)" if more else ""
    assert text[found.end() :] == rest


LEFT_OUT = r" ?\.\.\. \((\d+) more versions? left out\)"


@given(
    st.integers(1, 120),
    st.integers(0, 60),
    st.sampled_from(["x", "é", "\n", "\U0001f600"]),
    st.integers(1, 120),
    st.sampled_from([BUDGET.failed_response, BUDGET.response]),
)
@example(100, 20, "x", 100, BUDGET.failed_response)
@example(2, 60, "\U0001f600", 2, BUDGET.failed_response)
def test_the_deciding_version_is_never_left_out(
    count: int, length: int, character: str, wanted: int, limit: int
) -> None:
    """The leading entries are whole; the deciding one follows, wherever it is; what is left out is counted."""
    listed = [entry(number, character * length) for number in range(1, count + 1)]
    wanted = min(wanted, count)
    text = response(listed, Query("m", wanted), limit)
    shown = [int(number) for number in re.findall(r"\{version:(\d+) ", text)]
    left_out = [int(number) for number in re.findall(LEFT_OUT, text)]
    assert wanted in shown
    assert shown[:-1] == list(range(1, len(shown)))
    assert shown[-1] in (len(shown), wanted)
    assert len(shown) + sum(left_out) == count
    assert len(re.sub(LEFT_OUT, "", text).encode()) <= limit + len(response([listed[wanted - 1]], Query("m"), 10**9))


@pytest.mark.parametrize("limit", [BUDGET.failed_response, BUDGET.response])
def test_a_deciding_version_that_is_too_long_is_cut_inside_its_message(limit: int) -> None:
    listed = [*(entry(number, "y" * 30) for number in range(1, 100)), entry(100, "x" * 9000), entry(101)]
    text = response(listed, Query("m", 100), limit)
    found = re.search(r"\{version:100 .*?(x+) \.\.\. \((\d+) more characters left out\)", text)
    assert found and len(found[1]) + int(found[2]) == 9000
    assert text.endswith(" ... (1 more version left out)")
    assert len(text) <= limit + 200


def test_a_response_without_a_deciding_version_shows_at_least_its_first_entry() -> None:
    listed = [entry(1, "x" * 9000), entry(2), entry(3)]
    text = response(listed, Query("m", 7), BUDGET.failed_response)
    assert "version:1 " in text and text.endswith(" ... (2 more versions left out)")


def test_a_failed_run_shows_less_unless_it_is_verbose() -> None:
    answer = ModelStatus(tuple(entry(number) for number in range(200)))
    short, verbose = (len(lines(answer, budget=budget).splitlines()[0]) for budget in (BUDGET, VERBOSE_BUDGET))
    assert short < 700 < 4000 < verbose < 4200
    serving = ModelStatus((*answer.first, VersionStatus(999, AVAILABLE)))
    assert len(lines(serving).splitlines()[0]) > 4000


@pytest.mark.parametrize("kind", [CALL, STATUS])
def test_the_description_of_a_failed_call_is_cut(kind: Kind) -> None:
    line = lines(Failure(kind, "é" * 9000, 13), now="").splitlines()[1]
    found = re.fullmatch(r"Error calling tfs: .* desc = (é+) \.\.\. \((\d+) more characters left out\)", line)
    assert found and len(found[1].encode()) == BUDGET.text and len(found[1]) + int(found[2]) == 9000
