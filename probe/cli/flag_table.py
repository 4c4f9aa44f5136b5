"""THE table of flags. Parser, usage, environment, README and tests read it."""

from .. import __version__
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal, TypeAlias

    Kind: TypeAlias = Literal["bool", "string", "int", "duration", "choice", "header", "path", "code"]
    # Durations are nanoseconds, headers pairs of name and value; None: not set, where every value means something.
    FlagValue: TypeAlias = "str | int | bool | tuple[str, ...] | tuple[tuple[str, str], ...] | None"

ENVIRONMENT_PREFIX = "TFS_PROBE_"
ENGINES = ("native", "grpcio")

# Groups of -h, in their order.
ORIGINAL, QUESTION, TIME, SECURITY, OUTPUT, SERVE, INSTALL = (
    "",
    "What to ask, and what counts as success",
    "Time limits and waiting",
    "Secure connections and metadata",
    "Engine and output",
    "As a sidecar",
    "Installation",
)


class Flag(Value):
    """One flag."""

    __slots__ = ("choices", "default", "from_environment", "group", "help", "kind", "metavar", "name", "repeatable")

    def __init__(
        self,
        name: str,
        kind: "Kind",
        default: "FlagValue",
        group: str,
        help: str,
        metavar: str = "",
        choices: "tuple[str, ...]" = (),
        repeatable: bool = False,
        from_environment: bool = True,
    ) -> None:
        """`metavar`: what usage shows as the value's kind, by default `kind` itself. `from_environment`: a variable may
        set it; not so for flags that replace the probe by another action."""
        self.name: Final = name
        self.kind: Final = kind
        self.default: Final = default
        self.group: Final = group
        self.help: Final = help
        self.metavar: Final = metavar or ("" if kind == "bool" else kind)
        self.choices: Final = choices
        self.repeatable: Final = repeatable
        self.from_environment: Final = from_environment

    @property
    def variable(self) -> str:
        """The environment variable that sets the flag."""
        return ENVIRONMENT_PREFIX + self.name.upper().replace("-", "_")


_ROWS = (
    Flag("addr", "string", "localhost:9000", ORIGINAL, "The hostname:port to check"),
    Flag("connect-timeout", "duration", 3_000_000_000, ORIGINAL, "Timeout for making connection"),
    Flag("model-name", "string", ("default",), ORIGINAL, "The name of the model", repeatable=True),
    Flag("model-version", "int", 0, ORIGINAL, "The version of the model"),
    Flag("rpc-timeout", "duration", 10_000_000_000, ORIGINAL, "Timeout for rpc call"),
    Flag(
        "model-config-file",
        "path",
        "",
        QUESTION,
        "Ask for all models in this TensorFlow Serving configuration file",
        metavar="file",
    ),
    Flag("model-label", "string", None, QUESTION, "Require the version that this label points to"),
    Flag(
        "require",
        "choice",
        "any",
        QUESTION,
        "Which versions must be AVAILABLE: any, latest or all",
        metavar="string",
        choices=("any", "latest", "all"),
    ),
    Flag(
        "min-version",
        "int",
        None,
        QUESTION,
        "Require an AVAILABLE version with this number or a higher one (for rollout gates)",
    ),
    Flag(
        "predict",
        "path",
        "",
        QUESTION,
        "Also require an answer to the request in this file: a PredictRequest, or JSON with REST",
        metavar="file",
    ),
    Flag(
        "liveness",
        "bool",
        False,
        QUESTION,
        "Succeed as soon as TensorFlow Serving itself answers, whatever the model's state",
    ),
    Flag(
        "timeout",
        "duration",
        0,
        TIME,
        "Limit for the whole run, -wait included; in a probe, set it a little below timeoutSeconds",
    ),
    Flag(
        "wait",
        "duration",
        0,
        TIME,
        "Keep asking for at most this long (not in a probe); then run the command after --, if any",
        from_environment=False,
    ),
    Flag("wait-interval", "duration", 1_000_000_000, TIME, "The longest pause between two rounds (with -wait)"),
    Flag("tls", "bool", False, SECURITY, "Use TLS 1.2 or 1.3, and verify the server's certificate"),
    Flag(
        "tls-ca-cert",
        "string",
        "",
        SECURITY,
        "PEM file with the certificates to trust instead of the system's (with -tls)",
        metavar="file",
    ),
    Flag(
        "tls-client-cert",
        "string",
        "",
        SECURITY,
        "PEM file with the client certificate (with -tls and -tls-client-key)",
        metavar="file",
    ),
    Flag(
        "tls-client-key",
        "string",
        "",
        SECURITY,
        "PEM file with the client certificate's private key",
        metavar="file",
    ),
    Flag(
        "tls-server-name",
        "string",
        "",
        SECURITY,
        "The name to expect in the server's certificate instead of -addr's host (with -tls)",
    ),
    Flag("tls-no-verify", "bool", False, SECURITY, "Do not verify the server's certificate (with -tls; INSECURE)"),
    Flag(
        "spiffe",
        "bool",
        False,
        SECURITY,
        "Use mutual TLS with an identity from the SPIFFE Workload API (SPIFFE_ENDPOINT_SOCKET)",
    ),
    Flag("alts", "bool", False, SECURITY, "Use ALTS on Google Cloud (with -engine=grpcio)"),
    Flag(
        "rpc-header",
        "header",
        (),
        SECURITY,
        "A header to send with the call, 'name: value' (repeatable)",
        metavar="value",
        repeatable=True,
    ),
    Flag("user-agent", "string", "tfs_model_status_probe/" + __version__, SECURITY, "The user agent to send"),
    Flag("gzip", "bool", False, SECURITY, "Compress the request, and accept a compressed answer"),
    Flag(
        "engine",
        "choice",
        "native",
        OUTPUT,
        "native, or grpcio where that package is installed",
        metavar="string",
        choices=ENGINES,
    ),
    Flag(
        "format",
        "choice",
        "text",
        OUTPUT,
        "text on stderr, or one JSON object on stdout",
        metavar="string",
        choices=("text", "json"),
    ),
    Flag("quiet", "bool", False, OUTPUT, "Print nothing on success, and no hints on failure"),
    Flag("v", "bool", False, OUTPUT, "Print the effective options and timings to stderr"),
    Flag("version", "bool", False, OUTPUT, "Print the version and exit", from_environment=False),
    Flag("explain", "code", None, OUTPUT, "Explain this exit code and exit", metavar="int", from_environment=False),
    Flag(
        "serve",
        "string",
        None,
        SERVE,
        "Keep asking, and answer over HTTP, for example on :9808: /readyz, /livez, /metrics and a page",
        metavar="address",
        from_environment=False,
    ),
    Flag("serve-interval", "duration", 5_000_000_000, SERVE, "How often to ask (with -serve)"),
    Flag(
        "install",
        "path",
        "",
        INSTALL,
        "Copy this executable to a directory or file and exit (for init containers)",
        from_environment=False,
    ),
)
FLAGS = {flag.name: flag for flag in _ROWS}
