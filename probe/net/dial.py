"""From a target to a connection that has passed its handshake: names, addresses, and retries.

A server that is still loading its first models refuses connections, so transient errors are retried until the deadline:
refused, no socket yet, reset, no answer, an unknown name. Permanent ones end the dialing at once.
"""

import _socket
import time

from ..model import DIAL, Failure
from .errors import AttemptError, Permanent, Transient, attempt_error
from .stream import Address, connect

# Pauses between attempts: short at first, since a probe's whole budget may be a second.
FIRST_PAUSE_SECONDS, PAUSE_GROWTH, MAX_PAUSE_SECONDS = 0.02, 1.6, 1.0

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias, TypeVar

    from ..deadline import Deadline
    from .stream import Stream
    from .target import Target

    T = TypeVar("T")
    Connect: TypeAlias = "Callable[[Address, Deadline], Stream]"


def dial(
    target: "Target",
    deadline: "Deadline",
    handshake: "Callable[[Stream], T]",
    sleep: "Callable[[float], None]" = time.sleep,
    connect: "Connect" = connect,
) -> "T":
    """What `handshake` makes of the first stream that it accepts. Retries until the deadline.

    `handshake` raises Transient, Permanent or OSError for a stream that it does not accept, and dial closes it.
    Raises Permanent at once, or Transient with the last attempt's error once the deadline has passed."""
    last = Transient("", "no-time")
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return _attempt(target, deadline, handshake, connect)
        except Transient as error:
            last = error if error.text or not last.text else last
        left = deadline.remaining()
        if left <= 0:
            raise last
        sleep(min(pause, left))
        pause = min(pause * PAUSE_GROWTH, MAX_PAUSE_SECONDS)


def failure(error: "AttemptError") -> Failure:
    """A dial's end as a value; a transient error means that the deadline has passed."""
    if isinstance(error, Permanent):
        return Failure(DIAL, error.text, cause=error.cause, permanent=True)
    detail = f" (last error: {error.text})" if error.text else ""
    return Failure(DIAL, "context deadline exceeded" + detail, cause=error.cause)


def _attempt(target: "Target", deadline: "Deadline", handshake: "Callable[[Stream], T]", connect: "Connect") -> "T":
    """One round over all addresses: the first that passes the handshake wins."""
    if deadline.remaining() <= 0:
        raise Transient("", "no-time")
    failed = Transient("", "no-time")
    permanent: Permanent | None = None
    addresses = _addresses(target, deadline)
    for number, address in enumerate(addresses):
        # An address whose packets are dropped must not use up the others' time.
        share = deadline.share(len(addresses) - number)
        try:
            stream = connect(address, share)
        except Transient as error:
            failed = _more_telling(failed, error)
        except Permanent as error:
            permanent = permanent or error  # of this address: a policy may forbid just its family
        else:
            try:
                return _accept(stream, handshake)
            except Transient as error:
                failed = _more_telling(failed, error)
        if deadline.remaining() <= 0:
            break  # the next address would only meet the deadline
    if permanent and not failed.text:
        raise permanent
    raise failed


def _more_telling(one: Transient, other: Transient) -> Transient:
    """The error to report of two addresses: of several refusals the first, otherwise the one that is not a refusal."""
    return other if not one.text or (other.text and other.cause != "refused") else one


def _accept(stream: "Stream", handshake: "Callable[[Stream], T]") -> "T":
    """The handshake's result; a stream that it does not accept is closed."""
    try:
        return handshake(stream)
    except OSError as error:
        stream.close()
        raise attempt_error(f"connected to {stream.peer}", error) from None
    except BaseException:
        stream.close()
        raise


def _addresses(target: "Target", deadline: "Deadline") -> "list[Address]":
    """Every address of a target, in the order in which to try them."""
    if target.path:
        return [Address(_socket.AF_UNIX, target.path)]
    if not (target.port.isascii() and target.port.isdigit()):
        from .resolve import port_of_service

        port = port_of_service(target.port)
    else:
        port = int(target.port)
    addresses: list[Address] = []
    for host in target.hosts:
        family = literal_family(host)
        if family:
            addresses.append(Address(family, (host, port)))
            continue
        from .resolve import resolve

        addresses += resolve(host, port, deadline)
    return addresses


def literal_family(host: str) -> int:
    """The address family of an IP literal; 0 for a name."""
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return family
    return 0
