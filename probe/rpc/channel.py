"""gRPC calls on one connection: the bytes of http2.py and unary.py, sent and received.

The connection preface, our SETTINGS and the first request go out in one write. The connection counts as established
once the server's SETTINGS have arrived, as in Go with `WithBlock`. Calls never raise: each ends with its message or a
Failure."""

import time

from ..deadline import RPC, RUN
from ..model import CALL, Failure
from ..net.errors import PERMANENT_CAUSES, Permanent, StreamError, Transient, cause_of
from ..net.sniff import SNIFF_BYTES, http1_line, is_tls
from ..value import Value
from .events import GoAway, Settings
from .frames import NO_ERROR
from .hpack import encode, literal
from .http2 import Connection, ConnectionBroken
from .status import DEADLINE_EXCEEDED, UNAVAILABLE
from .unary import (
    GZIP_HEADERS,
    UnaryCall,
    going_away,
    metadata_headers,
    request_headers,
    timeout_header,
    with_prefix,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from ..deadline import Deadline
    from ..model import Cause
    from ..net.stream import Stream
    from .events import Event
    from .unary import Sink


class ChannelOptions(Value):
    """What all calls of a channel have in common."""

    __slots__ = ("authority", "gzip", "metadata", "scheme", "user_agent")
    _hidden = ("metadata",)

    def __init__(
        self,
        authority: str,
        user_agent: bytes = b"",
        metadata: "tuple[tuple[bytes, bytes], ...]" = (),
        gzip: bool = False,
        scheme: bytes = b"http",
    ) -> None:
        """`metadata`: further headers of each call. `gzip`: requests are compressed, and answers may be."""
        self.authority: Final = authority
        self.user_agent: Final = user_agent
        self.metadata: Final = metadata
        self.gzip: Final = gzip
        self.scheme: Final = scheme


class Request(Value):
    """One call."""

    __slots__ = ("first_message", "message", "method", "sink")

    def __init__(self, method: str, message: bytes, first_message: bool = False, sink: "Sink | None" = None) -> None:
        """`method`: `/package.Service/Method`. `first_message`: the first message of a server stream is the answer.
        `sink`: receives the answer instead of the caller (unary.py)."""
        self.method: Final = method
        self.message: Final = message
        self.first_message: Final = first_message
        self.sink: Final = sink


class _Pending:
    """A call under way."""

    __slots__ = ("deadline", "index", "request", "unary")

    def __init__(self, request: Request, unary: UnaryCall) -> None:
        self.request = request
        self.unary = unary
        self.index = -1  # of the request among those of `call`
        self.deadline: Deadline | None = None


class Channel:
    """Several calls on one connection, side by side or one after another."""

    __slots__ = ("_calls", "_connection", "_ended", "_going_away", "_headers", "_options", "_stream", "_waiting")

    def __init__(self, stream: "Stream", options: ChannelOptions) -> None:
        self._stream = stream
        self._options = options
        self._connection = Connection()
        self._headers: dict[str, bytes] = {}  # by method, encoded: the headers of a call but for its timeout
        self._calls: dict[int, _Pending] = {}  # by stream number
        self._ended: Failure | None = None  # why the connection carries no further call
        self._going_away: Failure | None = None  # the server's GOAWAY, for calls that it does not cover
        self._waiting: Deadline | None = None  # of the calls that the server's MAX_CONCURRENT_STREAMS keeps waiting

    @property
    def peer(self) -> str:
        """The server's address, for people."""
        return self._stream.peer

    @property
    def is_usable(self) -> bool:
        """Whether another call may be made on this connection."""
        return self._ended is None and not self._connection.going_away

    def establish(
        self,
        first: Request,
        timeout_seconds: float,
        deadline: "Deadline",
        speaks_tls: "Callable[[Stream], bool] | None" = None,
    ) -> None:
        """Sends the first request and waits for the server's SETTINGS.

        `timeout_seconds`: the call's; with none left the request is not sent, the connection is still made.
        `speaks_tls`: looks whether a peer that closed the connection would have accepted TLS.
        Raises Permanent, Transient or OSError."""
        if timeout_seconds > 0:
            self._open(first, timeout_seconds)
        stream = self._stream
        received = b""
        try:
            stream.send(self._connection.data_to_send(), deadline)
            while True:
                data = stream.receive(deadline)
                if not data:
                    raise self._diagnose(received, speaks_tls) or self._closed(received, speaks_tls)
                received = (received + data)[:SNIFF_BYTES]
                if self._dispatch(self._connection.receive(data)):
                    return
        except ConnectionResetError:
            raise self._diagnose(received, speaks_tls) or self._closed(received, speaks_tls) from None
        except StreamError as error:
            raise Permanent(f"connected to {stream.peer}: {error.text}", error.cause) from None
        except TimeoutError:
            raise self._diagnose(received, speaks_tls) or _silent(stream.peer, received) from None
        except ConnectionBroken as error:
            if self._dispatch(error.events):  # the connection was established: the call broke
                self._end(_broken(error))
                return
            text = f"connected to {stream.peer}: it does not speak HTTP/2: {error}"
            raise self._diagnose(received, speaks_tls) or Permanent(text, "not-http2") from None

    def call(
        self, requests: "tuple[Request, ...]", deadline: "Deadline", timeout: int, in_flight: int = 2
    ) -> "tuple[bytes | Failure, ...]":
        """The answers to the requests, in their order; at most `in_flight` calls at a time, and never more than the
        server allows. `timeout`: nanoseconds for each call from its start, and for waiting until the server allows one.

        A first request that `establish` has sent is not sent again."""
        outcomes: list[bytes | Failure | None] = [None] * len(requests)
        started = self._adopt(requests, deadline, timeout)
        self._waiting = None
        while True:
            self._collect(outcomes)
            if self._ended is not None:
                unsent = _unsent(self._going_away or self._ended)
                return tuple(unsent if outcome is None else outcome for outcome in outcomes)
            started = self._start(requests, started, deadline, timeout, in_flight, outcomes)
            if started == len(requests) and None not in outcomes:
                return tuple(outcomes)  # type: ignore[arg-type]
            self._exchange(deadline)
            self._expire(timeout)

    def close(self) -> None:
        """Says goodbye, so that the server's log shows no broken connection, and closes without waiting."""
        self._connection.close()
        self._stream.try_send(self._connection.data_to_send())
        self._stream.close()

    # Calls.

    def _open(self, request: Request, timeout_seconds: float) -> _Pending:
        """Opens a stream for the request."""
        gzip = self._options.gzip
        headers = self._headers.get(request.method) or self._method_headers(request.method)
        if gzip:
            from .gzip import compress

            body = with_prefix(compress(request.message), compressed=True)
        else:
            body = with_prefix(request.message)
        pending = _Pending(request, UnaryCall(gzip, request.first_message, request.sink))
        self._calls[self._connection.open(headers + literal(*timeout_header(timeout_seconds)), body)] = pending
        return pending

    def _method_headers(self, method: str) -> bytes:
        """The headers of a method's calls, which are encoded once."""
        options = self._options
        fields = request_headers(method, options.authority, options.user_agent, options.scheme)
        if options.gzip:
            fields += GZIP_HEADERS
        headers = self._headers[method] = encode([*fields, *metadata_headers(options.metadata)])
        return headers

    def _adopt(self, requests: "tuple[Request, ...]", deadline: "Deadline", timeout: int) -> int:
        """Takes the call that `establish` began for the first of the requests; returns how many are under way."""
        for pending in self._calls.values():
            if requests and pending.request == requests[0]:
                pending.index, pending.deadline = 0, deadline.with_timeout(timeout, RPC)
                return 1
        return 0

    def _start(
        self,
        requests: "tuple[Request, ...]",
        started: int,
        deadline: "Deadline",
        timeout: int,
        in_flight: int,
        outcomes: "list[bytes | Failure | None]",
    ) -> int:
        """Starts as many of the requests as may be in flight; returns how many have been started by now."""
        allowed = deadline.with_timeout(timeout, RPC)
        seconds = allowed.remaining()
        while started < len(requests) and len(self._calls) < in_flight:
            if seconds <= 0:
                outcomes[started] = timed_out(allowed, timeout)
            elif self._connection.can_open:
                pending = self._open(requests[started], seconds)
                pending.index, pending.deadline = started, allowed
                self._waiting = None
            elif self._waiting is None:
                self._waiting = allowed
                break
            elif self._waiting.remaining() > 0:
                break
            else:
                outcomes[started] = timed_out(self._waiting, timeout)
            started += 1
        return started

    def _collect(self, outcomes: "list[bytes | Failure | None]") -> None:
        """Moves the results of calls that have ended to their places."""
        for stream, pending in tuple(self._calls.items()):
            result = pending.unary.result
            if result is None:
                continue
            if isinstance(result, Failure) and result.cause == "proxy":
                # nginx refuses a client certificate with status 400.
                explained = self._stream.explain_close()
                result = Failure(CALL, result.text, result.code, explained[1]) if explained else result
            del self._calls[stream]
            self._connection.cancel(stream)
            if pending.index >= 0:
                outcomes[pending.index] = result
        if self._going_away is not None and not self._calls:
            self._ended = self._ended or self._going_away

    def _expire(self, timeout: int) -> None:
        """Ends the calls whose deadline has passed."""
        now = time.monotonic_ns()
        for pending in self._calls.values():
            deadline = pending.deadline
            if deadline is not None and deadline.at is not None and deadline.at <= now and pending.unary.result is None:
                pending.unary.result = timed_out(deadline, timeout)

    # The connection.

    def _exchange(self, deadline: "Deadline") -> None:
        """Sends what waits, and reads once, until the first deadline of a call at the latest."""
        deadline = deadline.sooner(self._waiting)
        for pending in self._calls.values():
            deadline = deadline.sooner(pending.deadline)
        try:
            self._stream.send(self._connection.data_to_send(), deadline)
            data = self._stream.receive(deadline)
            if data:
                self._dispatch(self._connection.receive(data))
            else:
                text = "the server closed the connection before it had answered"
                self._end(Failure(CALL, text, UNAVAILABLE, "broken"))
        except TimeoutError:
            pass  # _expire looks at the clock
        except ConnectionBroken as error:
            self._dispatch(error.events)
            self._end(_broken(error))
        except OSError as error:
            self._end(connection_broke(error))

    def _dispatch(self, events: "list[Event]") -> bool:
        """Hands the events to their calls; returns whether the server's SETTINGS are among them."""
        settled = False
        for event in events:
            if isinstance(event, Settings):
                settled = True
            elif isinstance(event, GoAway):
                self._going_away = going_away(event, "unprocessed")
                for stream, pending in self._calls.items():
                    if stream > event.last_stream and pending.unary.result is None:
                        pending.unary.result = self._going_away
                    elif event.code != NO_ERROR:
                        pending.unary.handle(event)
            elif called := self._calls.get(event.stream):
                called.unary.handle(event)
        return settled

    def _end(self, failure: Failure) -> None:
        """The connection carries no further call; those under way fail."""
        self._ended = failure
        for pending in self._calls.values():
            if pending.unary.result is None:
                pending.unary.result = failure

    def _diagnose(self, received: bytes, speaks_tls: "Callable[[Stream], bool] | None") -> "Permanent | None":
        """A peer that its first bytes show not to be a gRPC server. Asked in plain text, nginx with TLS answers in
        HTTP/1 with status 400."""
        connected = f"connected to {self._stream.peer}: "
        line = http1_line(received)
        if is_tls(received) or (" 400 " in line and speaks_tls is not None and speaks_tls(self._stream)):
            return Permanent(f"{connected}it speaks TLS", "speaks-tls")
        return Permanent(f'{connected}it speaks HTTP/1, not gRPC: "{line}"', "http1") if line else None

    def _closed(self, received: bytes, speaks_tls: "Callable[[Stream], bool] | None") -> "Transient | Permanent":
        """A connection that the peer closed before its SETTINGS. Asked in plain text, gRPC's C core with TLS does
        so."""
        connected = f"connected to {self._stream.peer}: "
        if not received and speaks_tls is not None and speaks_tls(self._stream):
            return Permanent(f"{connected}it closed the connection, and speaks TLS", "speaks-tls")
        explained = None if received else self._stream.explain_close()
        if explained:
            return Permanent(connected + explained[0], explained[1])
        when = "during" if received else "before"
        return Transient(f"{connected}closed by it {when} its HTTP/2 SETTINGS", "closed")


def call_with_retry(
    channel: Channel,
    reopen: "Callable[[Request], Channel]",
    requests: "tuple[Request, ...]",
    deadline: "Deadline",
    timeout: int,
) -> "tuple[Channel, tuple[bytes | Failure, ...]]":
    """As `Channel.call`, but calls that the server says it has not processed (RFC 9113, 8.7) are made once more, on
    the same connection or on one that `reopen` establishes with the first of them. Returns the channel in use then."""
    begun = time.monotonic_ns()
    answers = list(channel.call(requests, deadline, timeout))
    places = [
        place for place, answer in enumerate(answers) if isinstance(answer, Failure) and answer.cause == "unprocessed"
    ]
    if places:
        again = tuple(requests[place] for place in places)
        if not channel.is_usable:
            try:
                other = reopen(again[0])
            except (Transient, Permanent):
                return channel, tuple(answers)
            channel.close()
            channel = other
        left = timeout - (time.monotonic_ns() - begun)
        if left > 0:
            for place, answer in zip(places, channel.call(again, deadline, left), strict=True):
                answers[place] = answer
    return channel, tuple(answers)


def timed_out(deadline: "Deadline", timeout: int) -> Failure:
    """A call whose deadline has passed. `timeout`: nanoseconds that it was given."""
    cause: Cause = "run-timeout" if deadline.limit == RUN else "no-time" if timeout <= 0 else "call-timeout"
    return Failure(CALL, "context deadline exceeded", DEADLINE_EXCEEDED, cause, limit=deadline.limit)


def connection_broke(error: OSError) -> Failure:
    """A call whose stream failed; `error`: what the stream raised."""
    if isinstance(error, StreamError):
        return Failure(CALL, f"the connection broke: {error.text}", UNAVAILABLE, error.cause)
    cause = cause_of(error)
    cause = cause if cause in PERMANENT_CAUSES else "broken"
    return Failure(CALL, f"the connection broke: {error.strerror or error}", UNAVAILABLE, cause)


def _unsent(ended: Failure) -> Failure:
    """The failure of a call that was not begun before the connection ended."""
    return Failure(CALL, ended.text, ended.code, "unprocessed") if ended.cause == "broken" else ended


def _broken(error: ConnectionBroken) -> Failure:
    return Failure(CALL, f"the server broke HTTP/2: {error}", UNAVAILABLE, "unreadable")


def _silent(peer: str, received: bytes) -> Transient:
    if received:
        return Transient(f"connected to {peer}: its HTTP/2 SETTINGS are incomplete", "slow")
    return Transient(f"connected to {peer}: no HTTP/2 SETTINGS from it", "mute")
