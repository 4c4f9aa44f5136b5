"""A stand-in for TensorFlow Serving: real gRPC and REST servers that answer status questions as it does.

Strategy: what is known of the models (`state`), labels and predictions (`prediction`), how that is said over gRPC
(`grpc_server`) and REST (`rest`), and when it changes (`scripts`) are kept apart; `server` joins them. Every text is
one that a TensorFlow Serving 2.19.1 was seen to send (tests/data/captures.json, replayed by test_fake_tfs.py) or that
its source names. Prometheus is left out.

    with FakeServing({"half": {123: "AVAILABLE"}}) as server:
        ask(server.address)

From a shell: `python -m tests.fake_tfs --list`.
"""

from .server import FakeServing

__all__ = ["FakeServing"]
