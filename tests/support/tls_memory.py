"""OpenSSL's server side in memory, as the other end of a scripted stream."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.support.scripted_stream import ScriptedStream

if TYPE_CHECKING:
    from probe.model import Cause

Within = Callable[[bytes], bytes]


class TlsServerStream(ScriptedStream):
    """A stream whose peer is OpenSSL. `heard` is what the client said within TLS, `fault` what OpenSSL objects to."""

    def __init__(
        self,
        context: ssl.SSLContext,
        within: Within = lambda _: b"",
        *,
        leaves_after: int = -1,
        others: tuple[ScriptedStream, ...] = (),
        explanation: tuple[str, Cause] | None = None,
    ) -> None:
        """`within`: what the server answers to the bytes that it hears. `leaves_after`: it closes the connection after
        so many writes of the client."""
        super().__init__(others=others, explanation=explanation)
        self.heard = b""
        self.fault: ssl.SSLError | None = None
        self.shaken = False
        self._within = within
        self._leaves_after = leaves_after
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def say(self, content: bytes) -> None:
        """Sends bytes within TLS."""
        self.tls.write(content)
        self._flush()

    def close_notify(self) -> None:
        """Ends the connection as TLS demands."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass  # the client's own close_notify is not waited for
        self._flush()
        self.script.append(b"")

    def _take(self, data: bytes) -> None:
        self.sent += data
        if self._leaves_after == 0:
            return
        self._incoming.write(data)
        try:
            self._work()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.fault = error
        self._flush()
        self._leaves_after -= 1
        if self.fault or self._leaves_after == 0:
            self.script.append(b"")

    def _work(self) -> None:
        if not self.shaken:
            self.tls.do_handshake()
            self.shaken = True
        while content := self.tls.read(1 << 16):
            self.heard += content
            answer = self._within(content)
            if answer:
                self.tls.write(answer)

    def _flush(self) -> None:
        content = self._outgoing.read()
        if content:
            self.script.append(content)
