"""What is changed in CPython's source before it is compiled, in a copy of it.

A patch that finds nothing to change stops the build: CPython has changed there, and somebody has to look.
"""

from __future__ import annotations

import re
from pathlib import Path

from build.command import BuildError

ERROR_PREFIXES = ("SSL_R_", "PEM_R_", "X509_R_")


def apply(source: Path) -> None:
    """Changes a copy of CPython's source. Raises BuildError where there is nothing to change."""
    shorten_error_names(source)


def shorten_error_names(source: Path) -> None:
    """Leaves `_ssl` the names of those OpenSSL errors that a connection can meet. With all of them its import takes as
    long as a handshake, and the snapshot is a megabyte larger."""
    kept = "|".join(ERROR_PREFIXES)
    replace(
        source,
        "Modules/_ssl_data*.h",
        rf"  #ifdef (?!{kept})\w+\n    \{{[^}}]*\}},\n  #else\n    \{{[^}}]*\}},\n  #endif\n",
        "",
    )


def replace(source: Path, files: str, pattern: str, replacement: str) -> None:
    """Replaces a regular expression in every file that a glob names. Raises BuildError for a file in which it matches
    nothing, and where there is no such file."""
    found = sorted(source.glob(files))
    if not found:
        raise BuildError(f"CPython's source has no {files}, which {__name__} changes")
    for file in found:
        text, count = re.subn(pattern, replacement, file.read_text())
        if not count:
            name = file.relative_to(source)
            raise BuildError(f"{name} of CPython's source has nothing that matches {pattern!r}: see {__name__}")
        file.write_text(text)
