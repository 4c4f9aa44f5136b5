"""A whole server: its state, its two listeners, the ports they use, and the script that runs on it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from types import TracebackType

from .grpc_server import Conduct, GrpcListener
from .ports import Reservation
from .prediction import Labels
from .rest import Response, RestListener, respond
from .scripts import SCRIPTS, ScriptRun
from .state import Models, Refused, Servables, StateLike, VersionStatus, state_number


class FakeServing:
    """A stand-in server; a context manager that serves from `__enter__` to `__exit__`.

    `models`: name -> version -> state, or (state, error code, error message); a state is a name or a number.
    `port`, `rest_port`: 0 for any free one. `rest`: whether REST is served. `unix_socket`: a further address for gRPC,
    a path or `unix-abstract:NAME`. `tls`: (private key, certificate chain), PEM; `client_ca`: PEM, makes a client
    certificate a condition; REST never has TLS. `busy`: every call is refused as when all threads are taken. `delay`:
    seconds that every gRPC answer is held. `health`: the health service is on. `closed`: the ports are not opened, as
    before the end of the initial load (`open_ports` does). `report` is given a line for every fact. `labels`: model ->
    label -> version; `labels_initialized`: False as after a start from a file without a list. `predict_delay`: seconds
    that every prediction is held; `predict_error`: (code, message) that every prediction ends with. `metadata_delay`
    and `metadata_error`: the same for GetModelMetadata.
    """

    def __init__(
        self,
        models: Models | None = None,
        *,
        labels: Mapping[str, Mapping[str, int]] | None = None,
        labels_initialized: bool = True,
        labels_allowed: bool = True,
        metadata_delay: float = 0.0,
        metadata_error: tuple[int, str] | None = None,
        predict_delay: float = 0.0,
        predict_error: tuple[int, str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        rest_port: int = 0,
        rest: bool = True,
        unix_socket: str | os.PathLike[str] | None = None,
        tls: tuple[bytes, bytes] | None = None,
        client_ca: bytes | None = None,
        busy: bool = False,
        delay: float = 0.0,
        health: bool = False,
        closed: bool = False,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.servables = Servables(models)
        self.labels = Labels(labels)
        self.labels.initialized = labels_initialized
        self.labels.allowed = labels_allowed
        self.host = host
        self.port = port
        self.rest_port = rest_port
        self._rest = rest
        self._unix_socket = None if unix_socket is None else os.fspath(unix_socket)
        self._tls = tls
        self._client_ca = client_ca
        self._closed = closed
        self._report = report
        self._conduct = Conduct(busy, delay, health)
        self._conduct.metadata_delay = metadata_delay
        self._conduct.metadata_error = None if metadata_error is None else Refused(*metadata_error)
        self._conduct.predict_delay = predict_delay
        self._conduct.predict_error = None if predict_error is None else Refused(*predict_error)
        self._lock = threading.RLock()
        self._reservations: list[Reservation] = []
        self._listeners: list[GrpcListener | RestListener] = []
        self._script_run: ScriptRun | None = None
        self._targets: list[str] = []

    # What tests look at and turn.

    @property
    def address(self) -> str:
        """host:port of gRPC."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def requests(self) -> list[bytes]:
        """The request message of every gRPC call so far, as received."""
        return self._conduct.requests

    @property
    def methods(self) -> list[str]:
        """The method of every gRPC call so far."""
        return self._conduct.methods

    @property
    def targets(self) -> list[str]:
        """Method and target of every REST request so far."""
        return self._targets

    @property
    def metadata(self) -> list[tuple[tuple[str, str | bytes], ...]]:
        """The metadata of every gRPC call so far, as grpcio hands it out (`user-agent` among it)."""
        return self._conduct.metadata

    @property
    def busy(self) -> bool:
        """Whether every gRPC call is refused with RESOURCE_EXHAUSTED."""
        return self._conduct.busy

    @busy.setter
    def busy(self, busy: bool) -> None:
        self._conduct.busy = busy

    def set(self, model: str, version: int, state: StateLike, code: int = 0, message: str = "") -> None:
        """Puts a version into a state."""
        self.servables.set(model, VersionStatus(version, state_number(state), code, message))

    def remove_model(self, name: str) -> None:
        """Drops a model from the configuration: its versions end, and stay listed."""
        self.servables.unload(name)

    def reload(self, labels: Mapping[str, Mapping[str, int]]) -> None:
        """A new configuration with these models and their labels: other models end. Raises Refused, and changes
        nothing, if a label points to a version that is not AVAILABLE."""
        self.labels.replace(labels, self.servables)
        for name in self.servables.models:
            if name not in labels:
                self.remove_model(name)

    # Scripts.

    def run_script(
        self,
        script_name: str,
        *,
        model: str | None = None,
        speed: float = 1.0,
        manual: bool = False,
        exits: Callable[[], None] = lambda: None,
    ) -> ScriptRun:
        """Lets a model (default: the first that was set, else `half`) live through a script from a restart on.

        What the script has at second 0 is in place on return. The rest follows in the background, `speed` times as
        fast as the script says; with `manual`, when the answer's `advance` is called.
        `exits` is called at a step at which the real process would end (the answer's `exit_code` tells how); it
        must not stop the server itself.
        """
        script = SCRIPTS[script_name]
        name = model or self.servables.first_model or "half"
        if self._script_run is not None:
            self._script_run.stop()
        if script.closed:
            self.close_ports()
            rest = f", REST port {self.rest_port}" if self._rest else ""
            self._report(f"loading: ports closed until the first load has ended (gRPC port {self.port}{rest})")
        self.servables.forget(name)
        self._script_run = ScriptRun(self, script, name, self._report, exits)
        if not script.closed:
            self.open_ports()
        if not manual:
            self._script_run.start(speed)
        return self._script_run

    # Ports.

    def open_ports(self) -> None:
        """Listens, gRPC first, as the server does when its initial load has ended; nothing if it already does."""
        with self._lock:
            if self._listeners:
                return
            self._conduct.closing.clear()
            addresses = [self.address]
            if self._unix_socket is not None:
                abstract = self._unix_socket.startswith("unix-abstract:")
                addresses.append(self._unix_socket if abstract else f"unix:{self._unix_socket}")
            grpc_listener = GrpcListener(
                self.servables, self.labels, self._conduct, addresses, self._tls, self._client_ca
            )
            self._listeners.append(grpc_listener)
            self._report(f"gRPC port {self.port}")
            if self._unix_socket is not None:
                self._report(f"gRPC socket {self._unix_socket}")
            if self._rest:
                self._listeners.append(RestListener(self.respond, self.host, self.rest_port))
                self._report(f"REST port {self.rest_port}")
            self._release()

    def close_ports(self) -> None:
        """Stops listening, and keeps the ports: connections are refused; nothing if it already does not listen."""
        with self._lock:
            if not self._listeners:
                return
            self._stop_listening()
            self._reserve(patience=5.0)

    def respond(self, method: str, path: str, origin: str = "", body: bytes = b"") -> Response:
        """Answers one REST request."""
        self._targets.append(f"{method} {path}")
        conduct = self._conduct
        return respond(
            self.servables, method, path, origin, body, self.labels, conduct.meet_prediction, conduct.meet_metadata
        )

    def _reserve(self, patience: float = 0.0) -> None:
        grpc_port = Reservation(self.host, self.port, patience)
        self._reservations.append(grpc_port)
        self.port = grpc_port.port
        if self._rest:
            rest_port = Reservation(self.host, self.rest_port, patience)
            self._reservations.append(rest_port)
            self.rest_port = rest_port.port

    def _release(self) -> None:
        while self._reservations:
            self._reservations.pop().release()

    def _stop_listening(self) -> None:
        self._conduct.closing.set()
        while self._listeners:
            self._listeners.pop().stop()  # gRPC removes its socket file itself

    # The whole.

    def start(self) -> None:
        """Takes the ports and, unless `closed`, opens them; raises OSError for a port that is in use."""
        try:
            self._reserve()
            if not self._closed:
                self.open_ports()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the script, the calls and the listeners; nothing is left, the socket file neither."""
        if self._script_run is not None:
            self._script_run.stop()
        with self._lock:
            self._stop_listening()
            self._release()

    def __enter__(self) -> FakeServing:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
