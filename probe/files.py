"""Files that flags name: read once, whole and bounded. Errors name the file and the flag."""

import posix
from errno import EACCES

from .net.errors import LOCAL_CAUSES, cause_of, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .model import Cause, NamedFile

IS_FOLDER, IS_FILE, TYPE_BITS = 0o040000, 0o100000, 0o170000
CHUNK_BYTES = 1 << 18


class UnusableFile(Exception):
    """A file that cannot be used: the sentence about it, and the key of its hint."""

    def __init__(self, text: str, cause: "Cause" = "file") -> None:
        super().__init__(text)
        self.text = text
        self.cause = cause


def read_file(file: "NamedFile", max_bytes: int, cause: "Cause" = "file") -> bytes:
    """A regular file's content. `cause`: of an error that concerns the file itself. Raises UnusableFile."""
    begin = f"{file.source}: {file.path}"
    try:
        kind = file_type(file.path)
        if kind == IS_FOLDER:
            raise UnusableFile(f"{begin} is a directory, not a file", cause)
        if kind not in (0, IS_FILE):  # a FIFO would be waited for
            raise UnusableFile(f"{begin} is not a regular file", cause)
        name = file.path.encode("utf-8", "surrogateescape")
        descriptor = posix.open(name, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise _unreadable(begin, error, cause) from None
    chunks = []
    left = max_bytes
    try:
        while chunk := posix.read(descriptor, CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise UnusableFile(f"{begin} is larger than {max_bytes >> 20} MiB", cause)
            chunks.append(chunk)
    except OSError as error:
        raise _unreadable(begin, error, cause) from None
    finally:
        close(descriptor)
    return b"".join(chunks)


def close(descriptor: int) -> None:
    """Gives a descriptor back. Where a policy forbids that, it ends with the process."""
    try:
        posix.close(descriptor)
    except OSError:
        pass


def file_type(path: str) -> int:
    """The file type bits of a path's mode; 0 if there is nothing. Raises UnusableFile where that cannot be known."""
    try:
        return posix.stat(path.encode("utf-8", "surrogateescape")).st_mode & TYPE_BITS
    except (OSError, ValueError) as error:
        refuse_local(path, error, "file")
        return 0


def refuse_local(begin: str, error: "OSError | ValueError", cause: "Cause") -> None:
    """Raises UnusableFile for an error that says nothing about the file: a call is forbidden, or something used up."""
    failed = _unreadable(begin, error, cause)
    if failed.cause != cause:
        raise failed from None


def _unreadable(begin: str, error: "OSError | ValueError", cause: "Cause") -> UnusableFile:
    """The error for a file that cannot be read."""
    if not isinstance(error, OSError):
        return UnusableFile(f"{begin} cannot be read: {error}", cause)
    local = cause_of(error)
    is_about_file = local not in LOCAL_CAUSES or error.errno == EACCES  # which a file's mode gives, too
    return UnusableFile(f"{begin} cannot be read: {reason(error)}", cause if is_about_file else local)
