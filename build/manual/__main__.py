"""Writes the man page and the completions: `python -m build.manual OUTDIR`."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

from build.manual import bash, fish, page, zsh
from build.platform import MANUAL
from build.shared.checkout import epoch


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m build.manual OUTDIR")
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    texts = {
        MANUAL.page: page.render(datetime.fromtimestamp(epoch(), timezone.utc).date()),
        MANUAL.bash: bash.render(),
        MANUAL.zsh: zsh.render(),
        MANUAL.fish: fish.render(),
    }
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
