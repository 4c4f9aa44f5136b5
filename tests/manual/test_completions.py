"""What each shell completes: names, values, files, and the command after `--`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from build.manual.values import codes, takes_files
from probe.cli.flag_table import FLAGS
from tests.manual import shells
from tests.manual.shells import TAB, Terminal

Candidates = Callable[[str], list[str]]

CHOICES = {name: flag.choices for name, flag in FLAGS.items() if flag.choices}
FILES = [name for name, flag in FLAGS.items() if takes_files(flag)]
FREE = [
    name for name, flag in FLAGS.items() if flag.kind in ("string", "int", "duration", "header") and name not in FILES
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shells are: a file and a folder."""
    folder = tmp_path_factory.mktemp("home") / "folder"
    (folder / "certificates").mkdir(parents=True)
    (folder / "certificate.pem").touch()
    return folder


@pytest.fixture(scope="module")
def bash(manual: Path, folder: Path) -> Iterator[Terminal]:
    with shells.bash(manual, folder) as terminal:
        yield terminal


@pytest.fixture(scope="module")
def zsh(manual: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("home") / "folder"
    (folder / "certificates").mkdir(parents=True)
    (folder / "certificate.pem").touch()
    with shells.zsh(manual, folder) as terminal:
        yield terminal


@pytest.fixture(params=["bash", "zsh", "fish"])
def candidates(request: pytest.FixtureRequest, manual: Path, folder: Path) -> Candidates:
    """All that a shell offers for the end of a line, with what stands before `=` and without one behind."""
    if request.param == "fish":
        return lambda line: sorted(shells.fish(manual, folder, line))
    terminal: Terminal = request.getfixturevalue(request.param)
    return terminal.candidates


def bare(found: list[str]) -> set[str]:
    """Candidates as values or names: some shells repeat `-flag=` before a value, some put `=` behind a name."""
    return {word.removesuffix("=").rpartition("=")[2] for word in found}


def test_every_flag_is_offered(candidates: Candidates) -> None:
    assert bare(candidates("-")) == {f"-{name}" for name in FLAGS}


def test_names_by_their_beginning(candidates: Candidates) -> None:
    assert bare(candidates("-liveness -tls-c")) == {"-tls-ca-cert", "-tls-client-cert", "-tls-client-key"}


@pytest.mark.parametrize("separator", ["=", " "])
@pytest.mark.parametrize("name", CHOICES)
def test_choices(candidates: Candidates, name: str, separator: str) -> None:
    assert bare(candidates(f"-{name}{separator}")) == set(CHOICES[name])
    assert bare(candidates(f"-{name}{separator}{CHOICES[name][1][:1]}")) == {CHOICES[name][1]}


@pytest.mark.parametrize("separator", ["=", " "])
def test_exit_codes(candidates: Candidates, separator: str) -> None:
    assert bare(candidates(f"-explain{separator}")) == set(codes())
    assert bare(candidates(f"-explain{separator}12")) == {code for code in codes() if code.startswith("12")}


@pytest.mark.parametrize("separator", ["=", " "])
@pytest.mark.parametrize("name", FILES)
def test_files(candidates: Candidates, name: str, separator: str) -> None:
    assert {word.rstrip("/") for word in bare(candidates(f"-{name}{separator}cert"))} == {
        "certificate.pem",
        "certificates",
    }


@pytest.mark.parametrize("name", FREE)
def test_nothing_is_offered_for_values_that_only_the_user_knows(candidates: Candidates, name: str) -> None:
    assert bare(candidates(f"-{name} x")) <= {"x"}


def test_the_command_behind_the_dashes(candidates: Candidates) -> None:
    assert "cat" in candidates("-wait=5m -- ca")
    assert bare(candidates("-wait=5m -- cat cert")) - {"cat"} >= {"certificate.pem"}
    assert bare(candidates("-wait=5m -- cat -requ")) & {"-require"} == set()


def test_a_name_that_takes_a_value_is_followed_by_its_equals_sign(bash: Terminal, zsh: Terminal) -> None:
    for terminal in (bash, zsh):
        assert terminal.edit("-model-conf", TAB) == "-model-config-file="
        assert terminal.edit("-model-config-file=certificate.", TAB) == "-model-config-file=certificate.pem "
        assert terminal.edit("-live", TAB) == "-liveness "
        assert terminal.edit("-require=l", TAB) == "-require=latest "
        assert terminal.edit("-require l", TAB) == "-require latest "


def test_two_dashes(bash: Terminal) -> None:
    assert bash.edit("--requ", TAB) == "--require="
    assert bash.edit("--require=l", TAB) == "--require=latest "


def test_bash_where_an_equals_sign_does_not_end_a_word(manual: Path, tmp_path: Path) -> None:
    """As where COMP_WORDBREAKS was changed."""
    (tmp_path / "folder").mkdir()
    with shells.bash(manual, tmp_path / "folder", "COMP_WORDBREAKS=${{COMP_WORDBREAKS//=}}\n") as terminal:
        assert terminal.edit("-require=l", TAB) == "-require=latest "


def test_descriptions(manual: Path, folder: Path) -> None:
    """Fish shows the table's words; zsh has them too, on the screen alone."""
    assert shells.fish(manual, folder, "-require") == {"-require": FLAGS["require"].help}
    assert shells.fish(manual, folder, "-explain=34") == {"-explain=34": codes()["34"]}


def test_bash_hands_the_command_over_to_bash_completion(manual: Path, tmp_path: Path) -> None:
    """Whose function it calls with the place of the command among the words: `=` is one of them."""
    (tmp_path / "folder").mkdir()
    more = '_command_offset() {{ COMPREPLY=("word-$1"); }}\n'
    with shells.bash(manual, tmp_path / "folder", more) as terminal:
        assert terminal.edit("-wait=5m -- ca", TAB) == "-wait=5m -- word-5 "
