"""A security policy that forbids one system call, as a container runtime's seccomp profile does.

Run as a script, it installs the filter and becomes the command: `seccomp.py ERRNO CALL COMMAND…`. It imports the
standard library alone, because the script runs by itself.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

# linux/prctl.h, linux/seccomp.h, linux/bpf_common.h
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
RET_ERRNO, RET_ALLOW = 0x00050000, 0x7FFF0000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


def denying(call: str, error: str) -> list[str]:
    """A command to put before another, which then gets that error from that system call."""
    return [sys.executable, "-I", "-S", __file__, error, call]


def number_of(call: str) -> int:
    """A system call's number, by the kernel's own header."""
    header = Path("/usr/include", f"{platform.machine()}-linux-gnu", "asm", "unistd_64.h")
    found = re.search(rf"^#define __NR_{call}\s+(\d+)$", header.read_text(), re.MULTILINE)
    assert found, f"{header} has no {call}"
    return int(found[1])


def deny(number: int, error: int) -> None:
    """Installs the filter in this process, for it and whatever it becomes."""
    steps = (
        (LOAD_WORD, 0, 0, 0),  # the call's number comes first in struct seccomp_data
        (JUMP_IF_EQUAL, 0, 1, number),
        (RETURN, 0, 0, RET_ERRNO | error),
        (RETURN, 0, 0, RET_ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot install the filter")


def main(error: str, call: str, command: Sequence[str]) -> None:
    number, code = number_of(call), getattr(errno, error)
    path, arguments, environment = command[0], list(command), dict(os.environ)
    deny(number, code)
    os.execve(path, arguments, environment)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
