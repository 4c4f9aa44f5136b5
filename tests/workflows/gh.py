"""Stands in for gh and for the releases and pull requests behind it, as far as our scripts go.

python gh.py STATE ARGUMENTS, where STATE is a file of JSON: `releases` (tag -> draft, notes, assets) and `pulls`
(number -> branch, title, body). With `broken` in it there is no answer but that error; the asset that `loses` names
does not arrive.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

State = dict[str, Any]


def view(state: State, given: argparse.Namespace) -> str:
    """What `--jq` makes of a release."""
    release = state["releases"][given.name]
    if given.json == "isDraft":
        assert given.jq == ".isDraft"
        return json.dumps(release["draft"])
    assert (given.json, given.jq) == ("assets", ".assets[].name")
    return "\n".join(release["assets"])


def create(state: State, given: argparse.Namespace) -> str:
    """A draft with files."""
    assert given.draft == "true"
    assert given.verify_tag
    assert given.name not in state["releases"]
    assets = [Path(file).name for file in given.files if Path(file).name != state.get("loses")]
    notes = Path(given.notes_file).read_text()
    # The service names them in an order of its own.
    state["releases"][given.name] = {"draft": True, "notes": notes, "assets": assets[::-1]}
    return ""


def delete(state: State, given: argparse.Namespace) -> str:
    """Without asking, and without the tag."""
    assert given.yes
    del state["releases"][given.name]
    return ""


def edit(state: State, given: argparse.Namespace) -> str:
    """Makes a draft a release."""
    assert given.draft == "false"
    state["releases"][given.name]["draft"] = False
    return ""


def download(state: State, given: argparse.Namespace) -> str:
    """The files of the newest release that fit."""
    published = [release for release in state["releases"].values() if not release["draft"]]
    if not published:
        raise KeyError
    for name in published[-1]["assets"]:
        if Path(name).match(given.pattern):
            Path(given.dir).mkdir(exist_ok=True)
            Path(given.dir, name).write_text("{}")
    return ""


def pull(state: State, given: argparse.Namespace) -> str:
    """`pr list`, `pr create` and `pr edit`."""
    if given.command == "list":
        numbers = [number for number, one in state["pulls"].items() if one["branch"] == given.head]
        return "\n".join(numbers)
    number = given.name if given.command == "edit" else str(len(state["pulls"]) + 1)
    old = state["pulls"].get(number, {"branch": given.head})
    state["pulls"][number] = old | {"title": given.title, "body": Path(given.body_file).read_text()}
    return f"https://github.com/octo-org/tfs-model-status-probe/pull/{number}"


COMMANDS = {"view": view, "create": create, "delete": delete, "edit": edit, "download": download}


def main() -> int:
    """One command, as gh ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("what", choices=("release", "pr"))
    parser.add_argument("command")
    parser.add_argument("name", nargs="?")
    parser.add_argument("files", nargs="*")
    for flag in ("--json", "--jq", "--title", "--notes-file", "--body-file", "--head", "--base", "--state"):
        parser.add_argument(flag)
    for flag in ("--pattern", "--dir"):
        parser.add_argument(flag)
    parser.add_argument("--draft", nargs="?", const="true")
    parser.add_argument("--verify-tag", action="store_true")
    parser.add_argument("--yes", action="store_true")
    given = parser.parse_intermixed_args()
    state = json.loads(given.file.read_text())
    if "broken" in state:
        print(state["broken"], file=sys.stderr)
        return 1
    try:
        said = (COMMANDS[given.command] if given.what == "release" else pull)(state, given)
    except KeyError:
        print("release not found", file=sys.stderr)
        return 1
    if said:
        print(said)
    given.file.write_text(json.dumps(state))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
