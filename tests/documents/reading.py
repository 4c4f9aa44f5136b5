"""What the documents hold: blocks, commands between backticks, links. Knows no command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.variants import ROOT

DOCUMENTS = (
    "README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
    "CONTRIBUTING.md",
    "SECURITY.md",
    "NOTICE",
    "release/README.md",
    "deploy/README.md",
)

FENCED = re.compile(r"(?ms)^```(?P<language>\w*)\n(?P<text>.*?)^```$")
# Four spaces or more behind an empty line.
INDENTED = re.compile(r"(?m)(?:(?<=\n\n)|\A)(?P<text>(?:(?: {4,}\S.*|)\n)*?(?: {4,}\S.*\n))(?=\n|\Z)")
# Words, of which the first could be a program's name, or a Dockerfile's instruction.
COMMAND = re.compile(r"(?:[a-z./][\w./+-]*|ADD|COPY|FROM|RUN) \S.*")


class Block(NamedTuple):
    """Lines apart from the text. `language` is what stands behind the fence; `indented` where there is none."""

    document: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {' '.join(self.text.split())[:60]}"


class Command(NamedTuple):
    """A command as it stands in a document, in one line."""

    document: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"


class Link(NamedTuple):
    """Where a link leads to, as it stands there."""

    document: str
    target: str

    def __str__(self) -> str:
        return f"{self.document}: {self.target}"


def read(document: str) -> str:
    """Its text; empty where it is not there, which `test_links` tells."""
    path = ROOT / document
    return path.read_text() if path.exists() else ""


def blocks() -> Iterator[Block]:
    """All of them, fenced and indented."""
    for document in DOCUMENTS:
        text = read(document)
        for found in FENCED.finditer(text):
            yield Block(document, found["language"], found["text"])
        for found in INDENTED.finditer(FENCED.sub("", text)):
            yield Block(document, "indented", found["text"])


def prose(document: str) -> str:
    """A document without its blocks."""
    return INDENTED.sub("", FENCED.sub("", read(document)))


def inline() -> Iterator[Command]:
    """What stands between backticks in the text and could be a command."""
    for document in DOCUMENTS:
        for span in re.findall(r"`([^`]+)`", prose(document)):
            text = " ".join(span.split())
            if COMMAND.fullmatch(text):
                yield Command(document, text)


def lines(block: Block) -> list[str]:
    """A shell block's commands: continued lines joined, comments left out."""
    joined = block.text.replace("\\\n", " ")
    plain = (" ".join(re.sub(r"(^|\s)#.*", "", line).split()) for line in joined.splitlines())
    return [line for line in plain if line]


def links() -> Iterator[Link]:
    """All of them, pictures' too."""
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
            yield Link(document, target)


def place(link: Link) -> Path:
    """The file that a link within the repository leads to."""
    return (ROOT / link.document).parent / link.target.partition("#")[0]
