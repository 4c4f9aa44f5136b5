"""TensorFlow Serving's model configuration file: bytes -> ModelServerConfig.

Refuses what the server refuses at its start, in the order of its own checks, except that unknown fields are reported
only. Sources: model_server_config.proto, file_system_storage_path_source.proto, model_servers/server_core.cc.
"""

from ..value import Value
from .config_mistakes import EXAMPLE, explain, not_filled_in, placeholder
from .text_format import ENUM, INT64, MAX_REPORTED, MESSAGE, OPAQUE, TEXT, UINT32, Field, Message, Parser, Schema
from .text_tokens import LineCounter, TextError, position, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal, TypeAlias

    PolicyKind: TypeAlias = Literal["latest", "all", "specific"]
    NoteKind: TypeAlias = Literal["octal", "placeholder"]

MAX_CONFIG_BYTES = 4 << 20
PLATFORM = b"tensorflow"  # the only one of a server without --platform_config_file

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
_MODEL_TYPES = (b"MODEL_TYPE_UNSPECIFIED", b"TENSORFLOW", b"OTHER")
_MODEL = Schema(
    "ModelConfig",
    {
        b"name": Field(TEXT),
        b"base_path": Field(TEXT),
        b"model_type": Field(ENUM, names=_MODEL_TYPES),
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
    """The server would refuse the file."""

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
        _refuse_unsupported(server)
        _check_list(messages, lines)
        for message in messages:
            _check_platform(message)
    except TextError as error:
        raise ConfigError(*position(data, error.at), error.text, error.remedy) from None
    notes = [Note(OCTAL, line, written, str(value)) for line, written, value in parser.octal]
    notes += _placeholders(messages, lines)
    return ModelServerConfig(
        tuple(_model(message, lines) for message in messages),
        tuple(UnknownField(owner, name, line) for (owner, name), line in parser.unknown.items()),
        tuple(notes[:MAX_REPORTED]),
    )


def _refuse_unsupported(server: Message) -> None:
    """custom_model_config and logging_config: only a server that was built with code for them takes them."""
    for message in server.messages.get(b"custom_model_config", ()):
        raise TextError(message.at, "custom_model_config ends TensorFlow Serving", "write a model_config_list instead")
    for models in server.messages.get(b"model_config_list", ()):
        for model in models.messages.get(b"config", ()):
            for message in model.messages.get(b"logging_config", ()):
                raise TextError(message.at, "TensorFlow Serving has no request logger", "remove logging_config")


def _check_list(models: "list[Message]", lines: LineCounter) -> None:
    """Names are unique, and paths are absolute."""
    seen: dict[bytes, int] = {}
    for model in models:
        name = model.text(b"name")
        if name in seen:
            cause = f'the model "{shown(name)}" is listed twice, first in line {lines.line(seen[name])}'
            raise TextError(model.offset(b"name"), cause, "remove one of them, or give it another name")
        seen[name] = model.offset(b"name")
    for model in models:
        path = model.text(b"base_path")
        if not _is_relative(path):
            continue
        at, unfilled = model.offset(b"base_path"), placeholder(path)
        if unfilled is not None:
            raise TextError(at, *not_filled_in(unfilled))
        if not path:
            raise TextError(at, "base_path is missing", _add('base_path: "/models/NAME"', model))
        raise TextError(at, f'base_path "{shown(path)}" is relative', "write an absolute path, or a URI such as gs://…")


def _is_relative(path: bytes) -> bool:
    """As TensorFlow's ParseURI: a scheme is a letter, and at least one letter, digit or dot after it."""
    scheme, separator, _ = path.partition(b"://")
    letters = scheme.replace(b".", b"0")
    has_scheme = bool(separator) and len(scheme) > 1 and letters[:1].isalpha() and letters.isalnum()
    return not has_scheme and not path.startswith(b"/")


def _check_platform(model: Message) -> None:
    platform, model_type = model.text(b"model_platform"), model.number(b"model_type")
    if model_type and platform:
        raise TextError(
            model.offset(b"model_type"), "model_type and model_platform are both given", "remove model_type"
        )
    remedy = f'model_platform: "{PLATFORM.decode()}"'
    if model_type and model_type != _MODEL_TYPES.index(b"TENSORFLOW"):
        raise TextError(
            model.offset(b"model_type"), f"model_type {model_type} is not supported", f"write {remedy} instead"
        )
    if not model_type and not platform:
        raise TextError(model.at, "model_platform is missing", _add(remedy, model))
    if platform not in (b"", PLATFORM):
        cause = f'model_platform "{shown(platform)}" is not supported'
        raise TextError(model.offset(b"model_platform"), cause, f"write {remedy}")


def _add(field: str, model: Message) -> str:
    """The remedy for a missing field; a misspelt one may be the reason."""
    return f"add {field}" + (f"; {model.unknown} is not a field of a model" if model.unknown else "")


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
