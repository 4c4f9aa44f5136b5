"""What TensorFlow Serving refuses in a configuration that its parser has read. Pure.

Each check raises TextError. Source: model_servers/server_core.cc, in the order of its checks.
"""

from .config_mistakes import not_filled_in, placeholder
from .text_error import LineCounter, TextError, shown
from .text_schema import Message

MODEL_TYPES = (b"MODEL_TYPE_UNSPECIFIED", b"TENSORFLOW", b"OTHER")
PLATFORM = b"tensorflow"  # the only one of a server without --platform_config_file


def refuse_unsupported(server: Message) -> None:
    """Refuses custom_model_config and logging_config: only a server built with code for them accepts them."""
    for message in server.messages.get(b"custom_model_config", ()):
        raise TextError(message.at, "TensorFlow Serving aborts on custom_model_config", "write a model_config_list")
    for models in server.messages.get(b"model_config_list", ()):
        for model in models.messages.get(b"config", ()):
            for message in model.messages.get(b"logging_config", ()):
                raise TextError(message.at, "TensorFlow Serving has no request logger for logging_config", "remove it")


def check_list(models: "list[Message]", lines: LineCounter) -> None:
    """Names are unique and paths are absolute."""
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


def check_platform(model: Message) -> None:
    """The platform is given once, and is one that the server has."""
    platform, model_type = model.text(b"model_platform"), model.number(b"model_type")
    if model_type and platform:
        raise TextError(
            model.offset(b"model_type"), "model_type and model_platform are both given", "remove model_type"
        )
    remedy = f'model_platform: "{PLATFORM.decode()}"'
    if model_type and model_type != MODEL_TYPES.index(b"TENSORFLOW"):
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
