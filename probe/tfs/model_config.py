"""TensorFlow Serving's model configuration file: bytes -> ModelServerConfig.

A file that the server refuses is an error, but unknown fields are only reported. Sources: model_server_config.proto
and file_system_storage_path_source.proto.
"""

from ..value import Value
from .config_mistakes import EXAMPLE, explain, placeholder
from .config_rules import MODEL_TYPES, check_list, check_platform, refuse_unsupported
from .text_error import LineCounter, TextError, position, shown
from .text_format import MAX_REPORTED, Parser
from .text_schema import ENUM, INT64, MESSAGE, OPAQUE, TEXT, UINT32, Field, Message, Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal, TypeAlias

    PolicyKind: TypeAlias = Literal["latest", "all", "specific"]
    NoteKind: TypeAlias = Literal["octal", "placeholder"]

MAX_CONFIG_BYTES = 4 << 20

LATEST: "Final" = "latest"
ALL: "Final" = "all"
SPECIFIC: "Final" = "specific"

OCTAL: "Final" = "octal"
PLACEHOLDER: "Final" = "placeholder"

_LABEL = Schema("VersionLabelsEntry", {b"key": Field(TEXT), b"value": Field(INT64)})
_POLICY = Schema(
    "ServableVersionPolicy",
    {
        b"latest": Field(MESSAGE, schema=Schema("Latest", {b"num_versions": Field(UINT32)}), oneof="policy_choice"),
        b"all": Field(MESSAGE, schema=Schema("All", {}), oneof="policy_choice"),
        b"specific": Field(
            MESSAGE, schema=Schema("Specific", {b"versions": Field(INT64, repeated=True)}), oneof="policy_choice"
        ),
    },
)
_MODEL = Schema(
    "ModelConfig",
    {
        b"name": Field(TEXT),
        b"base_path": Field(TEXT),
        b"model_type": Field(ENUM, names=MODEL_TYPES),
        b"model_platform": Field(TEXT),
        b"model_version_policy": Field(MESSAGE, schema=_POLICY),
        b"version_labels": Field(MESSAGE, repeated=True, schema=_LABEL),
        b"logging_config": Field(OPAQUE),
    },
)
_MODEL_LIST = Schema("ModelConfigList", {b"config": Field(MESSAGE, repeated=True, schema=_MODEL)})
_SERVER = Schema(
    "ModelServerConfig",
    {
        b"model_config_list": Field(MESSAGE, schema=_MODEL_LIST, oneof="config"),
        b"custom_model_config": Field(OPAQUE, oneof="config"),
    },
)


class ConfigError(Exception):
    """The server refuses such a file."""

    def __init__(self, line: int, column: int, cause: str, remedy: str) -> None:
        """`line` and `column`: from 1, as the server logs them."""
        super().__init__(f"line {line}, column {column}: {cause}")
        self.line = line
        self.column = column
        self.cause = cause
        self.remedy = remedy


class VersionPolicy(Value):
    """Which versions of a model the server serves."""

    __slots__ = ("count", "kind", "versions")

    def __init__(self, kind: "PolicyKind" = LATEST, count: int = 1, versions: "tuple[int, ...]" = ()) -> None:
        """`count`: how many of the latest; `versions`: the specific ones, as listed."""
        self.kind: Final = kind
        self.count: Final = count
        self.versions: Final = versions


class ModelConfig(Value):
    """One model of the file. Bytes that are not UTF-8 appear in strings as lone surrogates."""

    __slots__ = ("base_path", "labels", "line", "name", "policy")

    def __init__(
        self,
        name: str,
        base_path: str,
        policy: "VersionPolicy | None" = None,
        labels: "tuple[tuple[str, int], ...]" = (),
        line: int = 0,
    ) -> None:
        """`labels`: each label with its version; `line`: where the model begins."""
        self.name: Final = name
        self.base_path: Final = base_path
        self.policy: Final = policy or VersionPolicy()
        self.labels: Final = labels
        self.line: Final = line


class UnknownField(Value):
    """A field whose name is not known here: a newer server's, or a misspelt one. The server may refuse the file."""

    __slots__ = ("line", "message", "name")

    def __init__(self, message: str, name: str, line: int) -> None:
        """`message`: the type that lacks the field; `line`: its first occurrence."""
        self.message: Final = message
        self.name: Final = name
        self.line: Final = line


class Note(Value):
    """Something that the server accepts, but that is probably not what was meant."""

    __slots__ = ("kind", "line", "meaning", "written")

    def __init__(self, kind: "NoteKind", line: int, written: str, meaning: str = "") -> None:
        """`meaning`: of an octal number, its decimal form."""
        self.kind: Final = kind
        self.line: Final = line
        self.written: Final = written
        self.meaning: Final = meaning


class ModelServerConfig(Value):
    """The content of the file."""

    __slots__ = ("models", "notes", "unknown")

    def __init__(
        self,
        models: "tuple[ModelConfig, ...]" = (),
        unknown: "tuple[UnknownField, ...]" = (),
        notes: "tuple[Note, ...]" = (),
    ) -> None:
        """`models`: in the order of the file; there may be none. At most MAX_REPORTED unknown fields and notes."""
        self.models: Final = models
        self.unknown: Final = unknown
        self.notes: Final = notes


def parse(data: bytes) -> ModelServerConfig:
    """Reads the file. Raises ConfigError."""
    if not data:
        raise ConfigError(1, 1, "the file is empty", f"list the models: {EXAMPLE}")
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(1, 1, f"the file is larger than {MAX_CONFIG_BYTES >> 20} MiB", "list fewer models")
    try:
        parser = Parser(data)
        server = parser.file(_SERVER)
    except TextError as error:
        raise ConfigError(*position(data, error.at), *explain(data, error)) from None
    lists = server.messages.get(b"model_config_list", [])
    messages = lists[0].messages.get(b"config", []) if lists else []
    lines = LineCounter(data)
    try:
        refuse_unsupported(server)
        check_list(messages, lines)
        for message in messages:
            check_platform(message)
    except TextError as error:
        raise ConfigError(*position(data, error.at), error.text, error.remedy) from None
    notes = [Note(OCTAL, line, written, str(value)) for line, written, value in parser.octal]
    notes += _placeholders(messages, lines)
    return ModelServerConfig(
        tuple(_model(message, lines) for message in messages),
        tuple(UnknownField(owner, name, line) for (owner, name), line in parser.unknown.items()),
        tuple(notes[:MAX_REPORTED]),
    )


def _model(message: Message, lines: LineCounter) -> ModelConfig:
    labels = {}
    for label in message.messages.get(b"version_labels", ()):
        labels[_string(label.text(b"key"))] = label.number(b"value")
    return ModelConfig(
        _string(message.text(b"name")),
        _string(message.text(b"base_path")),
        _policy(message),
        tuple(labels.items()),
        lines.line(message.at),
    )


def _policy(model: Message) -> VersionPolicy:
    for policy in model.messages.get(b"model_version_policy", ()):
        for _ in policy.messages.get(b"all", ()):
            return VersionPolicy(ALL, 0)
        for specific in policy.messages.get(b"specific", ()):
            versions = specific.scalars.get(b"versions", ())
            return VersionPolicy(SPECIFIC, 0, tuple(version for version, _ in versions if isinstance(version, int)))
        for latest in policy.messages.get(b"latest", ()):
            return VersionPolicy(LATEST, max(1, latest.number(b"num_versions")))
    return VersionPolicy()


def _placeholders(models: "list[Message]", lines: LineCounter) -> "list[Note]":
    notes: list[Note] = []
    for model in models:
        for field in (b"name", b"base_path"):
            unfilled = placeholder(model.text(field))
            if unfilled is not None and len(notes) < MAX_REPORTED:
                notes.append(Note(PLACEHOLDER, lines.line(model.offset(field)), shown(unfilled)))
    return notes


def _string(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
