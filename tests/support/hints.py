"""The program's hints by their cause: a test names the cause, never the words."""

from __future__ import annotations

from probe.cli.hints import HINTS

__all__ = ["HINTS"]
