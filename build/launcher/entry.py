"""What the launcher runs: imported when the snapshot is made, `run` is called by every run from it."""

from probe.__main__ import run

__all__ = ["run"]
