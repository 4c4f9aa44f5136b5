"""The files behind TLS: whom to trust, and who we are.

Rule of this file: whatever it reads is read once, whole and bounded, before a connection is made; what is wrong with it
is told, and with which file. It knows PEM's frames and no more: what is in them is for the TLS library.
"""

import posix

from ..model import SETUP, Failure, Security

# Where distributions keep the certificates that they trust: one file with all of them ...
FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch, distroless
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL, since 7
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
# ... or a folder with a file for each.
FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")
LARGEST = 8 << 20  # bytes of a file; the usual bundle has 0.2 million
MOST_FILES = 2000

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
IS_FOLDER, IS_FILE, KIND = 0o040000, 0o100000, 0o170000


class Unusable(Exception):
    """A file that cannot serve: the sentence about it, and the key of its hint."""

    def __init__(self, text: str, cause: str = "tls-file") -> None:
        self.text = text
        self.cause = cause


class Identity:
    """Whom to trust, and who we are, in PEM."""

    __slots__ = ("certificate", "key", "roots", "roots_origin")

    def __init__(self, roots: bytes, roots_origin: str, certificate: bytes, key: bytes) -> None:
        """Each is empty for none; `roots_origin`: where the roots are from, for errors."""
        self.roots = roots
        self.roots_origin = roots_origin
        self.certificate = certificate
        self.key = key


def read(security: Security) -> "Identity | Failure":
    """What the files hold that the call names, or that the system has."""
    roots: list[bytes] = []
    origin, certificate, key = "", b"", b""
    try:
        if security.verify and security.ca_file:
            origin = f"-tls-ca-cert: {security.ca_file}"
            roots = _certificates(security.ca_file, "-tls-ca-cert")
        elif security.verify:
            origin = "the system's certificates"
            roots = _of_the_system(security)
        if security.certificate:
            certificate = b"\n".join(_certificates(security.certificate, "-tls-client-cert"))
            key = _key(security.key)
    except Unusable as error:
        return Failure(SETUP, error.text, cause=error.cause)
    return Identity(b"\n".join(roots), origin, certificate, key)


def _of_the_system(security: Security) -> "list[bytes]":
    """What SSL_CERT_FILE and SSL_CERT_DIR name, each in the place of its own list, else what the distribution has."""
    files = (security.roots_file,) if security.roots_file else FILES
    folders = tuple(filter(None, security.roots_folders.split(":"))) or FOLDERS
    found: list[bytes] = []
    for file in files:
        if security.roots_file or _kind(file) == IS_FILE:
            found += _certificates(file, "SSL_CERT_FILE" if security.roots_file else "the system's certificates")
            break
    if not found or security.roots_folders:
        for folder in folders:
            found += _in_folder(folder)
    if not found:
        places = ", ".join(dict.fromkeys((*files, *folders)))
        raise Unusable(f"no trusted certificates were found; looked for: {places}", "tls-roots")
    return list(dict.fromkeys(found))


def _in_folder(folder: str) -> "list[bytes]":
    """The certificates in a folder's files. Most are there twice, by name and by a link for OpenSSL."""
    try:
        names = sorted(posix.listdir(folder))[:MOST_FILES]
    except OSError:
        return []
    found: list[bytes] = []
    for name in names:
        try:
            found += _blocks(_read(f"{folder}/{name}", ""))
        except Unusable:
            pass  # what cannot be read or is something else is no root
    return found


def _certificates(path: str, flag: str) -> "list[bytes]":
    """The certificates in a file, one at least."""
    content = _read(path, flag)
    blocks = _blocks(content)
    if not blocks:
        raise Unusable(f"{flag}: {path} holds no certificate: {_what(content)}")
    return blocks


def _key(path: str) -> bytes:
    """The private key in a file."""
    content = _read(path, "-tls-client-key")
    if b"PRIVATE KEY-----" not in content:
        raise Unusable(f"-tls-client-key: {path} holds no private key: {_what(content)}")
    if b"ENCRYPTED" in content:  # in PKCS #8's own label, or in the head of the older form
        raise Unusable(f"-tls-client-key: the private key in {path} is encrypted", "tls-encrypted")
    return content


def _read(path: str, flag: str) -> bytes:
    """A file's content, for which the flag is named in errors."""
    try:
        name = path.encode("utf-8", "surrogateescape")
        kind = _kind(path)
        if kind == IS_FOLDER:
            raise Unusable(f"{flag}: {path} is a directory, and a file is wanted")
        if kind not in (0, IS_FILE):
            raise Unusable(f"{flag}: {path} is no regular file")
        descriptor = posix.open(name, posix.O_RDONLY | posix.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unusable(f"{flag}: {path} cannot be read: {reason[:1].lower()}{reason[1:]}") from None
    content = b""
    try:
        while chunk := posix.read(descriptor, LARGEST + 1 - len(content)):
            content += chunk
            if len(content) > LARGEST:
                raise Unusable(f"{flag}: {path} is larger than {LARGEST >> 20} MiB")
    except OSError as error:
        raise Unusable(f"{flag}: {path} cannot be read: {error.strerror}") from None
    finally:
        posix.close(descriptor)
    return content


def _kind(path: str) -> int:
    """What kind of file it is, by its mode; 0 where there is none."""
    try:
        return posix.stat(path.encode("utf-8", "surrogateescape")).st_mode & KIND
    except (OSError, ValueError):
        return 0


def _blocks(content: bytes) -> "list[bytes]":
    """The certificates in a text, whatever stands around them."""
    found = []
    at = content.find(BEGIN)
    while at >= 0:
        end = content.find(END, at)
        if end < 0:
            break
        found.append(content[at : end + len(END)])
        at = content.find(BEGIN, end)
    return found


def _what(content: bytes) -> str:
    """What a file holds that is not what it should be, in words."""
    if not content.strip():
        return "it is empty"
    if content[:1] == b"\x30":
        return "it is in binary form (DER), and PEM is wanted"
    if b"PRIVATE KEY-----" in content:
        return "it holds a private key"
    return "it holds a certificate" if BEGIN in content else "it is not in PEM form"
