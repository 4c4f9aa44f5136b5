"""A certificate and its private key from memory into a context of `_ssl`, which by itself takes files alone.

The static executable has `identify` in C, in the module `_launcher`; here is what an ordinary Python does.
"""

import posix
from binascii import b2a_base64

from .svid import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl


def identify(context: "_ssl._SSLContext", certificates: bytes, key: bytes) -> bool:
    """Gives the context a certificate chain and its private key, both in DER; whether they were of use.

    A private key should be in no file. Each is put into a pipe, which the library opens like one."""
    descriptors: list[int] = []
    try:
        chain = b"".join(_pem(b"CERTIFICATE", certificate) for certificate in split(certificates))
        for content in (chain, _pem(b"PRIVATE KEY", key)):
            descriptors.append(_piped(content))
        context.load_cert_chain(*(f"/dev/fd/{descriptor}" for descriptor in descriptors))
        return True
    except (OSError, ValueError):  # the errors of `_ssl` are of the first kind
        return False
    finally:
        for descriptor in descriptors:
            posix.close(descriptor)


def _piped(content: bytes) -> int:
    """A descriptor to read the content from. Raises OSError where it is more than a pipe holds (64 KiB on Linux)."""
    reading, writing = posix.pipe()
    try:
        posix.set_blocking(writing, False)
        if posix.write(writing, content) < len(content):
            raise BlockingIOError
    except OSError:
        posix.close(reading)
        raise
    finally:
        posix.close(writing)
    return reading


def _pem(label: bytes, der: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label, b2a_base64(der), label)
