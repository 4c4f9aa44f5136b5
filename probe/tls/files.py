"""The files behind TLS: certificates to trust, and our own certificate and key.

Rule of this file: each file is read once, whole and bounded, before a connection is made; an error names the file and
what the user set to name it. Only PEM's framing is parsed; the rest is OpenSSL's job.
"""

import posix
from errno import EACCES

from ..model import SETUP, Failure, NamedFile
from ..net.errors import LOCAL_CAUSES, cause_of, reason
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import Cause, Security

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
CHUNK_BYTES = 1 << 18
MAX_FILES = 2000

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
IS_FOLDER, IS_FILE, KIND = 0o040000, 0o100000, 0o170000


class UnusableFile(Exception):
    """A file that cannot be used: the sentence about it, and the key of its hint."""

    def __init__(self, text: str, cause: "Cause" = "tls-file") -> None:
        super().__init__(text)
        self.text = text
        self.cause = cause


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
        if security.roots_file or _kind(file.path) == IS_FILE:
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
        _refuse_local(folder, error)
        return []
    found: list[bytes] = []
    for name in names:
        try:
            found += _blocks(_read(NamedFile(f"{folder}/{name}", "")))
        except UnusableFile:
            pass  # an unreadable entry does not make the others unusable
    return found


def _certificates(file: NamedFile) -> "list[bytes]":
    """The certificates in a file, at least one."""
    content = _read(file)
    blocks = _blocks(content)
    if not blocks:
        raise UnusableFile(f"{file.source}: {file.path} contains no certificate: {_describe(content)}")
    return blocks


def _key(file: NamedFile) -> bytes:
    """The private key in a file."""
    content = _read(file)
    if b"PRIVATE KEY-----" not in content:
        raise UnusableFile(f"{file.source}: {file.path} contains no private key: {_describe(content)}")
    if b"ENCRYPTED" in content:  # in PKCS #8's own label, or in the head of the older form
        raise UnusableFile(f"{file.source}: the private key in {file.path} is encrypted", "tls-encrypted")
    return content


def _read(file: NamedFile) -> bytes:
    """A regular file's content, within MAX_FILE_BYTES."""
    begin = f"{file.source}: {file.path}"
    try:
        kind = _kind(file.path)
        if kind == IS_FOLDER:
            raise UnusableFile(f"{begin} is a directory, not a file")
        if kind not in (0, IS_FILE):
            raise UnusableFile(f"{begin} is not a regular file")
        name = file.path.encode("utf-8", "surrogateescape")
        descriptor = posix.open(name, posix.O_RDONLY | posix.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _unreadable(begin, error) from None
    content = b""
    try:
        while chunk := posix.read(descriptor, CHUNK_BYTES):
            content += chunk
            if len(content) > MAX_FILE_BYTES:
                raise UnusableFile(f"{begin} is larger than {MAX_FILE_BYTES >> 20} MiB")
    except OSError as error:
        raise _unreadable(begin, error) from None
    finally:
        close(descriptor)
    return content


def close(descriptor: int) -> None:
    """Gives a descriptor back. Where a policy forbids that, it ends with the process."""
    try:
        posix.close(descriptor)
    except OSError:
        pass


def _unreadable(begin: str, error: "OSError | ValueError") -> UnusableFile:
    """The error for a file that cannot be read."""
    if not isinstance(error, OSError):
        return UnusableFile(f"{begin} cannot be read: {error}")
    cause = cause_of(error)
    is_about_file = cause not in LOCAL_CAUSES or error.errno == EACCES  # which a file's mode gives, too
    return UnusableFile(f"{begin} cannot be read: {reason(error)}", "tls-file" if is_about_file else cause)


def _refuse_local(begin: str, error: "OSError | ValueError") -> None:
    """Raises UnusableFile for an error that says nothing about the file: a call is forbidden, or something used up."""
    failed = _unreadable(begin, error)
    if failed.cause != "tls-file":
        raise failed from None


def _kind(path: str) -> int:
    """The file type bits of a path's mode; 0 if there is nothing. Raises UnusableFile where that cannot be known."""
    try:
        return posix.stat(path.encode("utf-8", "surrogateescape")).st_mode & KIND
    except (OSError, ValueError) as error:
        _refuse_local(path, error)
        return 0


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
