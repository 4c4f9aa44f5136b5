"""The CPU time of another process, to the nanosecond."""

from __future__ import annotations

import time

CPUCLOCK_SCHED = 2  # of clock ids, by the kernel's include/linux/posix-timers.h: the CPU time of a whole process


def cpu_seconds(pid: int) -> float:
    """What its threads have spent so far (clock_getcpuclockid(3)). Raises OSError for a process that has ended."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
