"""Writes serving_pb2.py and serving_pb2.pyi from probe/tfs/proto/serving.proto.

    python -m build.generate_proto [OUTDIR]

OUTDIR is where the two files go; without it they go beside serving.proto, which is where the committed ones live.
Needs grpcio-tools 1.76.0: its generated code (6.31.1) runs on every protobuf from 6.31.1 up to, not including, 8.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PROTO_DIR = Path(__file__).resolve().parent.parent / "probe" / "tfs" / "proto"

# The name under which the file is registered in a process's descriptor pool. It does not depend on where the checkout
# is, no other file has it, and it is the module's path in the wheel, so that `Message.__module__` tells the truth
# there. protoc maps it to the real folder (VIRTUAL=REAL).
POOL_DIR = "tfs_model_status_probe/tfs/proto"

GENERATED = ("serving_pb2.py", "serving_pb2.pyi")

# What protoc writes follows its own style; and its stubs name a bare `Mapping`, which strict mypy refuses.
HEADER = {
    "serving_pb2.py": "# fmt: off\n# ruff: noqa\n",
    "serving_pb2.pyi": '# fmt: off\n# ruff: noqa\n# mypy: disable-error-code="type-arg"\n',
}


def generate(outdir: Path) -> None:
    """Writes both files to the folder `outdir`; raises CalledProcessError when protoc refuses the source."""
    with tempfile.TemporaryDirectory() as scratch:
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={POOL_DIR}={PROTO_DIR}"]
        outputs = [f"--python_out={scratch}", f"--pyi_out={scratch}"]
        subprocess.run([*protoc, *outputs, f"{POOL_DIR}/serving.proto"], check=True)
        for name in GENERATED:
            text = (Path(scratch) / POOL_DIR / name).read_text(encoding="utf-8")
            (outdir / name).write_text(HEADER[name] + text, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) > 1:
        print("usage: python -m build.generate_proto [OUTDIR]", file=sys.stderr)
        return 2
    generate(Path(arguments[0]) if arguments else PROTO_DIR)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
