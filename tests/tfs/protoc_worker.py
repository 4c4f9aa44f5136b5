"""Feeds files to protoc's `--encode`, the C++ parser of text format: `protoc_worker.py DIRECTORY ARGUMENT...`.

One process for many files: for each line on stdin it parses DIRECTORY/input and answers with a line, protoc's status.
What protoc printed is in DIRECTORY/output and DIRECTORY/errors.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from grpc_tools import protoc


def main(argv: list[str]) -> int:
    """Answers until stdin ends."""
    directory, arguments = Path(argv[0]), ["protoc", *argv[1:]]
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for _ in requests:
        for descriptor, name, flags in (
            (0, "input", os.O_RDONLY),
            (1, "output", os.O_RDWR | os.O_CREAT | os.O_TRUNC),
            (2, "errors", os.O_RDWR | os.O_CREAT | os.O_TRUNC),
        ):
            opened = os.open(directory / name, flags, 0o600)
            os.dup2(opened, descriptor)
            os.close(opened)
        status = protoc.main(arguments)
        answers.write(b"%d\n" % status)
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
