"""The man page, by man and mandoc: without warnings, and with all that the tables have."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest

from build.manual.page import ADDRESSES, prose
from build.platform import MANUAL, PROGRAM
from build.shared.checkout import epoch
from probe.cli.flag_table import FLAGS
from probe.cli.usage import EXAMPLES
from probe.model import Failure
from probe.net.target import is_url, parse
from probe.net.url import parse_url
from probe.tfs.exit_codes import TABLE
from tests.frozen.roots import tool
from tests.support.variants import VERSION

WIDE = 500


def run(*command: str | Path, width: int = WIDE) -> str:
    """What a command prints, which must succeed without a word on stderr."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": str(width)}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.fixture(scope="module", params=["man", "mandoc"])
def shown(request: pytest.FixtureRequest, manual: Path) -> str:
    """The page on a wide terminal, each item in a line."""
    page = manual / MANUAL.page
    if request.param == "man":
        return run(tool("man"), "--local-file", "--encoding=UTF-8", "--no-hyphenation", page)
    return re.sub(".\b", "", run(tool("mandoc"), "-T", "utf8", "-O", f"width={WIDE}", page))


def test_mandoc_finds_nothing_to_complain_of(manual: Path) -> None:
    assert run(tool("mandoc"), "-T", "lint", "-W", "style", manual / MANUAL.page) == ""


@pytest.mark.parametrize("width", [80, 120])
def test_man_has_no_warnings(manual: Path, width: int) -> None:
    run(tool("man"), "--warnings=all", "--local-file", "--encoding=UTF-8", manual / MANUAL.page, width=width)


def test_a_mistake_would_be_found(manual: Path, tmp_path: Path) -> None:
    wrong = tmp_path / MANUAL.page
    wrong.write_text((manual / MANUAL.page).read_text().replace(".El\n", ".Elx\n", 1))
    for command in (("mandoc", "-T", "lint"), ("man", "--warnings", "--local-file")):
        done = subprocess.run([tool(command[0]), *command[1:], str(wrong)], capture_output=True, text=True, check=False)
        assert "Elx" in done.stdout + done.stderr


def test_every_flag_with_its_help_and_default(shown: str) -> None:
    text = " ".join(shown.split())
    for name, flag in FLAGS.items():
        value = "|".join(flag.choices) or flag.metavar
        assert f" -{name}{'=' if value else ''}{value} {flag.help}" in text, name
    for default in ("localhost:9000", "1s", f"{PROGRAM}/{VERSION}"):
        assert re.search(rf"The default is .{default}.\.", text)


def test_groups_are_those_of_the_usage(shown: str) -> None:
    groups = dict.fromkeys(flag.group for flag in FLAGS.values() if flag.group)
    found = [line.strip() for line in shown.splitlines() if line.strip() in groups]
    assert found == list(groups)


def test_every_exit_code(shown: str) -> None:
    text = " ".join(shown.partition("EXIT")[2].split())
    for code, _, meaning, check in TABLE:
        assert f" {code} {meaning}." in text
        assert check == "Nothing." or f"{meaning}. Check: {check}" in text


def test_every_example(shown: str) -> None:
    text = " ".join(shown.partition("EXAMPLES")[2].replace("\\\n", " ").split())
    for _, arguments in EXAMPLES:
        assert f"{PROGRAM} {arguments} " in f"{text} "


def test_text_is_no_request() -> None:
    assert prose("Use a\\b. -tls-no-verify of a well-known host") == (
        "Use a\\eb.\n\\-tls\\-no\\-verify of a well-known host\n"
    )


def test_addresses_are_addresses() -> None:
    """With what stands for something filled in."""
    for form, more in ADDRESSES:
        for one in (form, *re.findall(r"Also (\S+)\.", more), *re.findall(r"\[fe80\S+\d", more)):
            address = one.replace("HOST", "tfs").replace("PORT", "8500").replace("[IPV6]", "[::1]")
            found = parse_url(address) if is_url(address) else parse(address)
            assert not isinstance(found, Failure), found


def test_version_and_day(manual: Path) -> None:
    day = datetime.fromtimestamp(epoch(), timezone.utc)
    assert (
        (manual / MANUAL.page)
        .read_text()
        .startswith(f".Dd {day:%B} {day.day}, {day.year}\n.Dt {PROGRAM.upper()} 1\n.Os {PROGRAM} {VERSION}\n")
    )
