"""The files behind TLS: certificates to trust, and our own certificate and key.

Rule of this file: each file is read once, whole and bounded, before a connection is made; an error names the file and
what the user set to name it. Only PEM's framing is parsed; the rest is OpenSSL's job.
"""

import posix

from ..files import IS_FILE, UnusableFile, file_type, read_file, refuse_local
from ..model import SETUP, Failure, NamedFile
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import Security

# Where distributions keep the certificates that they trust: one file with all of them ...
FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch, distroless
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL, since 7
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
# ... or a directory with a file for each.
FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")
SYSTEM = "the system's certificates"
MAX_FILE_BYTES = 8 << 20  # the usual bundle has 0.2 million
MAX_FILES = 2000

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class Identity(Value):
    """The certificates to trust, and our own certificate and key, in PEM."""

    __slots__ = ("certificate", "key", "roots", "roots_source")
    _hidden = ("key",)

    def __init__(self, roots: bytes, roots_source: str, certificate: bytes, key: bytes) -> None:
        """Each is empty if there is none; `roots_source`: where the roots come from, for error messages."""
        self.roots: Final = roots
        self.roots_source: Final = roots_source
        self.certificate: Final = certificate
        self.key: Final = key


def read(security: "Security") -> "Identity | Failure":
    """The content of the files that `security` names, and of the system's where it names none."""
    roots: list[bytes] = []
    source, certificate, key = "", b"", b""
    try:
        if security.verify and security.ca:
            source = f"{security.ca.source}: {security.ca.path}"
            roots = _certificates(security.ca)
        elif security.verify:
            source = SYSTEM
            roots = _system_certificates(security)
        if security.certificate and security.key:
            certificate = b"\n".join(_certificates(security.certificate))
            key = _key(security.key)
    except UnusableFile as error:
        return Failure(SETUP, error.text, cause=error.cause, permanent=True)
    return Identity(b"\n".join(roots), source, certificate, key)


def _system_certificates(security: "Security") -> "list[bytes]":
    """The certificates of the user's file and directories, each in the place of the distribution's."""
    files = (security.roots_file,) if security.roots_file else tuple(NamedFile(path, SYSTEM) for path in FILES)
    folders = security.roots_folders or FOLDERS
    found: list[bytes] = []
    for file in files:
        if security.roots_file or file_type(file.path) == IS_FILE:
            found += _certificates(file)
            break
    if not found or security.roots_folders:
        for folder in folders:
            found += _in_folder(folder)
    if not found:
        places = ", ".join(dict.fromkeys((*(file.path for file in files), *folders)))
        raise UnusableFile(f"no trusted certificates were found; looked for: {places}", "tls-roots")
    return list(dict.fromkeys(found))


def _in_folder(folder: str) -> "list[bytes]":
    """The certificates in a directory's files. Most appear twice, by name and by a link for OpenSSL."""
    try:
        names = sorted(posix.listdir(folder))[:MAX_FILES]
    except OSError as error:
        refuse_local(folder, error, "tls-file")
        return []
    found: list[bytes] = []
    for name in names:
        try:
            found += _blocks(read_file(NamedFile(f"{folder}/{name}", ""), MAX_FILE_BYTES))
        except UnusableFile:
            pass  # an unreadable entry does not make the others unusable
    return found


def _certificates(file: NamedFile) -> "list[bytes]":
    """The certificates in a file, at least one."""
    content = read_file(file, MAX_FILE_BYTES, "tls-file")
    blocks = _blocks(content)
    if not blocks:
        raise UnusableFile(f"{file.source}: {file.path} contains no certificate: {_describe(content)}", "tls-file")
    return blocks


def _key(file: NamedFile) -> bytes:
    """The private key in a file."""
    content = read_file(file, MAX_FILE_BYTES, "tls-file")
    if b"PRIVATE KEY-----" not in content:
        raise UnusableFile(f"{file.source}: {file.path} contains no private key: {_describe(content)}", "tls-file")
    if b"ENCRYPTED" in content:  # in PKCS #8's own label, or in the head of the older form
        raise UnusableFile(f"{file.source}: the private key in {file.path} is encrypted", "tls-encrypted")
    return content


def _blocks(content: bytes) -> "list[bytes]":
    """The PEM certificates in a text, whatever surrounds them."""
    found = []
    at = content.find(BEGIN)
    while at >= 0:
        end = content.find(END, at)
        if end < 0:
            break
        found.append(content[at : end + len(END)])
        at = content.find(BEGIN, end)
    return found


def _describe(content: bytes) -> str:
    """What a file with unexpected content does contain."""
    if not content.strip():
        return "it is empty"
    if content[:1] == b"\x30":
        return "it is in binary form (DER), not in PEM"
    if b"PRIVATE KEY-----" in content:
        return "it contains a private key"
    return "it contains a certificate" if BEGIN in content else "it is not in PEM form"
