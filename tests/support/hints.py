"""The program's hints by their cause: a test names the cause, never the words."""

from __future__ import annotations

from probe.cli import hints

HINTS: dict[str, str] = {str(cause): hint for cause, hint in hints.HINTS.items()}
