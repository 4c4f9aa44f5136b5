"""What the server says of a label: by code and text, as captured."""

from __future__ import annotations

import pytest

from probe.model import CALL, STATUS, Failure
from probe.tfs.labels import interpret

NOT_ALLOWED = "ModelSpec has 'version_label' set, but it is not currently allowed by the server."


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (3, "Unrecognized servable version label: nope"),
        (3, "Unrecognized servable version label: "),
        (3, NOT_ALLOWED),
        (14, "Model labels does not init yet.stable"),
    ],
)
def test_a_label_that_is_unknown(code: int, text: str) -> None:
    assert interpret(Failure(STATUS, text, code)) == Failure(STATUS, text, code, "no-label")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (14, "Unrecognized servable version label: nope"),
        (3, "Model labels does not init yet.stable"),
        (5, "Unrecognized servable version label: nope"),
        (3, "Missing ModelSpec"),
        (14, "no healthy upstream"),
        (5, "Servable not found for request: Latest(m)"),
        (5, "Servable not found for request: Specific(m)"),
        (5, "Servable not found for request: Specific(m, x)"),
        (5, "Servable not found for request: Specific(m, ٣)"),
        (5, "Servable not found for request: Specific(m, -)"),
        (5, "Servable not found for request: Specific(m, 99999999999999999999)"),
        (3, "Servable not found for request: Specific(m, 2)"),
    ],
)
def test_what_says_nothing_of_the_label(code: int, text: str) -> None:
    failure = Failure(STATUS, text, code)
    assert interpret(failure) == failure


@pytest.mark.parametrize(
    ("text", "version"),
    [("Specific(m, 2)", 2), ("Specific(a, 5)b, 7)", 7), ("Specific(m, -1)", -1), ("Specific(, 0)", 0)],
)
def test_a_label_whose_version_is_not_loaded(text: str, version: int) -> None:
    assert interpret(Failure(STATUS, f"Servable not found for request: {text}", 5)) == version


def test_anything_else_stays() -> None:
    assert interpret(7) == 7
    failure = Failure(CALL, "context deadline exceeded", 4, "call-timeout")
    assert interpret(failure) == failure
