"""SPIFFE: an identity from the Workload API, and mutual TLS by it.

Strategy: the Workload API is gRPC on a socket of this node, so it is asked by this engine: a stream whose first answer
is all that is wanted. Of the server any identity is accepted whose trust domain has a bundle here, its own or a
federated one, as grpc_health_probe does it; the name of the host means nothing. Sources: SPIFFE's *Workload API*,
*Workload Endpoint* and *X.509-SVID* specifications; where they leave a choice, it is go-spiffe's.
"""

from ..codec import WireError, decode_svid
from ..model import CREDENTIALS, STATUS, Call, Failure, Security, Svid
from ..target import Target, parse
from .connect import Unmendable, dial, literal
from .context import blank
from .exchange import Exchange, Request
from .svid import spiffe_id, split, trust_domain
from .tls import TlsStream
from .tls_faults import UNTRUSTED, of_certificate

METHOD = "/SpiffeWorkloadAPI/FetchX509SVID"
# Without it the API answers nobody: a request that a browser or a proxy was talked into has no such header.
SECURITY_HEADER = ((b"workload.spiffe.io", b"true"),)
PERMISSION_DENIED = 7
# Bytes of our own certificates: no server takes many more, and in text they must go through a pipe (identity.py).
LONGEST_CHAIN = 40_000
# The keys of hints that speak of -tls, and of those that serve instead.
HINTS = {
    "tls-plain": "spiffe-plain",
    "tls-http1": "spiffe-plain",
    "tls-not": "spiffe-plain",
    "tls-closed": "spiffe-plain",
    "tls-client": "spiffe-refused",
    "tls-refused": "spiffe-refused",
    "tls-untrusted": "spiffe-peer",
    "tls-certificate": "spiffe-peer",
}

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
        """The server's SPIFFE ID. Raises Unmendable where it has none that is trusted here.

        That somebody's bundle vouches for it, OpenSSL has seen to; that it is its own trust domain's is seen to here: a
        CA must not be able to vouch for another domain's servers."""
        chain = [_der(certificate) for certificate in stream.verified_chain()]
        begun = f"connected to {stream.peer}: "
        try:
            theirs = spiffe_id(chain[0])
        except ValueError as error:
            raise Unmendable(f"{begun}its certificate is no X.509-SVID: {error}", "spiffe-peer") from None
        if chain[-1] not in self.bundles.get(trust_domain(theirs), ()):
            raise Unmendable(begun + self._stranger(theirs), "spiffe-peer")
        return theirs

    def explain(
        self, error: "_ssl.SSLCertVerificationError", _: "str | None", chain: "list[_ssl.Certificate]", peer: str
    ) -> "tuple[str, str]":
        """Why the server's certificate is refused; as `of_certificate`, but by trust domains."""
        if error.verify_code not in UNTRUSTED or not chain:
            return of_certificate(error, None, chain, peer)
        try:
            return f"connected to {peer}: {self._stranger(spiffe_id(_der(chain[0])))}", "spiffe-peer"
        except ValueError as reason:
            return f"connected to {peer}: its certificate is no X.509-SVID: {reason}", "spiffe-peer"

    def _stranger(self, theirs: str) -> str:
        domain = trust_domain(theirs)
        if domain not in self.bundles:
            known = ", ".join(sorted(self.bundles))
            return f"it is {theirs}, and there is no trust bundle of {domain} here, but of {known}"
        return f"it says that it is {theirs}, and the trust bundle of {domain} does not vouch for it"


def fetch(call: Call, security: Security) -> "Credentials | Failure":
    """Asks the Workload API for our identity. That may take as long as the call itself."""
    target = _endpoint(security.workload_api)
    if isinstance(target, Failure):
        return target
    deadline = call.deadline.sooner(call.rpc_timeout, "-rpc-timeout")
    request = Request(METHOD, target.authority, b"", call.user_agent, SECURITY_HEADER, streamed=True)
    exchange = Exchange(request, deadline, call.rpc_timeout, call.deadline)
    stream = dial(target, deadline, exchange.greet)
    if isinstance(stream, Failure):
        answer: bytes | Failure = stream
    else:
        answer = exchange.finish(stream, deadline)
        exchange.part(stream)
    if isinstance(answer, Failure):
        return _failed(security.workload_api, answer, "" if deadline.remaining() else f" within {deadline.flag}")
    try:
        svid = decode_svid(answer)
    except WireError as error:
        return _none(f"the SPIFFE Workload API's answer cannot be read: {error}", "spiffe-api")
    if svid is None:
        return _none("the SPIFFE Workload API has no identity for this process", "spiffe-none")
    return _credentials(svid)


def retold(failure: Failure) -> Failure:
    """The failure with a hint that fits those who asked for -spiffe."""
    failure.cause = HINTS.get(failure.cause, failure.cause)
    return failure


def _endpoint(address: str) -> "Target | Failure":
    """SPIFFE_ENDPOINT_SOCKET: `unix:///path`, or `tcp://` with an IP address and a port (Workload Endpoint, 4)."""
    if not address:
        return _none("-spiffe: SPIFFE_ENDPOINT_SOCKET is not set", "spiffe-socket")
    scheme, _, rest = address.partition(":")
    host, _, port = rest.removeprefix("//").rpartition(":")
    is_path = scheme == "unix" and rest.startswith("/") and not ("?" in rest or "#" in rest)
    is_tcp = scheme == "tcp" and rest.startswith("//") and literal(host.strip("[]")) and port.isdigit()
    if not (is_path or is_tcp):
        text = f"SPIFFE_ENDPOINT_SOCKET={address}: it is neither unix:///PATH nor tcp://IP:PORT"
        return _none(text, "spiffe-socket")
    target = parse(address if is_path else rest[2:])
    return _none(f"SPIFFE_ENDPOINT_SOCKET: {target.text}", "spiffe-socket") if isinstance(target, Failure) else target


def _failed(address: str, failure: Failure, within: str) -> Failure:
    """What kept the Workload API from answering."""
    if failure.kind == STATUS and failure.code == PERMISSION_DENIED:
        return _none(f"the SPIFFE Workload API has no identity for this process: {failure.text}", "spiffe-none")
    return _none(f"no SPIFFE credentials from {address}{within}: {failure.text}", "spiffe-api")


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

    if len(svid.certificates) > LONGEST_CHAIN:
        text = f"the SPIFFE Workload API's certificates are longer than {LONGEST_CHAIN} bytes"
        return _none(text, "spiffe-api")
    try:
        own = spiffe_id(svid.certificates)
    except ValueError as error:
        return _none(f"the SPIFFE Workload API's certificate is no X.509-SVID: {error}", "spiffe-api")
    bundles: dict[str, set[bytes]] = {}
    made = blank()
    made.verify_mode = _ssl.CERT_REQUIRED
    try:
        # A domain that comes twice has what came last, as in every map of protobuf.
        for name, bundle in ((svid.spiffe_id, svid.bundle), *svid.federated):
            bundles[trust_domain(name)] = set(split(bundle))
        made.load_verify_locations(None, None, b"".join(sorted(set().union(*bundles.values()))))
    except (_ssl.SSLError, ValueError):
        return _none("the SPIFFE Workload API's trust bundles cannot be read", "spiffe-api")
    if not identify(made, svid.certificates, svid.key):
        return _none("the SPIFFE Workload API's certificates and key cannot be used", "spiffe-api")
    return Credentials(own, made, bundles)


def _der(certificate: "_ssl.Certificate") -> bytes:
    import _ssl

    return certificate.public_bytes(_ssl.ENCODING_DER)
