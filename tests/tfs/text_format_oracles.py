"""Two parsers of text format that are not ours: protobuf's C++ one, which the server uses, and the one for Python."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, text_format
from grpc_tools import protoc

MESSAGE = "tensorflow.serving.ModelServerConfig"

# The fields of model_server_config.proto and of what it imports.
PROTO = """
syntax = "proto3";
package tensorflow.serving;
import "google/protobuf/any.proto";
enum ModelType { MODEL_TYPE_UNSPECIFIED = 0; TENSORFLOW = 1; OTHER = 2; }
message LogCollectorConfig { string type = 1; string filename_prefix = 2; }
message SamplingConfig { double sampling_rate = 1; }
message LoggingConfig { LogCollectorConfig log_collector_config = 1; SamplingConfig sampling_config = 2; }
message Policy {
  message Latest { uint32 num_versions = 1; }
  message All {}
  message Specific { repeated int64 versions = 1; }
  oneof policy_choice { Latest latest = 100; All all = 101; Specific specific = 102; }
}
message ModelConfig {
  string name = 1;
  string base_path = 2;
  ModelType model_type = 3 [deprecated = true];
  string model_platform = 4;
  reserved 5;
  Policy model_version_policy = 7;
  map<string, int64> version_labels = 8;
  LoggingConfig logging_config = 6;
}
message ModelConfigList { repeated ModelConfig config = 1; }
message ModelServerConfig {
  oneof config { ModelConfigList model_config_list = 1; google.protobuf.Any custom_model_config = 2; }
}
"""


# In proto3 a string must be UTF-8 to be serialized, although the C++ parser takes any bytes.
PROTO_OF_BYTES = re.sub("string (name|base_path|model_platform)", r"bytes \1", PROTO)


class Oracles:
    """Both parsers, in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.python_message = self._message("strings", PROTO)
        self.cpp_message = self._message("bytes", PROTO_OF_BYTES)
        worker = Path(__file__).with_name("protoc_worker.py")
        self.protoc = subprocess.Popen(
            [sys.executable, worker, directory, *self._includes(), f"--encode={MESSAGE}", "bytes.proto"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _includes(self) -> list[str]:
        return [f"-I{self.directory}", f"-I{files('grpc_tools') / '_proto'}"]

    def _message(self, name: str, proto: str) -> Any:
        """The class of the message that a .proto file defines."""
        (self.directory / f"{name}.proto").write_text(proto)
        descriptors = self.directory / f"{name}.descriptors"
        assert protoc.main(["protoc", *self._includes(), f"--descriptor_set_out={descriptors}", f"{name}.proto"]) == 0
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()).file:
            pool.Add(file)
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(MESSAGE))

    def __enter__(self) -> Oracles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.protoc.communicate(timeout=10)

    def cpp(self, data: bytes) -> Any:
        """The message that C++ reads, or its first error as (line, column, text)."""
        (self.directory / "input").write_bytes(data)
        assert self.protoc.stdin and self.protoc.stdout
        self.protoc.stdin.write(b"\n")
        self.protoc.stdin.flush()
        if int(self.protoc.stdout.readline()) == 0:
            return self.cpp_message.FromString((self.directory / "output").read_bytes())
        for line in (self.directory / "errors").read_text("utf-8", "backslashreplace").splitlines():
            source, _, rest = line.partition(":")
            if source == "input" and "warning" not in rest:
                row, column, text = rest.split(":", 2)
                return int(row), int(column), text.strip()
        raise AssertionError((self.directory / "errors").read_bytes())

    def python(self, data: bytes) -> Any:
        """The message that Python's text_format reads; None for an error."""
        try:
            return text_format.Parse(data, self.python_message())
        except (text_format.ParseError, ValueError):  # the latter for UTF-8 and the range of an enum
            return None
