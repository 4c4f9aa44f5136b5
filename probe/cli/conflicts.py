"""Flags that contradict each other: one sentence for each pair, with the remedy.

The rules, their order, and the words before each remedy are those of grpc_health_probe, whose flags these are.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .flag_table import FlagValue

# (flag, other flag, sentence): the sentence applies if both are set; without a sentence the first needs the second.
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
        "cannot specify -tls-ca-cert with -tls-no-verify (CA cert would not be used): omit one of them",
    ),
    (
        "tls-no-verify",
        "tls-server-name",
        "cannot specify -tls-server-name with -tls-no-verify (server name would not be used): omit one of them",
    ),
    ("tls", "spiffe", "-tls and -spiffe are mutually incompatible: -spiffe includes TLS, with its own certificates"),
)


# Flags that only one engine supports.
ALTS_NEEDS_GRPCIO = "-alts needs -engine=grpcio, and works only on Google Cloud"
GRPCIO_LACKS = (
    ("spiffe", "-engine=grpcio does not support -spiffe: omit -engine"),
    ("tls-no-verify", "-engine=grpcio does not support -tls-no-verify: omit -engine"),
)


def find_conflict(values: "dict[str, FlagValue]") -> str:
    """The first contradiction among the flags' values; empty if there is none."""
    for one, other, sentence in RULES:
        if values[one] and bool(values[other]) == bool(sentence):
            return sentence or f"specified -{one} without specifying -{other}: add -{other}, or omit -{one}"
    if values["engine"] == "native":
        return ALTS_NEEDS_GRPCIO if values["alts"] else ""
    return next((sentence for flag, sentence in GRPCIO_LACKS if values[flag]), "")
