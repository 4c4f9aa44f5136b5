"""Which models are asked for: those on the command line, and those in a configuration file that may change."""

import posix

from ..model import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Plan, Query
    from ..tfs.config_file import FileNote

    # Reads the file; returns the plan with its queries, or why there is none, and notes.
    Read = Callable[[], "tuple[Plan | Failure, tuple[FileNote, ...]]"]


class Models:
    """The queries of a round. If the file becomes unusable, those of its last usable content remain."""

    __slots__ = ("_path", "_read", "_seen", "error", "notes", "queries")

    def __init__(self, plan: "Plan", notes: "tuple[FileNote, ...]", read: "Read") -> None:
        """`plan`: with the queries that the file lists now, if there is a file; `read`: reads it again."""
        self._path = plan.config_file.path.encode("utf-8", "surrogateescape") if plan.config_file else b""
        self._read = read
        self._seen = self._look()
        self.queries: tuple[Query, ...] = plan.queries
        self.notes = notes
        self.error = ""

    @property
    def has_file(self) -> bool:
        return bool(self._path)

    def refresh(self) -> bool:
        """Reads the file again if it has changed; returns whether it was read."""
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        plan, notes = self._read()
        if isinstance(plan, Failure):
            self.error = plan.text
        else:
            self.queries, self.notes, self.error = plan.queries, notes, ""
        return True

    def _look(self) -> "tuple[int, ...]":
        """A value that changes with the file, whether it was written, renamed over, or a ConfigMap's link moved."""
        if not self._path:
            return ()
        try:
            found = posix.stat(self._path)
        except (OSError, ValueError):
            return ()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
