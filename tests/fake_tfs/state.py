"""What a server knows of its models: the versions it has seen since it started, and the state of each.

Rule: this is TensorFlow Serving's ServableStateMonitor and no more. It neither decides nor waits; `scripts` does.
Versions are answered highest first, and a version that ended stays listed until the server restarts
(core/servable_state_monitor.h); only the number of a version is looked at, never a label or a signature
(model_servers/get_model_status_impl.cc).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple

from probe.tfs.proto import serving_pb2

State = serving_pb2.ModelVersionStatus.State
Code = serving_pb2.StatusProto.Code

# A state by name, or by number if it is unknown; alone, or with error code and message.
StateLike = str | int
VersionLike = StateLike | tuple[StateLike, int, str]
Models = Mapping[str, Mapping[int, VersionLike]]


class Refused(Exception):
    """The server's answer is an error: a canonical code (the numbers of gRPC and tensorflow.error) and a text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class VersionStatus(NamedTuple):
    """One version: its number, its state's number, and the code and text of the error that ended it."""

    version: int
    state: int
    code: int = Code.OK
    message: str = ""

    @property
    def clean(self) -> bool:
        """Whether no error is recorded."""
        return self.code == Code.OK and not self.message


def state_number(state: StateLike) -> int:
    """The number of a state; raises ValueError for a name that TensorFlow Serving does not have."""
    return State.Value(state) if isinstance(state, str) else state


def state_name(number: int) -> str:
    """The name of a state, or its number in digits where protobuf has no name for it."""
    return State.Name(number) if number in State.values() else str(number)


def code_name(number: int) -> str:
    """The name of an error code, or its number in digits where protobuf has no name for it."""
    return Code.Name(number) if number in Code.values() else str(number)


class Servables:
    """All models and versions; safe to use from several threads."""

    def __init__(self, models: Models | None = None) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, dict[int, VersionStatus]] = {}
        for model, versions in (models or {}).items():
            for version, value in versions.items():
                state, code, message = value if isinstance(value, tuple) else (value, 0, "")
                self.set(model, VersionStatus(version, state_number(state), code, message))

    @property
    def first_model(self) -> str | None:
        """The name of the model that was set first."""
        with self._lock:
            return next(iter(self._models), None)

    @property
    def models(self) -> list[str]:
        """The names of all models, in the order in which they were set."""
        with self._lock:
            return list(self._models)

    def set(self, model: str, *changes: VersionStatus) -> None:
        """Records versions of a model, all at once: no question can see only some of `changes`."""
        with self._lock:
            self._models.setdefault(model, {}).update((change.version, change) for change in changes)

    def unload(self, model: str) -> None:
        """Ends what is not ended yet; a version that ended with an error keeps it. An unknown model stays unknown."""
        with self._lock:
            versions = self._models.get(model, {})
            for version, status in versions.items():
                if status.state != State.END:
                    versions[version] = VersionStatus(version, State.END)

    def forget(self, model: str) -> None:
        """Makes a model unknown, as only a restart of the server does."""
        with self._lock:
            self._models.pop(model, None)

    def find(self, model: str, version: int | None = None) -> list[VersionStatus]:
        """The asked version alone, or all, highest first; raises Refused (NOT_FOUND) for what was never seen."""
        with self._lock:
            versions = dict(self._models.get(model, {}))
        if version is not None:
            if version not in versions:
                raise Refused(Code.NOT_FOUND, f"Could not find version {version} of model {model}")
            return [versions[version]]
        if not versions:
            raise Refused(Code.NOT_FOUND, f"Could not find any versions of model {model}")
        return [versions[number] for number in sorted(versions, reverse=True)]

    def describe(self, model: str) -> str:
        """One line for people: `half: 125 LOADING, 123 AVAILABLE`."""
        try:
            entries = self.find(model)
        except Refused:
            return f"{model}: no versions"
        parts = [
            f"{entry.version} {state_name(entry.state)}" + ("" if entry.clean else f" ({code_name(entry.code)})")
            for entry in entries
        ]
        return f"{model}: {', '.join(parts)}"
