"""Stands in for GitHub's release downloads: python -m tests.images.github CERTIFICATE REPOSITORY FOLDER

Answers on 127.0.0.1:443 as github.com does: /REPOSITORY/releases/download/TAG/NAME leads on to another host, which has
the bytes of FOLDER/TAG/NAME. Says `ready` when it listens, and ends with SIGTERM.
"""

from __future__ import annotations

import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

FRONT = "github.com"
STORE = "release-assets.githubusercontent.com"
HOSTS = f"127.0.0.1 localhost {FRONT} {STORE}\n"


class Downloads(BaseHTTPRequestHandler):
    """One request."""

    repository: str
    folder: Path

    def do_GET(self) -> None:
        """Sends the file, or the way to it, or 404."""
        host = self.headers.get("Host", "")
        before = f"/{self.repository}/releases/download/"
        if host == FRONT and self.path.startswith(before):
            self._answer(302, headers={"Location": f"https://{STORE}/{quote(self.path.removeprefix(before))}"})
            return
        file = self.folder / self.path.strip("/")
        if host == STORE and file.is_file():
            self._answer(200, file.read_bytes())
        else:
            self._answer(404, b"Not Found")

    def _answer(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: whoever asked tells what it got."""


def main() -> None:
    """Serves until it is ended."""
    certificate, Downloads.repository, folder = sys.argv[1:]
    Downloads.folder = Path(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # busybox's wget names no signatures, which by TLS 1.2 means SHA-1
    with ThreadingHTTPServer(("127.0.0.1", 443), Downloads) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        print("ready", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
