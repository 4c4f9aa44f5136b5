"""Sockets: what a stream does until its deadline, and why an address cannot be connected to."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probe.deadline import RUN, Deadline
from probe.net.errors import Permanent, Transient
from probe.net.stream import Address, SocketStream, connect
from tests.support.counted_bytes import CountedBytes

if TYPE_CHECKING:
    from probe.net.stream import Stream

SECOND = 1_000_000_000
OVER = Deadline(0, RUN)


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(int(seconds * SECOND), RUN)


@pytest.fixture
def pair() -> Iterator[tuple[SocketStream, socket.socket]]:
    """A stream, and the socket at its other end."""
    ours, theirs = socket.socketpair()
    with theirs:
        stream = SocketStream(socket.socket(fileno=os.dup(ours.fileno())), Address(socket.AF_UNIX, b"/name"))
        ours.close()
        yield stream, theirs
        stream.close()


@pytest.mark.parametrize(
    ("family", "sockaddr", "shown"),
    [
        (socket.AF_INET, ("127.0.0.1", 8500), "127.0.0.1:8500"),
        (socket.AF_INET, (b"127.0.0.1", 8500), "127.0.0.1:8500"),
        (socket.AF_INET6, ("::1", 8500, 0, 0), "[::1]:8500"),
        (socket.AF_UNIX, b"/run/a.sock", "unix:/run/a.sock"),
        (socket.AF_UNIX, b"\xff", "unix:\udcff"),
        (socket.AF_UNIX, b"\0name", "unix-abstract:name"),
    ],
)
def test_addresses_are_shown(family: int, sockaddr: tuple[str, int] | bytes, shown: str) -> None:
    assert str(Address(family, sockaddr)) == shown


def test_bytes_go_both_ways(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, theirs = pair
    assert stream.peer == "unix:/name"
    as_any_stream: Stream = stream
    assert as_any_stream.explain_close() is None
    stream.send(b"question", soon())
    assert theirs.recv(100) == b"question"
    theirs.sendall(b"answer")
    assert stream.receive(soon()) == b"answer"
    theirs.shutdown(socket.SHUT_WR)
    assert stream.receive(soon()) == b""


def test_all_of_a_large_message_is_sent(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, theirs = pair
    content = bytes(range(256)) * 20_000
    received = bytearray()

    def read() -> None:
        while len(received) < len(content):
            received.extend(theirs.recv(1 << 16))

    reading = threading.Thread(target=read)
    reading.start()
    stream.send(content, soon())
    reading.join()
    assert received == content


def test_a_large_message_is_sent_piece_by_piece_without_copies(pair: tuple[SocketStream, socket.socket]) -> None:
    class Message(CountedBytes):
        pass

    stream, theirs = pair
    size = 1 << 20
    received = []

    def read() -> None:
        left = size
        while left:
            received.append(theirs.recv(4096))
            left -= len(received[-1])

    reading = threading.Thread(target=read)
    reading.start()
    stream.send(Message(size), soon())
    reading.join()
    assert len(b"".join(received)) == size
    assert Message.copied <= size


def test_every_operation_ends_by_its_deadline(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, _ = pair
    for deadline in (OVER, soon(0.01)):
        with pytest.raises(TimeoutError):
            stream.receive(deadline)
        with pytest.raises(TimeoutError):
            stream.send(bytes(1 << 20), deadline)  # more than the kernel takes while nothing is read


def test_trying_to_send_never_waits_and_never_fails(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, theirs = pair
    stream.try_send(bytes(1 << 20))
    stream.try_send(bytes(1 << 20))
    theirs.close()
    stream.try_send(b"goodbye")
    stream.close()
    stream.try_send(b"goodbye")
    stream.close()


def test_what_a_peer_said_before_it_left_can_still_be_read(pair: tuple[SocketStream, socket.socket]) -> None:
    """A broken connection is reported by `receive`."""
    stream, theirs = pair
    theirs.sendall(b"goodbye")
    theirs.close()
    stream.send(b"question", soon())
    assert stream.receive(soon()) == b"goodbye"
    assert stream.receive(soon()) == b""


def test_a_closed_descriptor_is_an_error(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, _ = pair
    stream.close()
    with pytest.raises(OSError, match=r"."):
        stream.send(b"question", soon())
    with pytest.raises(OSError, match=r"."):
        stream.receive(soon())


# Connecting.


@contextlib.contextmanager
def listener(family: int, address: object, backlog: int = 5) -> Iterator[Address]:
    with socket.socket(family) as listening:
        listening.bind(address)  # type: ignore[arg-type]
        listening.listen(backlog)
        name = listening.getsockname()
        yield Address(family, os.fsencode(name) if family == socket.AF_UNIX else name)


def refusal(address: Address, deadline: Deadline | None = None) -> Transient | Permanent:
    with pytest.raises((Transient, Permanent)) as caught:
        connect(address, deadline or soon())
    assert isinstance(caught.value, (Transient, Permanent))
    return caught.value


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_connection_can_be_dialed_again(family: int, host: str) -> None:
    with listener(family, (host, 0)) as address:
        first = connect(address, soon())
        second = first.redial(soon())
        assert first.peer == second.peer == str(address)
        first.close()
        second.send(b"question", soon())
        second.close()


def test_without_time_nothing_is_attempted() -> None:
    with listener(socket.AF_INET, ("127.0.0.1", 0)) as address:
        refused = refusal(address, OVER)
    assert isinstance(refused, Transient)
    assert (refused.text, refused.cause) == ("", "no-time")


def test_a_port_on_which_nothing_listens() -> None:
    with listener(socket.AF_INET, ("127.0.0.1", 0)) as address:
        pass
    refused = refusal(address)
    assert isinstance(refused, Transient)
    assert refused.cause == "refused"
    assert str(address) in refused.text


def test_unix_sockets_that_cannot_be_connected_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path, cause in (("none", "no-socket"), ("file/none", "no-socket"), ("file", "refused")):
        refused = refusal(Address(socket.AF_UNIX, os.fsencode(tmp_path / path)))
        assert isinstance(refused, Transient)
        assert refused.cause == cause


def test_a_unix_socket_of_another_type_needs_another_configuration(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "datagrams")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(path)
        assert refusal(Address(socket.AF_UNIX, path)).cause == "not-a-socket"


def test_a_unix_socket_whose_server_accepts_nothing(tmp_path: Path) -> None:
    """Its queue is full: the server is alive, or at least its socket is open."""
    with listener(socket.AF_UNIX, str(tmp_path / "a.sock"), backlog=0) as address:
        waiting = []
        with contextlib.suppress(Transient):
            for _ in range(10):
                waiting.append(connect(address, soon(0.05)))
        refused = refusal(address, soon(0.05))
        for stream in waiting:
            stream.close()
    assert isinstance(refused, Transient)
    assert refused.cause == "mute"


def test_an_address_that_the_kernel_does_not_take() -> None:
    refused = refusal(Address(9999, ("127.0.0.1", 1)))
    assert isinstance(refused, Transient)
    assert refused.cause == "no-family"


def test_without_a_free_descriptor_a_retry_cannot_help() -> None:
    _, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with listener(socket.AF_INET, ("127.0.0.1", 0)) as address:
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            refused = refusal(address)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert isinstance(refused, Permanent)
    assert refused.cause == "descriptors"
