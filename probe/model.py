"""The values that travel through the program: what to ask, what came back, how long there is.

Rule of this file: it imports nothing of ours. Values are plain classes with `__slots__`, because importing
`dataclasses` or `enum` costs more than the whole call does; nobody changes one after it was made.

Durations are whole nanoseconds in 64 bits, as in the Go program whose flags these are.
"""

import time

# The states a servable goes through: ModelVersionStatus.State of TensorFlow Serving's get_model_status.proto.
UNKNOWN, START, LOADING, AVAILABLE, UNLOADING, END = 0, 10, 20, 30, 40, 50
STATE_NAMES = {
    UNKNOWN: "UNKNOWN",
    START: "START",
    LOADING: "LOADING",
    AVAILABLE: "AVAILABLE",
    UNLOADING: "UNLOADING",
    END: "END",
}

# What kind of failure kept the answer away.
SETUP = "setup"  # this program cannot do what was asked of it
DIAL = "dial"  # no connection
CALL = "call"  # the call failed on this side, or on the way
STATUS = "status"  # the server answered with a gRPC status of its own
CREDENTIALS = "credentials"  # the SPIFFE Workload API gave none

# What a connection is secured by.
TLS, SPIFFE, ALTS = "tls", "spiffe", "alts"

# A timeout handed to the C library must fit its 32-bit milliseconds; nobody waits longer than this, in seconds.
LONGEST_WAIT = 1_000_000.0


class Deadline:
    """A moment on the monotonic clock, and the flag that set it."""

    __slots__ = ("at", "flag")

    def __init__(self, at: "int | None", flag: str) -> None:
        """`at`: nanoseconds of `time.monotonic_ns`, or None for never."""
        self.at = at
        self.flag = flag

    @classmethod
    def after(cls, budget: int, flag: str) -> "Deadline":
        """`budget` nanoseconds from now."""
        return cls(time.monotonic_ns() + budget, flag)

    def sooner(self, budget: int, flag: str) -> "Deadline":
        """This moment, or `budget` nanoseconds from now, whichever comes first."""
        at = time.monotonic_ns() + budget
        return self if self.at is not None and self.at <= at else Deadline(at, flag)

    def remaining(self) -> float:
        """Seconds left, none left being 0.0; never more than `LONGEST_WAIT`."""
        if self.at is None:
            return LONGEST_WAIT
        return min(max(self.at - time.monotonic_ns(), 0) / 1e9, LONGEST_WAIT)


class Security:
    """How the connection is secured, and how each side shows who it is."""

    __slots__ = (
        "ca_file",
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
        kind: str,
        verify: bool = True,
        ca_file: str = "",
        certificate: str = "",
        key: str = "",
        server_name: str = "",
        roots_file: str = "",
        roots_folders: str = "",
        workload_api: str = "",
    ) -> None:
        """`kind`: TLS, SPIFFE or ALTS. Paths of PEM files: whom to trust, and our own certificate and key; empty for
        none. `server_name`: instead of the address's host. `roots_file`, `roots_folders` (with `:` between): where the
        system's trusted certificates are, empty for the usual places. `workload_api`: SPIFFE's address."""
        self.kind = kind
        self.verify = verify
        self.ca_file = ca_file
        self.certificate = certificate
        self.key = key
        self.server_name = server_name
        self.roots_file = roots_file
        self.roots_folders = roots_folders
        self.workload_api = workload_api


class Call:
    """One question: whose status, asked of which address, how, and within what time."""

    __slots__ = (
        "address",
        "connect_timeout",
        "deadline",
        "engine",
        "gzip",
        "metadata",
        "model_name",
        "rpc_timeout",
        "security",
        "user_agent",
    )

    def __init__(
        self,
        address: str,
        model_name: str,
        connect_timeout: int,
        rpc_timeout: int,
        deadline: Deadline,
        user_agent: bytes,
        engine: str,
        security: "Security | None" = None,
        metadata: "tuple[tuple[bytes, bytes], ...]" = (),
        gzip: bool = False,
    ) -> None:
        """Timeouts are nanoseconds; `deadline` ends the whole run; bytes that are not UTF-8 stand as lone
        surrogates. `security`: None for plain text; `metadata`: names in small letters, and values; `gzip`: whether
        the request is compressed, and the answer may be."""
        self.address = address
        self.model_name = model_name
        self.connect_timeout = connect_timeout
        self.rpc_timeout = rpc_timeout
        self.deadline = deadline
        self.user_agent = user_agent
        self.engine = engine
        self.security = security
        self.metadata = metadata
        self.gzip = gzip


class Svid:
    """An identity of SPIFFE, and whom it may trust. Certificates and key are DER, certificates one after another."""

    __slots__ = ("bundle", "certificates", "federated", "key", "spiffe_id")

    def __init__(self, spiffe_id: str, certificates: bytes, key: bytes, bundle: bytes) -> None:
        """`bundle`: the roots of its own trust domain; those of others come into `federated`."""
        self.spiffe_id = spiffe_id
        self.certificates = certificates
        self.key = key
        self.bundle = bundle
        self.federated: tuple[tuple[str, bytes], ...] = ()


class Wanted:
    """What must hold of the answer for the probe to succeed."""

    __slots__ = ("liveness", "version")

    def __init__(self, version: int = 0, liveness: bool = False) -> None:
        """`version` 0 means any version, as in the original program."""
        self.version = version
        self.liveness = liveness


class VersionStatus:
    """What the server says of one version of the model."""

    __slots__ = ("error_code", "error_message", "has_status", "state", "version")

    def __init__(
        self, version: int, state: int, has_status: bool = True, error_code: int = 0, error_message: str = ""
    ) -> None:
        """`state` and `error_code` may be numbers that no table knows; `has_status`: the status field was there."""
        self.version = version
        self.state = state
        self.has_status = has_status
        self.error_code = error_code
        self.error_message = error_message


class Timings:
    """How long the phases took, in nanoseconds; 0 for a phase that did not end well."""

    __slots__ = ("call", "dial", "identity", "peer", "security")

    def __init__(self) -> None:
        self.dial = 0
        self.call = 0
        self.peer = ""
        self.identity = ""  # our SPIFFE ID
        self.security = ""  # what was agreed on, for people


class ModelStatus:
    """The server's answer: its versions in the order in which it sent them (TensorFlow Serving: newest first)."""

    __slots__ = ("versions",)

    def __init__(self, versions: "list[VersionStatus]") -> None:
        self.versions = versions


class Failure:
    """No answer, and why. A failure is a value, so that every outcome can be judged."""

    __slots__ = ("cause", "code", "kind", "text")

    def __init__(self, kind: str, text: str, code: int = 0, cause: str = "") -> None:
        """`kind` is one of the constants above; `code` a gRPC status code; `cause` a key of the table in hints.py."""
        self.kind = kind
        self.text = text
        self.code = code
        self.cause = cause
