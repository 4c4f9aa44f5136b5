"""Every block and every command of the documents is run by a test, or stands in a short list with the reason."""

from __future__ import annotations

import re

import pytest

from tests.documents.known import (
    HOSTED,
    LANGUAGES,
    PAGES,
    PICTURES,
    RUN,
    SAID,
    TOO_LONG,
    commands,
    is_picture,
    is_script,
    is_session,
)
from tests.documents.reading import DOCUMENTS, Block, Command, Link, blocks, inline, links, place, read
from tests.support.variants import ROOT, VERSION

PATTERNS = [*RUN, *HOSTED, *TOO_LONG]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_document_is_there(document: str) -> None:
    assert (ROOT / document).is_file()


@pytest.mark.parametrize("block", list(blocks()), ids=str)
def test_every_block_is_of_a_known_kind(block: Block) -> None:
    assert [is_picture(block), is_session(block), is_script(block), block.language in LANGUAGES].count(True) == 1


@pytest.mark.parametrize("command", list(commands()), ids=str)
def test_every_command_is_run_by_a_test(command: Command) -> None:
    known = [pattern for pattern in PATTERNS if re.fullmatch(pattern, command.text)]
    assert len(known) == 1, f"say in tests/documents/known.py which test runs it: {command.text}"


def test_nothing_is_listed_that_stands_nowhere() -> None:
    texts = [command.text for command in commands()]
    assert [pattern for pattern in PATTERNS if not any(re.fullmatch(pattern, text) for text in texts)] == []
    assert {command.text for command in inline()} >= SAID
    assert sum(map(is_picture, blocks())) == len(PICTURES)


def test_who_runs_them_is_there() -> None:
    for where in {*RUN.values(), *LANGUAGES.values(), *(reason.split()[0] for reason in TOO_LONG.values())}:
        assert (ROOT / where).is_file(), where


@pytest.mark.parametrize(
    "link", [link for link in links() if "://" not in link.target and link.target not in PAGES], ids=str
)
def test_every_link_leads_to_a_file(link: Link) -> None:
    assert place(link).exists()


def test_headings_that_are_linked_to_are_there() -> None:
    for link in links():
        file, _, heading = link.target.partition("#")
        if heading and "://" not in file:
            titles = re.findall(r"(?m)^#+ (.+)$", (place(link) if file else ROOT / link.document).read_text())
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, link


def test_every_page_that_is_excepted_is_linked_to_from_the_root() -> None:
    assert {(link.document, link.target) for link in links() if link.target in PAGES} == {
        ("README.md", page) for page in PAGES
    }


def test_the_version_is_the_programs() -> None:
    ours = re.compile(r"(?:releases/download/v|tfs-model-status-probe[:_]|tfs_model_status_probe[_-])(\d+\.\d+\.\d+)")
    named = {document: set(ours.findall(read(document))) for document in DOCUMENTS}
    assert set().union(*named.values()) == {VERSION}, named
