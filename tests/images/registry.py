"""A registry in the place of GitHub's, which admits one user: the reference implementation, as Debian packages it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.images.engine import Engine

NAME = "ghcr.io"
ADDRESS = "127.0.0.2"
HOSTS = f"{ADDRESS} {NAME}\n"
USER, TOKEN = "octocat", "secret"
USERS = f"{USER}:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"
"""As htpasswd writes it, with bcrypt at its lowest cost."""


@contextmanager
def running(engine: Engine, authority: trustme.CA, folder: Path) -> Iterator[None]:
    """Runs it beside the engine, with what it stores in a folder that both see."""
    place = folder / "registry"
    place.mkdir()
    (place / "users").write_text(USERS)
    issued = authority.issue_cert(NAME)
    issued.private_key_pem.write_to_path(str(place / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(place / "certificate.pem"))
    settings = {
        "version": "0.1",
        "log": {"level": "info", "formatter": "json"},
        "storage": {"filesystem": {"rootdirectory": str(place / "images")}},
        "auth": {"htpasswd": {"realm": "packages", "path": str(place / "users")}},
        "http": {
            "addr": f"{ADDRESS}:443",
            "tls": {"certificate": str(place / "certificate.pem"), "key": str(place / "key.pem")},
        },
    }
    (place / "settings.yml").write_text(json.dumps(settings))  # JSON is YAML
    command = [*engine.enter("--mount", "--net"), "docker-registry", "serve", str(place / "settings.yml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "listening on" in line:
                    break
            else:
                pytest.fail("the registry did not start")
            yield
        finally:
            process.terminate()
            process.stderr.read()
