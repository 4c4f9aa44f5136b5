"""Which of a model's versions decides. Pure."""

from ..model import AVAILABLE, END

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import ModelStatus, Query, VersionStatus


def select(status: "ModelStatus", query: "Query") -> "VersionStatus | None":
    """The deciding version: the one asked for; else the first that is AVAILABLE; else the first of all, which
    TensorFlow Serving makes the newest. None if the one asked for is not listed, or nothing is."""
    if query.version:
        return next((version for version in status if version.version == query.version), None)
    first = None
    for version in status:
        if version.state == AVAILABLE:
            return version
        first = first or version
    return first


def is_pending(version: "VersionStatus") -> bool:
    """Whether a version is loading or has failed, rather than AVAILABLE or unloaded without an error."""
    return version.state != AVAILABLE and (version.state != END or version.error_code != 0)
