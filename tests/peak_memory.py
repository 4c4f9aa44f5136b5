"""How much memory a reader takes that is fed a long body piece by piece, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MAX_PEAK_KIBIBYTES = 16 * 1024  # of the whole process, the interpreter included

# The body is a prefix, a pattern many times over, and a suffix. VmHWM begins anew with each program, unlike ru_maxrss.
CODE = """
import sys
sys.path.insert(0, {root!r})
{setup}
try:
    reader.feed({prefix!r})
    for _ in range({mebibytes} * 16):
        reader.feed({pattern!r} * (65536 // {length}))
    reader.feed({suffix!r})
    reader.end() if hasattr(reader, "end") else None
except ValueError:
    pass
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def peak_of(setup: str, prefix: bytes, pattern: bytes, suffix: bytes = b"", mebibytes: int = 4) -> int:
    """The process's peak of resident memory in KiB. `setup` makes `reader`, whose errors are ValueErrors."""
    code = CODE.format(
        root=str(Path(__file__).parents[1]),
        setup=setup,
        prefix=prefix,
        pattern=pattern,
        suffix=suffix,
        length=len(pattern),
        mebibytes=mebibytes,
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    return int(run.stdout)
