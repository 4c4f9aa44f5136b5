"""The reader of text format, by property against protobuf's C++ parser, which the server uses, and against Python's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.tfs.model_config import ALL, LATEST, SPECIFIC, ConfigError, VersionPolicy, parse
from tests.tfs.text_format_oracles import Oracles

CAPTURED = [
    str(captured["file"]).encode("latin-1")
    for captured in json.loads((Path(__file__).parents[1] / "data" / "model_configs.json").read_text(encoding="utf-8"))
]
PROPERTY = settings(max_examples=300, derandomize=True, deadline=None, database=None)


@pytest.fixture(scope="module")
def oracles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracles]:
    """Both parsers, started once."""
    with Oracles(tmp_path_factory.mktemp("oracles")) as running:
        yield running


def judged(config: Any) -> list[tuple[object, ...]] | None:
    """The models of a message as values; None where the server refuses the parsed file."""
    models = config.model_config_list.config
    if config.HasField("custom_model_config") or any(model.HasField("logging_config") for model in models):
        return None
    if len({model.name for model in models}) < len(models):
        return None
    for model in models:
        absolute = [prefix for prefix in ("/", "gs://", "file://") if as_text(model.base_path).startswith(prefix)]
        platforms = (model.model_type, as_text(model.model_platform))
        if not absolute or platforms not in ((0, "tensorflow"), (1, "")):
            return None
    return [
        (
            as_text(model.name),
            as_text(model.base_path),
            policy_of(model.model_version_policy),
            dict(model.version_labels),
        )
        for model in models
    ]


def as_text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def policy_of(policy: Any) -> VersionPolicy:
    chosen = policy.WhichOneof("policy_choice")
    if chosen == "all":
        return VersionPolicy(ALL, 0)
    if chosen == "specific":
        return VersionPolicy(SPECIFIC, 0, tuple(policy.specific.versions))
    return VersionPolicy(LATEST, max(1, policy.latest.num_versions))


def read(data: bytes) -> list[tuple[object, ...]] | ConfigError:
    """What our reader makes of a file."""
    try:
        config = parse(data)
    except ConfigError as error:
        return error
    return [(model.name, model.base_path, model.policy, dict(model.labels)) for model in config.models]


def assert_as_cpp(oracles: Oracles, data: bytes) -> None:
    """The file is judged as C++ judges it, and an error has the same place."""
    ours, theirs = read(data), oracles.cpp(data)
    if not isinstance(theirs, tuple):
        expected = judged(theirs)
        assert ours == expected if expected is not None else isinstance(ours, ConfigError), data
        return
    line, column, text = theirs
    if "has no field named" in text:
        return  # ours reads on
    assert isinstance(ours, ConfigError), (data, theirs)
    place = (ours.line, ours.column)
    if "is specified" in text or "Unknown enumeration" in text:  # C++ names the token after it
        assert place < (line, column), (data, theirs)
    elif ours.cause.endswith(
        ("a field name, found [", "JSON")
    ):  # C++ reads the name of an extension before it refuses it
        assert place <= (line, column), (data, theirs)
    elif b"logging_config" not in data and b"custom_model_config" not in data:  # ours skips what is in these
        assert place == (line, column), (data, theirs)


# Files by the grammar: mostly valid, and with every freedom that it leaves.

BLANK = st.sampled_from([b" ", b"\n", b"\t", b"\r\n", b"\v", b" # x\n", b"#\xff\n"])
SEPARATOR = st.sampled_from([b" ", b" ", b",", b";", b" ,\n"])
INTEGER = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b"%d" % number),
    st.integers(0, 300).map(lambda number: b"0%o" % number),
    st.integers(0, 300).map(lambda number: b"- 0x%X" % number),
    st.sampled_from([b"9223372036854775808", b"-9223372036854775808", b"4294967295", b"08", b"1.0", b'"1"', b"1f"]),
)
ESCAPES = [
    b"\\n", b"\\'", b'\\"', b"\\\\", b"\\?", b"\\x4", b"\\xe9", b"\\0", b"\\777", b"\\1012", b"\\u00e9",
    b"\\ud83d\\ude00", b"\\ud83d", b"\\ude00\\u0041", b"\\U0001F600", b"\\U00110000",
]  # fmt: skip
CONTENT = st.lists(st.sampled_from([b"a", b"/", b"#", b"{", b"\xc3\xa9", b"\xff", *ESCAPES]), max_size=4).map(b"".join)


def quoted(content: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """String literals, some in several parts."""
    literal = st.tuples(st.sampled_from([b'"', b"'"]), content).map(lambda parts: parts[0] + parts[1] + parts[0])
    return st.one_of(literal, st.lists(literal, min_size=1, max_size=3).map(b" ".join))


def scalar(name: bytes, value: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(BLANK, value).map(lambda parts: name + b":" + parts[0] + parts[1])


def message(name: bytes, fields: st.SearchStrategy[bytes], most: int = 2) -> st.SearchStrategy[bytes]:
    body = st.lists(st.tuples(fields, SEPARATOR).map(b"".join), max_size=most).map(b"".join)
    brackets = st.sampled_from([(b"{", b"}"), (b": {", b"}"), (b"<", b">"), (b": [ {", b"} ]"), (b" [<", b">,{}]")])
    weighted = st.one_of(st.just((b" {", b"}")), brackets)
    return st.tuples(weighted, BLANK, body).map(lambda p: name + p[0][0] + p[1] + p[2] + p[0][1])


POLICY = message(
    b"model_version_policy",
    st.one_of(
        message(b"latest", scalar(b"num_versions", INTEGER)),
        message(b"all", st.nothing(), 0),
        message(b"specific", st.one_of(scalar(b"versions", INTEGER), scalar(b"versions", st.just(b"[1, 0x2]")))),
    ),
    1,
)
LABEL = message(b"version_labels", st.one_of(scalar(b"key", quoted(st.just(b"s"))), scalar(b"value", INTEGER)))
COMPLETE = st.builds(
    lambda number, rest: b'config { base_path: "/m" model_platform: "tensorflow" name: "%d" %b }' % (number, rest),
    st.integers(0, 3),
    st.lists(st.one_of(POLICY, LABEL), max_size=2, unique=True).map(b"\n".join),
)
NAMED = st.builds(
    lambda name, path: b"config { name: " + name + b' base_path: "/" ' + path + b" model_type: TENSORFLOW }",
    quoted(CONTENT),
    quoted(CONTENT),
)
ANY_MODEL = message(
    b"config",
    st.one_of(
        scalar(b"name", quoted(CONTENT)),
        scalar(b"base_path", st.sampled_from([b'"/m"', b'"gs://b"', b'"m"', b"'file:///m'"])),
        scalar(b"model_platform", st.sampled_from([b'"tensorflow"', b'"other"', b'""'])),
        scalar(b"model_type", st.sampled_from([b"0", b"1", b"-1", b"TENSORFLOW", b"OTHER", b"X", b"2147483648"])),
        POLICY,
        LABEL,
        st.just(b"logging_config { sampling_config { sampling_rate: .5f } }"),
    ),
    5,
)
CONFIGS = message(b"model_config_list", st.one_of(COMPLETE, COMPLETE, NAMED, ANY_MODEL), 3)
FILES = st.lists(CONFIGS, min_size=1, max_size=2).map(b"".join) | CONFIGS

# Files by mutation: pieces put in, cut out, doubled.
PIECES = st.sampled_from([
    b"{", b"}", b"<", b">", b"[", b"]", b":", b",", b";", b"#", b"\n", b"\t", b"\r", b'"', b"'", b"\\", b"/", b"-",
    b"$", b"=", b".", b".5", b"0", b"08", b"0x", b"0xg", b"1.5", b"1.5.", b"1e", b"1e5", b"2f", b"1.2.3", b"1x", b"a.5",
    b"0x1.", b"\xc2\xa0", b"\xff", b"\0", b"\x1a", b"\x7f", b"\\q", b"\\x", b"\\u12", b"\\U0020", b'"\\',
    b"name", b"config", b"versions", b"all", b"9223372036854775808", b"inf", b"true", b'"a"', b"{{", b'name: ""',
    b"//", b"${X}", b"\xef\xbb\xbf",
])  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A captured or generated file with a few changes."""
    data = draw(st.sampled_from(CAPTURED) | FILES)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.sampled_from([0, 0, 1, 1, 2, 10, 40])))
        piece = draw(PIECES | st.just(b"") | st.just(data[at:end] * 2))
        data = data[:at] + piece + data[end:]
    return data


@PROPERTY
@given(FILES)
def test_files_by_the_grammar_are_read_as_in_cpp(oracles: Oracles, data: bytes) -> None:
    assert_as_cpp(oracles, data)


@PROPERTY
@given(mutated())
def test_mutated_files_are_read_as_in_cpp(oracles: Oracles, data: bytes) -> None:
    if data:  # of 0 bytes: the server's own check
        assert_as_cpp(oracles, data)


def test_captured_files_are_read_as_in_cpp(oracles: Oracles) -> None:
    for data in filter(None, CAPTURED):
        assert_as_cpp(oracles, data)


@PROPERTY
@given(FILES | mutated())
def test_files_are_read_as_in_python(oracles: Oracles, data: bytes) -> None:
    if not data or not data.isascii() or re.search(rb"\\|\+|-[\s#]", data):
        return  # see test_what_python_judges_differently
    ours, theirs = read(data), oracles.python(data)
    expected = None if theirs is None else judged(theirs)
    if expected is not None:
        assert ours == expected, data
    elif theirs is not None or not parses_with_unknown_fields(data):
        assert isinstance(ours, ConfigError), data


def parses_with_unknown_fields(data: bytes) -> bool:
    try:
        return bool(parse(data).unknown)
    except ConfigError:
        return False


@pytest.mark.parametrize(
    "fields",
    [
        b'name: "a\0b"', b"# \0\n", b'name: "\\ud83d\\udc00"', b'name: "\\ud83d\\udfff"', b'name: "\\ud83d\\udbff"',
        b'name: "\\udbff\\ue000"', b'name: "" name: "a"', b'name: "a" name: ""', b"model_type: 0", b"model_type: -0",
        b"version_labels { value: 0 value: 1 }", b"version_labels { value: 1 value: 0 }",
        b"version_labels { value: 1F }", b"model_version_policy { all {} all {} }",
        b"version_labels { value: -9223372036854775808 }", b"version_labels { value: -9223372036854775809 }",
        b"version_labels { value: 01777777777777777777777 }", b"version_labels { value: 0x8000000000000000 }",
        b"model_version_policy { latest { num_versions: -1 } }",
        b"model_version_policy { latest { num_versions: 037 } }",
        b"model_version_policy { latest { num_versions: 4294967296 } }",
    ],
)  # fmt: skip
def test_edges_are_read_as_in_cpp(oracles: Oracles, fields: bytes) -> None:
    assert_as_cpp(
        oracles, b'model_config_list { config { base_path: "/" model_platform: "tensorflow" ' + fields + b" } }"
    )


@pytest.mark.filterwarnings("ignore:.*invalid escape sequence:DeprecationWarning")
@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (b"model_config_list\xc2\xa0{}", False),
        (b'model_config_list { config { name: "\\q" base_path: "/" model_type: 1 } }', False),
        (b'model_config_list { config { name: "\xff" base_path: "/" model_type: 1 } }', True),
        (b"# \xff\n", True),
        (b'model_config_list { config { base_path: "/" model_type: 1 version_labels { value: - 1 } } }', True),
        (b'model_config_list { config { base_path: "/" model_type: 1 version_labels { value: +1 } } }', False),
    ],
)
def test_what_python_judges_differently(oracles: Oracles, data: bytes, accepted: bool) -> None:
    assert (not isinstance(read(data), ConfigError)) is accepted
    assert (not isinstance(oracles.cpp(data), tuple)) is accepted
    assert (oracles.python(data) is not None) is not accepted


def test_the_properties_see_models(oracles: Oracles) -> None:
    """Neither oracle refuses everything, and both see a difference."""
    data = (
        b'model_config_list { config { name: "m" base_path: "/m" model_type: 1 version_labels { key: "s" value: 017 }}}'
    )
    for theirs in (oracles.cpp(data), oracles.python(data)):
        assert judged(theirs) == read(data) == [("m", "/m", VersionPolicy(), {"s": 15})]
    assert oracles.cpp(data + b"}")[:2] == (1, len(data) + 1)
    assert oracles.python(data + b"}") is None
