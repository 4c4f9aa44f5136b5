"""The committed protobuf module is what build/generate_proto.py makes of serving.proto, and says what the wire says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool

from probe.tfs.proto import serving_pb2

ROOT = Path(__file__).resolve().parents[2]
PROTO_DIR = ROOT / "probe" / "tfs" / "proto"
GENERATOR = [sys.executable, "-m", "build.generate_proto"]


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with freshly generated files, made outside of the checkout."""
    outdir = tmp_path_factory.mktemp("generated")
    subprocess.run([*GENERATOR, outdir], check=True, cwd=ROOT)
    return outdir


@pytest.mark.parametrize("name", ["serving_pb2.py", "serving_pb2.pyi"])
def test_the_committed_file_is_the_generated_one(regenerated: Path, name: str) -> None:
    assert (regenerated / name).read_bytes() == (PROTO_DIR / name).read_bytes()


def test_nothing_but_the_two_files_is_written(regenerated: Path) -> None:
    assert sorted(path.name for path in regenerated.iterdir()) == ["serving_pb2.py", "serving_pb2.pyi"]


def test_more_than_one_argument_is_a_usage_error() -> None:
    outcome = subprocess.run([*GENERATOR, "a", "b"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stderr) == (2, "usage: python -m build.generate_proto [OUTDIR]\n")


def test_the_generated_code_imports_no_module_of_ours() -> None:
    # The wheel renames the package `probe`; an absolute import of a sibling would name a package that is not there.
    imports = [
        line
        for line in (PROTO_DIR / "serving_pb2.py").read_text().splitlines()
        if line.startswith(("import ", "from "))
    ]
    assert imports
    assert all(line.startswith("from google.protobuf") for line in imports)


def test_the_file_is_registered_under_a_name_of_our_own() -> None:
    name = "tfs_model_status_probe/tfs/proto/serving.proto"
    assert serving_pb2.DESCRIPTOR.name == name
    assert descriptor_pool.Default().FindFileByName(name) is serving_pb2.DESCRIPTOR


def test_the_full_names_are_those_of_tensorflow_serving() -> None:
    service = serving_pb2.DESCRIPTOR.services_by_name["ModelService"]
    method = service.methods_by_name["GetModelStatus"]
    assert method.full_name == "tensorflow.serving.ModelService.GetModelStatus"
    assert method.input_type.full_name == "tensorflow.serving.GetModelStatusRequest"
    assert method.output_type.full_name == "tensorflow.serving.GetModelStatusResponse"


def test_a_request_has_the_captured_bytes() -> None:
    request = serving_pb2.GetModelStatusRequest()
    request.model_spec.name = "half"
    request.model_spec.version.value = 123
    assert request.SerializeToString().hex() == "0a0a0a0468616c661202087b"


def test_setting_a_label_unsets_the_version() -> None:
    spec = serving_pb2.ModelSpec(name="half", version_label="stable")
    assert spec.WhichOneof("version_choice") == "version_label"
    spec.version.value = 0
    assert spec.WhichOneof("version_choice") == "version"
    assert spec.SerializeToString().hex() == "0a0468616c661200"
