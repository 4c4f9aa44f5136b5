"""A certificate and its private key from memory into a context of `_ssl`, which by itself takes files alone.

The static executable has `identify` in C, in the module `_launcher`; here is what an ordinary Python does.
"""

import posix
from binascii import b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl


def identify(context: "_ssl._SSLContext", certificates: bytes, key: bytes) -> bool:
    """Gives the context a certificate chain and its private key, both in DER; whether they were of use.

    A private key should be in no file. Each is put into a pipe, which the library opens like one."""
    import _ssl

    chain = b"".join(_pem(b"CERTIFICATE", certificate) for certificate in split(certificates))
    descriptors: list[int] = []
    try:
        for content in (chain, _pem(b"PRIVATE KEY", key)):
            reading, writing = posix.pipe()
            descriptors.append(reading)
            posix.set_blocking(writing, False)
            posix.write(writing, content)
            posix.close(writing)
        context.load_cert_chain(*(f"/dev/fd/{descriptor}" for descriptor in descriptors))
        return True
    except (OSError, _ssl.SSLError):
        return False
    finally:
        for descriptor in descriptors:
            posix.close(descriptor)


def _pem(label: bytes, der: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label, b2a_base64(der), label)


def split(der: bytes) -> "list[bytes]":
    """The values that stand one after another (X.690, 8.1.3), as far as they are whole."""
    found = []
    while len(der) > 2:
        length, header = der[1], 2
        if length & 0x80:
            header += length & 0x7F
            length = int.from_bytes(der[2:header], "big")
        if header + length > len(der):
            break
        found.append(der[: header + length])
        der = der[header + length :]
    return found
