"""-install: the one file that holds the program copies itself, completely or not at all.

The copy is written under a temporary name in the same directory and renamed when it is complete. That name is always
the same, and its writer holds a lock on it: an unlocked file was left by a process that was killed, and is removed; a
locked one is waited for."""

import errno
import posix
from _stat import S_ISDIR, S_ISLNK, S_ISREG

from .model import SETUP, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable

    from .model import Cause
else:
    import _signal

# The file's name in a directory, and its name until it is complete.
NAME = "tfs_model_status_probe"
UNFINISHED = f".{NAME}.new"
CHUNK_BYTES = 1 << 18
# They end the process at once, so they are blocked until the unfinished copy is removed.
ENDING = (_signal.SIGTERM, _signal.SIGINT)


def install(own_file: "Callable[[], int]", path: str) -> "tuple[str, ...] | Failure":
    """Copies the program's file to `path`, a directory or a file name. Returns the lines to print.

    `own_file` returns a descriptor of the file, or -1 if the program is not a single file; it raises OSError."""
    try:
        source = own_file()
    except OSError as error:
        return Failure(
            SETUP,
            f"this program cannot read its own file: {_reason(error)}",
            cause=_local_cause(error) or "own-file",
            permanent=True,
        )
    if source < 0:
        text = "-install copies one file, but this program is a package of many"
        return Failure(SETUP, text, cause="package", permanent=True)
    try:
        target = _target(path)
        if _is_same(source, target):
            return (f"{target} is this file itself: nothing to do",)
        while not _copy_once(source, target):
            pass
    except OSError as error:
        return Failure(SETUP, f"cannot install to {path}: {_reason(error)}", cause=_cause(error), permanent=True)
    finally:
        _close(source)
    return (f"installed {target}", *_hints(target))


def _target(path: str) -> str:
    """The file to write. As in install(1), a link to a directory means that directory, and any other link is replaced.
    Raises OSError for what a file cannot replace."""
    target = path
    try:
        if S_ISDIR(posix.stat(path).st_mode):
            target = path.rstrip("/") + "/" + NAME
    except FileNotFoundError:
        posix.stat(_folder(path) or ".")  # all but the last component must exist
    try:
        mode = posix.lstat(target).st_mode
    except FileNotFoundError:
        return target
    if S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, f"{target} is a directory")
    if not S_ISREG(mode) and not S_ISLNK(mode):
        raise FileExistsError(errno.EEXIST, f"{target} is neither a file nor a directory")
    return target


def _folder(path: str) -> str:
    """A path without its last component: empty, or with a trailing slash."""
    return path[: path.rfind("/") + 1]


def _is_same(descriptor: int, path: str) -> bool:
    """Whether the open file is the one at that path."""
    try:
        named = posix.lstat(path)
    except FileNotFoundError:
        return False
    opened = posix.fstat(descriptor)
    return (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)


def _copy_once(source: int, target: str) -> bool:
    """Whether the copy is in place. If not, another process interfered, and the caller tries again."""
    unfinished = _folder(target) + UNFINISHED
    _clear(unfinished)
    # Beyond RLIMIT_FSIZE a write fails; the signal would also kill the process and leave the unfinished copy behind.
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_IGN)
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, ENDING)
    try:
        return _write_copy(source, unfinished, target)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)  # a pending signal ends the process here


def _clear(unfinished: str) -> None:
    """Waits for a process that is writing that file, and removes a file that was left behind. Raises OSError for what
    this program cannot have left."""
    try:
        if not S_ISREG(posix.lstat(unfinished).st_mode):
            raise FileExistsError(errno.EEXIST, f"{unfinished} is in the way and is not a file")
        left = posix.open(unfinished, posix.O_RDWR | posix.O_NOFOLLOW | posix.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        posix.lockf(left, posix.F_LOCK, 0)
        if _is_same(left, unfinished):
            posix.unlink(unfinished)
    finally:
        _close(left)


def _write_copy(source: int, unfinished: str, target: str) -> bool:
    """Writes the copy under its temporary name and renames it; removes it if that fails. False if another process has
    taken the name, or has mistaken the file, which is unlocked at first, for a leftover."""
    try:
        copy = posix.open(unfinished, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    try:
        try:
            posix.lockf(copy, posix.F_TLOCK, 0)
        except (BlockingIOError, PermissionError):
            return False
        if not _is_same(copy, unfinished):
            return False
        _fill(source, copy)
        posix.fchmod(copy, 0o755)  # whatever the umask is
        posix.fsync(copy)  # otherwise the name could survive a crash of the machine without the bytes
        posix.rename(unfinished, target)
        return True
    except OSError:
        posix.unlink(unfinished)
        raise
    finally:
        _close(copy)


def _fill(source: int, copy: int) -> None:
    """Copies all bytes. Raises InterruptedError if a signal asks the process to end."""
    at = 0
    while chunk := posix.pread(source, CHUNK_BYTES, at):
        if not _signal.sigpending().isdisjoint(ENDING):
            raise InterruptedError(errno.EINTR, "ended by a signal")
        at += len(chunk)
        while chunk:
            chunk = chunk[posix.write(copy, chunk) :]


def _close(descriptor: int) -> None:
    """Gives a descriptor back. Nothing depends on it: the copy was synchronised before."""
    try:
        posix.close(descriptor)
    except OSError:
        pass


def _reason(error: OSError) -> str:
    """What is wrong, and with which file."""
    text = error.strerror or str(error)
    text = text[:1].lower() + text[1:]
    return f"{error.filename}: {text}" if error.filename else text


def _local_cause(error: OSError) -> "Cause":
    """The cause of an error that says nothing about the file; empty for others."""
    if error.errno in (errno.EPERM, errno.ENOSYS):
        return "install-policy"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "descriptors"
    return "memory" if error.errno == errno.ENOMEM else ""


def _cause(error: OSError) -> "Cause":
    cause = _local_cause(error)
    if cause:
        return cause
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return "install-folder"
    if isinstance(error, (FileExistsError, IsADirectoryError)) or error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
        return "install-name"
    if isinstance(error, PermissionError):
        return "install-permission"
    if error.errno == errno.EROFS:
        return "install-read-only"
    return "install-space" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else ""


def _hints(target: str) -> "tuple[str, ...]":
    """What may prevent the copy from running."""
    try:
        flags = posix.statvfs(target).f_flag
    except OSError:
        return ()
    if flags & getattr(posix, "ST_NOEXEC", 0):
        return ("hint: choose another volume: this file system is mounted noexec, so the copy cannot be run",)
    return ()
