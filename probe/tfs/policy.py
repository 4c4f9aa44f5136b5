"""Which of a model's versions decides. Pure."""

from ..model import AVAILABLE, END
from ..value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from ..model import ModelStatus, Query, VersionStatus


class Decision(Value):
    """The deciding version; or what is wanted and not listed, such as `version: 7`; or neither, for an empty answer."""

    __slots__ = ("version", "wanted")

    def __init__(self, version: "VersionStatus | None", wanted: str = "") -> None:
        self.version: Final = version
        self.wanted: Final = wanted


def decide(status: "ModelStatus", query: "Query", labeled: "Iterable[tuple[str, int]]" = ()) -> Decision:
    """The deciding version of an answer. `labeled`: the versions that labels point to, of those that the query
    names."""
    if query.version:
        return _one(status, query.version, f"version: {query.version}")
    if query.label is not None:
        for label, version in labeled:
            return _one(status, version, f"label: {label}")
    if query.require == "latest":
        decision = Decision(_newest(version for version in status if _is_tracked(version)))
    elif query.require == "all":
        decision = _all(status, query, labeled)
    elif query.min_version is not None:
        return _at_least(status, query.min_version)
    else:
        return Decision(_any(status))
    if decision.wanted:
        return decision
    deciding = decision.version or _newest(status)  # all of them were unloaded
    if deciding is not None and deciding.state == AVAILABLE and query.min_version is not None:
        newest = max(version.version for version in status if version.state == AVAILABLE)
        if query.require == "latest":
            newest = deciding.version
        if newest < query.min_version:
            return Decision(None, f"version: {query.min_version} or newer")
    return Decision(deciding)


def is_pending(version: "VersionStatus") -> bool:
    """Whether a version is loading or has failed, rather than AVAILABLE or unloaded without an error."""
    return version.state != AVAILABLE and _is_tracked(version)


def _is_tracked(version: "VersionStatus") -> bool:
    """Whether the server means to serve a version: it was not unloaded without an error."""
    return version.state != END or version.error_code != 0


def _any(status: "ModelStatus") -> "VersionStatus | None":
    """The first version that is AVAILABLE; else the first of all, which TensorFlow Serving makes the newest."""
    first = None
    for version in status:
        if version.state == AVAILABLE:
            return version
        first = first or version
    return first


def _one(status: "ModelStatus", number: int, wanted: str) -> Decision:
    found = next((version for version in status if version.version == number), None)
    return Decision(found, "" if found else wanted)


def _at_least(status: "ModelStatus", number: int) -> Decision:
    """An AVAILABLE version that is at least `number`; else the newest that is."""
    newest = None
    for version in status:
        if version.version < number:
            continue
        if version.state == AVAILABLE:
            return Decision(version)
        if newest is None or version.version > newest.version:
            newest = version
    return Decision(newest, "" if newest else f"version: {number} or newer")


def _all(status: "ModelStatus", query: "Query", labeled: "Iterable[tuple[str, int]]") -> Decision:
    """The first version that is not AVAILABLE, of those that the server means to serve and those that are expected;
    else the newest. A version that failed to load does not count once a newer one is AVAILABLE."""
    available = _newest(version for version in status if version.state == AVAILABLE)
    failing = _newest(
        version
        for version in status
        if is_pending(version)
        and not (version.state == END and available is not None and available.version > version.version)
    )
    if failing is not None:
        return Decision(failing)
    expected = [(number, f"version: {number}") for number in query.expected]
    for number, wanted in (*expected, *((number, f"label: {label}") for label, number in labeled)):
        decision = _one(status, number, wanted)
        if decision.version is None or decision.version.state != AVAILABLE:
            return decision
    return Decision(available)


def _newest(versions: "Iterable[VersionStatus]") -> "VersionStatus | None":
    """TensorFlow Serving sends the newest version first, OpenVINO Model Server the oldest."""
    return max(versions, key=lambda version: version.version, default=None)
