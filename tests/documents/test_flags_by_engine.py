"""docs/flags-by-engine.md: which flag works where, or the exact error.

ERRORS was written by hand; every cell of the table is tried on the variant or the engine that it is about.
`python -m tests.documents.test_flags_by_engine` writes the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.cli.flag_table import FLAGS
from tests.fake_tfs import FakeServing
from tests.support.certificates import shared
from tests.support.questions import REQUESTS
from tests.support.sidecar import sidecar
from tests.support.variants import ROOT, Variant, built

DOCUMENT = ROOT / "docs" / "flags-by-engine.md"
BEGIN, END = "<!-- table: written by tests/documents/test_flags_by_engine.py -->\n", "<!-- end of the table -->\n"
STATIC, ZIPAPP, PACKAGE, GRPCIO, URL = "static file", "zipapp", "package", "`-engine=grpcio`", "URL as `-addr`"
COLUMNS = (STATIC, ZIPAPP, PACKAGE, GRPCIO, URL)
NO_URL = "cannot specify -{0} with a URL in -addr, which asks the REST API: omit -{0}"
ALTS = "-alts needs -engine=grpcio, and works only on Google Cloud"
ERRORS: dict[tuple[str, str], str] = {
    ("engine=grpcio", STATIC): "the grpcio engine needs grpcio and protobuf (the static executable has the native "
    "engine only)",
    ("engine=grpcio", PACKAGE): "the grpcio engine needs grpcio and protobuf",
    ("engine=grpcio", URL): NO_URL.format("engine=grpcio"),
    ("alts", STATIC): ALTS,
    ("alts", ZIPAPP): ALTS,
    ("alts", PACKAGE): ALTS,
    ("alts", URL): NO_URL.format("alts"),
    ("spiffe", GRPCIO): "-engine=grpcio does not support -spiffe: omit -engine",
    ("spiffe", URL): NO_URL.format("spiffe"),
    ("tls", URL): NO_URL.format("tls"),
    ("tls-no-verify", GRPCIO): "-engine=grpcio does not support -tls-no-verify: omit -engine",
    ("gzip", URL): NO_URL.format("gzip"),
}
# Here the tests' interpreter has the library, and the package's has not.
WHERE_INSTALLED = ("engine=grpcio", ZIPAPP)
# What a flag needs: its own argument, and others.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "connect-timeout": ("-connect-timeout=2s",),
    "model-name": ("-model-name=a", "-model-name=default"),
    "model-version": ("-model-version=1",),
    "rpc-timeout": ("-rpc-timeout=2s",),
    "model-config-file": ("-model-config-file={folder}/models.conf",),
    "model-label": ("-model-label=stable",),
    "require": ("-require=latest",),
    "min-version": ("-min-version=1",),
    "predict": ("-predict={folder}/good.pb",),
    "liveness": ("-liveness",),
    "timeout": ("-timeout=2s",),
    "wait": ("-wait=2s", "--", "true"),
    "wait-interval": ("-wait=2s", "-wait-interval=1s"),
    "tls": ("-tls", "-connect-timeout=300ms"),
    "tls-ca-cert": ("-tls-ca-cert={certificates}/ca.pem",),
    "tls-client-cert": ("-tls-client-cert={certificates}/server.pem", "-tls-client-key={certificates}/server.key"),
    "tls-client-key": ("-tls-client-cert={certificates}/server.pem", "-tls-client-key={certificates}/server.key"),
    "tls-server-name": ("-tls-server-name=x",),
    "tls-no-verify": ("-tls-no-verify",),
    "spiffe": ("-spiffe", "-rpc-timeout=100ms"),
    "alts": ("-alts", "-connect-timeout=200ms"),
    "rpc-header": ("-rpc-header=a: b",),
    "user-agent": ("-user-agent=x",),
    "gzip": ("-gzip",),
    "engine=grpcio": ("-engine=grpcio",),
    "format": ("-format=text",),
    "quiet": ("-quiet",),
    "v": ("-v",),
    "serve": (),  # the helper gives an address
    "serve-interval": ("-serve-interval=200ms",),
}
# These ask nothing by themselves: they work everywhere, -install where the program is one file.
ASKS_NOTHING = {"version", "explain", "install", "serve", "serve-interval", "addr", "engine"}
CONFIG = 'model_config_list { config { name: "default" base_path: "/m" model_platform: "tensorflow" } }'
CELLS = [(flag, column) for flag in ARGUMENTS for column in COLUMNS]


def table() -> str:
    """The table, and below it the errors, by number."""
    rows = [["flag", *COLUMNS], ["---"] * (len(COLUMNS) + 1)]
    notes: list[str] = []
    for flag in ARGUMENTS:
        cells = []
        for column in COLUMNS:
            error = ERRORS.get((flag, column), "")
            if error == NO_URL.format(flag):
                error = NO_URL.format("FLAG")
            if error and error not in notes:
                notes.append(error)
            cells.append(f"error {notes.index(error) + 1}" if error else "yes")
        if flag == WHERE_INSTALLED[0]:
            cells[COLUMNS.index(WHERE_INSTALLED[1])] = "yes, if the interpreter has grpcio"
        rows.append([f"`-{flag}`", *cells])
    shown = [f"{number}. `error: {note}`\n" for number, note in enumerate(notes, 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows) + "\n" + "".join(shown)


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServing]:
    with FakeServing({"default": {1: "AVAILABLE"}, "a": {1: "AVAILABLE"}}, labels={"default": {"stable": 1}}) as found:
        yield found


def variant_of(column: str) -> Variant:
    return built({STATIC: "frozen", ZIPAPP: "zipapp", PACKAGE: "package"}.get(column, "module"))


@pytest.mark.parametrize(("flag", "column"), CELLS, ids=lambda value: str(value))
def test_cell(flag: str, column: str, server: FakeServing, tmp_path: Path) -> None:
    for name, content in (*REQUESTS.items(), ("models.conf", CONFIG.encode())):
        (tmp_path / name).write_bytes(content)
    is_url = column == URL
    needs_tls = flag.startswith("tls-")
    address = f"http{'s' if needs_tls else ''}://127.0.0.1:{server.rest_port}" if is_url else server.address
    places = {"folder": str(tmp_path), "certificates": str(shared().folder)}
    argv = [argument.format(**places) for argument in ARGUMENTS[flag]]
    if is_url:
        argv = [argument.replace("good.pb", "good.json") for argument in argv]
    if needs_tls:
        argv = [*argv, "-connect-timeout=300ms", *([] if is_url else ["-tls"])]
    if column == GRPCIO:
        argv = ["-engine=grpcio", *argv]
    if flag.startswith("serve"):
        with sidecar(variant_of(column), f"-addr={address}", *argv) as probe:
            probe.wait_for_status(200)
        return
    env = {"SPIFFE_ENDPOINT_SOCKET": "unix:///nowhere/x.sock"}
    outcome = variant_of(column).run(f"-addr={address}", *argv, env=env)
    error = ERRORS.get((flag, column))
    if error:
        assert outcome.exit_code == 1, outcome
        assert outcome.verdict.startswith(f"error: {error}")
    else:
        # Without a server that speaks TLS, ALTS or SPIFFE the connection fails; the flag itself is accepted.
        secured = needs_tls or flag in ("tls", "alts", "spiffe")
        assert outcome.exit_code in ((2, 3, 20) if secured else (0,)), outcome


def test_every_flag_has_a_row() -> None:
    assert {flag.partition("=")[0] for flag in ARGUMENTS} | ASKS_NOTHING == set(FLAGS)


def test_the_document_has_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0] == table()


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
