"""-model-config-file: the models that TensorFlow Serving is configured to serve, as questions."""

from ..files import UnusableFile, read_file
from ..model import SETUP, Failure, Query
from ..value import Value
from .model_config import MAX_CONFIG_BYTES, OCTAL, SPECIFIC, ConfigError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import NamedFile
    from .model_config import ModelServerConfig


class FileNote(Value):
    """Something noteworthy about a file that is not an error here."""

    __slots__ = ("is_hint", "text")

    def __init__(self, text: str, is_hint: bool) -> None:
        """`text`: one sentence with the line's number. `is_hint`: the server reads the file, but its author probably
        meant something else; otherwise the server may refuse it."""
        self.text: Final = text
        self.is_hint: Final = is_hint


class ConfiguredQueries(Value):
    """The questions that a file stands for, and what is noteworthy about it."""

    __slots__ = ("notes", "queries")

    def __init__(self, queries: "tuple[Query, ...]", notes: "tuple[FileNote, ...]") -> None:
        self.queries: Final = queries
        self.notes: Final = notes


def read_queries(file: "NamedFile", named: "tuple[Query, ...]", template: Query) -> "ConfiguredQueries | Failure":
    """The questions about the models in the file, after those that are `named` elsewhere; each model is asked for once.
    `template`: what is asked of each."""
    try:
        config = parse(read_file(file, MAX_CONFIG_BYTES))
    except UnusableFile as error:
        return Failure(SETUP, error.text, cause=error.cause, permanent=True)
    except ConfigError as error:
        text = f"{file.source}: {file.path}, line {error.line}, column {error.column}: {error.cause}; {error.remedy}"
        return Failure(SETUP, text, cause="config", permanent=True)
    models = {model.name: model for model in config.models}
    queries = []
    for name in dict.fromkeys((*(query.model for query in named), *models)):
        model = models.get(name)
        specific = model.policy.versions if model and model.policy.kind == SPECIFIC else ()
        labels = tuple(label for label, _ in model.labels) if model else ()
        if template.require != "all":
            specific, labels = (), ()
        queries.append(template.copy(model=name, expected=specific, labels=labels))
    return ConfiguredQueries(tuple(queries), _notes(config))


def _notes(config: "ModelServerConfig") -> "tuple[FileNote, ...]":
    misread = (
        f"line {note.line}: the server reads {note.written} as octal, which is {note.meaning}: omit the leading zeros"
        if note.kind == OCTAL
        else f"line {note.line}: {note.written} looks like a template that was not filled in"
        for note in config.notes
    )
    unknown = (
        f"line {field.line}: {field.message} has no field {field.name} here; the server may refuse it"
        for field in config.unknown
    )
    return (*(FileNote(text, True) for text in misread), *(FileNote(text, False) for text in unknown))
