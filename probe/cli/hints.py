"""What a verdict probably means, and what to do about it: what to do first, then why.

Imported only when there is something to explain. Hints are not an interface: word them as well as you can. What they
say about TensorFlow Serving was seen in captures of a real server or read in its source."""

from .. import __version__
from ..model import AVAILABLE, END, LOADING, PREDICT, START, STATE_NAMES, STATUS, UNLOADING, Failure
from ..rpc.status import DEADLINE_EXCEEDED, INTERNAL, INVALID_ARGUMENT, proto_name
from ..tfs.policy import is_pending
from .escape import escape
from .go_syntax import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..deadline import Limit
    from ..model import Cause, ModelStatus, Query, Result, Verdict, VersionStatus

MAX_LISTED_VERSIONS = 10
PIP_INSTALL = f"pip install 'tfs_model_status_probe-{__version__}-py3-none-any.whl[grpcio]'"  # the release's wheel
MAX_ERROR_BYTES = 300  # of the server's words about a failed load
RETRIES = (
    "; TensorFlow Serving also reports this while it retries a failed load (5 times, a minute apart), and while "
    "another model's load holds it up (--num_load_threads): its log tells which"
)
REPAIR = "; a repaired version needs a new number, or must be gone from its base path for longer than one poll"
ROLLED_BACK = (
    "; -require=latest fails until a version with a higher number is AVAILABLE or the server restarts, even after a "
    "rollback"
)
# The flag that sets a budget.
LIMIT_FLAGS: "dict[Limit, str]" = {
    "run": "-timeout",
    "round": "-serve-interval",
    "connect": "-connect-timeout",
    "rpc": "-rpc-timeout",
}

HINTS: "dict[Cause, str]" = {
    # Dialing.
    "no-time": "raise -timeout, -connect-timeout or -rpc-timeout, e.g. to 900ms: no time was left for a first attempt",
    "files-time": "raise -timeout, or give fewer certificates (-tls-ca-cert): reading them took all of it",
    "refused": (
        "check the server's log, and -addr (TensorFlow Serving's gRPC port is 8500 unless --port says otherwise): "
        "nothing is listening there. The port opens only after the first models have loaded, and a first model that "
        "fails to load ends the server"
    ),
    "no-socket": (
        "check the server's log, the path, and that it is mounted into this container: TensorFlow Serving creates the "
        "socket (--grpc_socket_path) only after its first models have loaded"
    ),
    "permission": "run the probe as the server's user, or widen the socket's mode: connecting to it is not permitted",
    "dropped": (
        "check the address, and whether a firewall drops packets to it; a probe should ask its own pod (-addr=:8500)"
    ),
    "mute": (
        "check whether the server's process is stopped or starved of CPU, and whether the port speaks gRPC: it "
        "accepted the connection but sent nothing"
    ),
    "slow": (
        "check whether the server is starved of CPU, and whether the port speaks gRPC: it accepted the connection but "
        "sends too slowly"
    ),
    "closed": (
        "check whether the server is shutting down, expects TLS (-tls), or is a proxy with no server behind it: it "
        "accepted the connection and closed it at once"
    ),
    "http1": (
        "give the gRPC port (8500, --port): this is probably TensorFlow Serving's REST port (8501, --rest_api_port), "
        "since it answers in HTTP/1"
    ),
    "not-http2": "check the port: whatever is listening there speaks neither HTTP/2 nor HTTP/1",
    "policy": (
        "check the container's seccomp profile, its AppArmor or SELinux policy, and the firewall: one of them forbids "
        "this system call"
    ),
    "descriptors": "raise the limit on open files (ulimit -n): no descriptor is left",
    "kernel-memory": "raise the container's memory limit: the kernel has no memory left",
    "memory": (
        "raise the container's memory limit, or ulimit -v: the probe itself needs about 16 MiB; a security policy that "
        "forbids mmap has the same effect"
    ),
    "no-route": "check the address and this network's routes: the address cannot be reached from here",
    "no-local-address": (
        "check that this machine has an address of that family, and that its local ports are not used up"
    ),
    "no-family": "give an address of the other family (IPv4 or IPv6): this machine does not support this one",
    "invalid": "check the address; a link-local one needs its interface as a zone: -addr=[fe80::1%eth0]:8500",
    "not-a-socket": "check the path: what is there does not accept connections as a stream socket",
    "socket-error": "check the address and the network: the kernel rejected the connection",
    # The address, and names.
    "address": "give -addr=HOST:PORT, :PORT, [IPV6]:PORT, unix:///PATH or unix-abstract:NAME",
    "no-port": (
        "give -addr=HOST:PORT, for example -addr=:8500 (TensorFlow Serving's gRPC port unless --port says otherwise)"
    ),
    "brackets": "put an IPv6 address with a port in brackets: -addr=[::1]:8500",
    "url": "give -addr=HOST:PORT, without a scheme in front of it",
    "unresolved": (
        "check -addr; inside the pod use :PORT or localhost:PORT, which need no resolver: the name cannot be resolved "
        "here"
    ),
    "resolver": "inside the pod use :PORT or localhost:PORT, which need no resolver: the resolver is not answering",
    "no-thread": (
        "raise the container's limit on processes, which counts threads, or use :PORT or localhost:PORT, which need "
        "no resolver; a seccomp profile that denies clone3 (as with an old container runtime), mmap or mprotect has "
        "the same effect"
    ),
    "numeric-host": "write an IPv4 address as four decimal numbers without leading zeros, for example 127.0.0.1",
    "zone": "append the interface to a link-local address: -addr=[fe80::1%eth0]:8500",
    # TLS.
    "speaks-tls": (
        "add -tls, and -tls-ca-cert if the certificate needs it: the server speaks TLS on this port, and was asked in "
        "plain text"
    ),
    "tls-plain": "omit -tls, or give the server's TLS port: this is a gRPC server without TLS",
    "tls-http1": (
        "give the gRPC port (8500, --port): this is probably TensorFlow Serving's REST port (8501), since it answers "
        "in HTTP/1 without TLS"
    ),
    "tls-not": "omit -tls, or check the port: whatever is listening there does not speak TLS",
    "tls-closed": (
        "omit -tls if the server has no TLS; otherwise check whether it is shutting down, or is a proxy with no server "
        "behind it: it closed the connection as soon as TLS began"
    ),
    "tls-client": (
        "give -tls-client-cert and -tls-client-key, with a certificate from a CA that the server trusts: it requires "
        "one (mTLS)"
    ),
    "tls-refused": "check -tls-client-cert: it must be valid today and issued by a CA that the server trusts",
    "tls-version": "allow TLS 1.2 or 1.3 on the server: this program supports no older version",
    "tls-alpn": (
        "check that this is the gRPC port, and that a proxy in front of it offers h2 (ALPN): gRPC needs HTTP/2 over TLS"
    ),
    "tls-weak": "renew the certificate with an RSA key of 2048 bits or an EC key of 256 bits or more, and SHA-256",
    "tls-handshake": (
        "check the server's log, that this is its gRPC port, and that both sides have a cipher in common"
    ),
    "tls-name": (
        "give the name in the certificate with -tls-server-name, or have one issued for this host; the common name "
        "does not count, only subject alternative names do"
    ),
    "tls-expired": "renew the certificate; if it has not expired, check this machine's clock",
    "tls-not-yet": "check this machine's clock, or wait until the certificate is valid",
    "tls-untrusted": (
        "give the certificate's CA with -tls-ca-cert; if the server omits an intermediate certificate, have it send "
        "the whole chain, or add the intermediate to that file"
    ),
    "tls-certificate": "have a certificate issued for server authentication; `openssl verify` explains the reason",
    "tls-file": "give a PEM file that the probe's user may read",
    "tls-encrypted": (
        "decrypt the key once (openssl pkey -in KEY -out PLAIN) and protect the file by its mode: a probe cannot ask "
        "for a passphrase"
    ),
    "tls-mismatch": "give a certificate and the key that belongs to it",
    "tls-roots": (
        "give the server's CA with -tls-ca-cert, or set SSL_CERT_FILE: an image without ca-certificates trusts no one"
    ),
    "tls-bad-name": (
        "give the name in the server's certificate with -tls-server-name; write an international name in ASCII form "
        "(xn--…)"
    ),
    "tls-random": "allow getrandom in the container's seccomp profile: TLS needs random numbers",
    # SPIFFE.
    "spiffe-socket": (
        "set SPIFFE_ENDPOINT_SOCKET to the Workload API's address, for example unix:///run/spire/agent.sock, and mount"
        " the socket into the container"
    ),
    "spiffe-api": "check that the SPIFFE agent runs on this node, and that its socket is mounted into the container",
    "spiffe-none": (
        "register the workload (with SPIRE: spire-server entry create), and give the agent a moment to sync: it has no "
        "identity for this process"
    ),
    "spiffe-peer": (
        "have the server present an X.509-SVID of a trust domain whose bundle is known here: our own, or a "
        "federated one"
    ),
    "spiffe-plain": (
        "omit -spiffe, or give the port where the server uses its SPIFFE identity: this port does not speak TLS"
    ),
    "spiffe-refused": (
        "have the server trust this trust domain and allow this SPIFFE ID (-v shows it): it rejects our identity; its "
        "log may say more"
    ),
    # The call.
    "call-timeout": (
        "check whether the server is overloaded or hangs: it accepted the connection but did not answer in time. "
        "TensorFlow Serving needs no model for this answer, only a free thread (--grpc_max_threads; for REST "
        "--rest_api_num_threads)"
    ),
    "run-timeout": (
        "check whether the server is overloaded or hangs, or raise -timeout: it ended the run before the answer"
    ),
    "broken": (
        "check whether the server is shutting down or was killed: the connection broke before the answer was complete"
    ),
    "proxy": "check that -addr leads to the server itself: this is the answer of a proxy or of another HTTP service",
    "unreadable": (
        "check that -addr leads to TensorFlow Serving: this is not an answer of tensorflow.serving.ModelService"
    ),
    "compressed": (
        "disable compression in the server or the proxy in front of it, or give -gzip if that is what it uses: it "
        "compresses although the request did not offer that"
    ),
    "unprocessed": (
        "check whether the server is shutting down, or whether a proxy limits its connections: it refused the call "
        "twice"
    ),
    # REST.
    "url-user": "give credentials as a header: -rpc-header='authorization: …'",
    "url-path": (
        "give -addr=http://HOST:PORT or https://HOST:PORT, with a path in front of /v1/models if a gateway needs one"
    ),
    "rest-port": (
        "give the port: -addr=http://HOST:8501 (TensorFlow Serving's --rest_api_port); without one a URL means port "
        "80 or 443"
    ),
    "rest-refused": (
        "check the server's log, and the port in -addr (TensorFlow Serving's --rest_api_port, usually 8501): nothing "
        "is listening there; the port opens only after the first models have loaded"
    ),
    "rest-plain": "use http:// in -addr: this port answers in HTTP/1 without TLS",
    "rest-grpc": "give the REST port (--rest_api_port, usually 8501), or omit the scheme: this is a gRPC port",
    "rest-tls": "use https:// in -addr: the server speaks TLS on this port",
    "rest-not-http": "check the port: whatever is listening there does not speak HTTP/1",
    # The configuration file, and other files.
    "no-models": (
        "give -model-name, or list a model in the file of -model-config-file: a run that asks for nothing is a failure"
    ),
    "file": "give a regular file that the probe's user may read",
    "config": "correct the file: TensorFlow Serving would refuse it too",
    "config-single": "give one -model-name instead of -model-config-file, or omit the flag",
    # Engines.
    "alts": "use the Python package with grpcio: the static executable has no ALTS",
    "native-only": "omit -engine=grpcio: the native engine supports this",
    "no-grpcio": f"run {PIP_INSTALL}, or omit -engine: the native engine needs no packages",
    # The answer.
    "empty": "check the model's base path: the server knows the model but has found no version of it yet",
    # -install.
    "own-file": (
        "mount /proc, or start the executable by its full path, as a user that may read it; if its checksum is wrong, "
        "download it again"
    ),
    "package": "use the static executable or the zipapp: each is one file and can install itself",
    "install-folder": "create the directory first, or mount a volume there",
    "install-name": "remove what is there, or give another name",
    "install-read-only": "mount a writable volume there, in Kubernetes an emptyDir",
    "install-permission": (
        "run the container as the directory's owner (runAsUser), or give the volume to its group (fsGroup): this user "
        "may not write there"
    ),
    "install-policy": (
        "check the container's seccomp, AppArmor or SELinux policy, and the attributes of the files (lsattr): one of "
        "them forbids this call"
    ),
    # -serve.
    "serve-address": "give -serve=:PORT, HOST:PORT or [IPV6]:PORT, for example -serve=:9808",
    "serve-in-use": "give another port: another program uses this one; the containers of a pod share their ports",
    "serve-permission": "give a port of 1024 or above: this user may not open the others",
    "serve-no-address": "give an address of this machine, or -serve=:PORT for all of them",
    "serve-socket": "check the container's limits and its security policy: the kernel does not allow the socket",
    "serve-no-thread": "raise the container's limit of processes, which counts threads: -serve needs one",
    "no-answer-yet": "wait for the first round, which takes at most -serve-interval",
    "stale": (
        "check the CPU limit of the probe, and whether its files (certificates, -model-config-file) are on a file "
        "system that hangs: no round has ended for three intervals"
    ),
    "install-space": "give the volume 32 MiB: there is no room for the copy, which is made beside the old one",
}


def hint_on(result: "Result", advice: str = "") -> str:
    """The hint about a model's result; empty if there is nothing to add. `advice`: about the command line, which
    replaces that about a failure. Of a server that only has to be alive there is nothing to explain."""
    if result.verdict.alive:
        return ""
    return (result.verdict.exit_code and advice) or hint(result.verdict, result.outcome, result.query)


def hint(verdict: "Verdict", outcome: "ModelStatus | Failure", query: "Query") -> str:
    """The hint for a verdict; empty if there is nothing to add."""
    if isinstance(outcome, Failure):
        text = _of_failure(outcome, query)
        if outcome.kind == "credentials" and outcome.limit in LIMIT_FLAGS:
            text += f"; {LIMIT_FLAGS[outcome.limit]} ended the wait"
        return text
    if verdict.failure is not None:  # a call after the one for the status
        failure = verdict.failure
        return _of_prediction(failure) if failure.kind == PREDICT else _of_failure(failure, query)
    if verdict.version is not None:
        return _of_version(verdict.version, outcome, query)
    if verdict.cause == "no-label":
        return (
            f"check -model-label={quote(query.label or '')}, and version_labels in the server's configuration; the "
            f"server says: {verdict.detail}"
        )
    if verdict.cause == "no-match":
        return _known_versions(outcome)
    return HINTS.get(verdict.cause, "")


def _of_failure(failure: Failure, query: "Query") -> str:
    return HINTS.get(failure.cause, "") or _of_status(failure, query)


def _of_prediction(failure: Failure) -> str:
    """Why a model that is AVAILABLE did not answer."""
    if failure.code == DEADLINE_EXCEEDED:
        return (
            "raise -rpc-timeout or -timeout, or give a smaller request in -predict: the model is AVAILABLE but did not "
            "answer in time"
        )
    if failure.code == INVALID_ARGUMENT or (failure.code == INTERNAL and not failure.text):
        # gRPC's C++ servers answer INTERNAL without a text if they cannot parse the message.
        return (
            "check the file of -predict against the model's signature (saved_model_cli show): for gRPC it holds a "
            "serialized PredictRequest, for REST its JSON"
        )
    return "check the server's log, and the file of -predict: the model is AVAILABLE, but did not answer the request"


def _of_status(failure: Failure, query: "Query") -> str:
    """What a gRPC status from the server means."""
    if failure.kind != STATUS:
        return ""
    name = proto_name(failure.code)
    if name == "NOT_FOUND":
        return (
            f"check -model-name={quote(query.model)}: names are case-sensitive; the server also answers this until it "
            "has found a first version under the model's base path"
        )
    if name == "UNIMPLEMENTED":
        return (
            "check the port: this gRPC server has no tensorflow.serving.ModelService (OpenVINO Model Server dropped it "
            "in 2026.3)"
        )
    if name == "RESOURCE_EXHAUSTED":
        return (
            "raise --grpc_max_threads, or the probe's failureThreshold: all threads of the server are busy; -liveness "
            "counts this answer as alive"
        )
    if name == "INVALID_ARGUMENT" and failure.text.startswith("Malformed request: "):
        return (
            "check the path of the URL in -addr: only a gateway needs one, and the probe itself appends /v1/models/NAME"
        )
    if name in ("UNAVAILABLE", "CANCELLED", "UNAUTHENTICATED", "PERMISSION_DENIED"):
        return (
            "check the proxy or mesh in front of the server, and whether the server behind it is up: TensorFlow "
            "Serving itself never answers this"
        )
    return ""


def _of_version(chosen: "VersionStatus", versions: "ModelStatus", query: "Query") -> str:
    """Why the deciding version is in its state; for an AVAILABLE one, which newer version is not."""
    number = chosen.version
    if chosen.state == AVAILABLE:
        newer = next((version for version in versions if version.version > number and is_pending(version)), None)
        return f"version {number} serves; {_pending(newer)}" if newer else ""
    if chosen.error_code or chosen.error_message not in ("", "OK"):
        serves = any(version.state == AVAILABLE for version in versions)
        return _load_error(chosen) + (ROLLED_BACK if query.require == "latest" and serves else REPAIR)
    if chosen.state in (START, LOADING):
        return f"wait: {_pending(chosen)}"
    if chosen.state == UNLOADING:
        return f"version {number} is being unloaded, and waits for requests that still use it"
    return _unloaded(number, versions) if chosen.state == END else ""


def _pending(version: "VersionStatus") -> str:
    if version.error_code:
        return _load_error(version)
    text = f"version {version.version} is {STATE_NAMES.get(version.state, version.state)}"
    return text + RETRIES if version.state in (START, LOADING) else text


def _unloaded(number: int, versions: "ModelStatus") -> str:
    serving, more = _list(version.version for version in versions if version.state == AVAILABLE)
    others = f"; {serving}{more} {'serve' if more or ',' in serving else 'serves'}" if serving else ""
    return (
        f"put version {number} back into the model's base path or configuration, and it loads again under the same "
        f"number: it was unloaded without an error, because it had left them{others}"
    )


def _known_versions(versions: "ModelStatus") -> str:
    """Which versions the server lists, and why one may be missing."""
    listed, more = _list(version.version for version in versions)
    return (
        f"the server lists {'versions' if more or ',' in listed else 'version'} {listed}{more}; a version is missing "
        "until it is found in the model's base path, and while another model's load holds it up (--num_load_threads)"
    )


def _list(numbers: "Iterable[int]") -> "tuple[str, str]":
    """The first of the numbers, and how many more there are; none of the others is kept."""
    listed: list[str] = []
    more = 0
    for number in numbers:
        if len(listed) < MAX_LISTED_VERSIONS:
            listed.append(str(number))
        else:
            more += 1
    return ", ".join(listed), f" and {more} more" if more else ""


def _load_error(version: "VersionStatus") -> str:
    """What the server reports about a failed load. OpenVINO Model Server gives an error without a code."""
    code = f" with {proto_name(version.error_code)}" if version.error_code else ""
    message = f": {escape(version.error_message, MAX_ERROR_BYTES)}" if version.error_message else ""
    return f"version {version.version} failed{code}{message}"
