"""The model configuration file: what a real server took and refused, the usual mistakes, and the limits."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.tfs.model_config import (
    ALL,
    LATEST,
    MAX_CONFIG_BYTES,
    OCTAL,
    PLACEHOLDER,
    SPECIFIC,
    ConfigError,
    ModelConfig,
    ModelServerConfig,
    Note,
    UnknownField,
    VersionPolicy,
    parse,
)
from probe.tfs.text_format import MAX_REPORTED, MAX_UNKNOWN_DEPTH
from probe.tfs.text_tokens import MAX_TOKENS

# Files, and what tensorflow_model_server 2.19.1 made of each: bytes as Latin-1; `position` is that of its first
# message, which names the token after the field's name where `after_name` is set.
CAPTURED = json.loads((Path(__file__).parents[1] / "data" / "model_configs.json").read_text(encoding="utf-8"))

MODEL = b'name: "m" base_path: "/models/m" model_platform: "tensorflow"'


def model(fields: bytes = b"") -> bytes:
    """A file with one model that has these fields, too."""
    return b"model_config_list { config { " + MODEL + b" " + fields + b" } }"


def refusal(data: bytes) -> ConfigError:
    """The error that the file causes."""
    with pytest.raises(ConfigError) as caught:
        parse(data)
    return caught.value


@pytest.mark.parametrize("captured", CAPTURED, ids=[captured["case"] for captured in CAPTURED])
def test_is_judged_as_by_the_server(captured: dict[str, Any]) -> None:
    data = str(captured["file"]).encode("latin-1")
    if captured["server"] == "starts":
        assert not parse(data).unknown
    elif captured["server"] == "unknown field":
        assert len(parse(data).unknown) == 1
    else:
        error = refusal(data)
        assert error.cause and error.remedy
        if captured.get("after_name"):
            column = captured["position"][1]
            assert data[error.column - 1 : column - 1].strip().replace(b"_", b"").isalpha()
        elif captured["server"] == "rejected":
            assert [error.line, error.column] == captured["position"]


def test_values() -> None:
    data = b"""# two models
model_config_list {
  config { name: "a" base_path: "/models/a" model_type: TENSORFLOW }
  config: <
    base_path: 'gs://bucket' "/b", name: "b\\x2f\\xff"; model_platform: "tensorflow"
    model_version_policy { specific { versions: 7 versions: [-1, 0x7b] } }
    version_labels: [ { key: "stable" value: 7 }, { key: "new" } ]
    version_labels { value: 8 key: "stable" }
  >
}"""
    assert parse(data) == ModelServerConfig(
        (
            ModelConfig("a", "/models/a", line=3),
            ModelConfig(
                "b/\udcff",
                "gs://bucket/b",
                VersionPolicy(SPECIFIC, 0, (7, -1, 123)),
                (("stable", 8), ("new", 0)),
                line=4,
            ),
        )
    )


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (b"", VersionPolicy(LATEST, 1)),
        (b"model_version_policy {}", VersionPolicy(LATEST, 1)),
        (b"model_version_policy { latest {} }", VersionPolicy(LATEST, 1)),
        (b"model_version_policy { latest { num_versions: 0 } }", VersionPolicy(LATEST, 1)),
        (b"model_version_policy { latest { num_versions: 3 } }", VersionPolicy(LATEST, 3)),
        (b"model_version_policy { all {} }", VersionPolicy(ALL, 0)),
        (b"model_version_policy { specific {} }", VersionPolicy(SPECIFIC, 0)),
        (b"model_version_policy { specific { versions: 2 } }", VersionPolicy(SPECIFIC, 0, (2,))),
    ],
)
def test_version_policy(policy: bytes, expected: VersionPolicy) -> None:
    assert parse(model(policy)).models[0].policy == expected


@pytest.mark.parametrize("data", [b"\n", b"# nothing", b"model_config_list {}", b"model_config_list: { config: [] };"])
def test_no_models_is_a_value(data: bytes) -> None:
    assert parse(data) == ModelServerConfig()


@pytest.mark.parametrize(
    "path", [b"/", b"s3://b", b"gs://bucket/m", b"file:///m", b"a.b://x", b"A1://", b"/models/../m"]
)
def test_absolute_paths_and_uris(path: bytes) -> None:
    data = b'model_config_list { config { name: "m" model_platform: "tensorflow" base_path: "' + path + b'" } }'
    assert parse(data).models[0].base_path == path.decode()


@pytest.mark.parametrize(
    "path", [b"", b"models", b"./m", b"a://x", b"1a://x", b"a-b://x", b"://x", b"gs:/x", b"a b://"]
)
def test_relative_paths(path: bytes) -> None:
    data = b'model_config_list { config { name: "m" model_platform: "tensorflow"\n base_path: "' + path + b'" } }'
    error = refusal(data)
    assert (error.line, error.column) == (2, 2)


# A file, where the mistake is, and a word that only this mistake's cause has.
MISTAKES = [
    (b"", (1, 1), "empty"),
    (b"\xef\xbb\xbf" + model(), (1, 1), "byte order mark"),
    (model().decode().encode("utf-16"), (1, 1), "UTF-16"),
    (model().decode().encode("utf-16-le"), (1, 2), "UTF-16"),
    (b'\n{\n "model_config_list": {}}', (2, 1), "JSON"),
    (b'[{"name": "a"}]', (1, 1), "JSON"),
    (b'model_config_list {\n  "config" { } }', (2, 3), 'found "config"'),
    (b"model_config_list:\n  config:\n    - name: a\n", (2, 3), "YAML"),
    (b"# models\n---\nmodel_config_list: {}\n", (2, 1), "YAML"),
    (b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata: {}", (4, 7), "manifest"),
    (b"model_config_list { // all\n}", (1, 21), "comment"),
    (b"model_config_list {\n\t/* all */ }", (2, 9), "comment"),
    (b'model_config_list { config { name: "a",, } }', (1, 40), "two separators"),
    (b'model_config_list { config { name: "a"; \n, } }', (2, 1), "two separators"),
    (b"model_config_list { , }", (1, 21), "without a field"),
    (b";", (1, 1), "without a field"),
    (model(b"model_version_policy { specific { versions: [1, 2,] } }"), (1, 142), "end with a comma"),
    (b"model_config_list {}\nmodel_config_list {}", (2, 1), "given twice"),
    (model(b"\nmodel_version_policy { all {} latest {} }"), (2, 31), "excludes"),
    (b"model_config_list { config { name: {{ .Values.name }} } }", (1, 36), "{{ .Values.name }}"),
    (b"model_config_list {\n{{ range .Models }}\n}", (2, 1), "{{ range .Models }}"),
    (b"model_config_list {{ include }}", (1, 20), "{{ include }}"),
    (b"{{ template }}", (1, 1), "{{ template }}"),
    (b"model_config_list { config { name: ${NAME} } }", (1, 36), "${NAME}"),
    (b"model_config_list { config { name: $(NAME) } }", (1, 36), "$(NAME)"),
    (b"model_config_list { config { name: $NAME } }", (1, 36), "$NAME"),
    (b"model_config_list { config { name: <no value> } }", (1, 36), "<no value>"),
    (b'model_config_list { config { name: "m"\nbase_path: "${DIR}/m" } }', (2, 1), "${DIR}"),
    (b"```\nmodel_config_list {}\n```", (1, 1), "Markdown"),
    (b"model_config_list { config { name: \xe2\x80\x9ca\xe2\x80\x9d } }", (1, 36), "typographic"),
    (b"model_config_list\xc2\xa0{}", (1, 18), "non-breaking"),
    (b"model_config_list = {}", (1, 19), '"="'),
    (b"model_config_list {}\n}", (2, 1), "closes nothing"),
    (b"model_config_list {\n config {", (2, 10), 'the "{" in line 2'),
    (b'model_config_list { config { name: "a\n" } }', (1, 38), "not closed in its line"),
    (b"model_config_list { config { name: \"a' } }", (1, 43), "not closed in its line"),
    (b"model_config_list { config { name: a } }", (1, 36), "a string"),
    (model(b"version_labels { value: 1.0 }"), (1, 116), "an integer"),
    (model(b"version_labels { value: 0189 }"), (1, 118), "octal"),
    (model(b"logging_config {}"), (1, 92), "request logger"),
    (b"\ncustom_model_config {}", (2, 1), "custom_model_config"),
    (model(b"} config {\n" + MODEL), (2, 1), "listed twice"),
    (b'model_config_list { config { base_path: "/m" model_platform: "a" } }', (1, 46), 'model_platform "a"'),
    (b'model_config_list {\n config { base_path: "/m" } }', (2, 2), "model_platform is missing"),
    (b"model_config_list {\n config [ { } ] }", (2, 11), "base_path is missing"),
    (model(b"model_type: 1"), (1, 92), "both"),
    (model().replace(b'"tensorflow"', b'"\xff\x1b\xc2\x85"'), (1, 63), r'"\xff\x1b\x85"'),
]


@pytest.mark.parametrize(("data", "position", "word"), MISTAKES, ids=[repr(data[:60]) for data, _, _ in MISTAKES])
def test_usual_mistakes(data: bytes, position: tuple[int, int], word: str) -> None:
    error = refusal(data)
    assert word in error.cause and error.remedy
    assert (error.line, error.column) == position


@pytest.mark.parametrize(
    ("value", "notes"),
    [
        (b"00000123", (Note(OCTAL, 2, "00000123", "83"),)),
        (b"-010", (Note(OCTAL, 2, "010", "8"),)),
        (b"0007", ()),
        (b"0", ()),
        (b"0x10", ()),
    ],
)
def test_octal_numbers_are_noted(value: bytes, notes: tuple[Note, ...]) -> None:
    assert parse(model(b"version_labels {\n value: " + value + b" }")).notes == notes


def test_placeholders_in_strings_are_noted() -> None:
    data = b'model_config_list { config { model_type: 1\nbase_path: "/{{ dir }}/m"\nname: "${MODEL}" } }'
    assert parse(data).notes == (Note(PLACEHOLDER, 3, "${MODEL}"), Note(PLACEHOLDER, 2, "{{ dir }}"))
    assert parse(data).models[0].line == 1


@pytest.mark.parametrize(
    "field",
    [
        b"new: 1", b"new: -1.5f", b"new: -inf", b"new: ENUM,", b'new: "a" \'b\';', b"new: [1, 2]", b"new: []",
        b"new []", b"new {}", b"new: < x: 1 >", b"new [ {}, < > ]", b"new: [ { a { b: [ 1 ] } } ]",
        b"new { [type.url/a.B] { c: 1 } }",
    ],
)  # fmt: skip
def test_unknown_fields_are_skipped_by_their_structure(field: bytes) -> None:
    config = parse(model(b"\n" + field + b"\nversion_labels {}"))
    assert config.unknown == (UnknownField("ModelConfig", "new", 2),)
    assert config.models[0].labels == (("", 0),)


@pytest.mark.parametrize(
    "field",
    [
        b"new", b"new 1", b'new "a"', b"new: -ENUM", b"new: { x }", b"new: [1 2]", b"new: [1,]", b"new [1]",
        b"new { }}", b"new < }", b"new: $", b"1: 2", b"[a.b]: 1", b"new { [a/b }", b"new { 1: 2 }", b"new:: 1",
        b"new: [[1]]",
    ],
)  # fmt: skip
def test_unknown_fields_have_a_structure(field: bytes) -> None:
    refusal(model(field))


def test_a_misspelt_field_is_named_where_the_right_one_is_missing() -> None:
    error = refusal(b'model_config_list { config { basepath: "/m" model_platform: "tensorflow" } }')
    assert "basepath" in error.remedy


# Files of 4 MiB that would cost a careless reader the square of their size, or a stack.
FILL = MAX_CONFIG_BYTES - 200
HOSTILE = {
    "blank": b" " * FILL,
    "comments": b"#\n" * (FILL // 2),
    "a word": b"a" * FILL,
    "digits": b"a:" + b"1" * FILL,
    "octal digits": b"model_config_list{config{version_labels{value:" + b"0" * FILL,
    "hexadecimal digits": b"model_config_list{config{version_labels{value:0x" + b"f" * FILL,
    "octal zeros": model(b"version_labels{value:" + b"0" * FILL + b"17}"),
    "fields": b"a:1 " * (FILL // 4),
    "messages": b"a{" * (FILL // 2),
    "list": b"a:[" + b"1," * (FILL // 2),
    "escapes": b'a:"' + b"\\n" * (FILL // 2),
    "escaped quotes": b'a:"' + b'\\"' * (FILL // 2) + b'"',
    "name of escapes": model().replace(b'"m"', b'"' + b"\\u00e9" * (FILL // 6) + b'"'),
    "strings": model().replace(b'"m"', b"'a'" * (FILL // 3)),
    "quotes": b'"' * FILL,
    "NUL after a comment": b"#" + b"a" * FILL + b"\0",
    "placeholders": model().replace(b'"m"', b'"' + b"{{" * (FILL // 2) + b'"'),
    "models": b"model_config_list{"
    + b"".join(b'\nconfig{base_path:"/$(p)"name:"%d"model_platform:"tensorflow"}' % n for n in range(MAX_TOKENS // 16))
    + b"}",
    "unknown names": b"".join(b"a%d:1 " % n for n in range(MAX_TOKENS // 4)),
    "a manifest of comments": b"#\n" * (FILL // 2) + b"a:\n b",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=list(HOSTILE))
def test_a_large_hostile_file_ends_in_time(data: bytes) -> None:
    begin = time.process_time()
    try:
        config = parse(data)
    except ConfigError as error:
        assert len(error.cause) + len(error.remedy) < 400
    else:
        assert len(config.unknown) <= MAX_REPORTED and len(config.notes) <= MAX_REPORTED
        assert len(repr((config.unknown, config.notes))) < 200 * MAX_REPORTED
    assert time.process_time() - begin < 10  # 2 s on a machine of 2025


def test_bounds() -> None:
    assert parse(b"#" * MAX_CONFIG_BYTES) == ModelServerConfig()
    assert "MiB" in refusal(b"#" * (MAX_CONFIG_BYTES + 1)).cause
    parse(b"a{" * MAX_UNKNOWN_DEPTH + b"}" * MAX_UNKNOWN_DEPTH)
    assert str(MAX_UNKNOWN_DEPTH) in refusal(b"a{" * (MAX_UNKNOWN_DEPTH + 1) + b"}" * (MAX_UNKNOWN_DEPTH + 1)).cause
    parse(b"a:1\n" * ((MAX_TOKENS - 1) // 3))
    assert str(MAX_TOKENS) in refusal(b"a:1\n" * (MAX_TOKENS // 3)).cause


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from([b"model_config_list", b"config", b"name", b"versions", MODEL, b"new"]),
            st.sampled_from(
                [b"{", b"}", b"<", b">", b"[", b"]", b":", b",", b";", b"#", b"\n", b'"', b"'", b"\\", b"0x"]
            ),
        ),
        max_size=20,
    )
)
def test_any_bytes_are_a_value_or_one_error(pieces: list[bytes]) -> None:
    data = b" ".join(pieces)
    try:
        parse(data)
    except ConfigError as error:
        assert 1 <= error.line <= data.count(b"\n") + 1
        assert error.column >= 1 and error.cause and error.remedy
