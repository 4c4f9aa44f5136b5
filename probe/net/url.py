"""http:// and https:// addresses -> where to connect. Pure."""

from ..model import DIAL, Failure
from ..value import Value
from .target import Target, tcp_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import Cause

DEFAULT_PORTS = {"http": "80", "https": "443"}


class Url(Value):
    """The address of a REST API."""

    __slots__ = ("has_port", "is_secure", "prefix", "target")

    def __init__(self, target: Target, is_secure: bool, prefix: str, has_port: bool) -> None:
        """`prefix`: the path before TensorFlow Serving's own, without a trailing slash."""
        self.target: Final = target
        self.is_secure: Final = is_secure
        self.prefix: Final = prefix
        self.has_port: Final = has_port


def parse_url(address: str) -> "Url | Failure":
    """The parts of a URL; a permanent Failure for malformed ones."""
    scheme, _, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        return _bad(
            address.replace(authority.rpartition("@")[0], "***"), "user and password are not supported", "url-user"
        )
    if any(character in rest for character in "?#") or any(
        character <= " " or character == "\x7f" for character in rest
    ):
        return _bad(address, "a query, a fragment or white space is not supported", "url-path")
    if not authority:
        return _bad(address, "missing host", "url-path")
    has_port = bool(authority.rpartition(":")[1]) and not authority.endswith("]")
    target = tcp_target(address, authority if has_port else f"{authority}:{DEFAULT_PORTS[scheme]}")
    if isinstance(target, Failure):
        return target
    if not has_port:
        target = Target(target.hosts, target.port, b"", authority, target.server_name)
    return Url(target, scheme == "https", (slash + path).rstrip("/"), has_port)


def _bad(address: str, what: str, cause: "Cause") -> Failure:
    return Failure(DIAL, f"address {address}: {what}", cause=cause, permanent=True)
