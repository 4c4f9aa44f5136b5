"""Ask a TensorFlow Serving server whether its models are ready."""

__version__ = "2.0.0"
