"""The native engine: one unary call on a socket, written for the cost of one short call."""

import time

from ..codec import WireError, decode_response, encode_request
from ..model import CALL, SETUP, SPIFFE, Call, Failure, ModelStatus, Security, Timings
from ..target import Target, parse
from .connect import Stream, Unmendable, dial
from .exchange import Exchange, Request
from .unary import INTERNAL

METHOD = "/tensorflow.serving.ModelService/GetModelStatus"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Deadline
    from .exchange import Layer


def ask(call: Call, timings: Timings) -> "ModelStatus | Failure":
    """GetModelStatus over HTTP/2."""
    target = parse(call.address)
    if isinstance(target, Failure):
        return target
    try:
        content = encode_request(call.model_name)
    except UnicodeEncodeError:
        return Failure(CALL, "grpc: error while marshaling: string field contains invalid UTF-8", INTERNAL)
    request = Request(METHOD, target.authority, content, call.user_agent, call.metadata, call.gzip)
    layer = _secured(call, call.security, target, request, timings) if call.security else None
    if isinstance(layer, Failure):
        return layer
    answer = _exchanged(call, target, request, layer, timings)
    if isinstance(answer, Failure):
        return _retold(call, answer)
    try:
        return decode_response(answer)
    except WireError as error:
        return Failure(CALL, f"grpc: failed to unmarshal the received message: {error}", INTERNAL, "unreadable")


def _exchanged(
    call: Call, target: Target, request: Request, layer: "Layer | None", timings: Timings
) -> "bytes | Failure":
    begun = time.monotonic_ns()
    deadline = call.deadline.sooner(call.connect_timeout, "-connect-timeout")
    exchange = Exchange(request, deadline, call.rpc_timeout, call.deadline, layer)
    stream = dial(target, deadline, exchange.greet)
    if isinstance(stream, Failure):
        return stream
    dialled = time.monotonic_ns()
    timings.dial, timings.peer = dialled - begun, stream.peer
    answer = exchange.finish(stream, call.deadline.sooner(call.rpc_timeout, "-rpc-timeout"))
    timings.call = time.monotonic_ns() - dialled
    exchange.part(stream)
    return answer


def _retold(call: Call, failure: Failure) -> Failure:
    if not call.security or call.security.kind != SPIFFE:
        return failure
    from .spiffe import retold

    return retold(failure)


def _secured(call: Call, security: Security, target: Target, request: Request, timings: Timings) -> "Layer | Failure":
    """What puts TLS on a connection. As with Go's gRPC the name in the certificate is also the `:authority`."""
    request.scheme = b"https"
    request.authority = security.server_name or request.authority
    name = request.authority.strip("[]").rstrip(".")
    if not name.isascii() or name[:1] in ("", ".") or "\0" in name:
        return Failure(SETUP, f"{name!r} cannot be the name in a certificate", cause="tls-bad-name")
    return _by_spiffe(call, security, name, timings) if security.kind == SPIFFE else _by_files(security, name, timings)


def _by_files(security: Security, name: str, timings: Timings) -> "Layer | Failure":
    """TLS as the flags want it."""
    from . import trust
    from .context import context
    from .tls import secure

    identity = trust.read(security)
    if isinstance(identity, Failure):
        return identity
    made = context(security, identity)
    if isinstance(made, Failure):
        return made

    def layer(stream: Stream, deadline: "Deadline") -> Stream:
        secured = secure(stream, made, name, deadline, bool(security.certificate))
        timings.security = secured.described
        return secured

    return layer


def _by_spiffe(call: Call, security: Security, name: str, timings: Timings) -> "Layer | Failure":
    """TLS between identities of SPIFFE."""
    from . import spiffe
    from .tls import secure

    credentials = spiffe.fetch(call, security)
    if isinstance(credentials, Failure):
        return credentials
    timings.identity = credentials.spiffe_id

    def layer(stream: Stream, deadline: "Deadline") -> Stream:
        secured = secure(stream, credentials.context, name, deadline, True, credentials.explain)
        try:
            timings.security = f"{secured.described}, {credentials.check(secured)}"
        except Unmendable:
            secured.give_up()
            raise
        return secured

    return layer
