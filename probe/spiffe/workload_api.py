"""The SPIFFE Workload API: gRPC on a socket of this node, whose stream's first answer is all that is needed.

Sources: SPIFFE's *Workload API* and *Workload Endpoint* specifications; where they leave a choice, go-spiffe's.
"""

from ..deadline import RPC
from ..model import CREDENTIALS, STATUS, Failure
from ..net.dial import dial, literal_family
from ..net.dial import failure as dial_failure
from ..net.errors import Permanent, Transient
from ..net.target import Target, parse
from ..rpc.channel import Channel, ChannelOptions, Request, call_with_retry
from ..rpc.protobuf import WireError
from ..rpc.status import PERMISSION_DENIED
from .messages import Svid, decode_svid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..deadline import Deadline
    from ..model import Cause
    from ..net.stream import Stream

METHOD = "/SpiffeWorkloadAPI/FetchX509SVID"
# Required by the specification: a request that a browser or a proxy was tricked into making has no such header.
SECURITY_HEADER = ((b"workload.spiffe.io", b"true"),)


def fetch_svid(address: str, user_agent: bytes, timeout: int, deadline: "Deadline") -> "Svid | Failure":
    """Our identity. `address`: as in SPIFFE_ENDPOINT_SOCKET; `timeout`: nanoseconds for dialing and call together."""
    target = _endpoint(address)
    if isinstance(target, Failure):
        return target
    deadline = deadline.with_timeout(timeout, RPC)
    answer = _call(target, user_agent, timeout, deadline)
    if isinstance(answer, Failure):
        return _failed(address, answer, deadline)
    try:
        svid = decode_svid(answer)
    except WireError as error:
        return unavailable(f"the SPIFFE Workload API's answer cannot be decoded: {error}", "spiffe-api")
    if svid is None:
        return unavailable("the SPIFFE Workload API has no identity for this process", "spiffe-none")
    return svid


def unavailable(text: str, cause: "Cause") -> Failure:
    """No credentials, and why."""
    return Failure(CREDENTIALS, text, cause=cause)


def _call(target: Target, user_agent: bytes, timeout: int, deadline: "Deadline") -> "bytes | Failure":
    options = ChannelOptions(target.authority, user_agent, SECURITY_HEADER)
    request = Request(METHOD, b"", first_message=True)

    def handshake(stream: "Stream") -> Channel:
        channel = Channel(stream, options)
        channel.establish(request, deadline.remaining(), deadline)
        return channel

    def open_channel(_: Request) -> Channel:
        return dial(target, deadline, handshake)

    try:
        channel = open_channel(request)
    except (Transient, Permanent) as error:
        return dial_failure(error)
    channel, (answer,) = call_with_retry(channel, open_channel, (request,), deadline, timeout)
    channel.close()
    return answer


def _endpoint(address: str) -> "Target | Failure":
    """`unix:///path`, or `tcp://` with an IP address and a port (Workload Endpoint, 4)."""
    if not address:
        return unavailable("SPIFFE_ENDPOINT_SOCKET is not set", "spiffe-socket")
    scheme, _, rest = address.partition(":")
    host, _, port = rest.removeprefix("//").rpartition(":")
    is_path = scheme == "unix" and rest.startswith("/") and not ("?" in rest or "#" in rest)
    is_tcp = scheme == "tcp" and rest.startswith("//") and literal_family(host.strip("[]")) and port.isdigit()
    if not (is_path or is_tcp):
        text = f"SPIFFE_ENDPOINT_SOCKET={address} is neither unix:///PATH nor tcp://IP:PORT"
        return unavailable(text, "spiffe-socket")
    target = parse(address if is_path else rest[2:])
    if isinstance(target, Failure):
        return unavailable(f"SPIFFE_ENDPOINT_SOCKET: {target.text}", "spiffe-socket")
    return target


def _failed(address: str, failure: Failure, deadline: "Deadline") -> Failure:
    """Why the Workload API gave no answer."""
    if failure.kind == STATUS and failure.code == PERMISSION_DENIED:
        return unavailable(f"the SPIFFE Workload API has no identity for this process: {failure.text}", "spiffe-none")
    limit = None if deadline.remaining() else deadline.limit
    return Failure(
        CREDENTIALS, f"no SPIFFE credentials from {address}: {failure.text}", cause="spiffe-api", limit=limit
    )
