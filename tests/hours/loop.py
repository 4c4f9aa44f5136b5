"""A program that makes many calls in one process, and reports what it holds: memory, descriptors, threads.

It runs on an ordinary Python, and frozen, as an executable of its own.
"""

import gc
import posix

from probe.check import check
from probe.deadline import RUN, Deadline
from probe.model import TLS, ClientConfig, Failure, NamedFile, Plan, Query, Security

SECOND = 1_000_000_000
PAGE_KIB = 4
QUERIES = (Query("default"),)


def loop(plain: str, secured: str, ca: str, refused: str, calls: int) -> "list[tuple[int, int, int]]":
    """KiB in memory, descriptors and threads: after a fifth of the calls, and after each further fifth."""
    gc.enable()
    files = Security(TLS, ca=NamedFile(ca, "-tls-ca-cert"))
    answered = (ClientConfig(plain), ClientConfig(secured, security=files))
    failing = (
        ClientConfig(refused, connect_timeout=SECOND // 1000),
        ClientConfig("a..b:80", connect_timeout=SECOND // 500),  # a name that no resolver has to be asked for
    )
    found = []
    for number in range(calls):
        config = (answered + failing)[number % 4]
        (result,) = check(Plan(config, QUERIES, Deadline.after(30 * SECOND, RUN))).results
        if isinstance(result.outcome, Failure) != (config in failing):
            raise AssertionError(result)
        if (number + 1) % (calls // 5) == 0:
            found.append(_held())
    return found


def _held() -> "tuple[int, int, int]":
    gc.collect()
    return resident_kib(), len(posix.listdir("/proc/self/fd")), len(posix.listdir("/proc/self/task"))


def resident_kib() -> int:
    """The memory that this process has of its own."""
    descriptor = posix.open("/proc/self/statm", posix.O_RDONLY)
    try:
        _, resident, shared = posix.read(descriptor, 200).split()[:3]
    finally:
        posix.close(descriptor)
    return (int(resident) - int(shared)) * PAGE_KIB


def report(arguments: "list[str]") -> str:
    """The figures, a line for each time."""
    plain, secured, ca, refused, calls = arguments
    return "".join(
        f"{kib} {files} {threads}\n" for kib, files, threads in loop(plain, secured, ca, refused, int(calls))
    )


if __name__ == "__main__":
    import sys

    sys.stdout.write(report(sys.argv[1:]))
