"""TensorFlow Serving's REST API: the same questions over HTTP/1.1, and the same answers.

Once the connection stands, a failure is the call's, but for a peer whose first bytes are not HTTP/1.
"""

import time

from ..deadline import CONNECT, RPC
from ..model import CALL, DIAL, CallTrace, Failure, ModelStatus
from ..net.dial import dial
from ..net.dial import failure as dial_failure
from ..net.errors import AttemptError, Permanent, Transient
from ..net.sniff import SNIFF_BYTES, is_http2, is_tls
from ..net.stream import connect as connect_socket
from ..net.url import Url, parse_url
from ..rpc.channel import connection_broke, timed_out
from ..rpc.http1 import Body, End, Head, HttpError
from ..rpc.http1_client import ResponseReader, encode_request
from ..rpc.json_tokens import JsonError
from ..rpc.status import INTERNAL, RESOURCE_EXHAUSTED, UNAVAILABLE
from ..rpc.unary import MAX_MESSAGE_BYTES, metadata_headers
from .labels import interpret
from .methods import NO_VERSION
from .rest_errors import MAX_ERROR_BYTES, decode_failure
from .rest_messages import LabelReader, StatusReader, label_target, predict_target, status_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..deadline import Deadline
    from ..model import Cause, ClientConfig, Phase, Query
    from ..net.dial import Connect
    from ..net.stream import Stream
    from .secure import Secure

ALPN = "http/1.1"
# Hints about gRPC, and their counterparts for REST.
REST_CAUSES: "dict[Cause, Cause]" = {
    "refused": "rest-refused",
    "tls-http1": "rest-plain",
    "tls-plain": "rest-grpc",
}
JSON_BODY = ((b"Content-Type", b"application/json"),)


class RestClient:
    """A client on one connection, which is replaced when the server does not keep it."""

    __slots__ = ("_config", "_connect", "_secure", "_stream", "_url", "trace")

    def __init__(self, config: "ClientConfig", url: Url, secure: "Secure | None", connect: "Connect") -> None:
        self._config = config
        self._url = url
        self._secure = secure
        self._connect = connect
        self._stream: Stream | None = None
        self.trace = CallTrace()

    def dial(self, deadline: "Deadline") -> None:
        """Connects. Raises Transient or Permanent."""
        begun = time.monotonic_ns()
        dialing = deadline.with_timeout(self._config.connect_timeout, CONNECT)
        security = ""

        def handshake(stream: "Stream") -> "Stream":
            nonlocal security
            if self._secure:
                stream, security = self._secure(stream, dialing)
            return stream

        self._stream = dial(self._url.target, dialing, handshake, connect=self._connect)
        self.trace = CallTrace(self._stream.peer, security, "", time.monotonic_ns() - begun)

    def _redial(self, deadline: "Deadline") -> None:
        """As `dial`, with the files read anew: the first connection may be days old."""
        if self._secure and self._config.security:
            from .secure import prepare

            prepared = prepare(self._config, self._config.security, self._url.target.server_name, deadline, ALPN)
            if isinstance(prepared, Failure):
                raise Permanent(prepared.text, prepared.cause)
            self._secure = prepared[0]
        self.dial(deadline)

    def status(self, queries: "tuple[Query, ...]", deadline: "Deadline") -> "tuple[ModelStatus | Failure, ...]":
        return tuple(self._status(query, deadline) for query in queries)

    def version_of_label(self, model: str, label: str, deadline: "Deadline") -> "int | Failure":
        reader = LabelReader()

        def feed(data: bytes) -> bool:
            reader.feed(data)
            return reader.version is not None

        failure = self._exchange(b"GET", label_target(self._url.prefix, model, label), None, deadline, feed, None)
        if failure:
            return interpret(failure)
        return reader.version if reader.version is not None else NO_VERSION

    def predict(self, model: str, version: "int | None", request: bytes, deadline: "Deadline") -> "Failure | None":
        target = predict_target(self._url.prefix, model, version)
        return self._exchange(b"POST", target, request, deadline, lambda _: False, None)

    @property
    def is_usable(self) -> bool:
        return True  # a connection that has ended is replaced by the next call

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _status(self, query: "Query", deadline: "Deadline") -> "ModelStatus | Failure":
        reader = StatusReader()

        def feed(data: bytes) -> bool:
            reader.feed(data)
            return False

        target = status_target(self._url.prefix, query.model)
        failure = self._exchange(b"GET", target, None, deadline, feed, MAX_MESSAGE_BYTES)
        if failure:
            return failure
        try:
            return reader.end()
        except JsonError as error:
            return _unreadable(error)

    def _exchange(
        self,
        method: bytes,
        target: bytes,
        body: "bytes | None",
        deadline: "Deadline",
        feed: "Callable[[bytes], bool]",
        max_bytes: "int | None",
    ) -> "Failure | None":
        """One request; `feed` receives the body of a 200, and returns True once it needs no more. `max_bytes`: the
        body's bound, None where it is not kept."""
        timeout = self._config.rpc_timeout
        deadline = deadline.with_timeout(timeout, RPC)
        if deadline.remaining() <= 0:
            return timed_out(deadline, timeout)
        headers = [(b"User-Agent", self._config.user_agent), *metadata_headers(self._config.metadata)]
        host = self._url.target.authority.encode("utf-8", "surrogateescape")
        try:
            request = encode_request(method, target, host, (*headers, *(JSON_BODY if body is not None else ())), body)
        except ValueError as error:
            return Failure(CALL, str(error), INTERNAL, permanent=True)
        for is_kept in (self._stream is not None, False):
            answer = _Answer(feed, max_bytes)
            try:
                if self._stream is None:
                    self._redial(deadline)
                assert self._stream is not None
                failure = answer.read(self._stream, request, deadline)
            except TimeoutError:
                failure = timed_out(deadline, timeout)
            except (Transient, Permanent) as error:
                return dial_failure(error)
            except OSError as error:
                failure = connection_broke(error)
            if failure or not answer.reader.can_reuse:
                self.close()
            # A server closes idle connections when it likes: one that was kept is replaced once.
            if not (is_kept and failure and failure.cause == "broken" and not answer.reader.began):
                break
        return failure


class _Answer:
    """An answer as it arrives."""

    __slots__ = ("_feed", "_max_bytes", "reader")

    def __init__(self, feed: "Callable[[bytes], bool]", max_bytes: "int | None") -> None:
        self.reader = ResponseReader()
        self._feed = feed
        self._max_bytes = max_bytes

    def read(self, stream: "Stream", request: bytes, deadline: "Deadline") -> "Failure | None":
        """Sends the request and reads the answer; why it is none, if so. Raises what streams raise."""
        reader = self.reader
        stream.send(request, deadline)
        received = b""
        head: Head | None = None
        error = b""
        size = 0
        while True:
            try:
                event = reader.next_event()
                if isinstance(event, Head):
                    head = event
                elif isinstance(event, End):
                    break
                elif isinstance(event, Body):
                    size += len(event.content)
                    if head is not None and head.status == 200:
                        if self._max_bytes is not None and size > self._max_bytes:
                            text = f"received body larger than max ({self._max_bytes} bytes)"
                            return Failure(CALL, text, RESOURCE_EXHAUSTED, "unreadable")
                        if self._feed(event.content):
                            return None
                    else:
                        error = (error + event.content)[:MAX_ERROR_BYTES]
                        if size > MAX_MESSAGE_BYTES:
                            break
                else:
                    data = stream.receive(deadline)
                    if not data and not reader.began:
                        return self._closed(stream)
                    received = (received + data)[:SNIFF_BYTES]
                    if data:
                        reader.feed(data)
                    else:
                        reader.end()
            except HttpError as problem:
                if head is None and not received.startswith(b"HTTP/1."):
                    return _not_http1(stream, received)
                return Failure(CALL, f"the HTTP answer is malformed: {problem}", INTERNAL, "unreadable")
            except JsonError as problem:
                return _unreadable(problem)
        assert head is not None
        return None if head.status == 200 else decode_failure(head, error)

    @staticmethod
    def _closed(stream: "Stream") -> Failure:
        explained = stream.explain_close()
        text = "the server closed the connection before it had answered"
        return Failure(CALL, text, UNAVAILABLE, explained[1] if explained else "broken")


def connect(
    config: "ClientConfig",
    first: "Query",
    deadline: "Deadline",
    enter: "Callable[[Phase], None]",
    connect: "Connect" = connect_socket,
) -> "tuple[RestClient | Failure, CallTrace]":
    """A client, as tfs.client.connect makes it. `connect` makes the stream to an address."""
    url = parse_url(config.address)
    if isinstance(url, Failure):
        return url, CallTrace()
    secure: Secure | None = None
    if url.is_secure and config.security:
        enter("files")
        from .secure import prepare

        prepared = prepare(config, config.security, url.target.server_name, deadline, ALPN)
        if isinstance(prepared, Failure):
            return prepared, CallTrace()
        secure = prepared[0]
    enter("dial")
    client = RestClient(config, url, secure, connect)
    try:
        client.dial(deadline)
    except AttemptError as error:
        return _with_rest_cause(dial_failure(error), url), CallTrace()
    return client, client.trace


def _with_rest_cause(failure: Failure, url: Url) -> Failure:
    """The failure with a cause that fits a URL."""
    cause = REST_CAUSES.get(failure.cause, failure.cause)
    if not url.has_port and failure.cause in ("refused", "dropped"):
        cause = "rest-port"
    return Failure(DIAL, failure.text, cause=cause, permanent=failure.permanent)


def _not_http1(stream: "Stream", received: bytes) -> Failure:
    connected = f"connected to {stream.peer}: "
    if is_http2(received):
        return Failure(DIAL, f"{connected}it speaks HTTP/2, not HTTP/1", cause="rest-grpc", permanent=True)
    if is_tls(received):
        return Failure(DIAL, f"{connected}it speaks TLS", cause="rest-tls", permanent=True)
    return Failure(DIAL, f"{connected}it does not speak HTTP/1", cause="rest-not-http", permanent=True)


def _unreadable(error: JsonError) -> Failure:
    return Failure(CALL, f"the answer is not the JSON of a model's status: {error}", INTERNAL, "unreadable")
