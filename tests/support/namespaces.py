"""Linux namespaces to run a program in: with fewer rights, or with a resolver of the test's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.runner import Outcome, start_session, wait_for
from tests.support.variants import Variant

# Runs a program in a network and a mount namespace of its own, whose only resolver is a socket of this script. It
# answers nothing (`mute`), knows no name (`unknown`), or sends the program a signal at its first question (`SIGTERM`).
# How the program ended, how often the resolver was asked, and how many of the packets were not questions for
# tfs.example, go to a file.
_RESOLVER = r"""
import fcntl, os, select, signal, socket, struct, subprocess, sys
folder, conduct, *command = sys.argv[1:]
with socket.socket() as any_socket:  # SIOCSIFFLAGS: a new namespace's loopback interface is down
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x41))
resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
resolver.bind(("127.0.0.1", 53))
files = {"resolv.conf": "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n", "nsswitch.conf": "hosts: files dns\n"}
for name, content in files.items():
    with open(os.path.join(folder, name), "w") as file:
        file.write(content)
    if os.path.exists("/etc/" + name):
        subprocess.run(["mount", "--bind", file.name, "/etc/" + name], check=True)
process = subprocess.Popen(command)
ended = os.pidfd_open(process.pid)
questions = others = 0
while resolver in select.select([resolver, ended], [], [])[0]:
    question, client = resolver.recvfrom(512)
    questions += 1
    others += b"\3tfs\7example" not in question
    if conduct == "unknown":  # the question itself, as an answer, with NXDOMAIN
        resolver.sendto(question[:2] + b"\x81\x83" + question[4:], client)
    if conduct.startswith("SIG"):
        process.send_signal(getattr(signal, conduct))
with open(os.path.join(folder, "report"), "w") as report:
    report.write(f"{process.wait()} {questions} {others}")
"""


def namespaces(*kinds: str) -> list[str]:
    """The command that opens namespaces; without root, it opens one for users too."""
    return ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), *kinds]


def run_with_resolver(variant: Variant, conduct: str, folder: Path, *argv: str) -> Outcome:
    """Runs the program where the only resolver behaves so. It must have been asked, and for `tfs.example` alone."""
    with_resolver = [*namespaces("--net", "--mount"), sys.executable, "-I", "-S", "-c", _RESOLVER, str(folder), conduct]
    process = start_session([*with_resolver, *variant.command, *argv], variant.environment())
    stdout, stderr = wait_for(process)
    assert process.returncode == 0, stderr
    exit_code, questions, others = (int(word) for word in (folder / "report").read_text().split())
    assert questions, "the resolver was never asked"
    assert not others, "the resolver was sent something that is not a question for the name"
    return Outcome(exit_code, stdout.decode(), stderr.decode())
