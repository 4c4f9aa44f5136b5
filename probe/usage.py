"""The text behind `-h`, in the layout of Go's `flag.PrintDefaults`: the original's flags first, then ours, then
examples.
"""

from . import duration
from .flags import BOOLEAN, DURATION, ENVIRONMENT_PREFIX, FLAGS, NOT_FROM_ENVIRONMENT, STRING

# Headers whose values are secrets: they are not told.
MASKED, MASK = ("authorization", "proxy-authorization", "cookie"), " ***"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .flags import Value

GROUPS = (
    (
        "",
        (
            ("addr", "The hostname:port to check"),
            ("connect-timeout", "Timeout for making connection"),
            ("model-name", "The name of the model"),
            ("model-version", "The version of the model"),
            ("rpc-timeout", "Timeout for rpc call"),
        ),
    ),
    (
        "How long, and what counts as success",
        (
            ("timeout", "One budget for the whole run, 0 for none; give a little less than the probe's timeoutSeconds"),
            ("liveness", "Succeed as soon as the server answers, whatever the model's state"),
        ),
    ),
    (
        "A secure connection, and who asks",
        (
            ("tls", "Use TLS (1.2 or 1.3); the server's certificate is verified"),
            ("tls-ca-cert", "PEM file with the certificates to trust, instead of the system's (with -tls)"),
            ("tls-client-cert", "PEM file with a client certificate to show (with -tls and -tls-client-key)"),
            ("tls-client-key", "PEM file with the private key of that certificate"),
            (
                "tls-server-name",
                "The name to expect in the server's certificate, instead of the host in -addr (with -tls)",
            ),
            ("tls-no-verify", "Do not verify the server's certificate (with -tls; INSECURE)"),
            ("spiffe", "Mutual TLS with an identity from the SPIFFE Workload API (SPIFFE_ENDPOINT_SOCKET)"),
            ("alts", "Use ALTS, on Google Cloud (with -engine=grpcio)"),
            ("rpc-header", "A header of the call, 'name: value'; may be repeated"),
            ("user-agent", "The user agent that the server is told"),
            ("gzip", "Compress the request, and accept a compressed answer"),
        ),
    ),
    (
        "How it is asked, and what is said about it",
        (
            ("engine", "native, or grpcio where the package grpcio is installed"),
            ("v", "Say how the options were understood and how long each phase took (stderr)"),
            ("version", "Print the version and exit"),
        ),
    ),
    (
        "For images that hold nothing else",
        (("install", "Copy this executable to a folder, or to a file name, and exit; for an init container"),),
    ),
)

EXAMPLES = (
    ("readiness", "-addr=:8500 -model-name=half_plus_two -timeout=900ms"),
    ("one version alone", "-addr=:8500 -model-name=half_plus_two -model-version=123 -timeout=900ms"),
    ("liveness", "-addr=:8500 -model-name=half_plus_two -liveness -timeout=900ms"),
    ("over a unix socket", "-addr=unix:///run/tfs.sock -model-name=half_plus_two -timeout=900ms"),
)


def usage(program: str) -> str:
    """All flags with their defaults; `program` is the name under which this one was called."""
    out = f"Usage of {program}:\n"
    for title, flags in GROUPS:
        out += f"\n{title}:\n" if title else ""
        for name, what in flags:
            out += _flag(name, what)
    out += "\nA duration is a number with a unit: 900ms, 3s, 1m30s.\n"
    spared = " and ".join(f"-{name}" for name in NOT_FROM_ENVIRONMENT)
    out += f"Every flag but {spared} can also be set by a variable: {ENVIRONMENT_PREFIX}RPC_TIMEOUT=2s\n"
    out += "\nExamples (the kubelet's default is one second, and after its kill nobody sees a line):\n"
    for what, arguments in EXAMPLES:
        out += f"  # {what}\n  {program} {arguments}\n"
    return out


def _flag(name: str, what: str) -> str:
    kind, default = FLAGS[name]
    head = f"  -{name}" + ("" if kind == BOOLEAN else f" {kind if kind != 'engine' else STRING}")
    shown = f" (default {value(name, default)})" if default else ""
    return f"{head}{chr(9) if len(head) <= 4 else chr(10) + '    ' + chr(9)}{what}{shown}\n"


def value(name: str, what: "Value") -> str:
    """A flag's value as Go prints it."""
    kind = FLAGS[name][0]
    if kind == BOOLEAN:
        return "true" if what else "false"
    if isinstance(what, tuple):
        return ", ".join(quote(f"{header}:{MASK if header.lower() in MASKED else said}") for header, said in what)
    if kind == DURATION:
        return duration.text(int(what))
    return quote(what) if isinstance(what, str) else str(what)


def quote(text: str) -> str:
    """A text in double quotes, with Go's escapes (`strconv.Quote`)."""
    return '"' + "".join(_quoted(character) for character in text) + '"'


def _quoted(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    if character in "\a\b\f\n\r\t\v":
        return "\\" + "abfnrtv"["\a\b\f\n\r\t\v".index(character)]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 128:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
