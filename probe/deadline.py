"""Deadlines on the monotonic clock."""

import time

from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal, TypeAlias

    Limit: TypeAlias = Literal["run", "wait", "round", "connect", "rpc", "share"]

# Which budget a deadline comes from. Only cli/ knows the flag behind each.
RUN: "Final" = "run"  # the whole run
WAIT: "Final" = "wait"  # all rounds of a run that waits
ROUND: "Final" = "round"  # one of the rounds of a run that serves
CONNECT: "Final" = "connect"  # dialing
RPC: "Final" = "rpc"  # one call
SHARE: "Final" = "share"  # part of a larger budget, such as the time for one of several addresses

# The C library takes timeouts as 32-bit milliseconds; longer waits are cut to this many seconds.
MAX_WAIT_SECONDS = 1_000_000.0


class Deadline(Value):
    """A moment on the monotonic clock, and the budget that set it."""

    __slots__ = ("at", "limit")

    def __init__(self, at: "int | None", limit: "Limit") -> None:
        """`at`: nanoseconds of `time.monotonic_ns`, or None for never."""
        self.at: Final = at
        self.limit: Final = limit

    @classmethod
    def after(cls, nanoseconds: int, limit: "Limit") -> "Deadline":
        """The moment that many nanoseconds from now."""
        return cls(time.monotonic_ns() + nanoseconds, limit)

    def with_timeout(self, nanoseconds: int, limit: "Limit") -> "Deadline":
        """This deadline, or the moment `nanoseconds` from now, whichever comes first."""
        at = time.monotonic_ns() + nanoseconds
        return self if self.at is not None and self.at <= at else Deadline(at, limit)

    def sooner(self, other: "Deadline | None") -> "Deadline":
        """Whichever of the two comes first."""
        if other is None or other.at is None or (self.at is not None and self.at <= other.at):
            return self
        return other

    def share(self, parts: int) -> "Deadline":
        """A deadline after one of `parts` equal parts of the remaining time."""
        return self if parts == 1 else self.with_timeout(int(self.remaining() * 1e9) // parts, SHARE)

    def remaining(self) -> float:
        """Seconds left: 0.0 when none are, never more than `MAX_WAIT_SECONDS`."""
        if self.at is None:
            return MAX_WAIT_SECONDS
        seconds = (self.at - time.monotonic_ns()) / 1e9
        if seconds <= 0:
            return 0.0
        return seconds if seconds < MAX_WAIT_SECONDS else MAX_WAIT_SECONDS
