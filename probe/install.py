"""`-install PATH`: the one file that holds the program copies itself, whole or not at all.

Strategy: the copy is written under another name in the same folder, and gets its own when it is complete. That other
name is always the same, and who writes there holds a lock on it: a file that nobody has locked was left by a process
that was killed, and is removed; for who is at work one waits.
"""

import errno
import posix
from _stat import S_ISDIR, S_ISLNK, S_ISREG

from .model import SETUP, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
else:
    import _signal

# What the file is called in a folder, and until it is complete.
NAME = "tfs_model_status_probe"
UNFINISHED = f".{NAME}.new"
CHUNK = 1 << 18  # bytes
# They end the process at once, so they are kept waiting until the unfinished copy is removed.
ENDING = (_signal.SIGTERM, _signal.SIGINT)


def install(own_file: "Callable[[], int]", path: str) -> "tuple[str, ...] | Failure":
    """Copies the program's file to `path`, which is a folder or a file name. Gives the lines to say when that is done.

    `own_file` gives a descriptor of the file, or -1 where the program is not in one; it raises OSError."""
    try:
        source = own_file()
    except OSError as error:
        return Failure(SETUP, f"this program cannot read its own file: {_reason(error)}", cause="own-file")
    if source < 0:
        return Failure(SETUP, "-install copies one file, and here the program is a package of many", cause="package")
    try:
        target = _target(path)
        if _is_same(source, target):
            return (f"{target} is this file itself: nothing to do",)
        while not _copied(source, target):
            pass
    except OSError as error:
        return Failure(SETUP, f"cannot install to {path}: {_reason(error)}", cause=_cause(error))
    finally:
        posix.close(source)
    return (f"installed {target}", *_hints(target))


def _target(path: str) -> str:
    """The file name that is meant. As with install(1), a link that leads to a folder is that folder, and any other is
    replaced itself. Raises OSError for what cannot be replaced by a file."""
    target = path
    try:
        if S_ISDIR(posix.stat(path).st_mode):
            target = path.rstrip("/") + "/" + NAME
    except FileNotFoundError:
        posix.stat(_folder(path) or ".")  # all but the last name has to be there
    try:
        mode = posix.lstat(target).st_mode
    except FileNotFoundError:
        return target
    if S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, f"{target} is a folder")
    if not S_ISREG(mode) and not S_ISLNK(mode):
        raise FileExistsError(errno.EEXIST, f"{target} is neither a file nor a folder")
    return target


def _folder(path: str) -> str:
    """A path without its last name: empty, or it ends in a slash."""
    return path[: path.rfind("/") + 1]


def _is_same(descriptor: int, path: str) -> bool:
    """Whether the open file is the one that bears that name."""
    try:
        named = posix.lstat(path)
    except FileNotFoundError:
        return False
    opened = posix.fstat(descriptor)
    return (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)


def _copied(source: int, target: str) -> bool:
    """Whether the copy is in its place now. Else another process came between, and it is to be tried again."""
    unfinished = _folder(target) + UNFINISHED
    _clear(unfinished)
    # Beyond RLIMIT_FSIZE a write fails; that it kills besides would leave the unfinished copy behind.
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_IGN)
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, ENDING)
    try:
        return _written(source, unfinished, target)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)  # here the process ends if a signal has come


def _clear(unfinished: str) -> None:
    """Waits until nobody writes under that name, and removes what was left there. Raises OSError for what this program
    cannot have left."""
    try:
        if not S_ISREG(posix.lstat(unfinished).st_mode):
            raise FileExistsError(errno.EEXIST, f"{unfinished} is in the way, and is no file")
        left = posix.open(unfinished, posix.O_RDWR | posix.O_NOFOLLOW | posix.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        posix.lockf(left, posix.F_LOCK, 0)
        if _is_same(left, unfinished):
            posix.unlink(unfinished)
    finally:
        posix.close(left)


def _written(source: int, unfinished: str, target: str) -> bool:
    """Writes the copy under its other name, and renames it; removes it when that fails. False where another process has
    taken the name, or takes the file, which has no lock at first, for one that was left."""
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
        posix.fsync(copy)  # else the name could outlive a crash of the machine, and the bytes not
        posix.rename(unfinished, target)
        return True
    except OSError:
        posix.unlink(unfinished)
        raise
    finally:
        posix.close(copy)


def _fill(source: int, copy: int) -> None:
    """Copies all bytes. Raises InterruptedError when the process is to end."""
    at = 0
    while chunk := posix.pread(source, CHUNK, at):
        if not _signal.sigpending().isdisjoint(ENDING):
            raise InterruptedError(errno.EINTR, "ended by a signal")
        at += len(chunk)
        while chunk:
            chunk = chunk[posix.write(copy, chunk) :]


def _reason(error: OSError) -> str:
    """What is wrong with which file."""
    text = error.strerror or str(error)
    text = text[:1].lower() + text[1:]
    return f"{error.filename}: {text}" if error.filename else text


def _cause(error: OSError) -> str:
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
    """What may keep the copy from being of use."""
    if posix.statvfs(target).f_flag & getattr(posix, "ST_NOEXEC", 0):
        return ("hint: nothing can be started from there, the file system is mounted noexec: choose another volume",)
    return ()
