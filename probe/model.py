"""The values that cross package borders: what to ask, how, and what came of it.

Every value is immutable, comparable and printable (value.py). Durations are whole nanoseconds in 64 bits, as in the Go
program whose flags these are.
"""

from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final, Literal, TypeAlias

    from .deadline import Deadline, Limit

    Engine: TypeAlias = Literal["native", "grpcio"]
    Require: TypeAlias = Literal["any", "latest", "all"]
    # What a run is doing; see cli/backstop.py.
    Phase: TypeAlias = Literal["files", "credentials", "dial", "call", "predict"]
    SecurityKind: TypeAlias = Literal["tls", "spiffe", "alts"]
    Kind: TypeAlias = Literal["setup", "credentials", "dial", "call", "status", "predict"]
    Cause: TypeAlias = Literal[
        "",
        # Dialing.
        "no-time", "files-time", "refused", "no-socket", "permission", "dropped", "mute", "slow", "closed", "http1",
        "not-http2", "policy", "descriptors", "kernel-memory", "memory", "no-route", "no-local-address", "no-family",
        "invalid", "not-a-socket", "socket-error",
        # The address, and names.
        "address", "no-port", "brackets", "url", "numeric-host", "zone", "unresolved", "resolver", "no-thread",
        # TLS.
        "speaks-tls", "tls-plain", "tls-http1", "tls-not", "tls-closed", "tls-client", "tls-refused", "tls-version",
        "tls-alpn", "tls-weak", "tls-handshake", "tls-name", "tls-expired", "tls-not-yet", "tls-untrusted",
        "tls-certificate", "tls-file", "tls-encrypted", "tls-mismatch", "tls-roots", "tls-bad-name",
        "tls-random",
        # REST.
        "url-user", "url-path", "rest-port", "rest-refused", "rest-plain", "rest-grpc", "rest-tls", "rest-not-http",
        # SPIFFE.
        "spiffe-socket", "spiffe-api", "spiffe-none", "spiffe-peer", "spiffe-plain", "spiffe-refused",
        # The call.
        "call-timeout", "run-timeout", "broken", "unprocessed", "proxy", "unreadable", "compressed",
        # Engines.
        "alts", "native-only", "no-grpcio",
        # The answer.
        "empty", "no-match", "no-label", "no-models",
        # Files.
        "file", "config", "config-single",
        # -install.
        "own-file", "package", "install-folder", "install-name", "install-read-only", "install-permission",
        "install-space", "install-policy",
        # -serve.
        "serve-address", "serve-in-use", "serve-permission", "serve-no-address", "serve-socket", "serve-no-thread",
        "no-answer-yet", "stale",
    ]  # fmt: skip

# The states of a servable: ModelVersionStatus.State in TensorFlow Serving's get_model_status.proto.
UNKNOWN, START, LOADING, AVAILABLE, UNLOADING, END = 0, 10, 20, 30, 40, 50
STATE_NAMES = {
    UNKNOWN: "UNKNOWN",
    START: "START",
    LOADING: "LOADING",
    AVAILABLE: "AVAILABLE",
    UNLOADING: "UNLOADING",
    END: "END",
}

# Kinds of failure.
SETUP: "Final" = "setup"  # the run cannot start: a file, a certificate, a missing package
CREDENTIALS: "Final" = "credentials"  # the SPIFFE Workload API provided none
DIAL: "Final" = "dial"  # no connection
CALL: "Final" = "call"  # the call failed on this side or on the way
STATUS: "Final" = "status"  # the server ended the call with a gRPC status
PREDICT: "Final" = "predict"  # the model is AVAILABLE but did not answer the request for a prediction

# Kinds of security.
TLS: "Final" = "tls"
SPIFFE: "Final" = "spiffe"
ALTS: "Final" = "alts"


class NamedFile(Value):
    """A file, and what the user set to name it, such as `-tls-ca-cert`, for error messages."""

    __slots__ = ("path", "source")

    def __init__(self, path: str, source: str) -> None:
        self.path: Final = path
        self.source: Final = source


class Security(Value):
    """How the connection is secured, and how each side proves its identity."""

    __slots__ = (
        "ca",
        "certificate",
        "key",
        "kind",
        "roots_file",
        "roots_folders",
        "server_name",
        "verify",
        "workload_api",
    )

    def __init__(
        self,
        kind: "SecurityKind",
        verify: bool = True,
        ca: "NamedFile | None" = None,
        certificate: "NamedFile | None" = None,
        key: "NamedFile | None" = None,
        server_name: str = "",
        roots_file: "NamedFile | None" = None,
        roots_folders: "tuple[str, ...]" = (),
        workload_api: str = "",
    ) -> None:
        """`ca`, `certificate`, `key`: PEM files; `server_name`: replaces the address's host. `roots_file` and
        `roots_folders` replace the system's trusted certificates; `workload_api`: SPIFFE's endpoint address."""
        self.kind: Final = kind
        self.verify: Final = verify
        self.ca: Final = ca
        self.certificate: Final = certificate
        self.key: Final = key
        self.server_name: Final = server_name
        self.roots_file: Final = roots_file
        self.roots_folders: Final = roots_folders
        self.workload_api: Final = workload_api


class ClientConfig(Value):
    """Where the server is and how to talk to it."""

    __slots__ = (
        "address",
        "connect_timeout",
        "engine",
        "gzip",
        "metadata",
        "rpc_timeout",
        "security",
        "user_agent",
    )
    _hidden = ("metadata",)  # headers carry passwords and tokens

    def __init__(
        self,
        address: str,
        engine: "Engine" = "native",
        security: "Security | None" = None,
        metadata: "tuple[tuple[bytes, bytes], ...]" = (),
        user_agent: bytes = b"",
        gzip: bool = False,
        connect_timeout: int = 3_000_000_000,
        rpc_timeout: int = 10_000_000_000,
    ) -> None:
        """`security`: None for plain text. `metadata`: lower-case names and values. `gzip`: compress the request and
        accept a compressed answer. Timeouts in nanoseconds. Bytes of argv that are not UTF-8 appear in strings as
        lone surrogates."""
        self.address: Final = address
        self.engine: Final = engine
        self.security: Final = security
        self.metadata: Final = metadata
        self.user_agent: Final = user_agent
        self.gzip: Final = gzip
        self.connect_timeout: Final = connect_timeout
        self.rpc_timeout: Final = rpc_timeout


class Query(Value):
    """One question: is this model ready?"""

    __slots__ = ("expected", "label", "labels", "min_version", "model", "require", "version")

    def __init__(
        self,
        model: str,
        version: int = 0,
        label: "str | None" = None,
        require: "Require" = "any",
        min_version: "int | None" = None,
        expected: "tuple[int, ...]" = (),
        labels: "tuple[str, ...]" = (),
    ) -> None:
        """`version`: 0 means any version, as in the original program. `label`: the version that it points to.
        `expected`, `labels`: what the configuration file lists, for `require` "all"."""
        self.model: Final = model
        self.version: Final = version
        self.label: Final = label
        self.require: Final = require
        self.min_version: Final = min_version
        self.expected: Final = expected
        self.labels: Final = labels


class Plan(Value):
    """Everything that one run does."""

    __slots__ = (
        "client",
        "config_file",
        "deadline",
        "interval",
        "liveness",
        "predict",
        "queries",
        "round_limit",
        "serve",
        "wait",
    )

    def __init__(
        self,
        client: ClientConfig,
        queries: "tuple[Query, ...]",
        deadline: "Deadline",
        liveness: bool = False,
        config_file: "NamedFile | None" = None,
        predict: "NamedFile | None" = None,
        wait: int = 0,
        interval: int = 1_000_000_000,
        serve: "str | None" = None,
        round_limit: int = 0,
    ) -> None:
        """`deadline` bounds the whole run. `liveness`: succeed as soon as the server itself answers. `config_file`:
        lists further models; the first query is the template of theirs. `predict`: a request that the model must
        answer. `wait`: nanoseconds for which to ask again, 0 for one round; `interval`: the longest pause between
        rounds. `serve`: the address on which to answer over HTTP; `round_limit`: nanoseconds that a round of it may
        take, 0 for no limit but the interval."""
        self.client: Final = client
        self.queries: Final = queries
        self.deadline: Final = deadline
        self.liveness: Final = liveness
        self.config_file: Final = config_file
        self.predict: Final = predict
        self.wait: Final = wait
        self.interval: Final = interval
        self.serve: Final = serve
        self.round_limit: Final = round_limit


class VersionStatus(Value):
    """What the server reports about one version of a model."""

    __slots__ = ("error_code", "error_message", "has_status", "state", "version")

    def __init__(
        self, version: int, state: int, has_status: bool = True, error_code: int = 0, error_message: str = ""
    ) -> None:
        """`state` and `error_code` may be numbers without a name. `has_status`: the status field was present."""
        self.version: Final = version
        self.state: Final = state
        self.has_status: Final = has_status
        self.error_code: Final = error_code
        self.error_message: Final = error_message


class ModelStatus(Value):
    """The versions of a model in the server's order (TensorFlow Serving: newest first).

    Iterating decodes what `rest` holds anew: an answer of 400,000 entries never becomes 400,000 objects at once.
    """

    __slots__ = ("first", "omitted", "rest")

    def __init__(
        self, first: "tuple[VersionStatus, ...]", rest: "Iterable[VersionStatus]" = (), omitted: int = 0
    ) -> None:
        """`first`: the leading entries; `rest`: those after them, which can be iterated any number of times; `omitted`:
        how many further ones were dropped."""
        self.first: Final = first
        self.rest: Final = rest
        self.omitted: Final = omitted

    def __iter__(self) -> "Iterator[VersionStatus]":
        return self._all() if self.rest else iter(self.first)

    def _all(self) -> "Iterator[VersionStatus]":
        yield from self.first
        yield from self.rest


class Failure(Value):
    """No answer, and why. A failure is a value, so that every outcome can be judged."""

    __slots__ = ("cause", "code", "kind", "limit", "permanent", "text")

    def __init__(
        self,
        kind: "Kind",
        text: str,
        code: int = 0,
        cause: "Cause" = "",
        permanent: bool = False,
        limit: "Limit | None" = None,
    ) -> None:
        """`text`: the protocol's sentence, without advice. `code`: a gRPC status code. `permanent`: a retry cannot
        help. `limit`: the budget that ended the attempt, if one did."""
        self.kind: Final = kind
        self.text: Final = text
        self.code: Final = code
        self.cause: Final = cause
        self.permanent: Final = permanent
        self.limit: Final = limit


class CallTrace(Value):
    """How a connection came about and how long each phase took."""

    __slots__ = ("call_ns", "dial_ns", "peer", "security", "spiffe_id")

    def __init__(
        self, peer: str = "", security: str = "", spiffe_id: str = "", dial_ns: int = 0, call_ns: int = 0
    ) -> None:
        """`security`: the agreed protocol and cipher; `spiffe_id`: our own. Durations in nanoseconds; 0 for a phase
        that was not completed."""
        self.peer: Final = peer
        self.security: Final = security
        self.spiffe_id: Final = spiffe_id
        self.dial_ns: Final = dial_ns
        self.call_ns: Final = call_ns


class Verdict(Value):
    """What an outcome means, as data; cli/text.py writes the sentences."""

    __slots__ = ("alive", "cause", "detail", "exit_code", "failure", "version", "wanted")

    def __init__(
        self,
        exit_code: int,
        version: "VersionStatus | None" = None,
        failure: "Failure | None" = None,
        cause: "Cause" = "",
        alive: bool = False,
        wanted: str = "",
        detail: str = "",
    ) -> None:
        """`exit_code`: what the outcome itself means. `version`: the one that decided. `cause`: the key of a hint.
        `alive`: -liveness counts the outcome as a success although it is not ready. `wanted`: what is not listed, such
        as `version: 7`; `detail`: the server's words about it."""
        self.exit_code: Final = exit_code
        self.version: Final = version
        self.failure: Final = failure
        self.cause: Final = cause
        self.alive: Final = alive
        self.wanted: Final = wanted
        self.detail: Final = detail


class Result(Value):
    """A question, its outcome, and the verdict on it."""

    __slots__ = ("outcome", "query", "trace", "verdict")

    def __init__(
        self, query: Query, outcome: "ModelStatus | Failure", verdict: Verdict, trace: "CallTrace | None" = None
    ) -> None:
        """`trace`: None where nothing was dialed."""
        self.query: Final = query
        self.outcome: Final = outcome
        self.verdict: Final = verdict
        self.trace: Final = trace


class Report(Value):
    """What one round over all queries found."""

    __slots__ = ("results",)

    def __init__(self, results: "tuple[Result, ...]") -> None:
        self.results: Final = results
