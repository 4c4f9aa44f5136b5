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


class Call:
    """One question: whose status, asked of which address, how, and within what time."""

    __slots__ = ("address", "connect_timeout", "deadline", "engine", "model_name", "rpc_timeout", "user_agent")

    def __init__(
        self,
        address: str,
        model_name: str,
        connect_timeout: int,
        rpc_timeout: int,
        deadline: Deadline,
        user_agent: str,
        engine: str,
    ) -> None:
        """Timeouts are nanoseconds; `deadline` ends the whole run; bytes that are not UTF-8 stand as lone
        surrogates."""
        self.address = address
        self.model_name = model_name
        self.connect_timeout = connect_timeout
        self.rpc_timeout = rpc_timeout
        self.deadline = deadline
        self.user_agent = user_agent
        self.engine = engine


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

    __slots__ = ("call", "dial", "peer")

    def __init__(self) -> None:
        self.dial = 0
        self.call = 0
        self.peer = ""


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
