"""Flags that contradict each other: one sentence for each pair, with the remedy.

Rule of this file: a table, and nothing else. The rules, their order, and the words before each remedy, are those of
grpc_health_probe, whose flags these are.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .flags import Value

# A flag that is given; another one, and what is said where that is given as well; nothing to say: it is missing, then.
RULES = (
    ("alts", "spiffe", "-alts and -spiffe are mutually incompatible: give one of them"),
    ("tls", "alts", "cannot specify -tls with -alts: give one of them"),
    ("tls-no-verify", "tls", ""),
    ("tls-ca-cert", "tls", ""),
    ("tls-client-cert", "tls", ""),
    ("tls-server-name", "tls", ""),
    ("tls-client-cert", "tls-client-key", ""),
    ("tls-client-key", "tls-client-cert", ""),
    (
        "tls-no-verify",
        "tls-ca-cert",
        "cannot specify -tls-ca-cert with -tls-no-verify (CA cert would not be used): leave one of them away",
    ),
    (
        "tls-no-verify",
        "tls-server-name",
        "cannot specify -tls-server-name with -tls-no-verify (server name would not be used): leave one of them away",
    ),
    ("tls", "spiffe", "-tls and -spiffe are mutually incompatible: -spiffe brings TLS with certificates of its own"),
)


def conflict(values: "dict[str, Value]") -> str:
    """The first contradiction among the flags' values; empty where there is none."""
    for one, other, sentence in RULES:
        if values[one] and bool(values[other]) == bool(sentence):
            return sentence or f"specified -{one} without specifying -{other}: add -{other}, or leave -{one} away"
    return ""
