"""gRPC over HTTP/2. Everything but channel.py is sans-IO."""
