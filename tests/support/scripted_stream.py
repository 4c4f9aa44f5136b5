"""A stream without a socket: a test scripts its bytes and its errors.

It stands in for the operating system, not for a layer of ours: it has the six methods of net/stream.py's Stream.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import hyperframe.frame as h2frame

from probe.net.errors import Transient
from tests.support.http2_writer import HEAD_FIELDS, PREFACE, data, headers, trailers
from tests.support.scripted_server import client_frames
from tests.support.wire import message

if TYPE_CHECKING:
    from probe.deadline import Deadline
    from probe.model import Cause

Step = bytes | BaseException
React = Callable[[h2frame.Frame], "bytes | list[Step]"]

PEER = "scripted:1"


class ScriptedStream:
    """Receives the steps of a script in order: bytes are returned, errors are raised. After the last one the peer is
    silent. `sent` is everything that was sent."""

    def __init__(
        self,
        *script: Step,
        react: React | None = None,
        send_error: BaseException | None = None,
        others: tuple[ScriptedStream, ...] = (),
        explanation: tuple[str, Cause] | None = None,
    ) -> None:
        """`react`: called with each HTTP/2 frame that is sent; what it returns is received next. `send_error`: raised
        by `send`. `others`: what further connections to the same address are like; without one they are refused.
        `explanation`: what it means if the peer closes the connection without a reason."""
        self.peer = PEER
        self.script = deque(script)
        self.sent = b""
        self.closed = 0
        self._react = react
        self._send_error = send_error
        self._others = deque(others)
        self._explanation = explanation
        self._frames = 0

    @property
    def frames(self) -> list[h2frame.Frame]:
        """The HTTP/2 frames that were sent."""
        return client_frames(self.sent)

    def send(self, data: bytes, deadline: Deadline) -> None:
        assert not self.closed
        if self._send_error is not None:
            raise self._send_error
        self._take(data)

    def receive(self, deadline: Deadline) -> bytes:
        assert not self.closed
        if not self.script:
            threading.Event().wait(deadline.remaining())
            raise TimeoutError
        step = self.script.popleft()
        if isinstance(step, BaseException):
            raise step
        return step

    def try_send(self, data: bytes) -> None:
        assert not self.closed
        self._take(data)

    def redial(self, deadline: Deadline) -> ScriptedStream:
        if not self._others:
            raise Transient("connect scripted:1: connection refused", "refused")
        return self._others.popleft()

    def explain_close(self) -> tuple[str, Cause] | None:
        return self._explanation

    def close(self) -> None:
        self.closed += 1

    def _take(self, data: bytes) -> None:
        self.sent += data
        if self._react is None or len(self.sent) < len(PREFACE):
            return
        found = self.frames
        for frame in found[self._frames :]:
            reaction = self._react(frame)
            self.script.extend([reaction] if isinstance(reaction, bytes) and reaction else reaction or [])
        self._frames = len(found)


def is_request(frame: h2frame.Frame) -> bool:
    """Whether the frame ends a request."""
    return "END_STREAM" in frame.flags


def good(stream: int, answer: bytes = b"answer") -> bytes:
    """A good answer to the call on a stream."""
    return headers(HEAD_FIELDS, stream=stream) + data(message(answer), stream=stream) + trailers(0, stream=stream)


def answering(answer: bytes = b"answer") -> React:
    """Answers every call."""
    return lambda frame: good(frame.stream_id, answer) if is_request(frame) else b""
