"""What the launcher runs: imported when the snapshot is made, `run` is called by every run from it."""

# The engine is chosen by a flag, so the program imports it late; but nearly every run needs this one.
from probe.__main__ import run
from probe.engine import native

__all__ = ["native", "run"]
