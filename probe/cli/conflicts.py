"""Flags that contradict each other: one sentence for each pair, with the remedy.

The rules, their order, and the words before each remedy are those of grpc_health_probe, whose flags these are.
"""

from ..net.target import is_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# (flag, other flag, sentence): the sentence applies if both are set; without a sentence the first needs the second.
RULES = (
    ("alts", "spiffe", "-alts and -spiffe are mutually incompatible: give one of them"),
    ("tls", "alts", "cannot specify -tls with -alts: give one of them"),
    ("tls-no-verify", "tls", ""),
    ("tls-ca-cert", "tls", ""),
    ("tls-client-cert", "tls", ""),
    ("tls-server-name", "tls", ""),
    ("tls-client-cert", "tls-client-key", ""),
    ("tls-client-key", "tls-client-cert", ""),
    (
        "tls-no-verify",
        "tls-ca-cert",
        "cannot specify -tls-ca-cert with -tls-no-verify (CA cert would not be used): omit one of them",
    ),
    (
        "tls-no-verify",
        "tls-server-name",
        "cannot specify -tls-server-name with -tls-no-verify (server name would not be used): omit one of them",
    ),
    ("tls", "spiffe", "-tls and -spiffe are mutually incompatible: -spiffe includes TLS, with its own certificates"),
)


# Flags that only one engine supports.
ALTS_NEEDS_GRPCIO = "-alts needs -engine=grpcio, and works only on Google Cloud"
GRPCIO_LACKS = (
    ("spiffe", "-engine=grpcio does not support -spiffe: omit -engine"),
    ("tls-no-verify", "-engine=grpcio does not support -tls-no-verify: omit -engine"),
)
# Each of these picks the version that decides, so no two of them go together; nor do several models.
PICKS = ("model-version", "model-label", "min-version", "require")
SINGLE_MODEL = ("model-version", "model-label", "min-version", "predict")
# What -serve excludes: it answers no single question, and has an output of its own.
NOT_FOR_SERVE = (("wait", 0), ("liveness", False), ("format", "text"), ("quiet", False), ("install", ""))
# What a URL as -addr excludes: it asks the REST API.
NOT_FOR_REST = ("tls", "spiffe", "alts", "gzip")
TEMPLATE = "cannot specify -{} with -{}: omit one of them"


def find_conflict(values: "dict[str, Any]", has_command: bool = False) -> str:
    """The first contradiction among the flags' values; empty if there is none."""
    rest = _rest(values)
    if rest:
        return rest
    if values["addr"].startswith("https://"):
        values = {**values, "tls": True}
    for one, other, sentence in RULES:
        if values[one] and bool(values[other]) == bool(sentence):
            return sentence or f"specified -{one} without specifying -{other}: add -{other}, or omit -{one}"
    if values["engine"] == "native":
        engine = ALTS_NEEDS_GRPCIO if values["alts"] else ""
    else:
        engine = next((sentence for flag, sentence in GRPCIO_LACKS if values[flag]), "")
    return engine or _question(values) or _output(values, has_command)


def single_model_flag(values: "dict[str, Any]") -> str:
    """The first flag that is set and needs a single model; empty if there is none."""
    return next((name for name in SINGLE_MODEL if _is_set(values, name)), "")


def _question(values: "dict[str, Any]") -> str:
    given = [name for name in PICKS if _is_set(values, name)]
    if len(given) > 1 and given != ["min-version", "require"]:
        return TEMPLATE.format(given[0], given[1])
    single = single_model_flag(values)
    if single and len(set(values["model-name"])) > 1 and not values["liveness"]:
        return f"-{single} needs a single model: give one -model-name"
    return ""


def _output(values: "dict[str, Any]", has_command: bool) -> str:
    serve = _serve(values, has_command)
    if serve:
        return serve
    if values["wait"] < 0:
        return "-wait must not be negative"
    if values["wait-interval"] <= 0:
        return "-wait-interval must be above 0"
    if values["format"] == "json" and has_command:
        return "cannot specify -format=json with a command: stdout belongs to the command"
    return ""


def _serve(values: "dict[str, Any]", has_command: bool) -> str:
    """What does not go together with -serve."""
    if values["serve-interval"] <= 0:
        return "-serve-interval must be above 0"
    if values["serve"] is None:
        return ""
    if has_command:
        return "cannot specify -serve with a command: it never ends by itself"
    given = next((name for name, default in NOT_FOR_SERVE if values[name] != default), "")
    return TEMPLATE.format("serve", given) if given else ""


def _rest(values: "dict[str, Any]") -> str:
    """What does not go together with a URL."""
    if not is_url(values["addr"]):
        return ""
    given = next((name for name in NOT_FOR_REST if values[name]), "")
    if values["engine"] != "native":
        given = "engine=grpcio"
    return f"cannot specify -{given} with a URL in -addr, which asks the REST API: omit -{given}" if given else ""


def _is_set(values: "dict[str, Any]", name: str) -> bool:
    """Whether a flag picks something: version 0 and `any` are the defaults' own words. Label and minimum pick whatever
    their value is."""
    value = values[name]
    if name in ("model-label", "min-version"):
        return value is not None
    return value not in ("", 0, "any")
