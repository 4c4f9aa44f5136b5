"""gRPC servers of other makers, each a process of its own on 127.0.0.1 with a port that the kernel chose.

    with grpc_js_server() as server:
        ...  # talk to server.target

All of them answer GetModelStatus by the facts in facts.py. A server is ready when the `with` block begins, and is gone
when it ends, however it ends. Should the tests themselves be killed, the servers still go: the scripted ones when their
standard input ends, nginx by the kernel's parent-death signal.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import facts

HERE = Path(__file__).parent
NODE = HERE / "node"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class TlsFiles:
    """PEM files. With `client_ca` the server insists on a client certificate which that authority signed."""

    key: Path
    certificate: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class Server:
    """A running server: which one it is, and where."""

    stack: str
    port: int
    host: str = HOST

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"


def grpcio_server(tls: TlsFiles | None = None) -> AbstractContextManager[Server]:
    """gRPC's C core, under Python. Its server cannot go without a word: a call that it cancels ends with status
    CANCELLED in the trailers."""
    return _scripted("grpcio", [sys.executable, str(HERE / "python_server.py"), "grpcio"], tls)


def grpclib_server(tls: TlsFiles | None = None) -> AbstractContextManager[Server]:
    """grpclib on h2, both pure Python. Cuts a call by RST_STREAM, with error code NO_ERROR and no trailers."""
    return _scripted("grpclib", [sys.executable, str(HERE / "python_server.py"), "grpclib"], tls)


def grpc_js_server(tls: TlsFiles | None = None) -> AbstractContextManager[Server]:
    """grpc-js on Node.js's own HTTP/2. Cuts a call by closing its connection. Installs its packages at first."""
    install_node_modules()
    return _scripted("grpc-js", ["node", str(NODE / "server.js")], tls)


@contextmanager
def nginx_server(tls: TlsFiles | None = None) -> Iterator[Server]:
    """nginx's `grpc_pass`, with the grpcio server behind it; TLS is between the client and nginx."""
    with grpcio_server() as upstream, _nginx("nginx", upstream.target, tls) as server:
        yield server


@contextmanager
def nginx_without_upstream(tls: TlsFiles | None = None) -> Iterator[Server]:
    """nginx whose server behind is down: every call is answered with `:status 502` and a page of HTML."""
    # A socket that is bound and does not listen: connecting to it is refused, and no other process can get its port.
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        with _nginx("nginx-without-upstream", f"{HOST}:{nobody.getsockname()[1]}", tls) as server:
            yield server


# Those that give the scripted answers, by the name that a test shows.
SERVERS: Mapping[str, Callable[[TlsFiles | None], AbstractContextManager[Server]]] = {
    "grpcio": grpcio_server,
    "grpclib": grpclib_server,
    "grpc-js": grpc_js_server,
    "nginx": nginx_server,
}


def install_node_modules() -> None:
    """Runs `npm ci` if what the lock file names is not installed, or was installed before the file last changed."""
    lock_file = NODE / "package-lock.json"
    installed = NODE / "node_modules" / ".package-lock.json"  # npm writes it when all else is in place
    with lock_file.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        if installed.exists() and installed.stat().st_mtime >= lock_file.stat().st_mtime:
            return
        command = ["npm", "ci", "--quiet", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=NODE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout.decode(errors='replace')}")


@contextmanager
def _scripted(stack: str, command: Sequence[str], tls: TlsFiles | None) -> Iterator[Server]:
    """A program that reads its orders from standard input, and prints `port N` when it listens."""
    with _process(command) as (process, output):
        assert process.stdin is not None
        # One that died at once reads nothing; what it printed tells more than the broken pipe.
        with suppress(BrokenPipeError):
            process.stdin.write(_order(tls))
            process.stdin.flush()
        ready = output.wait_for(rb"^port (\d+)$")
        yield Server(stack, int(ready[1]))


def _order(tls: TlsFiles | None) -> bytes:
    files = None
    if tls is not None:
        client_ca = None if tls.client_ca is None else str(tls.client_ca)
        files = {"key": str(tls.key), "certificate": str(tls.certificate), "client_ca": client_ca}
    return json.dumps({"facts": facts.script(), "tls": files}).encode() + b"\n"


@contextmanager
def _nginx(stack: str, upstream: str, tls: TlsFiles | None) -> Iterator[Server]:
    # Debian keeps nginx in /usr/sbin, which is not on every user's PATH.
    nginx = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
    if nginx is None:
        raise RuntimeError("nginx is not installed; tests/system_packages.sh tells what to do")
    with tempfile.TemporaryDirectory(prefix="nginx-") as directory, socket.create_server((HOST, 0)) as listener:
        listener.setblocking(False)  # as nginx makes its own
        port: int = listener.getsockname()[1]
        configuration = Path(directory, "nginx.conf")
        configuration.write_text(_nginx_configuration(directory, port, upstream, tls))
        # setpriv: nginx does not watch its standard input, so that the kernel has to tell it when we are killed.
        # -e: without it nginx tries the system's log first, and complains where that is not writable.
        command = ["setpriv", "--pdeathsig", "TERM", nginx, "-p", directory, "-c", str(configuration), "-e", "stderr"]
        # NGINX lists the listening sockets that it inherits, as when one nginx is replaced by the next. This way the
        # port is ours from the moment when the kernel chose it. (Not with `master_process off`: 1.22 crashes.)
        environment = {**os.environ, "NGINX": f"{listener.fileno()};"}
        with _process(command, environment, listener.fileno()) as (_, output):
            listener.close()
            output.wait_for(rb"\[notice\].* start worker process \d+$")
            yield Server(stack, port)


def _nginx_configuration(directory: str, port: int, upstream: str, tls: TlsFiles | None) -> str:
    temporary = "\n".join(
        f'    {kind}_temp_path "{directory}/{kind}";' for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    secure = ""
    if tls is not None:
        secure = f"""
        ssl_certificate "{tls.certificate}";
        ssl_certificate_key "{tls.key}";
        ssl_protocols TLSv1.2 TLSv1.3;"""
        if tls.client_ca is not None:
            secure += f"""
        ssl_client_certificate "{tls.client_ca}";
        ssl_verify_client on;"""
    # `user root`: started by root, the worker would become a user to whom the temporary directory is closed.
    # `listen ... http2` and not the directive `http2 on`, which nginx 1.22 does not know.
    return f"""\
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
worker_processes 1;
error_log stderr notice;
pid "{directory}/nginx.pid";
events {{ worker_connections 256; }}
http {{
    access_log off;
{temporary}
    server {{
        listen {HOST}:{port} {"ssl " if tls else ""}http2;{secure}
        location / {{ grpc_pass grpc://{upstream}; }}
    }}
}}
"""


class _Output:
    """What a process prints, read to the end, since a full pipe would stop it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._process = process
        self._stream: IO[bytes] = process.stdout
        self._reader = threading.Thread(target=self._swallow, daemon=True)

    def wait_for(self, pattern: bytes) -> re.Match[bytes]:
        """Waits for the line that says the server is ready; the process's end ends the wait, too."""
        seen: list[bytes] = []
        for line in self._stream:
            seen.append(line)
            match = re.search(pattern, line)
            if match is not None:
                self._reader.start()
                return match
        text = b"".join(seen).decode(errors="replace")
        raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()} before it was ready:\n{text}")

    def _swallow(self) -> None:
        deque(self._stream, maxlen=0)

    def close(self) -> None:
        if self._reader.is_alive():
            self._reader.join()  # the pipe ends with the process
        self._stream.close()


@contextmanager
def _process(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *descriptors: int
) -> Iterator[tuple[subprocess.Popen[bytes], _Output]]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        pass_fds=descriptors,
    )
    output = _Output(process)
    try:
        yield process, output
    finally:
        process.terminate()  # not SIGKILL, which would leave nginx's worker without its master
        process.wait()
        output.close()
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # raised when there is still something to flush
            process.stdin.close()
