"""The gRPC methods in use, and failures of our own side that every engine words alike."""

from ..model import CALL, Failure
from ..rpc.status import INTERNAL

STATUS_METHOD = "/tensorflow.serving.ModelService/GetModelStatus"
METADATA_METHOD = "/tensorflow.serving.PredictionService/GetModelMetadata"
PREDICT_METHOD = "/tensorflow.serving.PredictionService/Predict"

NOT_UNICODE = Failure(
    CALL, "grpc: error while marshaling: string field contains invalid UTF-8", INTERNAL, permanent=True
)
NO_VERSION = Failure(CALL, "the answer names no version", INTERNAL, "unreadable")
