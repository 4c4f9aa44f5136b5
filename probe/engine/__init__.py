"""The engines: each asks a server the same question in its own way.

Rule of this room: an engine knows neither argv nor exit codes, and prints nothing. What went wrong is a value.
"""

from ..model import ALTS, SETUP, Call, Failure, ModelStatus, Timings

INSTALL = "pip install 'tfs-model-status-probe[grpcio]'"


def ask(call: Call, timings: Timings) -> "ModelStatus | Failure":
    """The status of a model, from the engine that the call names; notes in `timings` what each phase took."""
    if call.engine == "native":
        if call.security and call.security.kind == ALTS:
            text = f"-alts needs -engine=grpcio ({INSTALL}), and works on Google Cloud alone"
            return Failure(SETUP, text, cause="alts")
        from . import native

        return native.ask(call, timings)
    try:
        from . import grpcio
    except ImportError as error:
        # Our own module is missing from the executable alone.
        missing = "the static executable has the native engine alone" if error.name == __name__ else str(error)
        return Failure(SETUP, f"-engine=grpcio needs grpcio and protobuf ({missing}): {INSTALL}", cause="engine")
    return grpcio.ask(call, timings)
