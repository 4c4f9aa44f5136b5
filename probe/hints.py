"""What a failure probably means, and what to do: one sentence or two for the person who reads the line above.

Rule of this file: pure, and imported only when something is wrong. Hints are no interface: word them as well as you
can. What they claim about TensorFlow Serving was seen in captures of a real server, or read in its source.
"""

from .codes import proto_name
from .model import AVAILABLE, END, LOADING, START, STATUS, UNLOADING, Failure, VersionStatus

# Keyed by Failure.cause.
HINTS = {
    "refused": (
        "nobody listens there. TensorFlow Serving opens its port only after its first models have loaded: "
        "if it is still loading, wait; else check -addr (its gRPC port is 8500 unless --port says otherwise)"
    ),
    "socket": (
        "there is no such socket. TensorFlow Serving makes it (--grpc_socket_path) only after its first models have "
        "loaded: if it is still loading, wait; else check the path, and that it is mounted here"
    ),
    "permission": (
        "this user may not connect to that socket: run the probe as the server's user, or widen the socket's mode"
    ),
    "dropped": "the connection request was not answered: a firewall or a wrong address. A probe should ask its own pod",
    "unresolved": (
        "the name is not known here: check -addr; inside the pod use :PORT or localhost:PORT, which need no resolver"
    ),
    "resolver": "the resolver does not answer: inside the pod use :PORT or localhost:PORT, which need none",
    "no-thread": (
        "the container's limit of processes is reached (threads count too): raise it, or use :PORT or localhost:PORT, "
        "which need no resolver"
    ),
    "mute": (
        "the connection was taken but the server says nothing: its process is stopped, starved of CPU, or it does not "
        "speak gRPC"
    ),
    "slow": (
        "the connection was taken but the server speaks too slowly: it is starved of CPU, or it does not speak gRPC"
    ),
    "closed": (
        "something took the connection and closed it at once: a server that is going down, that wants TLS, or a proxy "
        "with nothing behind it"
    ),
    "http1": (
        "the port answers in HTTP/1: it is probably TensorFlow Serving's REST port (8501, --rest_api_port); "
        "gRPC has a port of its own (8500, --port)"
    ),
    "tls": (
        "the server speaks TLS on this port, and it was asked in plain text: add -tls, and -tls-ca-cert if its "
        "certificate needs one"
    ),
    "tls-plain": "this is a gRPC server without TLS: leave -tls away, or give the server's TLS port",
    "tls-http1": (
        "the port answers in HTTP/1 without TLS: it is probably TensorFlow Serving's REST port (8501), which never has"
        " TLS; gRPC has a port of its own (8500, --port)"
    ),
    "tls-not": "whatever listens there speaks no TLS: leave -tls away, or check the port",
    "tls-closed": (
        "the connection was closed as soon as TLS was asked for: a server without TLS (leave -tls away), one that is "
        "going down, or a proxy with nothing behind it"
    ),
    "tls-client": (
        "the server wants to know who asks (mTLS): give -tls-client-cert and -tls-client-key, with a certificate from "
        "a CA that it trusts"
    ),
    "tls-refused": (
        "check that the client certificate is valid today and was issued by a CA that the server trusts, and that it "
        "is the right one (-tls-client-cert)"
    ),
    "tls-version": "TLS 1.0 and 1.1 are not spoken any more: allow TLS 1.2 or 1.3 on the server",
    "tls-alpn": (
        "gRPC is HTTP/2, and TLS has to agree on it: check that this is the gRPC port, and that a proxy offers h2 "
        "(ALPN)"
    ),
    "tls-weak": "have the certificate renewed with a key of 2048 bits (RSA) or 256 bits (EC) at least, and SHA-256",
    "tls-handshake": (
        "the server's log may say more; check that this is its gRPC port, and that both sides have a cipher in common"
    ),
    "tls-name": (
        "give the name that the certificate is for with -tls-server-name, or have one issued for this host; the common"
        " name does not count, a subject alternative name is needed"
    ),
    "tls-expired": "have the certificate renewed; if it is not expired, check the clock of this machine",
    "tls-not-yet": "check the clock of this machine, or wait until the certificate is valid",
    "tls-untrusted": (
        "give the CA that issued the certificate with -tls-ca-cert; where the server leaves an intermediate "
        "certificate out, have it send the whole chain, or add the intermediate to that file"
    ),
    "tls-certificate": "have a certificate issued that is meant for a server; `openssl verify` explains the reason",
    "tls-file": "the file is to be in PEM form, and readable by the user that runs the probe",
    "tls-encrypted": (
        "a probe cannot ask for the passphrase: decrypt the key once (openssl pkey -in KEY -out PLAIN) and protect the"
        " file by its mode"
    ),
    "tls-mismatch": "give the certificate and the key that were made for each other",
    "tls-roots": (
        "give -tls-ca-cert with the certificate of the server's CA, or set SSL_CERT_FILE; an image without "
        "ca-certificates trusts nobody"
    ),
    "tls-bad-name": (
        "give -tls-server-name with the name in the server's certificate; international names in their ASCII form "
        "(xn--…)"
    ),
    "not-http2": "whatever listens there speaks neither HTTP/2 nor HTTP/1: check the port",
    "port": (
        "give -addr=HOST:PORT, for example -addr=:8500 (TensorFlow Serving's gRPC port unless --port says otherwise)"
    ),
    "brackets": "an IPv6 address with a port is written in brackets: -addr=[::1]:8500",
    "url": "gRPC wants -addr=HOST:PORT, without http:// before it",
    "address": "-addr takes HOST:PORT, :PORT, [IPV6]:PORT, unix:///PATH or unix-abstract:NAME",
    "empty": "the server knows the model but lists no version of it: none was found under its base path yet",
    "no-time": "the time given is over before anything could be done: give a timeout above 0, for example 900ms",
    "call-timeout": (
        "the server took the connection but did not answer in time: it is overloaded or hangs. With TensorFlow Serving "
        "the answer needs no model, only a free thread (--grpc_max_threads)"
    ),
    "whole-timeout": "-timeout ended the run while it waited for the answer: the server is overloaded or hangs",
    "broken": "the connection broke before the answer was complete: the server is going down, or was killed",
    "proxy": "this is an answer of a proxy or of another HTTP service: check that -addr leads to the server itself",
    "unreadable": (
        "the answer is not what tensorflow.serving.ModelService sends: check that -addr leads to TensorFlow Serving"
    ),
    "compressed": (
        "the server, or a proxy before it, compresses its answers without being asked: switch that off there, or give "
        "-gzip if that is what it uses"
    ),
    "spiffe-socket": (
        "set SPIFFE_ENDPOINT_SOCKET to the Workload API's address, for example unix:///run/spire/agent.sock, and mount"
        " the socket into the container"
    ),
    "spiffe-api": "check that the SPIFFE agent runs on this node, and that its socket is mounted into the container",
    "spiffe-none": (
        "the agent knows this process but has no identity for it: register the workload (with SPIRE: spire-server "
        "entry create), and give the agent a moment to learn of it"
    ),
    "spiffe-peer": (
        "the server must show an X.509-SVID of a trust domain whose bundle is known here: its own, or a federated one"
    ),
    "spiffe-plain": (
        "-spiffe means TLS between SPIFFE identities, and the server speaks no TLS there: leave -spiffe away, or give "
        "the port on which it has its identity"
    ),
    "spiffe-refused": (
        "the server does not accept this identity: its side must trust this trust domain and allow this SPIFFE ID (-v "
        "shows it); its log may say more"
    ),
    "alts": "the static executable has no ALTS; with the Python package it is there",
    "native": "leave -engine=grpcio away: the native engine can",
    "engine": "or leave -engine away: the native engine needs nothing",
    "own-file": (
        "the executable is found by /proc/self/exe, or by the path that it was started by: mount /proc, or start it by "
        "its full path; this user must be allowed to read it; if its checksum is wrong, fetch it again"
    ),
    "package": "take the static executable or the zipapp: these are one file each, and can install themselves",
    "install-folder": "the folder must be there already: make it, or mount a volume there",
    "install-name": "remove what is there, or give another name",
    "install-read-only": "mount a volume there that can be written, in Kubernetes an emptyDir",
    "install-permission": (
        "this user may not write there: let the container run as the folder's owner (runAsUser), or give the volume to "
        "its group (fsGroup)"
    ),
    "install-space": "there is no room for the copy, which is made beside an older one: allow the volume 32 MiB",
}


def of_status(failure: Failure) -> str:
    """What a gRPC status means when this server sends it."""
    if failure.kind != STATUS:
        return ""
    name = proto_name(failure.code)
    if name == "NOT_FOUND":
        return (
            "check -model-name (it is case-sensitive); the server also answers so until it has found a first version "
            "under the model's base path"
        )
    if name == "UNIMPLEMENTED":
        return (
            "this gRPC server has no tensorflow.serving.ModelService: check the port; OpenVINO Model Server dropped "
            "the service in 2026.3"
        )
    if name == "RESOURCE_EXHAUSTED" and "Threadpool" in failure.text:
        return (
            "the server is healthy but all its threads are busy (--grpc_max_threads): raise that or failureThreshold; "
            "-liveness takes this answer for alive"
        )
    if name == "UNAUTHENTICATED" or name == "PERMISSION_DENIED":
        return "TensorFlow Serving knows no permissions: this answer comes from a proxy or a mesh in front of it"
    return ""


def of_version(chosen: VersionStatus, versions: "list[VersionStatus]") -> str:
    """Why the version that decided is in its state; for an AVAILABLE one, which newer version failed."""
    if chosen.state == AVAILABLE:
        newer = next((status for status in versions if status.error_code and status.version > chosen.version), None)
        return f"{_failed(newer)}; version {chosen.version} serves instead" if newer else ""
    if chosen.error_code or chosen.error_message not in ("", "OK"):
        return _failed(chosen)
    if chosen.state in (START, LOADING):
        return (
            f"version {chosen.version} is still being loaded; TensorFlow Serving also says so while it retries a load "
            "that failed (5 times, a minute apart): its log has the error"
        )
    if chosen.state == UNLOADING:
        return f"version {chosen.version} is being unloaded, and waits for requests that still use it"
    if chosen.state == END:
        return (
            f"version {chosen.version} was unloaded in good order: no version is configured or left on disk; "
            "a new one needs a higher number"
        )
    return ""


def known_versions(versions: "list[VersionStatus]") -> str:
    """Which versions there would be."""
    shown = ", ".join(str(status.version) for status in versions[:10])
    more = f" and {len(versions) - 10} more" if len(versions) > 10 else ""
    return f"the server lists {'version' if len(versions) == 1 else 'versions'} {shown}{more}"


def _failed(status: VersionStatus) -> str:
    return f"version {status.version} failed with {proto_name(status.error_code)}: {status.error_message}"
