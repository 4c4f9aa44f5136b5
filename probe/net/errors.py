"""Why an attempt to connect failed, and why a stream ended.

`Transient` and `Permanent` are siblings, so the order of `except` clauses never matters.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Cause


class AttemptError(Exception):
    """An attempt to connect failed."""

    def __init__(self, text: str, cause: "Cause") -> None:
        """`text`: what the attempt met, empty if it did not begin; `cause`: the key of a hint."""
        super().__init__(text)
        self.text = text
        self.cause = cause


class Transient(AttemptError):
    """The next attempt may succeed."""


class Permanent(AttemptError):
    """No further attempt can succeed."""


class StreamError(OSError):
    """The connection ended, and the peer gave a reason."""

    def __init__(self, text: str, cause: "Cause") -> None:
        super().__init__(text)
        self.text = text
        self.cause = cause


def reason(error: OSError) -> str:
    """The error in the C library's words, without their capital."""
    if isinstance(error, TimeoutError):
        return "timed out"
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
