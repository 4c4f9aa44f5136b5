"""Errors of system calls: the key of the hint, and whether another attempt can help."""

from __future__ import annotations

import errno

import pytest

from probe.net.errors import AttemptError, Permanent, StreamError, Transient, attempt_error, cause_of, reason
from tests.support.hints import HINTS

CAUSES = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "closed",
    errno.EPIPE: "closed",
    errno.ENOENT: "no-socket",
    errno.EHOSTUNREACH: "no-route",
    errno.EADDRNOTAVAIL: "no-local-address",
    errno.EAFNOSUPPORT: "no-family",
    errno.EPROTOTYPE: "not-a-socket",
    errno.EPERM: "policy",
    errno.EMFILE: "descriptors",
    errno.ENOBUFS: "kernel-memory",
    errno.EINVAL: "invalid",
}


@pytest.mark.parametrize("number", CAUSES, ids=errno.errorcode.__getitem__)
def test_errors_of_attempts(number: int) -> None:
    error = attempt_error("connect here", OSError(number, "Reason"))
    assert error.cause == CAUSES[number]
    assert error.text == "connect here: reason"
    permanent = error.cause in ("policy", "descriptors", "kernel-memory", "invalid")
    assert type(error) is (Permanent if permanent else Transient)


@pytest.mark.parametrize("number", sorted(errno.errorcode), ids=errno.errorcode.__getitem__)
@pytest.mark.parametrize("is_unix", [False, True])
def test_every_errno_has_a_hint(number: int, is_unix: bool) -> None:
    assert cause_of(OSError(number, ""), is_unix) in HINTS


def test_unix_sockets_have_meanings_of_their_own() -> None:
    assert cause_of(PermissionError(errno.EACCES, ""), True) == "permission"
    assert cause_of(PermissionError(errno.EACCES, ""), False) == "policy"
    assert cause_of(BlockingIOError(errno.EAGAIN, ""), True) == "mute"
    assert (cause_of(TimeoutError(), True), cause_of(TimeoutError(), False)) == ("mute", "dropped")


def test_an_error_without_a_number() -> None:
    error = OSError("Something is odd")
    assert (cause_of(error), reason(error)) == ("socket-error", "something is odd")
    assert reason(TimeoutError(errno.ETIMEDOUT, "Connection timed out")) == reason(TimeoutError())


def test_transient_and_permanent_errors_are_siblings() -> None:
    """So that the order of `except` clauses never matters."""
    assert not issubclass(Transient, Permanent) and not issubclass(Permanent, Transient)
    assert issubclass(Transient, AttemptError) and issubclass(Permanent, AttemptError)
    assert not issubclass(StreamError, AttemptError)
