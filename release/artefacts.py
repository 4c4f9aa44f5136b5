"""Makes everything in a release that depends only on the commit and the packages: `python -m release.artefacts OUTDIR`.

It is made from the checkout that this file is in. A release makes it twice, in two checkouts, and compares the bytes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from build.platform import PLATFORMS
from build.shared.checkout import VERSION
from release import notice, packages, sbom
from release.assets import Assets
from release.checkout import ReleaseError, git, run


def write(to: Path) -> Assets:
    """Fills an existing folder. Raises ReleaseError, and ValueError for an executable that cannot be described."""
    assets = Assets(to, VERSION)
    epoch = int(git("log", "-1", "--format=%ct"))
    env = {"SOURCE_DATE_EPOCH": str(epoch)}
    for row in PLATFORMS:
        run(sys.executable, "-m", "build.freeze", to, row.name, env=env)
    run(sys.executable, "-m", "build.bundle", to, env=env)
    run(sys.executable, "-m", "build.manual", to, env=env)
    for target in ("sdist", "wheel"):
        run(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", to, env=env)
    for one in assets.platforms:
        sbom.write(one.buildinfo, one.sbom)
    notice.write([one.buildinfo for one in assets.platforms], assets.notice)
    with tempfile.TemporaryDirectory(prefix="packages-") as scratch:
        packages.write(assets, Path(scratch), epoch)
    return assets


def main() -> int:
    """Makes them, or prints why it cannot."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m release.artefacts OUTDIR")
    try:
        out = Path(sys.argv[1]).resolve()
        out.mkdir(parents=True, exist_ok=True)
        write(out)
    except (ReleaseError, ValueError) as error:
        sys.exit(f"{error}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
