"""Which test runs each command of the documents. A command that matches no line here fails `test_known`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.documents.reading import Block, Command, blocks, inline, lines

HERE = "tests/documents"
# What commands look like, and the file that runs all that look so.
RUN = {
    r"tfs_model_status_probe .*": f"{HERE}/test_program.py",
    r"make .*": f"{HERE}/test_make.py",
    r"pip install .*": f"{HERE}/test_pip.py",
    r"COPY --from=.*": f"{HERE}/test_image.py",
    r"base=.*|curl .*|chmod .*|\./tfs_model_status_probe_.*|sha256sum .*": f"{HERE}/test_download.py",
    r"kubectl exec .*|openssl .*": f"{HERE}/test_troubleshooting.py",
    r"protoc .*": f"{HERE}/test_questions.py",
    r"git tag .*|git push .*": f"{HERE}/test_tools.py",
    r"(\.venv/bin/)?python .*|pyi-archive_viewer .*": f"{HERE}/test_tools.py",
    r"apt-get source .*|sudo apt-get install …|build/system_packages\.sh .*": f"{HERE}/test_tools.py",
}
# What asks the hosting service about a release that is there, a cluster, or an engine for its images, as no test can.
HOSTED = {
    *(r"gh attestation verify .*", r"cosign verify-blob .*"),
    *(r"kubectl describe .*", r"kubectl logs .*", r"kubectl wait .*", r"docker compose .*"),
}
# What would take too long, and what is tested in its place.
TOO_LONG = {r"dpkg-buildpackage -b": "tests/frozen/test_relinking.py changes one function of libc.a, not all of glibc"}

# What programs say, and no commands.
SAID = {
    "saved_model_cli show",
    "context deadline exceeded",
    "exec format error",
    "internal error:",
    "permission denied",
    "timed out",
}
# Pages of the repository's at the hosting service, relative to a file in its root.
PAGES = {"../../releases"}
# Blocks that are pictures, by their document and how they begin.
PICTURES = {
    ("docs/design.md", "__main__ -> serve "),
    ("docs/design.md", "argv, environment "),
    ("docs/design.md", "poller.py: "),
    ("docs/launcher.md", "at build time "),
    ("release/README.md", "guard --> "),
}
# Blocks of these languages are not the shell's.
LANGUAGES = {
    "dockerfile": f"{HERE}/test_image.py",
    **dict.fromkeys(("json", "proto", "textproto"), f"{HERE}/test_questions.py"),
    "text": f"{HERE}/test_troubleshooting.py",
    "yaml": f"{HERE}/test_yaml.py",
}
SHELL = ("", "sh", "indented")
SESSION = "$ "
"""How a block begins that shows commands with what they say."""


def is_picture(block: Block) -> bool:
    return any(block.document == document and block.text.strip().startswith(head) for document, head in PICTURES)


def is_session(block: Block) -> bool:
    return block.text.startswith(SESSION)


def is_script(block: Block) -> bool:
    """Whether each of its lines is a command."""
    return block.language in SHELL and not is_picture(block) and not is_session(block)


def commands() -> Iterator[Command]:
    """All of them: in blocks, and between backticks."""
    for block in blocks():
        if is_script(block):
            yield from (Command(block.document, line) for line in lines(block))
        elif is_session(block):
            shown = [line.removeprefix(SESSION) for line in block.text.splitlines() if line.startswith(SESSION)]
            yield from (Command(block.document, line) for line in shown if not line.startswith("echo "))
    yield from (command for command in inline() if command.text not in SAID)


def commands_for(file: str) -> list[Command]:
    """Those that this file of tests is to run, each text once."""
    patterns = "|".join(pattern for pattern, where in RUN.items() if where == f"{HERE}/{file}")
    return list({command.text: command for command in commands() if re.fullmatch(patterns, command.text)}.values())
