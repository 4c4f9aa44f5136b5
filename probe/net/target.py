"""Address syntax: text -> where to connect. Pure; nothing is looked up.

The forms are those of gRPC's name syntax (https://github.com/grpc/grpc/blob/master/doc/naming.md) and of Go's
`net.Dial`.
"""

from ..model import DIAL, Failure
from ..value import Value
from .ipv4 import looks_numeric, meaning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..model import Cause

# The addresses of this machine, in the order in which to try them: no hosts file and no resolver needed.
LOOPBACK = ("127.0.0.1", "::1")
# The name of a server whose address has none.
LOCALHOST = "localhost"
# sun_path of unix(7) holds 108 bytes, and a path in the file system ends with a zero byte.
UNIX_PATH_BYTES = 108


class Target(Value):
    """Where to connect: the path of a unix socket, or a port on one of several hosts."""

    __slots__ = ("authority", "hosts", "path", "port", "server_name")

    def __init__(self, hosts: "tuple[str, ...]", port: str, path: bytes, authority: str, server_name: str) -> None:
        """`hosts`: names or IP literals; `port`: number or service name; `path`: of a unix socket (a leading zero byte
        means the abstract name space), then `hosts` is empty. `authority`: for HTTP, with the port; `server_name`: the
        name that the server's certificate must bear."""
        self.hosts: Final = hosts
        self.port: Final = port
        self.path: Final = path
        self.authority: Final = authority
        self.server_name: Final = server_name


def is_url(address: str) -> bool:
    """Whether an address asks the REST API; net/url.py takes it apart."""
    return address.startswith(("http://", "https://"))


def parse(address: str) -> "Target | Failure":
    """The target that an address names; a permanent Failure for malformed ones."""
    scheme, colon, rest = address.partition(":")
    if colon and scheme in ("unix", "unix-abstract"):
        return _unix(address, scheme, rest)
    if scheme in ("dns", "passthrough"):
        named = _endpoint(address, rest)
        if isinstance(named, Failure):
            return named
        if named:
            return tcp_target(address, named)
    elif colon and rest.startswith("//") and scheme.isascii() and scheme.replace("+", "").isalnum():
        return _bad(address, "this is a URL, and gRPC needs HOST:PORT", "url")
    return tcp_target(address, address)


def _endpoint(address: str, rest: str) -> "str | Failure":
    """The part of `dns:///host:port`, `dns:host:port` or `passthrough:///host:port` to dial; empty where the scheme is
    the name of a host, as in `dns:53`."""
    if not rest.startswith("//"):
        return rest if ":" in rest else ""
    authority, _, endpoint = rest[2:].partition("/")
    if authority:
        return _bad(address, f"naming a resolver ({authority}) is not supported", "address")
    return endpoint


def _unix(address: str, scheme: str, rest: str) -> "Target | Failure":
    if rest.startswith("//"):
        # unix://authority/path has no meaning for gRPC: only the empty authority is allowed.
        if not rest.startswith("///"):
            return _bad(
                address, "unix:// needs an absolute path: unix:///path/of/socket, or unix:relative/path", "address"
            )
        rest = rest[2:]
    path = rest.encode("utf-8", "surrogateescape")
    if not path or b"\0" in path:
        return _bad(address, "it names no socket", "address")
    if scheme == "unix-abstract":
        path = b"\0" + path
    if len(path) >= UNIX_PATH_BYTES + (path[0] == 0):
        return _bad(address, f"the socket's path is longer than {UNIX_PATH_BYTES - 1} bytes", "address")
    return Target((), "", path, LOCALHOST, LOCALHOST)


def tcp_target(address: str, endpoint: str) -> "Target | Failure":
    """host:port by the rules of Go's net.SplitHostPort, in its words where the error is one of its own. `address`: the
    whole that it is part of, for errors."""
    host, colon, port = endpoint.rpartition(":")
    if endpoint.startswith("["):
        host, bracket, after = endpoint[1:].partition("]")
        if not bracket:
            return _bad(address, "missing ']' in address", "address")
        if not after:
            return _bad(address, "missing port in address", "no-port")
        if after[0] != ":" or ":" in after[1:]:
            return _bad(address, "too many colons in address", "address")
        port = after[1:]
    elif not colon:
        return _bad(address, "missing port in address", "no-port")
    elif ":" in host:
        return _bad(address, "too many colons in address", "brackets")
    if not port:
        return _bad(address, "missing port in address", "no-port")
    for character in host:
        if character <= " " or character in "/[]@\x7f":
            return _bad(address, "invalid character in host name", "address")
    if looks_numeric(host):
        other = meaning(host)
        taken = f"; the C library would take it for {other}" if other else ""
        return _bad(address, f"{host} is not an IPv4 address in the usual notation{taken}", "numeric-host")
    return _with_port(address, host, port)


def _with_port(address: str, host: str, port: str) -> "Target | Failure":
    shown = port  # in the authority, as it was given
    if port.isascii() and port.isdigit():
        port = port.lstrip("0") or "0"
        if len(port) > 5 or int(port) > 65535:
            return _bad(address, "invalid port", "address")
    # A zone names an interface of this machine and means nothing to the server.
    name = host.partition("%")[0]
    authority = f"[{name}]:{shown}" if ":" in name else f"{name or LOCALHOST}:{shown}"
    if host in ("", "0.0.0.0", "::") or host.lower().rstrip(".") == LOCALHOST:
        return Target(LOOPBACK, port, b"", authority, LOCALHOST)
    if not name:
        return _bad(address, "missing host before the zone", "address")
    return Target((host,), port, b"", authority, name)


def _bad(address: str, what: str, cause: "Cause") -> Failure:
    return Failure(DIAL, f"address {address}: {what}", cause=cause, permanent=True)
