"""What `-version` prints."""

import sys

from . import __version__


def about() -> str:
    """One line: the version, the commit it was built from, and the runtime that it brings along."""
    try:
        from ._commit import COMMIT
    except ImportError:
        COMMIT = "unknown"
    try:
        from _ssl import OPENSSL_VERSION
    except ImportError:
        OPENSSL_VERSION = "no OpenSSL"
    python = ".".join(str(part) for part in sys.version_info[:3])
    openssl = " ".join(OPENSSL_VERSION.split(" ")[:2])
    return f"tfs_model_status_probe {__version__} (commit {COMMIT}, CPython {python}, {openssl})"
