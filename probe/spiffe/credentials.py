"""Mutual TLS with SPIFFE identities.

Any server is accepted whose trust domain's bundle we have, our own or a federated one, as in grpc_health_probe; host
names do not count. Source: SPIFFE's *X.509-SVID* specification; where it leaves a choice, go-spiffe's.
"""

import _ssl

from ..model import Failure
from ..net.errors import Permanent
from ..tls.context import insecure_context
from ..tls.errors import UNTRUSTED, explain_certificate
from .svid import spiffe_id, split, trust_domain
from .workload_api import unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Cause
    from ..tls.stream import TlsStream
    from .messages import Svid

MAX_CHAIN_BYTES = 40_000  # servers accept hardly more, and as text it must fit into a pipe (memory_cert.py)


class Credentials:
    """Our identity, and the trust bundles of every known trust domain."""

    __slots__ = ("bundles", "context", "spiffe_id")

    def __init__(self, spiffe_id: str, context: "_ssl._SSLContext", bundles: "dict[str, frozenset[bytes]]") -> None:
        """`bundles`: certificates in DER, by trust domain."""
        self.spiffe_id = spiffe_id
        self.context = context
        self.bundles = bundles

    def verify(self, stream: "TlsStream") -> str:
        """The server's SPIFFE ID. Raises Permanent if it has none that is trusted here.

        OpenSSL has verified that one of the bundles vouches for the server; this verifies that it is the bundle of the
        server's own trust domain: a CA must not vouch for the servers of another domain."""
        chain = [_der(certificate) for certificate in stream.verified_chain()]
        connected = f"connected to {stream.peer}: "
        try:
            theirs = spiffe_id(chain[0])
        except ValueError as error:
            raise Permanent(f"{connected}its certificate is not an X.509-SVID: {error}", "spiffe-peer") from None
        if chain[-1] not in self.bundles.get(trust_domain(theirs), ()):
            raise Permanent(connected + self._explain_distrust(theirs), "spiffe-peer")
        return theirs

    def explain(
        self, error: "_ssl.SSLCertVerificationError", _: "str | None", chain: "list[_ssl.Certificate]", peer: str
    ) -> "tuple[str, Cause]":
        """Why the server's certificate is rejected, in terms of trust domains."""
        if error.verify_code not in UNTRUSTED or not chain:
            return explain_certificate(error, None, chain, peer)
        try:
            return f"connected to {peer}: {self._explain_distrust(spiffe_id(_der(chain[0])))}", "spiffe-peer"
        except ValueError as reason:
            return f"connected to {peer}: its certificate is not an X.509-SVID: {reason}", "spiffe-peer"

    def _explain_distrust(self, theirs: str) -> str:
        domain = trust_domain(theirs)
        if domain not in self.bundles:
            known = ", ".join(sorted(self.bundles))
            return f"it is {theirs}, and we have no trust bundle of {domain}, only of {known}"
        return f"it claims to be {theirs}, but the trust bundle of {domain} does not vouch for it"


def credentials(svid: "Svid", alpn: str) -> "Credentials | Failure":
    """An SVID made ready for connections: our identity to be shown, and every trust domain's certificates trusted.
    `Credentials.verify` decides which domain may vouch for which server."""
    try:
        from _launcher import identify  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from .memory_cert import identify

    if len(svid.certificates) > MAX_CHAIN_BYTES:
        text = f"the SPIFFE Workload API's certificates are longer than {MAX_CHAIN_BYTES} bytes"
        return unavailable(text, "spiffe-api")
    try:
        own = spiffe_id(svid.certificates)
    except ValueError as error:
        text = f"the SPIFFE Workload API's certificate is not an X.509-SVID: {error}"
        return unavailable(text, "spiffe-api")
    bundles: dict[str, frozenset[bytes]] = {}
    context = insecure_context(alpn)
    context.verify_mode = _ssl.CERT_REQUIRED
    try:
        # The last bundle of a domain counts, as in every map of protobuf.
        for name, bundle in ((svid.spiffe_id, svid.bundle), *svid.federated):
            bundles[trust_domain(name)] = frozenset(split(bundle))
        roots: set[bytes] = set()
        context.load_verify_locations(None, None, b"".join(sorted(roots.union(*bundles.values()))))
    except (_ssl.SSLError, ValueError):
        return unavailable("the SPIFFE Workload API's trust bundles cannot be decoded", "spiffe-api")
    if not identify(context, svid.certificates, svid.key):
        return unavailable("the SPIFFE Workload API's certificates and key cannot be used", "spiffe-api")
    return Credentials(own, context, bundles)


def _der(certificate: "_ssl.Certificate") -> bytes:
    return certificate.public_bytes(_ssl.ENCODING_DER)
