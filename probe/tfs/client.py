"""The client: connects to a server and asks it. The native engine and grpcio have the same interface.

A client never raises: what fails is a Failure. It neither prints nor knows flags or exit codes.
"""

from ..model import SETUP, CallTrace, Failure
from ..net.target import is_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ..deadline import Deadline
    from ..model import ClientConfig, ModelStatus, Phase, Query

    class Client(Protocol):
        """A connected client."""

        def status(self, queries: "tuple[Query, ...]", deadline: Deadline) -> "tuple[ModelStatus | Failure, ...]":
            """The status of each query's model, in order. Each call has the configuration's own timeout."""

        def version_of_label(self, model: str, label: str, deadline: Deadline) -> "int | Failure":
            """The version that a label points to; a Failure with the cause `no-label` if the server does not know
            it."""

        def predict(self, model: str, version: "int | None", request: bytes, deadline: Deadline) -> "Failure | None":
            """Why the model does not answer a request for a prediction; None if it does. The answer is not kept."""

        @property
        def is_usable(self) -> bool:
            """Whether the connection may carry another round."""

        def close(self) -> None:
            """Closes the connection."""


def connect(
    config: "ClientConfig", first: "Query", deadline: "Deadline", enter: "Callable[[Phase], None]"
) -> "tuple[Client | Failure, CallTrace]":
    """A connected client, and how the connection came about. `first` rides in the opening write: `status` gives its
    outcome without a second call. `enter` is called at the start of each phase."""
    if is_url(config.address):
        from . import rest

        return rest.connect(config, first, deadline, enter)
    if config.engine == "native":
        from . import native

        return native.connect(config, first, deadline, enter)
    try:
        from . import grpcio
    except ImportError as error:
        # Only the executable lacks our own module.
        missing = "the static executable has the native engine only" if error.name == __package__ else str(error)
        text = f"the grpcio engine needs grpcio and protobuf ({missing})"
        return Failure(SETUP, text, cause="no-grpcio", permanent=True), CallTrace()
    return grpcio.connect(config, first, deadline, enter)
