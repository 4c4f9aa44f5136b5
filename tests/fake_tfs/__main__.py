"""The stand-in server from a shell: one line for every fact on stdout, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .scripts import SCRIPTS, ScriptRun
from .server import FakeServing


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The flags; those of TensorFlow Serving's own that exist here have its names."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_tfs", description="A stand-in for TensorFlow Serving.")
    parser.add_argument("--list", action="store_true", help="list the scripts and exit")
    parser.add_argument("--script", default="steady", choices=SCRIPTS, metavar="NAME", help="default: steady")
    parser.add_argument("--model", default="half", metavar="NAME", help="default: half")
    parser.add_argument("--speed", type=_positive, default=1.0, metavar="X", help="X times as fast as the script")
    parser.add_argument("--step", action="store_true", help="a line on stdin does the next step; no clock")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen; default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="gRPC; 0 (default): any free one")
    parser.add_argument("--rest-port", type=int, default=0, metavar="N", help="0 (default): any free one")
    parser.add_argument("--no-rest", action="store_true", help="gRPC alone")
    parser.add_argument("--grpc-socket-path", metavar="PATH", help="gRPC on a UNIX socket too")
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="TLS for gRPC: the private key")
    parser.add_argument("--tls-cert", type=Path, metavar="PEM", help="TLS for gRPC: the certificate chain")
    parser.add_argument("--client-ca", type=Path, metavar="PEM", help="ask for client certificates that this CA signed")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="hold every gRPC answer")
    parser.add_argument("--health", action="store_true", help="serve grpc.health.v1.Health")
    options = parser.parse_args(argv)
    if (options.tls_key is None) != (options.tls_cert is None):
        parser.error("--tls-key and --tls-cert go together: give both")
    if options.client_ca is not None and options.tls_key is None:
        parser.error("--client-ca needs TLS: give --tls-key and --tls-cert too")
    return options


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def report(line: str) -> None:
    """Prints a fact at once: other processes wait for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def advance_on_input(run: ScriptRun) -> None:
    """Does one step for each line on stdin. Reads the descriptor itself: a daemon thread that is inside `sys.stdin`
    when the interpreter ends makes it abort."""
    while data := os.read(0, 4096):
        for _ in range(data.count(b"\n")):
            if not run.advance():
                report("no step is left")


def serve(options: argparse.Namespace) -> int:
    """Runs the script until a signal comes or the script ends the process; the exit code."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    server = FakeServing(
        host=options.host,
        port=options.port,
        rest_port=options.rest_port,
        rest=not options.no_rest,
        unix_socket=options.grpc_socket_path,
        tls=(options.tls_key.read_bytes(), options.tls_cert.read_bytes()) if options.tls_key else None,
        client_ca=options.client_ca.read_bytes() if options.client_ca else None,
        delay=options.delay,
        health=options.health,
        closed=True,
        report=report,
    )
    with server:
        run = server.run_script(
            options.script, model=options.model, speed=options.speed, manual=options.step, exits=lambda: over.set()
        )
        if options.step:
            threading.Thread(target=advance_on_input, args=(run,), daemon=True).start()
        over.wait()
    return run.exit_code or 0


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(argv)
    if options.list:
        for name, script in SCRIPTS.items():
            report(f"{name:20}{script.sentence}")
        return 0
    try:
        return serve(options)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
