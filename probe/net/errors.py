"""Why an attempt to connect failed, and why a stream ended.

`Transient` and `Permanent` are siblings, so the order of `except` clauses never matters.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Cause


class AttemptError(Exception):
    """An attempt to connect failed."""

    def __init__(self, text: str, cause: "Cause") -> None:
        """`text`: what the attempt met, empty if it did not begin; `cause`: the key of a hint."""
        super().__init__(text)
        self.text = text
        self.cause = cause


class Transient(AttemptError):
    """The next attempt may succeed."""


class Permanent(AttemptError):
    """No further attempt can succeed."""


class StreamError(OSError):
    """The connection ended, and the peer gave a reason."""

    def __init__(self, text: str, cause: "Cause") -> None:
        super().__init__(text)
        self.text = text
        self.cause = cause


def reason(error: OSError) -> str:
    """The error in the C library's words, without their capital."""
    if isinstance(error, TimeoutError):
        return "timed out"
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def attempt_error(what: str, error: OSError, is_unix: bool = False) -> "Transient | Permanent":
    """The error of a system call during an attempt to connect; `what`: what was attempted, with the address."""
    cause = cause_of(error, is_unix)
    kind = Permanent if cause in PERMANENT_CAUSES else Transient
    return kind(f"{what}: {reason(error)}", cause)


# Calls that a policy forbids, and used-up resources of this machine.
LOCAL_CAUSES: "tuple[Cause, ...]" = ("policy", "descriptors", "kernel-memory")
# What no retry within a run can change.
PERMANENT_CAUSES: "tuple[Cause, ...]" = (*LOCAL_CAUSES, "invalid")


def cause_of(error: OSError, is_unix: bool = False) -> "Cause":
    """The key of the hint for an error of a socket's system call. `is_unix`: on a unix socket."""
    import errno

    if isinstance(error, TimeoutError):
        return "mute" if is_unix else "dropped"
    if is_unix and error.errno in (errno.EACCES, errno.EAGAIN):
        # EAGAIN: the server's queue of connections is full.
        return "permission" if error.errno == errno.EACCES else "mute"
    causes: dict[int, Cause] = {
        errno.ECONNREFUSED: "refused",
        errno.ENOENT: "no-socket",
        errno.ENOTDIR: "no-socket",
        # A reset between TCP's handshake and our first look at the socket amounts to "accepted and closed".
        errno.ECONNRESET: "closed",
        errno.ECONNABORTED: "closed",
        errno.EPIPE: "closed",
        errno.EPERM: "policy",
        errno.EACCES: "policy",
        errno.ENOSYS: "policy",
        errno.EMFILE: "descriptors",
        errno.ENFILE: "descriptors",
        errno.ENOMEM: "kernel-memory",
        errno.ENOBUFS: "kernel-memory",
        errno.ENETUNREACH: "no-route",
        errno.EHOSTUNREACH: "no-route",
        errno.ENETDOWN: "no-route",
        errno.EHOSTDOWN: "no-route",
        errno.EADDRNOTAVAIL: "no-local-address",
        errno.EAFNOSUPPORT: "no-family",
        errno.EPROTONOSUPPORT: "no-family",
        errno.EINVAL: "invalid",
        errno.ENOTSOCK: "not-a-socket",
        errno.EPROTOTYPE: "not-a-socket",
    }
    return causes.get(error.errno or 0, "socket-error")
