"""How the program answers some command lines, wherever it runs."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.canned import refused
from tests.support.variants import Variant


class Answer(NamedTuple):
    """A command line after `-addr`, and how the run ends, without hints."""

    argv: tuple[str, ...]
    exit_code: int
    lines: tuple[str, ...]


READY = Answer(
    (),
    0,
    (
        "ModelStatusResponse: model_version_status:{version:1 state:AVAILABLE status:{}}",
        "Servable state is AVAILABLE",
    ),
)
NOT_FOUND = Answer(
    ("-model-name=nope",),
    10,
    (
        "ModelStatusResponse: <nil>",
        "Model not found: rpc error: code = NotFound desc = Could not find any versions of model nope",
    ),
)
REFUSED = Answer(
    ("-connect-timeout=100ms",),
    2,
    (
        "Error dialing grpc service: context deadline exceeded "
        "(last error: connect 127.0.0.1:{port}: connection refused)",
    ),
)


def answer(program: Variant, address: str, *argv: str, env: dict[str, str] | None = None) -> Answer:
    """Returns how a run ends, and asserts that stdout is empty."""
    outcome = program.run(f"-addr={address}", *argv, env=env)
    assert outcome.stdout == ""
    return Answer(argv, outcome.exit_code, tuple(line for line in outcome.lines if not line.startswith("hint: ")))


def check(program: Variant, address: str, env: dict[str, str] | None = None) -> None:
    """Asserts three answers: exit codes 0 and 10 from the `server` at that address, and 2 from a port on which nothing
    is listening."""
    assert answer(program, address, *READY.argv, env=env) == READY
    assert answer(program, address, *NOT_FOUND.argv, env=env) == NOT_FOUND
    with refused() as place:
        refusal = answer(program, f"127.0.0.1:{place.port}", *REFUSED.argv, env=env)
        assert refusal == REFUSED._replace(lines=tuple(line.format(port=place.port) for line in REFUSED.lines))
