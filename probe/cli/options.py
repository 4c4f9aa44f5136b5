"""The flags' values and the environment -> what to do."""

from ..deadline import RUN, WAIT, Deadline
from ..model import ALTS, SETUP, SPIFFE, TLS, ClientConfig, Failure, NamedFile, Plan, Query, Security
from ..value import Value
from .conflicts import find_conflict, single_model_flag
from .flag_table import ENVIRONMENT_PREFIX
from .rpc_headers import metadata, user_agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from ..model import SecurityKind
    from ..tfs.config_file import ConfiguredQueries, FileNote
    from .flags import ParsedFlags

MIN_INTERVAL_NANOSECONDS = 10_000_000
# Variables beyond the flags' own: OpenSSL's for the system's certificates, and SPIFFE's.
ROOTS_FILE, ROOTS_FOLDERS, WORKLOAD_API = "SSL_CERT_FILE", "SSL_CERT_DIR", "SPIFFE_ENDPOINT_SOCKET"
# The beginnings of all variables that are read.
VARIABLE_PREFIXES = (
    ENVIRONMENT_PREFIX.encode(), ROOTS_FILE.encode(), ROOTS_FOLDERS.encode(), WORKLOAD_API.encode()
)  # fmt: skip


class Options(Value):
    """What the command line asks for."""

    __slots__ = ("flags", "install", "plan", "verbose", "version")

    def __init__(
        self, plan: "Plan | Failure", flags: "ParsedFlags", verbose: bool, version: bool, install: str
    ) -> None:
        """`plan`: a Failure if the flags contradict each other. `install`: where to, empty for no installation."""
        self.plan: Final = plan
        self.flags: Final = flags
        self.verbose: Final = verbose
        self.version: Final = version
        self.install: Final = install


def options(flags: "ParsedFlags", environment: "dict[bytes, bytes]", begun: int) -> Options:
    """The options of a run that began at that moment of `time.monotonic_ns`."""
    values = flags.values
    plan = _plan(values, flags.sources, bool(flags.command), environment, begun)
    install = "" if values["serve"] is not None else values["install"]  # the two contradict each other
    return Options(plan, flags, values["v"], values["version"], install)


def _plan(
    values: "dict[str, Any]",
    sources: "dict[str, str]",
    has_command: bool,
    environment: "dict[bytes, bytes]",
    begun: int,
) -> "Plan | Failure":
    conflict = find_conflict(values, has_command)
    if conflict:
        return Failure(SETUP, conflict, permanent=True)
    try:
        config = ClientConfig(
            values["addr"],
            values["engine"],
            _security(values, environment),
            metadata(values["rpc-header"]),
            user_agent(values["user-agent"]),
            values["gzip"],
            values["connect-timeout"],
            values["rpc-timeout"],
        )
    except ValueError as error:
        return Failure(SETUP, str(error), permanent=True)
    config_file, predict = values["model-config-file"], values["predict"]
    names = dict.fromkeys(values["model-name"]) if "model-name" in sources or not config_file else ()
    if values["liveness"]:
        names = tuple(values["model-name"])[:1]
    return Plan(
        config,
        tuple(query(values, name) for name in names),
        _deadline(values, begun),
        values["liveness"],
        NamedFile(config_file, "-model-config-file") if config_file and not values["liveness"] else None,
        NamedFile(predict, "-predict") if predict else None,
        values["wait"],
        max(values["wait-interval" if values["serve"] is None else "serve-interval"], MIN_INTERVAL_NANOSECONDS),
        values["serve"],
        values["timeout"],
    )


def query(
    values: "dict[str, Any]", model: str, expected: "tuple[int, ...]" = (), labels: "tuple[str, ...]" = ()
) -> Query:
    """The question about one model; `expected` and `labels`: what the configuration file lists for it."""
    return Query(
        model,
        values["model-version"],
        values["model-label"],
        values["require"],
        values["min-version"],
        expected,
        labels,
    )


def with_queries(
    plan: Plan, configured: "ConfiguredQueries | Failure", values: "dict[str, Any]"
) -> "tuple[Plan | Failure, tuple[FileNote, ...]]":
    """The plan with the questions that its configuration file stands for, and the notes about the file."""
    if isinstance(configured, Failure):
        return configured, ()
    single = single_model_flag(values)
    if single and len(configured.queries) > 1:
        text = f"-{single} needs a single model, and -model-config-file lists {len(configured.queries)}"
        return Failure(SETUP, text, cause="config-single", permanent=True), ()
    return plan.copy(queries=configured.queries), configured.notes


def _deadline(values: "dict[str, Any]", begun: int) -> Deadline:
    """Of -timeout and -wait the one that ends first."""
    budget, wait = values["timeout"], values["wait"]
    if budget and not (0 < wait < budget):
        return Deadline(begun + budget, RUN)
    return Deadline(begun + wait if wait > 0 else None, WAIT)


def _security(values: "dict[str, Any]", environment: "dict[bytes, bytes]") -> "Security | None":
    """How the connection is secured; None for plain text."""
    kind: SecurityKind
    if values["tls"] or values["addr"].startswith("https://"):
        kind = TLS
    elif values["spiffe"]:
        kind = SPIFFE
    elif values["alts"]:
        kind = ALTS
    else:
        return None

    def file(flag: str) -> "NamedFile | None":
        return NamedFile(values[flag], f"-{flag}") if values[flag] else None

    def variable(name: str) -> str:
        return environment.get(name.encode(), b"").decode("utf-8", "surrogateescape")

    roots_file = variable(ROOTS_FILE)
    return Security(
        kind,
        verify=not values["tls-no-verify"],
        ca=file("tls-ca-cert"),
        certificate=file("tls-client-cert"),
        key=file("tls-client-key"),
        server_name=values["tls-server-name"],
        roots_file=NamedFile(roots_file, ROOTS_FILE) if roots_file else None,
        roots_folders=tuple(filter(None, variable(ROOTS_FOLDERS).split(":"))),
        workload_api=variable(WORKLOAD_API),
    )
