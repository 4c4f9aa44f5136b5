"""argv and environment -> Options, by the rules of Go's `flag` package.

Rule of this file: it knows the flags' syntax and defaults, and no engine. What is wrong with a command line is a
UsageError in Go's own sentence, so that scripts that look for it keep working.
"""

from . import __version__, duration
from .conflicts import conflict
from .metadata import metadata, user_agent
from .model import ALTS, SPIFFE, TLS, Call, Deadline, Security, Wanted

STRING, INTEGER, DURATION, BOOLEAN, ENGINE = "string", "int", "duration", "", "engine"
HEADERS, PATH = "value", "path"
ENGINES = ("native", "grpcio")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    # Durations are nanoseconds, headers are pairs of name and value.
    Value: TypeAlias = "str | int | bool | tuple[tuple[str, str], ...]"

# Name -> (kind, default). usage.py says what each is for.
FLAGS: "dict[str, tuple[str, Value]]" = {
    "addr": (STRING, "localhost:9000"),
    "connect-timeout": (DURATION, 3_000_000_000),
    "model-name": (STRING, "default"),
    "model-version": (INTEGER, 0),
    "rpc-timeout": (DURATION, 10_000_000_000),
    "timeout": (DURATION, 0),
    "liveness": (BOOLEAN, False),
    "tls": (BOOLEAN, False),
    "tls-ca-cert": (STRING, ""),
    "tls-client-cert": (STRING, ""),
    "tls-client-key": (STRING, ""),
    "tls-server-name": (STRING, ""),
    "tls-no-verify": (BOOLEAN, False),
    "spiffe": (BOOLEAN, False),
    "alts": (BOOLEAN, False),
    "rpc-header": (HEADERS, ()),
    "user-agent": (STRING, "tfs_model_status_probe/" + __version__),
    "gzip": (BOOLEAN, False),
    "engine": (ENGINE, "native"),
    "v": (BOOLEAN, False),
    "version": (BOOLEAN, False),
    "install": (PATH, ""),
}
ENVIRONMENT_PREFIX = "TFS_PROBE_"
# What the names of all variables begin with that have a say: ours, OpenSSL's for the system's certificates, and
# SPIFFE's.
ROOTS_FILE, ROOTS_FOLDERS, WORKLOAD_API = b"SSL_CERT_FILE", b"SSL_CERT_DIR", b"SPIFFE_ENDPOINT_SOCKET"
VARIABLES = (ENVIRONMENT_PREFIX.encode(), ROOTS_FILE, ROOTS_FOLDERS, WORKLOAD_API)
# What is done rather than set. A Dockerfile's `ENV TFS_PROBE_VERSION=1.0.1` says which release it fetched, and must not
# turn every probe into `-version`.
NOT_FROM_ENVIRONMENT = ("version", "install")

BOOLEANS = {
    "1": True, "t": True, "T": True, "true": True, "TRUE": True, "True": True,
    "0": False, "f": False, "F": False, "false": False, "FALSE": False, "False": False,
}  # fmt: skip


class UsageError(Exception):
    """A command line that cannot be read: Go's sentence, empty where help was asked for."""


class Options:
    """What the command line asks for."""

    __slots__ = ("call", "ignored", "install", "problem", "values", "verbose", "version", "wanted")

    def __init__(
        self, values: "dict[str, Any]", ignored: "list[str]", environment: "dict[bytes, bytes]", begun: int
    ) -> None:
        """`values`: by flag; `ignored`: the arguments behind the flags; `begun`: when the run did, by
        `time.monotonic_ns`. What can be read but not be done is told by `problem`, a sentence."""
        budget = values["timeout"]
        self.problem = conflict(values)
        headers: tuple[tuple[bytes, bytes], ...] = ()
        agent = b""
        try:
            headers, agent = metadata(values["rpc-header"]), user_agent(values["user-agent"])
        except ValueError as error:
            self.problem = self.problem or str(error)
        self.call = Call(
            address=values["addr"],
            model_name=values["model-name"],
            connect_timeout=values["connect-timeout"],
            rpc_timeout=values["rpc-timeout"],
            deadline=Deadline(begun + budget if budget else None, "-timeout"),
            user_agent=agent,
            engine=values["engine"],
            security=_security(values, environment),
            metadata=headers,
            gzip=values["gzip"],
        )
        self.wanted = Wanted(values["model-version"], values["liveness"])
        self.verbose: bool = values["v"]
        self.version: bool = values["version"]
        self.install: str = values["install"]
        self.values = values
        self.ignored = ignored


def _security(values: "dict[str, Any]", environment: "dict[bytes, bytes]") -> "Security | None":
    """How the connection is secured; None: not at all."""
    kind = TLS if values["tls"] else SPIFFE if values["spiffe"] else ALTS if values["alts"] else ""
    if not kind:
        return None
    roots_file, roots_folders, workload_api = (
        environment.get(name, b"").decode("utf-8", "surrogateescape")
        for name in (ROOTS_FILE, ROOTS_FOLDERS, WORKLOAD_API)
    )
    return Security(
        kind,
        verify=not values["tls-no-verify"],
        ca_file=values["tls-ca-cert"],
        certificate=values["tls-client-cert"],
        key=values["tls-client-key"],
        server_name=values["tls-server-name"],
        roots_file=roots_file,
        roots_folders=roots_folders,
        workload_api=workload_api,
    )


def parse(arguments: "list[str]", environment: "dict[bytes, bytes]", begun: int) -> Options:
    """The options of a command line (without the program's name). Raises UsageError."""
    given: dict[str, Value] = {}
    at = 0
    while at < len(arguments):
        argument = arguments[at]
        if len(argument) < 2 or argument[0] != "-":
            break
        at += 1
        if argument == "--":
            break
        name, equals, text = _split(argument)
        if name not in FLAGS:
            if name in ("h", "help"):
                raise UsageError("")
            raise UsageError(f"flag provided but not defined: -{name}")
        if FLAGS[name][0] == BOOLEAN:
            text = text if equals else "true"
        elif not equals:
            if at == len(arguments):
                raise UsageError(f"flag needs an argument: -{name}")
            text = arguments[at]
            at += 1
        said = _value(name, text, f"flag -{name}", f"-{name}")
        # Repeatable ones gather what they are given.
        given[name] = given.get(name, ()) + said if isinstance(said, tuple) else said  # type: ignore[operator]
    values = {name: default for name, (_, default) in FLAGS.items()}
    values.update(_from_environment(environment, given))
    values.update(given)
    return Options(values, arguments[at:], environment, begun)


def _split(argument: str) -> "tuple[str, str, str]":
    """`-name`, `--name`, `-name=text` -> name, `=`, text."""
    body = argument[2:] if argument[1] == "-" else argument[1:]
    if body[:1] in ("", "-", "="):
        raise UsageError(f"bad flag syntax: {argument}")
    return body.partition("=")


def _from_environment(environment: "dict[bytes, bytes]", given: "dict[str, Value]") -> "dict[str, Value]":
    """The values of TFS_PROBE_* variables, for flags that argv leaves open.

    Kubernetes itself makes such variables for a Service named tfs-probe: what names no flag is none of ours."""
    found: dict[str, Value] = {}
    for variable, value in environment.items():
        shown = variable.decode("utf-8", "surrogateescape")
        name = shown[len(ENVIRONMENT_PREFIX) :].lower().replace("_", "-")
        spelled = ENVIRONMENT_PREFIX + name.upper().replace("-", "_")
        ours = name in FLAGS and shown == spelled and name not in NOT_FROM_ENVIRONMENT
        if not ours or not value or name in given:
            continue
        text = value.decode("utf-8", "surrogateescape")
        if FLAGS[name][0] == HEADERS:
            lines = [_value(name, line, shown, shown) for line in text.split("\n") if line]
            found[name] = sum(lines, ())
        else:
            found[name] = _value(name, text, shown, shown)
    return found


def _value(name: str, text: str, for_whom: str, for_boolean: str) -> "Value":
    """A flag's value. Go names the flag `flag -x` in one of its sentences, and `-x` in the one about booleans."""
    kind = FLAGS[name][0]
    if kind == STRING:
        return text
    if kind == BOOLEAN:
        if text not in BOOLEANS:
            raise UsageError(f"invalid boolean value {quoted(text)} for {for_boolean}: parse error")
        return BOOLEANS[text]
    if (kind == ENGINE and text in ENGINES) or (kind == PATH and text):
        return text
    problem = "parse error"
    try:
        if kind == HEADERS:
            problem = f"invalid RPC header, expected 'key: value', got {quoted(text)}"
            return (_header(text),)
        if kind == ENGINE:
            problem = "it is native or grpcio"
        elif kind == PATH:
            problem = "it is a folder or a file name"
        elif kind == DURATION:
            return duration.parse(text)
        else:
            number = integer(text)
            if -(1 << 63) <= number < 1 << 63:
                return number
            problem = "value out of range"
    except ValueError:
        pass
    raise UsageError(f"invalid value {quoted(text)} for {for_whom}: {problem}")


def _header(text: str) -> "tuple[str, str]":
    """Name and value. Raises ValueError."""
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError(text)
    return name, value


def integer(text: str) -> int:
    """An integer literal of Go: a sign, a base prefix, `_` between digits. Raises ValueError.

    Python's own rules for `int(text, 0)` are the same but for white space, digits of other scripts, and `0` before
    octal digits, which Go takes."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits.isascii() or not digits[:1].isdigit() or digits != digits.strip():
        raise ValueError(text)
    if len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567_":
        digits = "0o" + digits[1:]
    number = int(digits, 0)
    return -number if text[0] == "-" else number


def quoted(text: str) -> str:
    """A text as Go's `%q` shows it."""
    from .usage import quote

    return quote(text)
