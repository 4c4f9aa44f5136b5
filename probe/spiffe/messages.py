"""The Workload API's answer: bytes -> values. Field numbers are those of SPIFFE's workload.proto."""

from ..rpc.protobuf import LENGTH, Reader
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


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
    """X509SVIDResponse{repeated X509SVID svids = 1; map<string, bytes> federated_bundles = 3}: the first SVID, which is
    the default one, with the bundles of all trust domains, those of further SVIDs included. None if there is no SVID.
    Raises WireError."""
    reader = Reader(data)
    svids: list[tuple[str, list[bytes]]] = []
    federated: list[tuple[str, bytes]] = []
    while (number_and_type := reader.tag(len(data))) is not None:
        if number_and_type == (1, LENGTH):
            # X509SVID{string spiffe_id = 1; bytes x509_svid = 2; bytes x509_svid_key = 3; bytes bundle = 4}
            svids.append(_string_and_bytes(reader, reader.length(len(data)), 3))
        elif number_and_type == (3, LENGTH):
            # A map's entry: {string key = 1; bytes value = 2}
            domain, (bundle,) = _string_and_bytes(reader, reader.length(len(data)), 1)
            federated.append((domain, bundle))
        else:
            reader.skip(number_and_type, len(data))
    if not svids:
        return None
    spiffe_id, (certificates, key, bundle) = svids[0]
    others = ((other, fields[2]) for other, fields in svids[1:])
    return Svid(spiffe_id, certificates, key, bundle, (*others, *federated))


def _string_and_bytes(reader: Reader, end: int, count: int) -> "tuple[str, list[bytes]]":
    """The first fields of a message: a string, and `count` of type bytes."""
    text = ""
    found = [b""] * count
    while (number_and_type := reader.tag(end)) is not None:
        number, kind = number_and_type
        if number_and_type == (1, LENGTH):
            text = reader.string(end)
        elif kind == LENGTH and number <= count + 1:
            found[number - 2] = reader.bytes(end)
        else:
            reader.skip(number_and_type, end)
    return text, found
