"""Protobuf messages of TensorFlow Serving's ModelService, generated from serving.proto by build/generate_proto.py."""
