"""`make demo`: the probe beside a model that loads, with the lines that a person would see.

The server is the stand-in for TensorFlow Serving, the probe the built program. Ends with an error if an exit code is
not the one that it should be.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.sidecar import sidecar
from tests.support.variants import FROZEN, ROOT, built

MODEL = "half_plus_two"


def probe(what: str, port: int, model: str, wanted: int) -> None:
    """Runs the probe once, and shows the command, its lines and its exit code."""
    command = [str(FROZEN), f"-addr=:{port}", f"-model-name={model}", "-timeout=900ms"]
    print(f"\n# {what}\n$ {FROZEN.relative_to(ROOT)} {' '.join(command[1:])}", flush=True)
    exit_code = subprocess.run(command, check=False, stderr=subprocess.STDOUT).returncode
    print(f"$ echo $?\n{exit_code}", flush=True)
    if exit_code != wanted:
        sys.exit(f"the exit code should have been {wanted}")


def look_at_sidecar(port: int) -> None:
    """Runs the probe as a sidecar, and shows what it answers. At a terminal it runs until Enter is pressed, so that its
    page can be looked at."""
    arguments = [f"-addr=:{port}", f"-model-name={MODEL}", "-serve=127.0.0.1:0", "-serve-interval=1s"]
    print("\n# As a sidecar: it keeps asking, and answers over HTTP.")
    print(f"$ {FROZEN.relative_to(ROOT)} {' '.join(arguments)} &")
    with sidecar(built("frozen"), *arguments[:2], *arguments[3:]) as running:
        running.wait_for_line(f"{MODEL}: ")
        print("\n".join(running.lines))
        url = f"http://127.0.0.1:{running.port}"
        for path in ("/readyz", "/metrics", "/"):
            reply = running.get(path)
            shown = [line for line in reply.body.splitlines() if not line.startswith("#")] if path != "/" else []
            print(
                f"$ curl -i {url}{path}\n{reply.status} {reply.headers['Content-Type']}", *shown, sep="\n", flush=True
            )
            if reply.status != 200:
                sys.exit("the status should have been 200")
        if sys.stdin.isatty():
            with contextlib.suppress(EOFError, KeyboardInterrupt):
                input(f"\nThe last one is a page for people: open {url}/ in a browser. Press Enter to end.")
        else:
            print("The last one is a page for people.")


def main() -> None:
    """Goes through the life of a model."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    probe("Nothing listens, as while TensorFlow Serving loads its first models.", port, MODEL, 2)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.fake_tfs", "--script", "loading", "--step", "--no-rest"),
            *(f"--port={port}", f"--model={MODEL}"),
        ],
        cwd=Path(ROOT),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin
    assert server.stdout
    try:
        next(line for line in server.stdout if line.startswith("gRPC port"))
        probe("The model is being loaded: not ready yet.", port, MODEL, 32)
        server.stdin.write("\n")
        server.stdin.flush()
        next(line for line in server.stdout if "AVAILABLE" in line)
        probe("It has been loaded.", port, MODEL, 0)
        probe("A name that the server does not know.", port, "no_such_model", 10)
        print("\nKubernetes reads the exit code. README.md has the pod's YAML.")
        look_at_sidecar(port)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
