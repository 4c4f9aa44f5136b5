"""`-rpc-header`, `-user-agent` and `-gzip`: what arrives, what is refused, and what is shown of it."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator

import hpack
import hyperframe.frame as h2frame
import pytest

from tests.fake_tfs import FakeServing
from tests.interop import servers
from tests.support.behaviours import answers
from tests.support.http2_writer import GOOD
from tests.support.runner import Outcome
from tests.support.scripted_server import client_frames, scripted_server
from tests.support.variants import Variant, built, on, on_each_interpreter

ENGINES = pytest.mark.parametrize("engine", ["native", "grpcio"])
READY = "Servable state is AVAILABLE"


@pytest.fixture(scope="module")
def tfs() -> Iterator[FakeServing]:
    with FakeServing({"default": {1: "AVAILABLE"}}, rest=False) as running:
        yield running


def ask(variant: Variant, address: str, *argv: str, env: dict[str, str] | None = None) -> Outcome:
    return variant.run(f"-addr={address}", "-timeout=20s", *argv, env=env)


def arrived(tfs: FakeServing, outcome: Outcome) -> list[tuple[str, str | bytes]]:
    """The metadata of the last call, without what every call has."""
    assert (outcome.exit_code, outcome.verdict) == (0, READY), outcome
    return [(name, value) for name, value in tfs.metadata[-1] if not name.startswith(("user-agent", "grpc-"))]


def test_order_repeats_and_capitals(variant: Variant, tfs: FakeServing) -> None:
    headers: tuple[str, ...] = ("-rpc-header=B: 1", "--rpc-header", "a:2", "-rpc-header=b:  3 ", "-rpc-header=X-Empty:")
    headers += ("-rpc-header=url: http://a:b", "-rpc-header=authorization: Bearer x", "-rpc-header=b: 1")
    expected = [
        ("b", "1"), ("a", "2"), ("b", "3"), ("x-empty", ""), ("url", "http://a:b"), ("authorization", "Bearer x"),
        ("b", "1"),
    ]  # fmt: skip
    found = arrived(tfs, ask(variant, tfs.address, *headers))
    # The library that receives them keeps the order of a name's values, not of the names.
    assert sorted(found, key=lambda pair: pair[0]) == sorted(expected, key=lambda pair: pair[0])


@on_each_interpreter
def test_as_they_go_over_the_wire(variant: Variant) -> None:
    headers = ("-rpc-header=B: 1", "-rpc-header=a: 2", "-rpc-header=b: 3", "-rpc-header=k-Bin: \xe9=", "-user-agent=me")
    with scripted_server(answers(GOOD)) as server:
        assert ask(variant, server.address, *headers, "-gzip").exit_code == 0
    (sent,) = [
        frame for frame in client_frames(bytes(server.peers[0].received)) if isinstance(frame, h2frame.HeadersFrame)
    ]
    fields = [(bytes(name), bytes(value)) for name, value in hpack.Decoder().decode(sent.data, raw=True)]
    own = [field for field in fields if not field[0].startswith((b":", b"grpc-timeout"))]
    assert own == [
        (b"te", b"trailers"), (b"content-type", b"application/grpc"), (b"user-agent", b"me"),
        (b"grpc-encoding", b"gzip"), (b"grpc-accept-encoding", b"gzip"), (b"b", b"1"), (b"a", b"2"), (b"b", b"3"),
        (b"k-bin", b"w6k9"),
    ]  # fmt: skip


@ENGINES
def test_binary_values(tfs: FakeServing, engine: str) -> None:
    headers = ("-rpc-header=a-bin: x", "-rpc-header=A-Bin: größe", "-rpc-header=e-bin:")
    found = arrived(tfs, ask(built("module"), tfs.address, *headers, f"-engine={engine}"))
    assert found == [("a-bin", b"x"), ("a-bin", "größe".encode()), ("e-bin", b"")]


@ENGINES
def test_by_a_variable_with_several_lines(tfs: FakeServing, engine: str) -> None:
    lines = {"TFS_PROBE_RPC_HEADER": "\na: 1\n\nb: 2\na: 3\n", "TFS_PROBE_USER_AGENT": "me/1", "TFS_PROBE_GZIP": "t"}
    outcome = ask(built("module"), tfs.address, f"-engine={engine}", env=lines)
    assert sorted(arrived(tfs, outcome)) == [("a", "1"), ("a", "3"), ("b", "2")]
    assert str(dict(tfs.metadata[-1])["user-agent"]).startswith("me/1")
    # The command line wins, as a whole.
    assert arrived(tfs, ask(built("module"), tfs.address, "-rpc-header=c: 4", env=lines)) == [("c", "4")]


@ENGINES
def test_user_agent(tfs: FakeServing, engine: str) -> None:
    for given, sent in (("me/1 (you)", "me/1 (you)"), ("", "")):
        assert ask(built("module"), tfs.address, f"-user-agent={given}", f"-engine={engine}").exit_code == 0
        assert str(dict(tfs.metadata[-1]).get("user-agent", "")).startswith(sent)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (":authority: x", "before the colon"),
        (": x", "before the colon"),
        ("grpc-timeout: 1S", "reserved by gRPC"),
        ("GRPC-Anything: 1", "reserved by gRPC"),
        ("te: x", "reserved by gRPC"),
        ("Content-Type: text/plain", "reserved by gRPC"),
        ("connection: close", "reserved by gRPC"),
        ("host: x", "reserved by gRPC"),
        ("user-agent: x", "-user-agent"),
        ("a b: x", "the name must contain only"),
        ("größe: x", "the name must contain only"),
        (" a: x", "the name must contain only"),
        ("a: x\ny", "printable ASCII"),
        ("a: x\ty", "printable ASCII"),
        ("a: größe", "printable ASCII"),
        ("a: \udcff", "printable ASCII"),
        ("a\r\nb: x", "the name must contain only"),
        ("a: " + "x" * 17_000, "longer than 16384 bytes"),
    ],
)
@on("frozen")
def test_refused(variant: Variant, header: str, words: str) -> None:
    outcome = variant.run("-addr=127.0.0.1:1", f"-rpc-header={header}")
    assert outcome.exit_code == 1, outcome
    assert outcome.verdict.startswith("error: -rpc-header")
    assert words in outcome.verdict
    assert len(outcome.lines) == 1 and "\r" not in outcome.stderr


@on_each_interpreter
def test_a_header_without_a_colon(variant: Variant) -> None:
    words = "invalid RPC header, expected 'key: value', got \"secret\""
    outcome = variant.run("-rpc-header=secret")
    assert outcome.exit_code == 2
    assert outcome.lines[0] == f'invalid value "secret" for flag -rpc-header: {words}'
    outcome = variant.run(env={"TFS_PROBE_RPC_HEADER": "a: b\nsecret"})
    assert outcome.lines[0] == f'invalid value "secret" for TFS_PROBE_RPC_HEADER: {words}'


@pytest.mark.parametrize("bad", ["a\tb", "größe", "a\nb"])
@on("frozen")
def test_a_user_agent_that_is_refused(variant: Variant, bad: str) -> None:
    outcome = variant.run(f"-user-agent={bad}")
    assert outcome.exit_code == 1
    assert outcome.verdict.startswith("error: -user-agent: ")


@pytest.mark.parametrize("maker", list(servers.SERVERS))
@on_each_interpreter
def test_many_headers_and_a_compressed_request(variant: Variant, maker: str) -> None:
    """As many as every maker's server takes. They are still one frame."""
    headers = [f"-rpc-header=x-{number}: {'y' * 60}" for number in range(40)]
    with servers.SERVERS[maker](None) as server:
        outcome = ask(variant, server.target, *headers, "-model-name=half")
        assert (outcome.exit_code, outcome.verdict) == (0, READY), outcome


@pytest.mark.parametrize("maker", ["grpcio", "grpc-js", "nginx"])  # grpclib knows no compression
@on_each_interpreter
def test_compressed(variant: Variant, maker: str) -> None:
    with servers.SERVERS[maker](None) as server:
        outcome = ask(variant, server.target, "-gzip", "-model-name=half")
        assert (outcome.exit_code, outcome.verdict) == (0, READY), outcome
        outcome = ask(variant, server.target, "-gzip", "-model-name=nope")
        assert outcome.exit_code == 10 and "nope" in outcome.verdict


@on_each_interpreter
def test_headers_of_16_kib_in_several_frames(variant: Variant) -> None:
    """More than fits into one frame: CONTINUATION."""
    headers = [f"-rpc-header=x-{number}: {base64.b64encode(bytes([number]) * 750).decode()}" for number in range(15)]
    with scripted_server(answers(GOOD)) as server:
        outcome = ask(variant, server.address, *headers, f"-user-agent={'~' * 2000}")
    assert (outcome.exit_code, outcome.verdict) == (0, READY), outcome
    kinds = [type(frame).__name__ for frame in client_frames(bytes(server.peers[0].received))]
    assert kinds.count("HeadersFrame") == 1 and kinds.count("ContinuationFrame") == 1


@on_each_interpreter
def test_the_request_is_compressed(variant: Variant) -> None:
    with scripted_server(answers(GOOD)) as server:
        assert ask(variant, server.address, "-gzip", "-model-name=half").exit_code == 0
    frames = client_frames(bytes(server.peers[0].received))
    (sent,) = (frame.data for frame in frames if isinstance(frame, h2frame.DataFrame))
    assert sent[0] == 1 and int.from_bytes(sent[1:5], "big") == len(sent) - 5
    assert gzip.decompress(sent[5:]) == bytes.fromhex("0a060a0468616c66")


# What is shown.


@on_each_interpreter
def test_secrets_are_masked(variant: Variant, tfs: FakeServing) -> None:
    secrets = ("-rpc-header=Authorization: Bearer secret", "-rpc-header=cookie: secret", "-rpc-header=a: shown")
    outcome = ask(variant, tfs.address, *secrets, "-v")
    assert outcome.exit_code == 0
    (shown,) = (line for line in outcome.lines if line.startswith("option -rpc-header="))
    assert shown == 'option -rpc-header="Authorization: ***", "cookie: ***", "a: shown"'
    assert "secret" not in outcome.stderr
    assert "shown" not in ask(variant, tfs.address, *secrets).stderr


@on_each_interpreter
def test_values_are_in_no_error(variant: Variant) -> None:
    for name in ("a", "authorization", "grpc-x", ":a", "a b"):
        outcome = variant.run(f"-rpc-header={name}: hid\nden", "-addr=127.0.0.1:1", "-timeout=50ms")
        assert outcome.exit_code == 1
        assert "hid" not in outcome.stderr and "den" not in outcome.stderr
