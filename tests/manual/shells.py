"""Interactive shells on a terminal of their own, which complete what is typed.

A key makes the shell write the line that it edits to a pipe, so that nothing has to be read from the screen.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from build.platform import MANUAL, PROGRAM
from tests.frozen.roots import tool
from tests.support.runner import HANG_SECONDS

PROMPT = b"ready>"
TAB, ALL, SHOW, CLEAR = b"\t", b"\x18a", b"\x18p", b"\x15"
"""Keys: complete, insert all candidates, write the line to the pipe, empty the line."""

BASH = """\
PS1='{prompt}'
source '{manual}/{file}'
bind 'set bell-style none'
bind 'set completion-query-items 0'
bind '"\\C-xa": insert-completions'
bind -x '"\\C-xp": printf "%s\\n" "$READLINE_LINE" >{pipe}'
"""
ZSH = """\
PROMPT='{prompt}' LISTMAX=1000
unsetopt beep list_beep
fpath=('{manual}' $fpath)
autoload -U compinit
compinit -u -D
zle -C all complete-word _generic
zstyle ':completion:all:*' completer _all_matches _complete
zstyle ':completion:all:*' insert true
bindkey '^Xa' all
show() {{ print -r -- "$BUFFER" >{pipe} }}
zle -N show
bindkey '^Xp' show
bindkey '^U' kill-whole-line
"""


class Terminal:
    """A shell at its prompt."""

    def __init__(self, terminal: int, pipe: int) -> None:
        self._terminal = terminal
        self._pipe = pipe
        self._wait(self._terminal, PROMPT)

    def edit(self, line: str, key: bytes) -> str:
        """Types `tfs_model_status_probe` and the line, then the key. Returns the line as the shell has it then."""
        os.write(self._terminal, CLEAR + f"{PROGRAM} {line}".encode() + key + SHOW)
        return self._wait(self._pipe, b"\n").decode().removeprefix(f"{PROGRAM} ").removesuffix("\n")

    def candidates(self, line: str) -> list[str]:
        """All that the line's last word can become, sorted."""
        kept = line.rpartition(" ")[0]
        return sorted(self.edit(line, ALL).removeprefix(kept).split())

    def _wait(self, source: int, end: bytes) -> bytes:
        """Reads what a descriptor has to say until `end`; what the screen says meanwhile is dropped."""
        limit, found = time.monotonic() + HANG_SECONDS, {self._terminal: b"", self._pipe: b""}
        while end not in found[source]:
            ready, _, _ = select.select([self._terminal, self._pipe], [], [], limit - time.monotonic())
            if not ready:
                raise TimeoutError(f"the shell does not answer: {found}")
            for one in ready:
                found[one] += os.read(one, 4096)
        return found[source]


@contextmanager
def bash(manual: Path, folder: Path, more: str = "") -> Iterator[Terminal]:
    """Bash without bash-completion, in that folder; `more`: lines for its start."""
    rc = folder.parent / "bashrc"
    command = [tool("bash"), "--noprofile", "--rcfile", str(rc), "-i"]
    with _terminal(command, BASH + more, rc, manual, folder) as terminal:
        yield terminal


@contextmanager
def zsh(manual: Path, folder: Path) -> Iterator[Terminal]:
    """Zsh with nothing but its own completions, in that folder."""
    with _terminal([tool("zsh"), "-d", "-i"], ZSH, folder.parent / ".zshrc", manual, folder) as terminal:
        yield terminal


def fish(manual: Path, folder: Path, line: str) -> dict[str, str]:
    """What fish would offer for the line, with its descriptions: it can tell without a terminal."""
    script = f"source {manual / MANUAL.fish}; complete -C $argv[1]"
    done = subprocess.run(
        [tool("fish"), "--no-config", "-c", script, f"{PROGRAM} {line}"],
        cwd=folder, env=_environment(folder), capture_output=True, text=True, check=True, timeout=HANG_SECONDS,
    )  # fmt: skip
    return {name: what for name, _, what in (found.partition("\t") for found in done.stdout.splitlines())}


@contextmanager
def _terminal(command: list[str], setup: str, rc: Path, manual: Path, folder: Path) -> Iterator[Terminal]:
    pipe = folder.parent / "pipe"
    os.mkfifo(pipe)
    rc.write_text(setup.format(prompt=PROMPT.decode(), manual=manual, file=MANUAL.bash, pipe=pipe))
    reading = os.open(pipe, os.O_RDWR)  # never at its end
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        ["setsid", "--ctty", *command],
        cwd=folder, env=_environment(folder), stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(ours, reading)
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)
        os.close(reading)


def _environment(folder: Path) -> dict[str, str]:
    home = str(folder.parent)
    return {"PATH": os.environ["PATH"], "HOME": home, "ZDOTDIR": home, "TERM": "dumb", "LC_ALL": "C.UTF-8"}
