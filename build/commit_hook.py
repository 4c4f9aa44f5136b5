"""Hatchling's build hook: it records in the wheel and the source distribution which commit they were made from.

A module `_commit` with one constant goes into the package, for `-version`. A package that is built from a source
distribution keeps the module that came with it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface[Any]):
    """Adds `_commit.py` to what is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version == "editable" or not (root / ".git").exists():
            return
        described = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
        commit = subprocess.run(described, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
        module = root / ".cache" / "_commit.py"
        module.parent.mkdir(exist_ok=True)
        module.write_text(f'"""Written when this was built."""\n\nCOMMIT = "{commit}"\n')
        package = "probe" if self.target_name == "sdist" else "tfs_model_status_probe"
        build_data["force_include"][str(module)] = f"{package}/_commit.py"
