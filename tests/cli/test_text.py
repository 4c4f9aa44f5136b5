"""The lines: protobuf's own text form as the oracle of the layout, and bounds that hold for whatever a server sends."""

from __future__ import annotations

import ast
import re
import sys
import time
import unicodedata

import pytest
from google.protobuf import text_format
from hypothesis import example, given
from hypothesis import strategies as st
from probe.engine.proto.serving_pb2 import GetModelStatusResponse
from probe.report import LONGEST, lines, plain, response, stamp
from probe.verdict import Verdict, judge

from probe.model import AVAILABLE, CALL, DIAL, END, LOADING, SETUP, STATUS, Failure, ModelStatus, VersionStatus, Wanted

TIME = "2024/01/02 03:04:05 "
KUBELET_KEEPS = 10 * 1024  # bytes of a probe's output


def has_control(text: str) -> set[str]:
    """Characters that end a line, steer a terminal, turn the direction of what follows, or are none."""
    return {
        character
        for character in text
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or character in "\u061c\u200e\u200f"
    }


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
# Texts in which nothing is escaped; 20 is a code that TensorFlow names and our copy of the table does not.
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
    answer = ModelStatus([VersionStatus(123, AVAILABLE)])
    assert lines(answer, judge(answer, Wanted()), TIME) == (
        "2024/01/02 03:04:05 ModelStatusResponse: model_version_status:{version:123 state:AVAILABLE status:{}}\n"
        "2024/01/02 03:04:05 Servable state is AVAILABLE\n"
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (SETUP, "T verdict\n"),
        (DIAL, "T verdict\n"),
        (CALL, "T ModelStatusResponse: <nil>\nT verdict\n"),
        (STATUS, "T ModelStatusResponse: <nil>\nT verdict\n"),
    ],
)
def test_a_failed_call_has_no_response_and_a_failed_dial_not_even_that(kind: str, text: str) -> None:
    assert lines(Failure(kind, "no", 13), Verdict(3, "verdict"), "T ") == text
    assert lines(Failure(kind, "no", 13), Verdict(3, "verdict", "try"), "T ") == text + "T hint: try\n"


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ((2024, 1, 2, 3, 4, 5, 1, 2, 0), "2024/01/02 03:04:05 "),
        ((2024, 12, 31, 23, 59, 60, 1, 366, 0), "2024/12/31 23:59:60 "),
    ],
)
def test_stamps(when: tuple[int, ...], text: str) -> None:
    assert stamp(when) == text


def test_a_stamp_of_the_clock() -> None:
    now = time.localtime()
    assert stamp(now) == time.strftime("%Y/%m/%d %H:%M:%S ", now)


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
).map(ModelStatus)
failures = st.builds(
    Failure,
    st.sampled_from([SETUP, DIAL, CALL, STATUS]),
    texts,
    st.one_of(st.integers(0, 17), integers_32),
    st.sampled_from(["", "refused", "call-timeout"]),
)
wishes = st.builds(Wanted, st.one_of(st.just(0), st.integers(-(2**63), 2**63 - 1)), st.booleans())


@given(st.one_of(answers, failures), wishes)
@example(ModelStatus([VersionStatus(1, END, True, 5, "\u2028" * 1500)]), Wanted())
@example(ModelStatus([VersionStatus(1, END, True, 20, "\U0001f600" * 5000)] * 2), Wanted(0, True))
def test_whatever_a_server_sends_the_lines_are_clean_and_bounded(
    outcome: ModelStatus | Failure, wanted: Wanted
) -> None:
    text = lines(outcome, judge(outcome, wanted), TIME)
    assert len(text.encode()) < KUBELET_KEEPS
    assert text.endswith("\n")
    written = text[:-1].split("\n")
    assert not any(has_control(line) for line in written)
    assert all(line.startswith(TIME) for line in written)
    assert len(written) <= 3


def test_no_character_at_all_gets_through_that_could_steer_a_terminal() -> None:
    for begin in range(0, sys.maxunicode + 1, 512):
        text = "".join(map(chr, range(begin, begin + 512)))
        written, controls = plain(text), has_control(text)
        assert not has_control(written)
        # Nothing else is changed.
        others = re.sub(r"\\([nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})", "", written)
        assert others == "".join(character for character in text if character not in controls)


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
        assert len(text.encode()) <= LONGEST
        return
    found = re.fullmatch(r"(.*) \.\.\. \((\d+) more (versions?) left out\)", text)
    assert found
    left, noun = int(found[2]), found[3]
    assert noun == ("version" if left == 1 else "versions")
    assert found[1] == " ".join(whole[: count - left])
    assert len(found[1].encode()) <= LONGEST < len(" ".join(whole[: count - left + 1]).encode())


@pytest.mark.parametrize(("more", "cut"), [(0, False), (1, True)])
def test_a_response_of_exactly_the_longest_length_is_whole(more: int, cut: bool) -> None:
    rest = LONGEST - len(response([entry(2, "x" * 2000), entry(1, "x")]))
    text = response([entry(2, "x" * 2000), entry(1, "x" * (rest + 1 + more))])
    assert ("left out" in text) == cut
    assert cut or len(text) == LONGEST


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
    assert LONGEST // 2 - 6 < len(found[1].encode()) <= LONGEST // 2
    rest = f" ... ({more} more {'version' if more == 1 else 'versions'} left out)" if more else ""
    assert text[found.end() :] == rest


@given(texts)
def test_a_long_text_is_cut_and_says_by_how_much(text: str) -> None:
    written = plain(text)
    found = re.fullmatch(r"(.*) \.\.\. \((\d+) more characters left out\)", written)
    if found is None:
        assert len(written.encode()) <= LONGEST
    else:
        assert len(found[1].encode()) <= LONGEST < len(found[1].encode()) + 6
        assert found[1] == plain(text[: len(text) - int(found[2])])


@pytest.mark.parametrize(("length", "cut"), [(LONGEST, False), (LONGEST + 1, True)])
def test_the_bound_is_exact(length: int, cut: bool) -> None:
    assert plain("x" * length) == "x" * LONGEST + (" ... (1 more characters left out)" if cut else "")
    assert plain("é" * (length - LONGEST // 2)) == "é" * (LONGEST // 2) + (
        " ... (1 more characters left out)" if cut else ""
    )


def test_bytes_that_are_no_utf_8_are_shown_as_such() -> None:
    assert plain(b"a\xff\x80".decode("utf-8", "surrogateescape")) == r"a\xff\x80"
    assert plain("\ud800\udc7f\udd00") == r"\ud800\udc7f\udd00"
    assert plain("\x7f\x80") == r"\x7f\u0080"
