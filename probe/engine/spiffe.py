"""SPIFFE: an identity from the Workload API, and mutual TLS by it.

Strategy: the Workload API is gRPC on a socket of this node, so it is asked by this engine: a stream whose first answer
is all that is wanted. Of the server any identity is accepted whose trust domain has a bundle here, its own or a
federated one, as grpc_health_probe does it; the name of the host means nothing. Sources: SPIFFE's *Workload API*,
*Workload Endpoint* and *X.509-SVID* specifications.
"""

from ..codec import WireError, decode_svid
from ..model import CREDENTIALS, STATUS, Call, Failure, Security, Svid
from ..target import Target, parse
from .connect import Unmendable, dial
from .context import blank
from .exchange import Exchange, Request
from .identity import split
from .tls import TlsStream

METHOD = "/SpiffeWorkloadAPI/FetchX509SVID"
# Without it the API answers nobody: a request that a browser or a proxy was talked into has no such header.
SECURITY_HEADER = ((b"workload.spiffe.io", b"true"),)
SCHEME = "spiffe://"
PERMISSION_DENIED = 7

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl


class Credentials:
    """Who we are, and whom we trust, until the run ends."""

    __slots__ = ("bundles", "context", "spiffe_id")

    def __init__(self, spiffe_id: str, context: "_ssl._SSLContext", bundles: "dict[str, set[bytes]]") -> None:
        """`bundles`: certificates in DER, by trust domain."""
        self.spiffe_id = spiffe_id
        self.context = context
        self.bundles = bundles

    def check(self, stream: TlsStream) -> str:
        """The server's SPIFFE ID. Raises Unmendable where it has none that is trusted here."""
        import _ssl

        chain = stream.verified_chain()
        names = chain[0].get_info().get("subjectAltName") if chain else None
        ids = [value for kind, value in names or () if kind == "URI"]
        if len(ids) != 1 or not ids[0].startswith(SCHEME):
            raise Unmendable(f"connected to {stream.peer}: its certificate is no X.509-SVID", "spiffe-peer")
        domain = trust_domain(ids[0])
        root = chain[-1].public_bytes(_ssl.ENCODING_DER)
        if root not in self.bundles.get(domain, ()):
            text = f"connected to {stream.peer}: it is {ids[0]}, and the bundle of {domain} does not vouch for it"
            raise Unmendable(text, "spiffe-peer")
        return str(ids[0])


def fetch(call: Call, security: Security) -> "Credentials | Failure":
    """Asks the Workload API for our identity."""
    target = _endpoint(security.workload_api)
    if isinstance(target, Failure):
        return target
    deadline = call.deadline.sooner(call.rpc_timeout, "-rpc-timeout")
    request = Request(METHOD, target.authority, b"", call.user_agent, SECURITY_HEADER, streamed=True)
    exchange = Exchange(request, deadline, call.rpc_timeout, call.deadline)
    stream = dial(target, deadline, exchange.greet)
    if isinstance(stream, Failure):
        return _failed(security, stream)
    answer = exchange.finish(stream, deadline)
    exchange.part(stream)
    if isinstance(answer, Failure):
        return _failed(security, answer)
    try:
        svid = decode_svid(answer)
    except WireError as error:
        return _none(f"the SPIFFE Workload API's answer cannot be read: {error}", "spiffe-api")
    if svid is None:
        return _none("the SPIFFE Workload API has no identity for this process", "spiffe-none")
    return _credentials(svid)


def _endpoint(address: str) -> "Target | Failure":
    """SPIFFE_ENDPOINT_SOCKET: `unix:///path`, or `tcp://` with an IP address and a port."""
    if not address:
        return _none("-spiffe: SPIFFE_ENDPOINT_SOCKET is not set", "spiffe-socket")
    scheme, _, rest = address.partition(":")
    target: Target | Failure
    if scheme == "unix":
        target = parse(address)
    elif scheme == "tcp" and rest.startswith("//"):
        target = parse(rest[2:].rstrip("/"))
    else:
        return _none(f"SPIFFE_ENDPOINT_SOCKET={address}: it begins neither with unix: nor with tcp://", "spiffe-socket")
    if isinstance(target, Failure):
        return _none(f"SPIFFE_ENDPOINT_SOCKET: {target.text}", "spiffe-socket")
    return target


def _failed(security: Security, failure: Failure) -> Failure:
    """What kept the Workload API from answering."""
    if failure.kind == STATUS and failure.code == PERMISSION_DENIED:
        return _none(f"the SPIFFE Workload API has no identity for this process: {failure.text}", "spiffe-none")
    return _none(f"no SPIFFE credentials from {security.workload_api}: {failure.text}", "spiffe-api")


def _none(text: str, cause: str) -> Failure:
    return Failure(CREDENTIALS, text, cause=cause)


def _credentials(svid: Svid) -> "Credentials | Failure":
    """What connections are made with: our identity shown, and every trust domain's certificates trusted. Which domain
    may vouch for which server is `check`'s."""
    import _ssl

    try:
        from _launcher import identify  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from .identity import identify

    bundles = {trust_domain(svid.spiffe_id): set(split(svid.bundle))}
    for domain, bundle in svid.federated:
        bundles.setdefault(trust_domain(domain), set()).update(split(bundle))
    made = blank()
    made.verify_mode = _ssl.CERT_REQUIRED
    try:
        made.load_verify_locations(None, None, b"".join(sorted(set().union(*bundles.values()))))
    except (_ssl.SSLError, ValueError):
        return _none("the SPIFFE Workload API's trust bundle cannot be read", "spiffe-api")
    if not identify(made, svid.certificates, svid.key):
        return _none("the SPIFFE Workload API's certificate and key cannot be used", "spiffe-api")
    return Credentials(svid.spiffe_id, made, bundles)


def trust_domain(spiffe_id: str) -> str:
    """The name between `spiffe://` and the path."""
    return spiffe_id.removeprefix(SCHEME).partition("/")[0].lower()
