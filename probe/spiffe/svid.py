"""X.509-SVIDs: the SPIFFE ID of a certificate, and whether the certificate may bear it. Pure.

Certificates come in DER; errors are ValueError. DER is parsed as far as the extensions; OpenSSL verifies certificates
and signatures. Sources: SPIFFE's *SPIFFE-ID* (2) and *X.509-SVID* (2 to 4), RFC 5280 (4.1, 4.2), X.690 (8.1, 10.1)."""

SCHEME = "spiffe://"
MAX_ID_BYTES = 2048  # SPIFFE-ID, 2.3
MAX_VALUES = 1000  # in a row: certificates and names are never that many
DOMAIN = "abcdefghijklmnopqrstuvwxyz0123456789-._"
PATH = DOMAIN + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Tags: a certificate's extensions, a URI among its names, BOOLEAN.
EXTENSIONS, URI, BOOLEAN = 0xA3, 0x86, 0x01
# Object identifiers with their tag and length: id-ce-keyUsage, -subjectAltName, -basicConstraints.
KEY_USAGE, ALTERNATIVE_NAMES = b"\x06\x03\x55\x1d\x0f", b"\x06\x03\x55\x1d\x11"
BASIC_CONSTRAINTS = b"\x06\x03\x55\x1d\x13"
# Bits in the first byte of keyUsage that only a CA may have.
SIGNS_CERTIFICATES, SIGNS_LISTS = 0x04, 0x02


def split(der: bytes) -> "list[bytes]":
    """The concatenated values, each with its header. Raises ValueError."""
    found: list[bytes] = []
    at = 0
    while at < len(der):
        _, end = _bounds(der, at)
        found.append(der[at:end])
        at = end
        if len(found) > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values in a row")
    return found


def spiffe_id(certificate: bytes) -> str:
    """The SPIFFE ID of a leaf X.509-SVID. Raises ValueError."""
    extensions = _extensions(certificate)
    names = split(_content(extensions[ALTERNATIVE_NAMES])) if ALTERNATIVE_NAMES in extensions else []
    uris = [_content(name) for name in names if name[0] == URI]
    if len(uris) != 1:
        raise ValueError(f"it has {len(uris) or 'no'} URIs instead of one")
    found = uris[0].decode("latin-1")
    trust_domain(found)
    constraints = split(_content(extensions[BASIC_CONSTRAINTS])) if BASIC_CONSTRAINTS in extensions else []
    if constraints and constraints[0][0] == BOOLEAN and any(_content(constraints[0])):
        raise ValueError("it belongs to a CA")
    # A bit string begins with the number of unused bits in its last byte.
    usage = _content(extensions[KEY_USAGE])[1:2] if KEY_USAGE in extensions else b""
    if usage and usage[0] & (SIGNS_CERTIFICATES | SIGNS_LISTS):
        raise ValueError("its key may sign certificates or revocation lists")
    return found


def trust_domain(name: str) -> str:
    """The trust domain of a SPIFFE ID. Raises ValueError."""
    if not name.startswith(SCHEME):
        raise ValueError("its URI is not a SPIFFE ID: it does not begin with spiffe://")
    if len(name) > MAX_ID_BYTES:
        raise ValueError(f"its SPIFFE ID is longer than {MAX_ID_BYTES} bytes")
    domain, slash, path = name[len(SCHEME) :].partition("/")
    if not domain or any(character not in DOMAIN for character in domain):
        raise ValueError("the trust domain in its SPIFFE ID is malformed")
    for segment in path.split("/") if slash else ():
        if segment in ("", ".", "..") or any(character not in PATH for character in segment):
            raise ValueError("the path in its SPIFFE ID is malformed")
    return domain


def _extensions(certificate: bytes) -> "dict[bytes, bytes]":
    """The extensions' values, by identifier. Raises ValueError."""
    found: dict[bytes, bytes] = {}
    signed = split(_content(certificate))
    fields = split(_content(signed[0])) if signed else []
    for field in fields:
        if field[0] != EXTENSIONS:
            continue
        for extension in split(_content(_content(field))):
            # The identifier, whether the extension is critical (optional), and the value in an octet string.
            parts = split(_content(extension))
            if len(parts) < 2 or parts[0] in found:
                raise ValueError("its extensions are malformed")
            found[parts[0]] = _content(parts[-1])
    return found


def _content(der: bytes) -> bytes:
    """The first value without its header. Raises ValueError."""
    begin, end = _bounds(der, 0)
    return der[begin:end]


def _bounds(der: bytes, at: int) -> "tuple[int, int]":
    """The positions at which the content of a value begins and ends. Raises ValueError."""
    begin = at + 2
    length = der[at + 1] if begin <= len(der) else 0x80
    if length > 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[at + 2 : begin], "big")
    elif length == 0x80:  # the indefinite form, which DER forbids
        length = len(der)
    if begin + length > len(der):
        raise ValueError("a value in it is truncated")
    return begin, begin + length
