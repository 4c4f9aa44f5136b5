"""A certificate and its private key from memory into a context of `_ssl`, which loads them from files only.

The static executable has `identify` in C, in the module `_launcher`; this is the version for an ordinary Python.
"""

import posix
from binascii import b2a_base64

from ..files import close
from .svid import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl


def identify(context: "_ssl._SSLContext", certificates: bytes, key: bytes) -> bool:
    """Gives the context a certificate chain and its private key, both in DER; returns whether they are usable.

    A private key must not be written to a file. Each is put into a pipe, which OpenSSL opens like one."""
    descriptors: list[int] = []
    try:
        chain = b"".join(_pem(b"CERTIFICATE", certificate) for certificate in split(certificates))
        for content in (chain, _pem(b"PRIVATE KEY", key)):
            descriptors.append(_piped(content))
        context.load_cert_chain(*(f"/dev/fd/{descriptor}" for descriptor in descriptors))
        return True
    except (OSError, ValueError):  # `_ssl`'s errors are OSErrors
        return False
    finally:
        for descriptor in descriptors:
            close(descriptor)


def _piped(content: bytes) -> int:
    """A descriptor to read the content from. Raises OSError for more than a pipe holds (64 KiB on Linux)."""
    reading, writing = posix.pipe()
    try:
        posix.set_blocking(writing, False)
        if posix.write(writing, content) < len(content):
            raise BlockingIOError
    except OSError:
        close(reading)
        raise
    finally:
        close(writing)
    return reading


def _pem(label: bytes, der: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label, b2a_base64(der), label)
