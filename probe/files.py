"""Files that flags name: read once, whole and bounded. Errors name the file and the flag."""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .model import Cause, NamedFile

IS_FOLDER, IS_FILE, TYPE_BITS = 0o040000, 0o100000, 0o170000


class UnusableFile(Exception):
    """A file that cannot be used: the sentence about it, and the key of its hint."""

    def __init__(self, text: str, cause: "Cause" = "file") -> None:
        super().__init__(text)
        self.text = text
        self.cause = cause


def read_file(file: "NamedFile", max_bytes: int, cause: "Cause" = "file") -> bytes:
    """A regular file's content. Raises UnusableFile."""
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
        reason = getattr(error, "strerror", None) or str(error)
        raise UnusableFile(f"{begin} cannot be read: {reason[:1].lower()}{reason[1:]}", cause) from None
    chunks = []
    left = max_bytes
    try:
        while chunk := posix.read(descriptor, min(left + 1, 1 << 20)):
            left -= len(chunk)
            if left < 0:
                raise UnusableFile(f"{begin} is larger than {max_bytes >> 20} MiB", cause)
            chunks.append(chunk)
    except OSError as error:
        raise UnusableFile(f"{begin} cannot be read: {error.strerror}", cause) from None
    finally:
        posix.close(descriptor)
    return b"".join(chunks)


def file_type(path: str) -> int:
    """The file type bits of a path's mode; 0 if there is nothing."""
    try:
        return posix.stat(path.encode("utf-8", "surrogateescape")).st_mode & TYPE_BITS
    except (OSError, ValueError):
        return 0
