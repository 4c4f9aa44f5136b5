"""A run's memory at its end: the kernel stops the process just before it exits (ptrace), and it is read from there."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping, Sequence

TRACEME, CONT, SETOPTIONS = 0, 7, 0x4200
TRACE_EXIT = 0x40
EXITING = signal.SIGTRAP | 6 << 8
"""What waitpid reports of a process that is about to exit: SIGTRAP with PTRACE_EVENT_EXIT."""

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def memory_at_exit(command: Sequence[str], ranges: Mapping[str, tuple[int, int]]) -> tuple[int, dict[str, bytes]]:
    """Runs a command with no environment and its output discarded. Returns its exit code, and what is in each range of
    addresses, given as start and length, when it exits."""
    child = os.fork()
    if child == 0:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            libc.ptrace(TRACEME, 0, None, None)
            os.execve(command[0], list(command), {})
        finally:
            os._exit(127)
    found: dict[str, bytes] = {}
    _, status = os.waitpid(child, 0)  # stopped by its execve
    libc.ptrace(SETOPTIONS, child, None, TRACE_EXIT)
    while not os.WIFEXITED(status) and not os.WIFSIGNALED(status):
        forwarded = 0
        if status >> 8 == EXITING:
            with open(f"/proc/{child}/mem", "rb", buffering=0) as memory:
                for name, (start, length) in ranges.items():
                    found[name] = os.pread(memory.fileno(), length, start)
        elif os.WIFSTOPPED(status) and os.WSTOPSIG(status) != signal.SIGTRAP:
            forwarded = os.WSTOPSIG(status)
        libc.ptrace(CONT, child, None, forwarded)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), found
