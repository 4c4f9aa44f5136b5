"""What -version prints."""

import sys

from .. import __version__


def version_line() -> str:
    """The version, the commit it was built from, and the runtime it includes."""
    try:
        from .. import _commit  # type: ignore[attr-defined, unused-ignore]  # made by the build

        commit = _commit.COMMIT
    except ImportError:
        commit = "unknown"
    try:
        import _ssl

        openssl = " ".join(_ssl.OPENSSL_VERSION.split(" ")[:2])
    except ImportError:
        openssl = "no OpenSSL"
    python = ".".join(str(part) for part in sys.version_info[:3])
    return f"tfs_model_status_probe {__version__} (commit {commit}, CPython {python}, {openssl})"
