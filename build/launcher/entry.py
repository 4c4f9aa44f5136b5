"""What the launcher runs: imported when the snapshot is made; every run then calls `run`.

The modules of a call, over gRPC or REST, are in the snapshot, because the rehearsal has imported them. What only the
rehearsal needs is removed again.
"""

import sys

import rehearsal  # type: ignore[import-not-found]

from probe.__main__ import run

__all__ = ["run"]

rehearsal.rehearse(run)
del rehearsal, sys.modules["rehearsal"]
