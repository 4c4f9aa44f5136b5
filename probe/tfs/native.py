"""The native engine: gRPC on a socket of our own, written for the cost of one short call."""

import time

from ..deadline import CONNECT
from ..model import CALL, SPIFFE, CallTrace, Failure
from ..net.dial import dial
from ..net.dial import failure as dial_failure
from ..net.errors import Permanent, Transient
from ..net.stream import connect as connect_socket
from ..net.target import Target, parse
from ..rpc.channel import Channel, ChannelOptions, Request, call_with_retry
from ..rpc.protobuf import WireError
from ..rpc.status import INTERNAL
from .labels import interpret
from .messages import (
    VersionSink,
    complete_predict_request,
    decode_response,
    encode_metadata_request,
    encode_request,
)
from .methods import METADATA_METHOD, NO_VERSION, NOT_UNICODE, PREDICT_METHOD, STATUS_METHOD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..deadline import Deadline
    from ..model import Cause, ClientConfig, ModelStatus, Phase, Query, Security
    from ..net.dial import Connect
    from ..net.stream import Stream
    from .secure import Secure

ALPN = "h2"
# Hints about plain TLS, and their counterparts for SPIFFE.
SPIFFE_CAUSES: "dict[Cause, Cause]" = {
    "tls-plain": "spiffe-plain",
    "tls-http1": "spiffe-plain",
    "tls-not": "spiffe-plain",
    "tls-closed": "spiffe-plain",
    "tls-client": "spiffe-refused",
    "tls-refused": "spiffe-refused",
    "tls-untrusted": "spiffe-peer",
    "tls-certificate": "spiffe-peer",
}


class NativeClient:
    """A client on one connection, which is replaced at most once a round."""

    __slots__ = ("_channel", "_connector")

    def __init__(self, channel: Channel, connector: "_Connector") -> None:
        self._channel = channel
        self._connector = connector

    def status(self, queries: "tuple[Query, ...]", deadline: "Deadline") -> "tuple[ModelStatus | Failure, ...]":
        made = [_request(query) for query in queries]
        requests = tuple(request for request in made if not isinstance(request, Failure))
        answers = iter(self._call(requests, deadline))
        return tuple(request if isinstance(request, Failure) else _decode(next(answers)) for request in made)

    def version_of_label(self, model: str, label: str, deadline: "Deadline") -> "int | Failure":
        sink = VersionSink()
        try:
            message = encode_metadata_request(model, label)
        except UnicodeEncodeError:
            return NOT_UNICODE
        (answer,) = self._call((Request(METADATA_METHOD, message, sink=sink),), deadline)
        if isinstance(answer, Failure):
            return interpret(answer)
        if sink.version is None:
            return NO_VERSION
        return sink.version

    def predict(self, model: str, version: "int | None", request: bytes, deadline: "Deadline") -> "Failure | None":
        try:
            message = complete_predict_request(request, model, version)
        except UnicodeEncodeError:
            return NOT_UNICODE
        (answer,) = self._call((Request(PREDICT_METHOD, message, sink=lambda _: False),), deadline)
        return answer if isinstance(answer, Failure) else None

    @property
    def is_usable(self) -> bool:
        return self._channel.is_usable

    def close(self) -> None:
        self._channel.close()

    def _call(self, requests: "tuple[Request, ...]", deadline: "Deadline") -> "tuple[bytes | Failure, ...]":
        connector = self._connector
        self._channel, answers = call_with_retry(
            self._channel,
            lambda request: connector.reopen(request, deadline),
            requests,
            deadline,
            connector.config.rpc_timeout,
        )
        security = connector.config.security
        return tuple(
            _with_spiffe_cause(answer, security) if isinstance(answer, Failure) else answer for answer in answers
        )


class _Connector:
    """How connections to one server are made."""

    __slots__ = ("config", "connect", "has_looked", "options", "secure", "spiffe_id", "target")

    def __init__(self, config: "ClientConfig", target: Target, connect: "Connect") -> None:
        """`connect`: makes the stream to an address."""
        self.config = config
        self.target = target
        self.secure: Secure | None = None  # puts TLS on a stream
        self.spiffe_id = ""
        self.connect = connect
        self.options = _options(config, target)
        self.has_looked = False

    def read_credentials(self, deadline: "Deadline") -> "Failure | None":
        """Reads the files or fetches the SPIFFE credentials that the next connection uses."""
        if not self.config.security:
            return None
        from .secure import prepare

        prepared = prepare(
            self.config, self.config.security, self.target.server_name, deadline, ALPN, _speaks_plaintext
        )
        if isinstance(prepared, Failure):
            return prepared
        self.secure, self.spiffe_id = prepared
        return None

    def reopen(self, first: Request, deadline: "Deadline") -> Channel:
        """As `open`, with credentials read anew: the first connection may be days old."""
        failure = self.read_credentials(deadline)
        if failure:
            raise Permanent(failure.text, failure.cause)
        return self.open(first, deadline)[0]

    def open(self, first: Request, deadline: "Deadline") -> "tuple[Channel, CallTrace]":
        """An established channel that has sent the first request. Raises Transient or Permanent."""
        begun = time.monotonic_ns()
        config = self.config
        dialing = deadline.with_timeout(config.connect_timeout, CONNECT)
        security = ""

        def handshake(stream: "Stream") -> Channel:
            nonlocal security
            if self.secure:
                stream, security = self.secure(stream, dialing)
            channel = Channel(stream, self.options)
            try:
                # Without time for the call the connection is still made, as in the original.
                seconds = min(config.rpc_timeout / 1e9, deadline.remaining())
                channel.establish(first, seconds, dialing, None if self.secure else self._speaks_tls(dialing))
            except BaseException:
                stream.close()
                raise
            return channel

        channel = dial(self.target, dialing, handshake, connect=self.connect)
        return channel, CallTrace(channel.peer, security, "", time.monotonic_ns() - begun)

    def _speaks_tls(self, dialing: "Deadline") -> "Callable[[Stream], bool]":
        """Looks whether a server that closed a connection in plain text speaks TLS: once a run, and for at most half of
        the time left, so that another address or attempt has a chance."""

        def look(stream: "Stream") -> bool:
            if self.has_looked:
                return False
            self.has_looked = True
            try:
                from ..tls import handshake
            except ImportError:  # a Python that was built without _ssl
                return False
            return handshake.speaks_tls(stream, dialing.share(2), ALPN)

        return look


def connect(
    config: "ClientConfig",
    first: "Query",
    deadline: "Deadline",
    enter: "Callable[[Phase], None]",
    connect: "Connect" = connect_socket,
) -> "tuple[NativeClient | Failure, CallTrace]":
    """A client, as tfs.client.connect makes it. `connect` makes the stream to an address."""
    target = parse(config.address)
    if isinstance(target, Failure):
        return target, CallTrace()
    request = _request(first)
    if isinstance(request, Failure):
        return request, CallTrace()
    connector = _Connector(config, target, connect)
    if config.security:
        enter("credentials" if config.security.kind == SPIFFE else "files")
        unusable = connector.read_credentials(deadline)
        if unusable:
            return unusable, CallTrace()
    spiffe_id = connector.spiffe_id
    enter("dial")
    try:
        channel, trace = connector.open(request, deadline)
    except (Transient, Permanent) as error:
        return _with_spiffe_cause(dial_failure(error), config.security), CallTrace(spiffe_id=spiffe_id)
    if spiffe_id:
        trace = CallTrace(trace.peer, trace.security, spiffe_id, trace.dial_ns)
    return NativeClient(channel, connector), trace


def _decode(answer: "bytes | Failure") -> "ModelStatus | Failure":
    if isinstance(answer, Failure):
        return answer
    try:
        return decode_response(answer)
    except WireError as error:
        return Failure(CALL, f"grpc: failed to unmarshal the received message: {error}", INTERNAL, "unreadable")


def _request(query: "Query") -> "Request | Failure":
    try:
        return Request(STATUS_METHOD, encode_request(query.model))
    except UnicodeEncodeError:
        return NOT_UNICODE


def _options(config: "ClientConfig", target: Target) -> ChannelOptions:
    security = config.security
    authority = security.server_name if security and security.server_name else target.authority
    return ChannelOptions(authority, config.user_agent, config.metadata, config.gzip, b"https" if security else b"http")


def _speaks_plaintext(stream: "Stream", deadline: "Deadline") -> bool:
    """Whether a server that closed the connection during a TLS handshake speaks HTTP/2 in plain text."""
    from ..net.errors import AttemptError
    from ..net.sniff import is_http2
    from ..rpc.http2 import Connection

    try:
        other = stream.redial(deadline)
        try:
            other.send(Connection().data_to_send(), deadline)
            return is_http2(other.receive(deadline))
        finally:
            other.close()
    except (OSError, AttemptError):
        return False


def _with_spiffe_cause(failure: Failure, security: "Security | None") -> Failure:
    """The failure with a cause that fits SPIFFE, where SPIFFE is in use."""
    if not security or security.kind != SPIFFE or failure.cause not in SPIFFE_CAUSES:
        return failure
    return failure.copy(cause=SPIFFE_CAUSES[failure.cause])
