"""The Workload API's answer: bytes -> values. Field numbers are those of SPIFFE's workload.proto."""

from ..rpc.protobuf import LENGTH, Reader, tag
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


# X509SVIDResponse{repeated X509SVID svids = 1; map<string, bytes> federated_bundles = 3}
SVIDS, FEDERATED_BUNDLES = tag(1, LENGTH), tag(3, LENGTH)


class Svid(Value):
    """An X.509-SVID and the trust bundles that came with it. Certificates and key are DER, certificates
    concatenated."""

    __slots__ = ("bundle", "certificates", "federated", "key", "spiffe_id")
    _hidden = ("key",)

    def __init__(
        self,
        spiffe_id: str,
        certificates: bytes,
        key: bytes,
        bundle: bytes,
        federated: "tuple[tuple[str, bytes], ...]" = (),
    ) -> None:
        """`bundle`: the roots of the SVID's own trust domain; `federated`: those of others, each with a SPIFFE ID."""
        self.spiffe_id: Final = spiffe_id
        self.certificates: Final = certificates
        self.key: Final = key
        self.bundle: Final = bundle
        self.federated: Final = federated


def decode_svid(data: bytes) -> "Svid | None":
    """The first SVID of an X509SVIDResponse, which is the default one, with the bundles of all trust domains, those of
    further SVIDs included. None if there is no SVID. Raises WireError."""
    reader = Reader(data)
    svids: list[tuple[str, list[bytes]]] = []
    federated: list[tuple[str, bytes]] = []
    while found := reader.tag(len(data)):
        if found == SVIDS:
            # X509SVID{string spiffe_id = 1; bytes x509_svid = 2; bytes x509_svid_key = 3; bytes bundle = 4}
            svids.append(_string_and_bytes(reader, reader.length(len(data)), 3))
        elif found == FEDERATED_BUNDLES:
            # A map's entry: {string key = 1; bytes value = 2}
            domain, (bundle,) = _string_and_bytes(reader, reader.length(len(data)), 1)
            federated.append((domain, bundle))
        else:
            reader.skip(found, len(data))
    if not svids:
        return None
    spiffe_id, (certificates, key, bundle) = svids[0]
    others = ((other, fields[2]) for other, fields in svids[1:])
    return Svid(spiffe_id, certificates, key, bundle, (*others, *federated))


def _string_and_bytes(reader: Reader, end: int, count: int) -> "tuple[str, list[bytes]]":
    """The first fields of a message: a string, and `count` of type bytes."""
    text = ""
    contents = [b""] * count
    while found := reader.tag(end):
        number, kind = found >> 3, found & 7
        if kind == LENGTH and number == 1:
            text = reader.string(end)
        elif kind == LENGTH and number <= count + 1:
            contents[number - 2] = reader.bytes(end)
        else:
            reader.skip(found, end)
    return text, contents
