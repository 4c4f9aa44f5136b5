"""The schemas of KServe's and Seldon Core's kinds, read from the source of their generated Python clients.

Strategy: a generated model is a table, JSON name -> type, and a setter that refuses None where a field has to be. Both
are read from the syntax tree, so nothing of a client is run, and of what it depends on nothing is installed. Types that
a client does not bring (Kubernetes' own) are left to those who validate pods.
"""

from __future__ import annotations

import ast
import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.variants import ROOT

WANTED = Path(__file__).with_name("requirements.txt")
CACHE = ROOT / ".cache" / "clients"

SCALARS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,), "float": (int, float)}


class Model(NamedTuple):
    """A kind of object: JSON name -> type, and the names that have to be there."""

    types: dict[str, str]
    required: frozenset[str]


def install() -> Path:
    """The folder with the clients that requirements.txt names, unpacked there if it is not there or older."""
    marker = CACHE / "ready"
    with WANTED.open("rb") as wanted:
        fcntl.flock(wanted, fcntl.LOCK_EX)  # several test processes may come here at once
        if marker.exists() and marker.stat().st_mtime >= WANTED.stat().st_mtime:
            return CACHE
        shutil.rmtree(CACHE, ignore_errors=True)
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "--only-binary=:all:", "--ignore-requires-python"),
            *(f"--target={CACHE}", f"--requirement={WANTED}"),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout.decode()}")
        marker.touch()
    return CACHE


class Client:
    """All models of one generated client."""

    def __init__(self, package: str, elsewhere: tuple[str, ...] = ()) -> None:
        """`elsewhere`: types that are not looked into."""
        self._models: dict[str, Model] = {}
        for path in sorted((install() / package / "models").glob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and node.name not in elsewhere:
                    self._models[node.name] = _model(node)

    def problems(self, kind: str, value: Any, where: str = "") -> list[str]:
        """What of a value does not fit the type of that name."""
        where = where or kind
        if kind.startswith("list["):
            if not isinstance(value, list):
                return [f"{where} is no list"]
            return [
                problem
                for number, item in enumerate(value)
                for problem in self.problems(kind[5:-1], item, f"{where}[{number}]")
            ]
        if kind.startswith("dict("):
            if not isinstance(value, dict):
                return [f"{where} is no mapping"]
            inner = kind[5:-1].split(", ", 1)[1]
            return [
                problem for name, item in value.items() for problem in self.problems(inner, item, f"{where}.{name}")
            ]
        if kind in SCALARS:
            fits = isinstance(value, SCALARS[kind]) and (kind == "bool" or not isinstance(value, bool))
            return [] if fits else [f"{where} is no {kind}"]
        return self._of_model(self._models[kind], value, where) if kind in self._models else []

    def _of_model(self, model: Model, value: Any, where: str) -> list[str]:
        if not model.types:  # Seldon's enumerations come as classes without fields
            return [] if isinstance(value, str) else [f"{where} is no str"]
        if not isinstance(value, dict):
            return [f"{where} is no mapping"]
        found = [f"{where}.{name} is missing" for name in sorted(model.required - set(value))]
        for name, item in value.items():
            if name in model.types:
                found += self.problems(model.types[name], item, f"{where}.{name}")
            else:
                found.append(f"{where}.{name} is not known")
        return found


def _model(node: ast.ClassDef) -> Model:
    tables: dict[str, dict[str, str]] = {}
    required = set()
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            tables[statement.targets[0].id] = ast.literal_eval(statement.value)
        elif isinstance(statement, ast.FunctionDef) and "must not be `None`" in ast.unparse(statement):
            required.add(statement.name)
    names = tables["attribute_map"]
    types = tables.get("openapi_types") or tables.get("swagger_types") or {}
    return Model({names[name]: kind for name, kind in types.items()}, frozenset(names[name] for name in required))
