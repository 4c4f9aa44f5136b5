"""Looking up names: real lookups of names that need no network, and a C library that hangs or fails by script."""

from __future__ import annotations

import _socket
import errno
import posix
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from probe.deadline import RUN, Deadline
from probe.net import resolve as resolving
from probe.net.errors import Permanent, Transient
from probe.net.resolve import port_of_service, resolve
from probe.net.stream import Address

SECOND = 1_000_000_000
Found = list[tuple[int, int, int, str, tuple[str, int]]]
V4 = Address(socket.AF_INET, ("10.0.0.1", 80))
V6 = Address(socket.AF_INET6, ("fd00::1", 80, 0, 0))


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(int(seconds * SECOND), RUN)


class Library:
    """A C library that answers by the family that is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[int, Callable[[], Found]] = {}
        self.questions: list[tuple[bytes, int]] = []
        self.open = threading.Event()
        """Until then, lookups that hang do."""
        monkeypatch.setattr(_socket, "getaddrinfo", self._getaddrinfo)

    def _getaddrinfo(self, host: bytes, port: int, family: int, *_: int) -> Found:
        assert isinstance(host, bytes) and port == 80
        self.questions.append((host, family))
        return self.answers.get(family, self.hang)()

    def hang(self) -> Found:
        assert self.open.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def gives(*addresses: Address) -> Callable[[], Found]:
    return lambda: [(one.family, 1, 6, "", one.sockaddr) for one in addresses]  # type: ignore[misc]


def fails(code: int) -> Callable[[], Found]:
    def answer() -> Found:
        raise socket.gaierror(code, "Reason")

    return answer


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    made = Library(monkeypatch)
    yield made
    made.open.set()
    while resolving._running:  # the threads end once they are let go
        time.sleep(0.001)


def error_of(host: str = "name.example", deadline: Deadline | None = None) -> Transient | Permanent:
    with pytest.raises((Transient, Permanent)) as caught:
        resolve(host, 80, deadline or soon())
    assert isinstance(caught.value, (Transient, Permanent))
    return caught.value


BOTH = (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6)


def test_real_lookups() -> None:
    assert resolve("127.0.0.1", 80, soon()) == [Address(socket.AF_INET, ("127.0.0.1", 80))]
    assert resolve("::1", 80, soon()) == [Address(socket.AF_INET6, ("::1", 80, 0, 0))]
    # No resolver has to be asked that such a name does not exist.
    unknown = error_of("a..b")
    assert isinstance(unknown, Transient)
    assert unknown.cause == "unresolved"
    assert resolving._running == {}


def test_the_body_of_the_thread(library: Library) -> None:
    library.answers = {socket.AF_INET: gives(V4), socket.AF_INET6: out_of_memory, socket.AF_UNSPEC: fails(5)}
    for family, found, failed in ((socket.AF_INET, [V4], 0), (socket.AF_INET6, [], 1), (socket.AF_UNSPEC, [], 1)):
        question = ("name.example", 80, int(family))
        lookup = resolving._running[question] = resolving._Lookup()
        assert lookup.is_running
        lookup.run(question)
        assert not lookup.is_running
        assert (lookup.found, bool(lookup.error)) == (found, bool(failed))
        assert resolving._running == {}


def test_the_resolver_s_order_is_kept(library: Library) -> None:
    library.answers[socket.AF_UNSPEC] = gives(V6, V4)
    assert resolve("name.example", 80, soon()) == [V6, V4]
    assert library.questions == [(b"name.example", socket.AF_UNSPEC)]


def test_bytes_of_argv_are_looked_up_as_they_are(library: Library) -> None:
    library.answers[socket.AF_UNSPEC] = gives(V4)
    resolve("b\udcfc\u00fc", 80, soon())
    assert library.questions[0][0] == b"b\xfc\xc3\xbc"


def test_addresses_that_cannot_be_shown_are_skipped(library: Library) -> None:
    library.answers[socket.AF_UNSPEC] = lambda: [(77, 1, 6, "", b"odd"), *gives(V4)()]  # type: ignore[list-item]
    assert resolve("name.example", 80, soon()) == [V4]


def test_an_unknown_name_is_not_looked_up_again(library: Library) -> None:
    library.answers[socket.AF_UNSPEC] = fails(socket.EAI_NONAME)
    unknown = error_of()
    assert isinstance(unknown, Transient)
    assert unknown.cause == "unresolved"
    assert len(library.questions) == 1


def test_no_addresses_at_all(library: Library) -> None:
    library.answers[socket.AF_UNSPEC] = list
    assert error_of().cause == "unresolved"


@pytest.mark.parametrize("twin", [socket.AF_INET, socket.AF_INET6])
def test_a_failing_twin_does_not_spoil_the_other_family(library: Library, twin: int) -> None:
    library.answers = {family: fails(socket.EAI_AGAIN) for family in BOTH}
    good = V4 if twin == socket.AF_INET6 else V6
    library.answers[good.family] = gives(good)
    assert resolve("name.example", 80, soon()) == [good]


@pytest.mark.parametrize("good", [V4, V6])
def test_a_hanging_twin_does_not_use_up_the_time(library: Library, good: Address) -> None:
    library.answers[good.family] = gives(good)
    deadline = soon(1)
    assert resolve("name.example", 80, deadline) == [good]
    assert deadline.remaining() > 0


def test_a_failure_is_reported_where_a_lookup_hangs(library: Library) -> None:
    library.answers[socket.AF_INET] = fails(socket.EAI_AGAIN)
    failed = error_of(deadline=soon(0.1))
    assert isinstance(failed, Transient)
    assert failed.cause == "unresolved"


def test_a_resolver_that_hangs(library: Library) -> None:
    silent = error_of(deadline=soon(0.1))
    assert isinstance(silent, Transient)
    assert silent.cause == "resolver"


def test_a_lookup_that_hangs_is_not_started_again(library: Library) -> None:
    """Or a process that lasts would collect threads."""
    for _ in range(5):
        assert error_of(deadline=soon(0.02)).cause == "resolver"
    assert len(library.questions) == len(BOTH) == len(resolving._running)


def test_a_late_answer_counts_for_whoever_waits_then(library: Library) -> None:
    def late() -> Found:
        assert library.open.wait(30)
        return gives(V4)()

    library.answers[socket.AF_UNSPEC] = late
    assert error_of(deadline=soon(0.02)).cause == "resolver"
    library.open.set()
    assert resolve("name.example", 80, soon()) == [V4]


def test_without_threads_a_retry_cannot_help(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", no_thread)
    failed = error_of()
    assert isinstance(failed, Permanent)
    assert failed.cause == "no-thread"
    assert resolving._running == {}


def test_without_a_free_descriptor_the_reason_is_found_out(library: Library) -> None:
    """The C library does not say it."""
    library.answers = {family: fails(socket.EAI_SYSTEM) for family in BOTH}
    _, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as lowest:
        number = lowest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        failed = error_of()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert isinstance(failed, Permanent)
    assert failed.cause == "descriptors"


def test_a_failure_with_descriptors_left(library: Library) -> None:
    library.answers = {family: fails(socket.EAI_SYSTEM) for family in BOTH}
    failed = error_of()
    assert isinstance(failed, Transient)
    assert failed.cause == "unresolved"


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (PermissionError(errno.EPERM, "Operation not permitted"), Permanent, "policy"),
        (PermissionError(errno.EACCES, "Permission denied"), Transient, "unresolved"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), Transient, "unresolved"),
    ],
)
def test_a_forbidden_call_is_found_out(
    library: Library, monkeypatch: pytest.MonkeyPatch, error: OSError, kind: type[Exception], cause: str
) -> None:
    """Here the one that opens the hosts file. A missing or unusual file does not end the lookup."""

    def fail(*_: object) -> int:
        raise error

    library.answers = {family: fails(socket.EAI_SYSTEM) for family in BOTH}
    monkeypatch.setattr(posix, "open", fail)
    failed = error_of()
    assert (type(failed), failed.cause) == (kind, cause)


def out_of_memory(*_: object) -> Found:
    raise MemoryError


def test_a_lookup_without_memory(library: Library) -> None:
    library.answers = dict.fromkeys(BOTH, out_of_memory)
    failed = error_of()
    assert (type(failed), failed.cause) == (Permanent, "memory")


def test_a_thread_without_memory(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("_thread.start_new_thread", out_of_memory)
    failed = error_of()
    assert (type(failed), failed.cause) == (Permanent, "memory")
    assert resolving._running == {}


# Zones.


def test_a_link_local_address_with_its_zone() -> None:
    (address,) = resolve("fe80::1%lo", 80, soon())
    assert address.family == socket.AF_INET6
    assert address.sockaddr[1:] == (80, 0, socket.if_nametoindex("lo"))


@pytest.mark.parametrize("host", ["fe80::1%no-such-interface", "127.0.0.1%lo", "name%lo", "fe80::1%\udcff"])
def test_zones_that_do_not_exist(host: str) -> None:
    failed = error_of(host)
    assert isinstance(failed, Permanent)
    assert failed.cause == "zone"


# Services.


def test_services() -> None:
    assert port_of_service("http") == socket.getservbyname("http", "tcp")
    for name in ("no-such-service", "\udcff", ""):
        with pytest.raises(Permanent) as caught:
            port_of_service(name)
        assert caught.value.cause == "address"
